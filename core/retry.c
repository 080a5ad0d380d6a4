#include "core/retry.h"

#include <stdlib.h>

struct retry {
  struct fl_list link; /* first */
  const struct fl_client *client;
  fl_time due;
  fl_time behind;
};

static struct retry *find(const struct fl_list *retries,
                          const struct fl_client *client) {
  for (struct fl_list *node = retries->next; node != retries;
       node = node->next) {
    struct retry *retry = FL_CONTAINER(node, struct retry, link);
    if (retry->client == client)
      return retry;
  }
  return NULL;
}

bool fl_retry_add(struct fl_list *retries, const struct fl_client *client,
                  fl_time due, fl_time behind) {
  struct retry *retry = malloc(sizeof *retry);
  if (retry == NULL)
    return false;
  *retry = (struct retry){.client = client, .due = due, .behind = behind};
  fl_list_init(&retry->link);
  fl_list_push_front(retries, &retry->link);
  return true;
}

fl_time fl_retry_find_due(const struct fl_list *retries,
                          const struct fl_client *client) {
  const struct retry *retry = find(retries, client);
  return retry == NULL ? FL_NEVER : retry->due;
}

fl_time fl_retry_find_take(struct fl_list *retries,
                           const struct fl_client *client, fl_time *behind) {
  struct retry *retry = find(retries, client);
  if (retry == NULL)
    return 0;
  fl_time due = retry->due;
  *behind = retry->behind;
  fl_list_remove(&retry->link);
  free(retry);
  return due;
}

void fl_retry_forget(struct fl_list *retries, const struct fl_client *client) {
  struct fl_list *next;
  for (struct fl_list *node = retries->next; node != retries; node = next) {
    struct retry *retry = FL_CONTAINER(node, struct retry, link);
    next = node->next;
    if (retry->client != client)
      continue;
    fl_list_remove(node);
    free(retry);
  }
}
