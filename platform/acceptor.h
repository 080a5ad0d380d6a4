/* One listening socket. One loop accepts on it; where its listener is served
   by several workers, accepted sockets go to them in turn. A client is only
   accepted when it can be served: at max_connections, or when descriptors or
   memory run out, accepting pauses and clients wait in the kernel's queue.
   What the system has of its own is behind listening.h and descriptors.h. */
#ifndef FL_PLATFORM_ACCEPTOR_H
#define FL_PLATFORM_ACCEPTOR_H

#include "core/addr.h"
#include "core/config.h"
#include "core/list.h"
#include "core/placement.h"
#include "platform/hooks.h"

#include <uv.h>

struct fl_acceptor;
struct fl_admission;
struct fl_worker;

/* Opens a socket with these options and binds it. Returns NULL with *error
   (of libuv, negative) when that fails. */
struct fl_acceptor *fl_acceptor_bind(const struct fl_addr *addr,
                                     const struct fl_sockopts *options,
                                     const struct fl_hooks *hooks, int *error);

/* The same for a socket that is bound already, and that listens: it was given
   to the process. It is the acceptor's from now on, also when this fails. */
struct fl_acceptor *fl_acceptor_take(uv_os_sock_t socket,
                                     const struct fl_addr *addr,
                                     const struct fl_sockopts *options,
                                     const struct fl_hooks *hooks, int *error);

/* Starts to listen: the kernel completes connections from now on. *addr is
   the address in effect (a port in place of 0). Returns 0 or an error. */
int fl_acceptor_listen(struct fl_acceptor *acceptor, struct fl_addr *addr);

/* Closes it again until it is started: nobody is let in before. */
void fl_acceptor_hold(struct fl_acceptor *acceptor);

/* The socket stays the acceptor's. Requires: its listener never closes for a
   while, and it has neither finished nor left. */
uv_os_sock_t fl_acceptor_socket(const struct fl_acceptor *acceptor);

/* Whether somebody outside the process keeps the socket open and will see to
   what queues up there: then fl_acceptor_finish leaves that alone. From
   control's thread, before it asks the worker for what ends the acceptor. */
void fl_acceptor_keep(struct fl_acceptor *acceptor, bool kept);

struct fl_acceptor_setup {
  const struct fl_listener_config *config; /* outlives the acceptor */
  uint32_t slot;                           /* its own */
  struct fl_admission *admission;          /* outlives the acceptor */
  struct fl_placement placement;           /* the first worker's loop accepts */
  struct fl_worker **workers; /* all of them; outlives the acceptor */
  uint32_t worker_count;
};

/* Another acceptor for the same socket, as another listener's or on another
   worker; of one that is closed for now, one that is closed, too. From any
   thread. Only one of the two may accept. Returns NULL with *error when that
   fails. */
struct fl_acceptor *fl_acceptor_copy(const struct fl_acceptor *acceptor,
                                     int *error);

/* Gives the acceptor to the worker whose loop accepts. Requires: before that
   worker starts or on its thread, and for all addresses of one listener the
   same worker. Returns 0 or an error. */
int fl_acceptor_attach(struct fl_acceptor *acceptor,
                       const struct fl_acceptor_setup *setup);

/* The rest is the worker's, on its thread. */

/* Accepts from now on; not while its listener does not `listen`. */
void fl_acceptor_start(struct fl_acceptor *acceptor, bool listen);

/* Accepts what is queued, as far as there is room, and closes the socket; or
   binds one to the same address again, the port of a port 0 included, and
   tries every second until it can. Nothing happens where it is so already, or
   where it has not started. Not out of a call of core's. */
void fl_acceptor_listens(struct fl_acceptor *acceptor, bool listen);

/* Its listener's number. */
uint32_t fl_acceptor_slot(const struct fl_acceptor *acceptor);

/* Something was closed somewhere: goes on if it waited for that. */
void fl_acceptor_retry(struct fl_acceptor *acceptor);

/* Accepts what the kernel's queue holds, as far as there is room, unless it is
   kept; and closes the listening socket. */
void fl_acceptor_finish(struct fl_acceptor *acceptor);

/* Takes it from its worker and closes its socket; what is queued there is left
   to a copy, if there is one. */
void fl_acceptor_leave(struct fl_acceptor *acceptor);

/* Goes on with another configuration of the same listener; the socket's own
   options too, where they differ. */
void fl_acceptor_configure(struct fl_acceptor *acceptor,
                           const struct fl_listener_config *config);

/* The worker's list of its acceptors. */
struct fl_acceptor *fl_acceptor_of_link(struct fl_list *link);

/* Requires: finished, or has left, and its loop has turned since; or never
   attached (its socket is closed then). NULL is fine. */
void fl_acceptor_free(struct fl_acceptor *acceptor);

#endif
