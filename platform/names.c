#include "platform/names.h"

#include "core/gateway.h"
#include "platform/address.h"
#include "platform/clock.h"

#include <stdlib.h>

/* Core uses few, and tells of the others how many they are. */
enum { ADDRESSES_MAX = 512 };

struct lookup {
  uv_getaddrinfo_t request;
  struct fl_names *names; /* NULL: nobody waits for it any more */
  struct fl_list link;
  fl_token token;
  uint16_t port;
};

void fl_names_init(struct fl_names *names, uv_loop_t *loop,
                   struct fl_gateway *gateway) {
  names->loop = loop;
  names->gateway = gateway;
  fl_list_init(&names->lookups);
}

/* The distinct addresses of a list, in its order. */
static uint32_t collect(const struct addrinfo *info, uint16_t port,
                        struct fl_addr addrs[ADDRESSES_MAX]) {
  uint32_t count = 0;
  for (; info != NULL && count < ADDRESSES_MAX; info = info->ai_next) {
    uint32_t i = 0;
    if (!fl_address_from_system(info->ai_addr, &addrs[count]))
      continue;
    addrs[count].port = port;
    while (i < count && !fl_addr_equal(&addrs[i], &addrs[count]))
      i++;
    if (i == count)
      count++;
  }
  return count;
}

/* The system's resolver says which failures are answers. */
static enum fl_reason reason_of(int status) {
  switch (status) {
  case 0:
  case UV_EAI_NODATA:
  case UV_EAI_ADDRFAMILY:
    return FL_NO_ADDRESS;
  case UV_EAI_NONAME:
    return FL_NAME_UNKNOWN;
  case UV_EAI_MEMORY:
    return FL_OUT_OF_MEMORY;
  default:
    return FL_RESOLVE_FAILED;
  }
}

static void on_resolved(uv_getaddrinfo_t *request, int status,
                        struct addrinfo *info) {
  struct lookup *lookup = request->data;
  struct fl_names *names = lookup->names;
  struct fl_addr addrs[ADDRESSES_MAX];
  uint32_t count = status == 0 ? collect(info, lookup->port, addrs) : 0;
  uv_freeaddrinfo(info);
  if (names != NULL) {
    fl_list_remove(&lookup->link);
    fl_gateway_resolved(names->gateway, lookup->token, addrs, count,
                        count > 0 ? FL_OK : reason_of(status), fl_clock());
  }
  free(lookup);
}

enum fl_reason fl_names_resolve(struct fl_names *names, fl_token token,
                                const char *host, uint16_t port) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct lookup *lookup = malloc(sizeof *lookup);
  if (lookup == NULL)
    return FL_OUT_OF_MEMORY;
  *lookup = (struct lookup){.names = names, .token = token, .port = port};
  lookup->request.data = lookup;
  if (uv_getaddrinfo(names->loop, &lookup->request, on_resolved, host, NULL,
                     &hints) != 0) {
    free(lookup);
    return FL_RESOLVE_FAILED;
  }
  fl_list_init(&lookup->link);
  fl_list_push_back(&names->lookups, &lookup->link);
  return FL_OK;
}

void fl_names_cancel(struct fl_names *names) {
  struct fl_list *node = fl_list_pop(&names->lookups);
  for (; node != NULL; node = fl_list_pop(&names->lookups)) {
    struct lookup *lookup = FL_CONTAINER(node, struct lookup, link);
    lookup->names = NULL;
    (void)uv_cancel((uv_req_t *)&lookup->request);
  }
}
