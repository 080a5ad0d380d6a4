/* A client of a listener: its frames in, its replies out, in order. */
#ifndef FL_CORE_CLIENT_H
#define FL_CORE_CLIENT_H

#include "core/framing.h"
#include "core/listener.h"
#include "core/transport.h"

struct fl_exchange;
struct fl_pooled;

enum fl_client_state {
  FL_CLIENT_OPEN,      /* decodes and answers */
  FL_CLIENT_FLUSHING,  /* nothing more is answered; output still leaves */
  FL_CLIENT_LINGERING, /* FIN was sent; input is discarded until the peer's,
                          for a close with unread input would send a reset
                          that destroys what the peer has not read yet */
  FL_CLIENT_CLOSING    /* io->close was called */
};

struct fl_client {
  struct fl_conn conn; /* first */
  struct fl_listener *listener;
  struct fl_list runnable; /* on the gateway's list */
  struct fl_list waiting;  /* on a list of the upstream while a request
                              waits for a connection */
  struct fl_pooled *bound; /* where its outstanding requests are, else NULL */
  uint64_t ticket;         /* its turn among those that wait */
  fl_time active;          /* last complete frame or outcome */
  fl_time since;           /* when the partial frame at the start of conn.in
                              began, or the waiting request was decoded */
  struct fl_framing_state framing;
  uint32_t frame_size;  /* of the waiting request, at the start of conn.in; 0
                           when none waits */
  uint32_t resent;      /* frames in conn.in behind the waiting one that were
                           decoded and counted before, at `since` */
  uint32_t outstanding; /* requests on `bound` without an outcome */
  uint8_t state;        /* enum fl_client_state */
  uint8_t error;        /* enum fl_reason: an error reply that is due once
                           nothing is outstanding before it, in place of the
                           frame at the start of conn.in; FL_OK for none */
  uint8_t reason;       /* enum fl_reason: why it was closed */
  bool held;            /* its output went over the high watermark and has
                           not come below the low one */
  bool parked;          /* waits for its request's key, not a connection */
  bool fatal;           /* `error` ends the connection */
  bool ended;           /* no more input is decoded than what is here */
  bool fin;             /* the peer's FIN came */
  bool draining;        /* a stop: read on until it is silent for a moment */
};

/* Takes an accepted socket. Returns NULL when memory is out. */
struct fl_client *fl_client_new(struct fl_listener *listener,
                                struct fl_sock *sock,
                                const struct fl_addr *peer, fl_time now);

/* From the gateway, at the end of a turn: goes on after a change. */
void fl_client_run(struct fl_client *client, fl_time now);

/* Pressure began or ended (core/memory.h). */
void fl_client_look_again(struct fl_client *client, fl_time now);

/* From the upstream. The request at the start of conn.in: */
struct fl_slice fl_client_request(const struct fl_client *client);

/* it was queued on a connection; */
void fl_client_assigned(struct fl_client *client, fl_time now);

/* it gets this error in its turn; */
void fl_client_refused(struct fl_client *client, enum fl_reason reason,
                       fl_time now);

/* it, or the oldest outstanding request, gets this reply or error instead;
   `outstanding` was already taken down by the caller; server (an address as
   in config.json) is the one that failed, NULL where it is nobody's fault.
   With pairing by id the client's own id is put in the reply. */
void fl_client_reply(struct fl_client *client, struct fl_slice frame,
                     uint64_t id, fl_time now);
void fl_client_error(struct fl_client *client, enum fl_reason reason,
                     const char *server, const struct fl_exchange *exchange,
                     fl_time now);

/* An outstanding request has left, and has no reply. */
void fl_client_done(struct fl_client *client, fl_time now);

/* Whether a request that was decoded then has waited long enough. */
bool fl_client_too_late(const struct fl_client *client, fl_time decoded,
                        fl_time now);

/* The newest outstanding request has not left, or may be sent again, and comes
   back to wait, in its old turn, with its own id and the deadlines it had (of
   several that have not left, the oldest's). Returns false when memory does not
   allow that: the client is closed, and its other requests are abandoned. */
bool fl_client_unsend(struct fl_client *client, struct fl_slice frame,
                      const struct fl_exchange *exchange, fl_time now);

/* Answers what was complete, then closes with FL_SHUTDOWN. */
void fl_client_drain(struct fl_client *client, fl_time now);

/* Answers what is open with FL_SHUTDOWN errors and closes at once. */
void fl_client_shut(struct fl_client *client, fl_time now);

#endif
