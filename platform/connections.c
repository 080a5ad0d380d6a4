#include "platform/connections.h"

#include "platform/address.h"
#include "platform/tcp_info.h"
#include "platform/worker_state.h"

#include <stdlib.h>

struct walk {
  struct fl_connections *to;
  uint32_t number;
  uint32_t asked;
};

typedef int name_fn(const uv_tcp_t *tcp, struct sockaddr *name, int *size);

static bool name_of(const uv_tcp_t *tcp, name_fn *call, struct fl_addr *addr) {
  struct sockaddr_storage name;
  int size = sizeof name;
  return call(tcp, (struct sockaddr *)&name, &size) == 0 &&
         fl_address_from_system((struct sockaddr *)&name, addr);
}

static void append(struct fl_connections *to, const struct fl_tcp_row *row) {
  if (to->count % FL_CONNECTIONS_MAX == 0) {
    struct fl_tcp_row *grown =
        realloc(to->rows, (to->count + FL_CONNECTIONS_MAX) * sizeof *grown);
    if (grown == NULL)
      return;
    to->rows = grown;
  }
  to->rows[to->count++] = *row;
}

/* All of a worker's uv_tcp_t are those of fl_socks. One that does not stand yet
   has no peer. */
static void on_handle(uv_handle_t *handle, void *context) {
  struct walk *walk = context;
  const struct fl_sock *sock = (const struct fl_sock *)handle;
  struct fl_tcp_row row = {0};
  uv_os_fd_t socket;
  if (handle->type != UV_TCP || uv_is_closing(handle) ||
      sock->slot != FL_SOCK_UPSTREAM || walk->to->error != 0 ||
      walk->asked == FL_CONNECTIONS_MAX ||
      !name_of(&sock->tcp, uv_tcp_getpeername, &row.remote) ||
      !name_of(&sock->tcp, uv_tcp_getsockname, &row.local) ||
      uv_fileno(handle, &socket) != 0)
    return;
  walk->asked++;
  row.cookie = (uint64_t)walk->number << 32 | sock->place;
  if (fl_tcp_info((uv_os_sock_t)socket, &row, &walk->to->error) == FL_TCP_TOLD)
    append(walk->to, &row);
}

void fl_connections_take(struct fl_connections *to, struct fl_worker *worker,
                         uint32_t number) {
  struct walk walk = {.to = to, .number = number};
  uv_walk(&worker->loop, on_handle, &walk);
}
