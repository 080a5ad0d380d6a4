/* The listening sockets of a configuration. */
#ifndef FL_SERVICE_LISTENERS_H
#define FL_SERVICE_LISTENERS_H

#include "core/config.h"
#include "platform/acceptor.h"
#include "platform/hooks.h"

struct fl_listening {
  struct fl_acceptor *acceptor;
  uint32_t listener;   /* index in the configuration */
  struct fl_addr addr; /* in effect */
};

struct fl_listeners {
  struct fl_listening *list; /* one per address */
  uint32_t count;
};

/* Opens all of them, and logs for each "NAME: listening on ADDRESS" with the
   port in effect. Returns FL_STATUS_OK; or, with every address that failed
   written to standard error as PATH:LINE:COLUMN: KEY: what and what to do,
   nothing left open, another status. */
int fl_listeners_open(struct fl_listeners *listeners,
                      const struct fl_config *config, const char *path,
                      const struct fl_hooks *hooks);

/* Closes what no worker has closed. A zeroed struct is fine. */
void fl_listeners_close(struct fl_listeners *listeners);

#endif
