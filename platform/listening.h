/* A listening socket as the system has it. A file per system. Errors are those
   of libuv, negative. */
#ifndef FL_PLATFORM_LISTENING_H
#define FL_PLATFORM_LISTENING_H

#include "core/addr.h"
#include "core/config.h"
#include "platform/hooks.h"

#include <uv.h>

/* Opens a socket with these options and binds it. No other program can listen
   at the address then, unless options->reuse_port lets it. Returns 0, or an
   error, *socket being closed. */
int fl_listening_bind(const struct fl_addr *addr,
                      const struct fl_sockopts *options,
                      const struct fl_hooks *hooks, uv_os_sock_t *socket);

enum { FL_LISTENING_TEXT = 1024 };

/* What the system knows of why an address could not be bound with this error:
   a clause for people, "is in use by ...". Returns false when it knows no more
   than the error says. */
bool fl_listening_explain(const struct fl_addr *addr, int error,
                          char text[FL_LISTENING_TEXT]);

/* Listens; `addr` becomes the address in effect. Returns 0 or an error. */
int fl_listening_start(uv_os_sock_t socket, uint32_t backlog,
                       struct fl_addr *addr);

/* Another descriptor of the same socket, for another loop. Returns 0 or an
   error. */
int fl_listening_duplicate(uv_os_sock_t socket, uv_os_sock_t *copy);

enum fl_accepted {
  FL_ACCEPTED,
  FL_ACCEPTED_GONE,   /* that client has left already; others may wait */
  FL_ACCEPTED_NOBODY, /* nobody waits */
  FL_ACCEPTED_NO_DESCRIPTOR,
  FL_ACCEPTED_FAILED /* the system cannot go on; perhaps later */
};

/* Takes the next client without waiting. Requires: the socket was given to
   uv_poll_init_socket, which makes it non-blocking. Programs that this one
   starts do not inherit the client's socket, which blocks or not as the system
   likes. *error is set for the last two. */
enum fl_accepted fl_listening_accept(uv_os_sock_t socket, uv_os_sock_t *client,
                                     struct fl_addr *peer, int *error);

/* Whether a client waits to be accepted. */
bool fl_listening_queued(uv_os_sock_t socket);

#endif
