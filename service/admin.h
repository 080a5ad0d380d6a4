/* The pages for HTTP clients: metrics, status and health. They are served on
   threads of their own, so no HTTP client can delay what the workers do. What
   a page shows is asked for on the main loop, like a request of the control
   socket. */
#ifndef FL_SERVICE_ADMIN_H
#define FL_SERVICE_ADMIN_H

#include "platform/hooks.h"
#include "service/instance.h"

struct fl_admin;

/* Opens the addresses that the configuration names, if any. Returns
   FL_STATUS_OK, or another status, with what is wrong on standard error.
   Either way *result is to be closed, and may be NULL. */
int fl_admin_open(struct fl_admin **result, const struct fl_instance *instance,
                  const struct fl_hooks *hooks);

/* No more questions come to the main loop, which has to turn once more. NULL
   is fine, here and below. */
void fl_admin_hush(struct fl_admin *admin);

/* Requires: hushed, and the loop has turned since. Ends the threads; the loop
   has to turn again. */
void fl_admin_close(struct fl_admin *admin);

/* Requires: closed, and the loop has turned since. */
void fl_admin_free(struct fl_admin *admin);

#endif
