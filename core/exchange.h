/* Requests on one upstream connection, in the order in which they are sent.
   Any of them can have its outcome first; those whose outcome was a timeout
   may be remembered by their id or key. */
#ifndef FL_CORE_EXCHANGE_H
#define FL_CORE_EXCHANGE_H

#include "core/buffer.h"
#include "core/framing.h"
#include "core/list.h"
#include "core/time.h"

#include <stdbool.h>
#include <stdint.h>

struct fl_client;
struct fl_key;

enum fl_exchange_state {
  FL_EXCHANGE_WAITS,    /* for its reply */
  FL_EXCHANGE_ANSWERED, /* its reply is kept, for an older request of the same
                           client has no outcome yet */
  FL_EXCHANGE_EXPIRED   /* it timed out; its id or key is remembered */
};

struct fl_exchange {
  struct fl_list link;      /* first; on one list of its struct fl_exchanges */
  struct fl_client *client; /* NULL when it left: the reply is dropped */
  uint64_t ticket;          /* its turn, should it have to wait again */
  fl_time decoded;          /* the request's frame was complete */
  fl_time started;          /* the kernel took its first byte; FL_NEVER
                               before that */
  fl_time timeout;          /* from then to its reply */
  fl_time due;              /* when that is over; 0 before it has started for
                               the first time */
  uint64_t offset;          /* of its first byte in the connection's output */
  uint32_t size;            /* of the request */
  enum fl_exchange_state state;
  uint64_t id;            /* on the connection; by order 0, as the next */
  uint64_t clients_id;    /* the one its client chose */
  struct fl_key *key;     /* by key, else NULL */
  struct fl_buffer reply; /* FL_EXCHANGE_ANSWERED */
  bool silent;            /* no reply follows */
  bool again;             /* sent for the second time */
  uint8_t head_size;
  uint8_t head[FL_HEAD_MAX]; /* the first bytes its client sent, head_size of
                                them: what an error reply may be made of */
  struct fl_buffer request;  /* to be sent again from; else empty */
};

/* The first of the order is never FL_EXCHANGE_ANSWERED. Those that have
   started come before those that have not, for output is sent in order. */
struct fl_exchanges {
  struct fl_exchange *slots;
  struct fl_list order;   /* waiting and answered ones, oldest first */
  struct fl_list expired; /* oldest first */
  struct fl_list unused;
  struct fl_exchange *unsent; /* the first of the order that has not started */
  uint64_t next_id;
  bool ids_reused;   /* all ids have been given out once */
  uint32_t capacity; /* of the order */
  uint32_t count;    /* in the order */
  uint32_t started;  /* of them */
  uint32_t answered; /* of them */
  uint32_t silent;   /* of them */
  fl_time soonest;   /* no request that has started is due before that, but for
                        those of `overdue` */
  bool overdue;      /* some are due, and wait for older ones of their client */
  uint32_t expired_capacity;
  uint32_t expired_count;
};

/* Keeps the head of a request, the frame as its client sent it. */
void fl_exchange_keep_head(struct fl_exchange *exchange, struct fl_slice frame);

/* Room for `capacity` requests under way and `expired` remembered ones.
   Returns false when memory is out. The struct may not be moved. */
bool fl_exchanges_init(struct fl_exchanges *exchanges, uint32_t capacity,
                       uint32_t expired);

/* Requires: no reply is kept. */
void fl_exchanges_free(struct fl_exchanges *exchanges);

/* The oldest of the order, or NULL. */
struct fl_exchange *fl_exchanges_oldest(const struct fl_exchanges *exchanges);

/* The newest of the order, and the one sent before that one; or NULL. */
struct fl_exchange *fl_exchanges_newest(const struct fl_exchanges *exchanges);
struct fl_exchange *fl_exchanges_older(const struct fl_exchanges *exchanges,
                                       const struct fl_exchange *exchange);

/* The newest of the order, or NULL when that has started. */
struct fl_exchange *fl_exchanges_unsent(const struct fl_exchanges *exchanges);

/* The oldest that is remembered, or NULL. */
struct fl_exchange *
fl_exchanges_remembered(const struct fl_exchanges *exchanges);

/* The one in the order or remembered that has this id, or NULL. */
struct fl_exchange *fl_exchanges_find(const struct fl_exchanges *exchanges,
                                      uint64_t id);

/* The oldest of a client, or NULL. */
struct fl_exchange *fl_exchanges_of(const struct fl_exchanges *exchanges,
                                    const struct fl_client *client);

/* The newest of a client, or NULL. */
struct fl_exchange *fl_exchanges_last_of(const struct fl_exchanges *exchanges,
                                         const struct fl_client *client);

/* An answered one whose client left, or NULL. */
struct fl_exchange *
fl_exchanges_abandoned(const struct fl_exchanges *exchanges);

/* An id of at most `max` that none in the order or remembered has; of those
   the one that was given out longest ago. Requires: there is one. */
uint64_t fl_exchanges_new_id(struct fl_exchanges *exchanges, uint64_t max);

/* The one that the next push appends, for the caller to fill in: it is of
   nobody, has no id, key, head, due, reply or request, is not silent, and sent
   for the first time. Requires: count < capacity. */
struct fl_exchange *fl_exchanges_blank(const struct fl_exchanges *exchanges);

/* Appends it to the order; it waits and has not started. */
void fl_exchanges_push(struct fl_exchanges *exchanges);

/* The oldest that is due and has no older one of its client before it, for a
   client gets its outcomes in order; NULL when none is. */
struct fl_exchange *fl_exchanges_due(struct fl_exchanges *exchanges,
                                     fl_time now);

/* The oldest silent one that has left whole, now that the kernel has taken so
   many bytes; or NULL. */
struct fl_exchange *fl_exchanges_done(const struct fl_exchanges *exchanges,
                                      uint64_t taken);

/* Keeps its reply. Requires: it waits. Returns false when memory is out. */
bool fl_exchanges_keep(struct fl_exchanges *exchanges,
                       struct fl_exchange *exchange, struct fl_spare *spare,
                       struct fl_slice reply);

/* Takes it from where it is and returns it; a reply or request that was kept is
   the caller's. */
struct fl_exchange fl_exchanges_take(struct fl_exchanges *exchanges,
                                     struct fl_exchange *exchange);

/* The same for one of which nothing is needed any more. */
void fl_exchanges_drop(struct fl_exchanges *exchanges,
                       struct fl_exchange *exchange);

/* Moves one that waits, and has started, from the order to the remembered.
   Requires: expired_count < expired_capacity; no bytes are kept in it. */
void fl_exchanges_expire(struct fl_exchanges *exchanges,
                         struct fl_exchange *exchange);

/* The kernel has taken `taken` bytes of the connection's output by now. */
void fl_exchanges_start(struct fl_exchanges *exchanges, uint64_t taken,
                        fl_time now);

/* The client left. */
void fl_exchanges_forget(struct fl_exchanges *exchanges,
                         const struct fl_client *client);

#endif
