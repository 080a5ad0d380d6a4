#include "core/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct fl_exchange *of(struct fl_list *node) {
  return FL_CONTAINER(node, struct fl_exchange, link);
}

void fl_exchange_keep_head(struct fl_exchange *exchange,
                           struct fl_slice frame) {
  size_t size = frame.size < FL_HEAD_MAX ? frame.size : FL_HEAD_MAX;
  memcpy(exchange->head, frame.bytes, size);
  exchange->head_size = (uint8_t)size;
}

bool fl_exchanges_init(struct fl_exchanges *exchanges, uint32_t capacity,
                       uint32_t expired) {
  size_t count = (size_t)capacity + expired;
  *exchanges = (struct fl_exchanges){
      .capacity = capacity, .expired_capacity = expired, .soonest = FL_NEVER};
  fl_list_init(&exchanges->order);
  fl_list_init(&exchanges->expired);
  fl_list_init(&exchanges->unused);
  exchanges->slots = calloc(count, sizeof *exchanges->slots);
  if (exchanges->slots == NULL)
    return false;
  for (size_t i = 0; i < count; i++)
    fl_list_push_back(&exchanges->unused, &exchanges->slots[i].link);
  return true;
}

void fl_exchanges_free(struct fl_exchanges *exchanges) {
  assert(exchanges->answered == 0);
  free(exchanges->slots);
  exchanges->slots = NULL;
}

/* Finding. */

struct fl_exchange *fl_exchanges_oldest(const struct fl_exchanges *exchanges) {
  struct fl_list *node = fl_list_first(&exchanges->order);
  return node == NULL ? NULL : of(node);
}

struct fl_exchange *fl_exchanges_newest(const struct fl_exchanges *exchanges) {
  return fl_list_empty(&exchanges->order) ? NULL : of(exchanges->order.prev);
}

struct fl_exchange *fl_exchanges_older(const struct fl_exchanges *exchanges,
                                       const struct fl_exchange *exchange) {
  struct fl_list *node = exchange->link.prev;
  return node == &exchanges->order ? NULL : of(node);
}

struct fl_exchange *fl_exchanges_unsent(const struct fl_exchanges *exchanges) {
  return exchanges->unsent == NULL ? NULL : of(exchanges->order.prev);
}

struct fl_exchange *
fl_exchanges_remembered(const struct fl_exchanges *exchanges) {
  struct fl_list *node = fl_list_first(&exchanges->expired);
  return node == NULL ? NULL : of(node);
}

static struct fl_exchange *find(const struct fl_list *list, uint64_t id) {
  for (struct fl_list *node = list->next; node != list; node = node->next)
    if (of(node)->id == id)
      return of(node);
  return NULL;
}

struct fl_exchange *fl_exchanges_find(const struct fl_exchanges *exchanges,
                                      uint64_t id) {
  struct fl_exchange *found = find(&exchanges->order, id);
  return found != NULL ? found : find(&exchanges->expired, id);
}

struct fl_exchange *fl_exchanges_of(const struct fl_exchanges *exchanges,
                                    const struct fl_client *client) {
  const struct fl_list *order = &exchanges->order;
  for (struct fl_list *node = order->next; node != order; node = node->next)
    if (of(node)->client == client)
      return of(node);
  return NULL;
}

struct fl_exchange *fl_exchanges_last_of(const struct fl_exchanges *exchanges,
                                         const struct fl_client *client) {
  const struct fl_list *order = &exchanges->order;
  for (struct fl_list *node = order->prev; node != order; node = node->prev)
    if (of(node)->client == client)
      return of(node);
  return NULL;
}

struct fl_exchange *
fl_exchanges_abandoned(const struct fl_exchanges *exchanges) {
  const struct fl_list *order = &exchanges->order;
  if (exchanges->answered == 0)
    return NULL;
  for (struct fl_list *node = order->next; node != order; node = node->next)
    if (of(node)->state == FL_EXCHANGE_ANSWERED && of(node)->client == NULL)
      return of(node);
  return NULL;
}

struct fl_exchange *fl_exchanges_due(struct fl_exchanges *exchanges,
                                     fl_time now) {
  const struct fl_list *order = &exchanges->order;
  fl_time soonest = FL_NEVER;
  if (now < exchanges->soonest)
    return NULL;
  for (struct fl_list *node = order->next; node != order; node = node->next) {
    struct fl_exchange *exchange = of(node);
    if (exchange->started == FL_NEVER)
      break;
    if (exchange->state != FL_EXCHANGE_WAITS)
      continue;
    if (exchange->due > now)
      soonest = fl_time_min(soonest, exchange->due);
    else if (exchange->client == NULL ||
             fl_exchanges_of(exchanges, exchange->client) == exchange)
      return exchange;
    else
      exchanges->overdue = true;
  }
  exchanges->soonest = soonest;
  return NULL;
}

