/* Requests that wait to be sent again. A client keeps their frames, as of all
   that wait; here stands what else is known of them. Few ever are, so a list
   will do. */
#ifndef FL_CORE_RETRY_H
#define FL_CORE_RETRY_H

#include "core/list.h"
#include "core/time.h"

#include <stdbool.h>

struct fl_client;

/* Enters a request that comes before all of this client's that are here: when
   it must have its outcome, and when the one behind it was decoded. Returns
   false when memory is out. */
bool fl_retry_add(struct fl_list *retries, const struct fl_client *client,
                  fl_time due, fl_time behind);

/* When this client's first request must have its outcome; FL_NEVER when none
   of its requests is here. */
fl_time fl_retry_find_due(const struct fl_list *retries,
                          const struct fl_client *client);
static inline fl_time fl_retry_due(const struct fl_list *retries,
                                   const struct fl_client *client) {
  return fl_list_empty(retries) ? FL_NEVER : fl_retry_find_due(retries, client);
}

/* This client's first request waits no longer. Returns when it must have its
   outcome, and sets *behind; 0, and leaves *behind, when none of its requests
   was here. */
fl_time fl_retry_find_take(struct fl_list *retries,
                           const struct fl_client *client, fl_time *behind);
static inline fl_time fl_retry_take(struct fl_list *retries,
                                    const struct fl_client *client,
                                    fl_time *behind) {
  return fl_list_empty(retries) ? 0
                                : fl_retry_find_take(retries, client, behind);
}

/* The client left. */
void fl_retry_forget(struct fl_list *retries, const struct fl_client *client);

#endif
