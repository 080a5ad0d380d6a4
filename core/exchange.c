#include "core/exchange.h"

#include <assert.h>
#include <stdlib.h>

bool fl_exchanges_init(struct fl_exchanges *exchanges, uint32_t capacity) {
  *exchanges = (struct fl_exchanges){0};
  exchanges->ring = calloc(capacity, sizeof *exchanges->ring);
  exchanges->capacity = capacity;
  return exchanges->ring != NULL;
}

void fl_exchanges_free(struct fl_exchanges *exchanges) {
  free(exchanges->ring);
  exchanges->ring = NULL;
}

struct fl_exchange *fl_exchanges_at(const struct fl_exchanges *exchanges,
                                    uint32_t i) {
  assert(i < exchanges->count);
  /* head and i are below capacity, which is a small number of requests. */
  uint32_t place = exchanges->head + i;
  if (place >= exchanges->capacity)
    place -= exchanges->capacity;
  return &exchanges->ring[place];
}

void fl_exchanges_push(struct fl_exchanges *exchanges,
                       const struct fl_exchange *exchange) {
  assert(exchanges->count < exchanges->capacity);
  exchanges->count++;
  *fl_exchanges_at(exchanges, exchanges->count - 1) = *exchange;
}

struct fl_exchange fl_exchanges_pop(struct fl_exchanges *exchanges) {
  struct fl_exchange oldest = *fl_exchanges_at(exchanges, 0);
  exchanges->head++;
  if (exchanges->head == exchanges->capacity)
    exchanges->head = 0;
  exchanges->count--;
  if (exchanges->started > 0)
    exchanges->started--;
  return oldest;
}

struct fl_exchange fl_exchanges_unpush(struct fl_exchanges *exchanges) {
  assert(exchanges->count > exchanges->started);
  struct fl_exchange newest = *fl_exchanges_at(exchanges, exchanges->count - 1);
  exchanges->count--;
  return newest;
}

void fl_exchanges_start(struct fl_exchanges *exchanges, uint64_t taken,
                        fl_time now) {
  while (exchanges->started < exchanges->count) {
    struct fl_exchange *next = fl_exchanges_at(exchanges, exchanges->started);
    if (next->offset >= taken)
      break;
    next->started = now;
    exchanges->started++;
  }
}

void fl_exchanges_forget(struct fl_exchanges *exchanges,
                         const struct fl_client *client) {
  for (uint32_t i = 0; i < exchanges->count; i++) {
    struct fl_exchange *exchange = fl_exchanges_at(exchanges, i);
    if (exchange->client == client)
      exchange->client = NULL;
  }
}