struct fl_exchange *fl_exchanges_done(const struct fl_exchanges *exchanges,
                                      uint64_t taken) {
  const struct fl_list *order = &exchanges->order;
  if (exchanges->silent == 0)
    return NULL;
  for (struct fl_list *node = order->next; node != order; node = node->next)
    if (of(node)->silent && of(node)->offset + of(node)->size <= taken)
      return of(node);
  return NULL;
}

/* Until every id was given out once, none can be in use. */
uint64_t fl_exchanges_new_id(struct fl_exchanges *exchanges, uint64_t max) {
  uint64_t id;
  assert(exchanges->count + exchanges->expired_count <= max);
  do {
    id = exchanges->next_id;
    exchanges->next_id = id == max ? 0 : id + 1;
  } while (exchanges->ids_reused && fl_exchanges_find(exchanges, id) != NULL);
  if (id == max)
    exchanges->ids_reused = true;
  return id;
}

/* Moving. */

struct fl_exchange *fl_exchanges_blank(const struct fl_exchanges *exchanges) {
  assert(exchanges->count < exchanges->capacity);
  return of(exchanges->unused.next);
}

void fl_exchanges_push(struct fl_exchanges *exchanges) {
  struct fl_exchange *slot = fl_exchanges_blank(exchanges);
  slot->started = FL_NEVER;
  slot->state = FL_EXCHANGE_WAITS;
  fl_list_remove(&slot->link);
  fl_list_push_back(&exchanges->order, &slot->link);
  exchanges->count++;
  exchanges->silent += slot->silent;
  if (exchanges->unsent == NULL)
    exchanges->unsent = slot;
}

bool fl_exchanges_keep(struct fl_exchanges *exchanges,
                       struct fl_exchange *exchange, struct fl_spare *spare,
                       struct fl_slice reply) {
  assert(exchange->state == FL_EXCHANGE_WAITS);
  if (!fl_buffer_append(&exchange->reply, spare, reply, UINT32_MAX / 2))
    return false;
  exchange->state = FL_EXCHANGE_ANSWERED;
  exchanges->answered++;
  return true;
}

/* Takes one off its list. */
static void detach(struct fl_exchanges *exchanges,
                   struct fl_exchange *exchange) {
  struct fl_list *next = exchange->link.next;
  fl_list_remove(&exchange->link);
  if (exchange->state == FL_EXCHANGE_EXPIRED) {
    exchanges->expired_count--;
    return;
  }
  exchanges->count--;
  exchanges->started -= exchange->started != FL_NEVER;
  exchanges->answered -= exchange->state == FL_EXCHANGE_ANSWERED;
  exchanges->silent -= exchange->silent;
  if (exchanges->started == 0)
    exchanges->soonest = FL_NEVER;
  else if (exchanges->overdue) /* its turn may have come */
    exchanges->soonest = 0;
  exchanges->overdue = false;
  if (exchange == exchanges->unsent)
    exchanges->unsent = next == &exchanges->order ? NULL : of(next);
}

void fl_exchanges_drop(struct fl_exchanges *exchanges,
                       struct fl_exchange *exchange) {
  detach(exchanges, exchange);
  exchange->client = NULL;
  exchange->due = 0;
  exchange->id = exchange->clients_id = 0;
  exchange->key = NULL;
  exchange->reply = exchange->request = (struct fl_buffer){0};
  exchange->silent = exchange->again = false;
  exchange->head_size = 0;
  fl_list_push_front(&exchanges->unused, &exchange->link);
}

struct fl_exchange fl_exchanges_take(struct fl_exchanges *exchanges,
                                     struct fl_exchange *exchange) {
  struct fl_exchange taken = *exchange;
  fl_exchanges_drop(exchanges, exchange);
  return taken;
}

void fl_exchanges_expire(struct fl_exchanges *exchanges,
                         struct fl_exchange *exchange) {
  assert(exchanges->expired_count < exchanges->expired_capacity);
  assert(exchange->state == FL_EXCHANGE_WAITS && exchange->started != FL_NEVER);
  assert(exchange->request.size == 0);
  detach(exchanges, exchange);
  exchange->state = FL_EXCHANGE_EXPIRED;
  exchange->client = NULL;
  fl_list_push_back(&exchanges->expired, &exchange->link);
  exchanges->expired_count++;
}

void fl_exchanges_start(struct fl_exchanges *exchanges, uint64_t taken,
                        fl_time now) {
  while (exchanges->unsent != NULL && exchanges->unsent->offset < taken) {
    struct fl_list *next = exchanges->unsent->link.next;
    struct fl_exchange *exchange = exchanges->unsent;
    exchange->started = now;
    if (exchange->due == 0)
      exchange->due = fl_time_add(now, exchange->timeout);
    exchanges->soonest = fl_time_min(exchanges->soonest, exchange->due);
    exchanges->started++;
    exchanges->unsent = next == &exchanges->order ? NULL : of(next);
  }
}

void fl_exchanges_forget(struct fl_exchanges *exchanges,
                         const struct fl_client *client) {
  const struct fl_list *order = &exchanges->order;
  for (struct fl_list *node = order->next; node != order; node = node->next)
    if (of(node)->client == client)
      of(node)->client = NULL;
}
