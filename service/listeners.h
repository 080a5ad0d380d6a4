/* The listening sockets of a configuration. */
#ifndef FL_SERVICE_LISTENERS_H
#define FL_SERVICE_LISTENERS_H

#include "core/config.h"
#include "core/generation.h"
#include "core/text.h"
#include "platform/acceptor.h"
#include "platform/hooks.h"

struct fl_listening {
  struct fl_acceptor *acceptor;
  uint32_t listener;   /* index in the configuration, */
  uint32_t address;    /* and in its `listen` */
  uint32_t before;     /* in the list before: whose socket it has; or FL_NONE */
  struct fl_addr addr; /* in effect */
};

struct fl_listeners {
  struct fl_listening *list; /* one per address */
  uint32_t count;
};

/* Opens all of them, but for those that the process was given
   (service/kept.h), and logs for each "NAME: listening on ADDRESS" with the
   port in effect. Returns FL_STATUS_OK; or, with every address that failed
   added to `faults` in a line PATH:LINE:COLUMN: KEY: what and what to do,
   nothing left open, another status. */
int fl_listeners_open(struct fl_listeners *listeners,
                      const struct fl_config *config, const char *path,
                      struct fl_text *faults, const struct fl_hooks *hooks);

/* Those of the next generation, while those before serve: an address that is
   listened on already keeps its socket, the others are opened. A listener that
   stays as it is has its acceptor in both; one that has the socket of another,
   or is replaced, a copy. Else as fl_listeners_open. */
int fl_listeners_change(struct fl_listeners *listeners,
                        const struct fl_listeners *before,
                        const struct fl_generation *next,
                        const struct fl_generation *now, const char *path,
                        struct fl_text *faults, const struct fl_hooks *hooks);

/* Logs the addresses that are new. */
void fl_listeners_announce(const struct fl_listeners *listeners,
                           const struct fl_config *config,
                           const struct fl_hooks *hooks);

/* Whether the acceptor is one of these. */
bool fl_listeners_have(const struct fl_listeners *listeners,
                       const struct fl_acceptor *acceptor);

/* Frees the acceptors but those that are in `others` (which may be NULL), too.
   A zeroed struct is fine. */
void fl_listeners_close(struct fl_listeners *listeners,
                        const struct fl_listeners *others);

#endif
