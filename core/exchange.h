/* Requests on one upstream connection and their outcomes, paired by order:
   the oldest request gets the next reply. */
#ifndef FL_CORE_EXCHANGE_H
#define FL_CORE_EXCHANGE_H

#include "core/time.h"

#include <stdbool.h>
#include <stdint.h>

struct fl_client;

struct fl_exchange {
  struct fl_client *client; /* NULL when it left: the reply is dropped */
  uint64_t ticket;          /* its turn, should it have to wait again */
  fl_time decoded;          /* the request's frame was complete */
  fl_time started;          /* the kernel took its first byte; FL_NEVER
                               before that */
  uint64_t offset;          /* of its first byte in the connection's output */
  uint32_t size;            /* of the request */
};

/* A ring, oldest first. Those that have started come before those that have
   not, for output is sent in order. */
struct fl_exchanges {
  struct fl_exchange *ring;
  uint32_t capacity;
  uint32_t head;
  uint32_t count;
  uint32_t started;
};

/* Returns false when memory is out. */
bool fl_exchanges_init(struct fl_exchanges *exchanges, uint32_t capacity);
void fl_exchanges_free(struct fl_exchanges *exchanges);

/* The i-th oldest. Requires: i < count. */
struct fl_exchange *fl_exchanges_at(const struct fl_exchanges *exchanges,
                                    uint32_t i);

/* Requires: count < capacity. */
void fl_exchanges_push(struct fl_exchanges *exchanges,
                       const struct fl_exchange *exchange);

/* Takes the oldest. Requires: count > 0. */
struct fl_exchange fl_exchanges_pop(struct fl_exchanges *exchanges);

/* Takes the newest. Requires: count > started. */
struct fl_exchange fl_exchanges_unpush(struct fl_exchanges *exchanges);

/* The kernel has taken `taken` bytes of the connection's output by now. */
void fl_exchanges_start(struct fl_exchanges *exchanges, uint64_t taken,
                        fl_time now);

/* The client left. */
void fl_exchanges_forget(struct fl_exchanges *exchanges,
                         const struct fl_client *client);

#endif
