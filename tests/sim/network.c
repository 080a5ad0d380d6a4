#include "tests/sim/network.h"

#include "core/conn.h"

#include <stdlib.h>
#include <string.h>

/* Bytes on their way to one end. Offsets count from the connection's start:
   consumed <= arrived <= written. */
struct pipe {
  uint8_t *bytes; /* from `consumed` on */
  size_t capacity;
  uint64_t consumed;
  uint64_t arrived;
  uint64_t written;
  uint64_t glue; /* a read never ends at this offset; 0: none */
  fl_time last;  /* the moment of the latest arrival planned */
  size_t room;   /* the most that written - consumed may be for an offer */
  bool fin_sent;
  bool fin_arrived;
  bool fin_read;
};

struct sim_end {
  struct sim *sim;
  struct sim_end *peer; /* NULL until the SYN arrived */
  const struct sim_end_ops *ops;
  void *owner;
  struct pipe in;
  struct fl_addr from;
  fl_time latency;
  bool established;
  bool open; /* not closed by its owner */
  bool reading;
  bool bulk;
  bool broken;   /* a RST came */
  bool told;     /* ... and the owner knows */
  bool rst_sent; /* at most once */
  bool planned;  /* a delivery is planned */
};

static void deliver(void *ctx, uint64_t arg);

static fl_time chance(struct sim *sim, uint64_t low, uint64_t high) {
  return sim_random_between(&sim->random, low, high);
}

struct sim_port *sim_port_new(struct sim *sim, const struct fl_addr *addr,
                              void *owner,
                              void (*accept)(void *owner, struct sim_end *end,
                                             const struct fl_addr *from)) {
  struct sim_port *port = sim_alloc(sim, sizeof *port);
  *port = (struct sim_port){.next = sim->ports,
                            .sim = sim,
                            .addr = *addr,
                            .accept = accept,
                            .owner = owner};
  sim->ports = port;
  return port;
}

struct sim_port *sim_port_find(struct sim *sim, const struct fl_addr *addr) {
  struct sim_port *port = sim->ports;
  while (port != NULL && !fl_addr_equal(&port->addr, addr))
    port = port->next;
  return port;
}

static struct sim_end *end_new(struct sim *sim, fl_time latency) {
  struct sim_end *end = sim_alloc(sim, sizeof *end);
  end->sim = sim;
  end->latency = latency;
  end->open = true;
  /* Small windows for some, so that senders meet them; large ones for others,
     so that one read can be as large as it may. */
  unsigned kind = (unsigned)chance(sim, 0, 9);
  end->in.room = (size_t)(kind < 3   ? chance(sim, 512, 2048)
                          : kind < 9 ? chance(sim, 4096, 65536)
                                     : 2 * FL_BULK_READ_MAX);
  return end;
}

/* -- connecting -- */

static void end_connected(void *ctx, uint64_t reason) {
  struct sim_end *end = ctx;
  if (!end->open)
    return;
  end->established = reason == FL_OK;
  end->reading = reason == FL_OK;
  end->ops->connected(end->owner, (enum fl_reason)reason);
}

static void syn_arrived(void *ctx, uint64_t port_bits) {
  struct sim_end *end = ctx;
  struct sim_port *port = (struct sim_port *)(uintptr_t)port_bits;
  struct sim *sim = end->sim;
  if (!end->open)
    return;
  if (port->state == SIM_PORT_SILENT)
    return;
  if (port->state != SIM_PORT_OPEN) {
    sim_clock_after(&sim->clock, end->latency, end_connected, end,
                    FL_CONNECT_REFUSED);
    return;
  }
  struct sim_end *accepted = end_new(sim, end->latency);
  accepted->established = true;
  if (sim_random_chance(&sim->random, 30))
    accepted->in.room = (size_t)chance(sim, 16, 512);
  accepted->peer = end;
  end->peer = accepted;
  sim_clock_after(&sim->clock, end->latency, end_connected, end, FL_OK);
  /* What it sends may not overtake the answer to the SYN. */
  end->in.last = sim->clock.now + end->latency;
  port->accept(port->owner, accepted, &end->from);
}

struct sim_end *sim_connect(struct sim *sim, const struct fl_addr *from,
                            const struct fl_addr *to,
                            const struct sim_end_ops *ops, void *owner) {
  struct sim_port *port = sim_port_find(sim, to);
  if (port == NULL || port->state == SIM_PORT_UNREACHABLE)
    return NULL;
  struct sim_end *end =
      end_new(sim, sim_random_chance(&sim->random, 50) ? chance(sim, 20, 200)
                                                       : chance(sim, 0, 8000));
  end->ops = ops;
  end->owner = owner;
  end->from = *from;
  fl_time delay = end->latency + port->slow;
  if (sim_random_chance(&sim->random, 5)) /* the SYN was lost once */
    delay += FL_SECOND;
  sim_clock_after(&sim->clock, delay, syn_arrived, end,
                  (uint64_t)(uintptr_t)port);
  return end;
}

void sim_end_own(struct sim_end *end, const struct sim_end_ops *ops,
                 void *owner) {
  end->ops = ops;
  end->owner = owner;
  sim_end_read(end, true);
}

/* -- reading -- */

static bool has_news(const struct sim_end *end) {
  if (!end->open || !end->established || end->ops == NULL || !end->reading)
    return false;
  if (end->broken)
    return !end->told;
  return end->in.arrived > end->in.consumed ||
         (end->in.fin_arrived && !end->in.fin_read);
}

static void plan_delivery(struct sim_end *end, fl_time delay) {
  if (end->planned || !has_news(end))
    return;
  end->planned = true;
  sim_clock_after(&end->sim->clock, delay, deliver, end, 0);
}

/* How much one read takes of `available` bytes. */
static size_t read_size(struct sim_end *end, size_t available, bool all) {
  struct sim *sim = end->sim;
  size_t size = available;
  unsigned kind = all ? 3 : (unsigned)chance(sim, 0, 3);
  if (kind == 0)
    size = (size_t)chance(sim, 1, available);
  else if (kind == 1)
    size = (size_t)chance(sim, 1, available < 8 ? available : 8);
  size_t most = end->bulk ? FL_BULK_READ_MAX : FL_READ_MAX;
  if (size > most)
    size = most;
  if (end->in.consumed + size == end->in.glue && size < available)
    size = size > 1 ? size - 1 : 2;
  return size;
}

/* The bytes lie in memory of their own, so that a sanitizer sees every use
   beyond them or after the call. */
static void deliver_bytes(struct sim_end *end, size_t size) {
  struct pipe *in = &end->in;
  uint8_t *bytes = sim_buffer(size);
  memcpy(bytes, in->bytes, size);
  in->consumed += size;
  memmove(in->bytes, in->bytes + size, (size_t)(in->written - in->consumed));
  end->ops->data(end->owner, (struct fl_slice){bytes, size});
  free(bytes);
}

static enum fl_reason break_reason(struct sim *sim) {
  unsigned kind = (unsigned)chance(sim, 0, 9);
  return kind == 0   ? FL_PEER_VANISHED
         : kind == 1 ? FL_SOCKET_ERROR
                     : FL_PEER_RESET;
}

static void deliver_one(struct sim_end *end, bool all) {
  struct pipe *in = &end->in;
  if (end->broken) {
    end->told = true;
    end->ops->end(end->owner, break_reason(end->sim));
  } else if (in->arrived > in->consumed) {
    size_t available = (size_t)(in->arrived - in->consumed);
    deliver_bytes(end, read_size(end, available, all));
  } else {
    in->fin_read = true;
    end->ops->end(end->owner, FL_PEER_CLOSED);
  }
}

static void deliver(void *ctx, uint64_t arg) {
  struct sim_end *end = ctx;
  (void)arg;
  end->planned = false;
  if (!has_news(end))
    return;
  deliver_one(end, false);
  plan_delivery(end, chance(end->sim, 0, 100));
}

void sim_end_read(struct sim_end *end, bool on) {
  end->reading = on;
  plan_delivery(end, 0);
}

void sim_end_bulk(struct sim_end *end, bool on) { end->bulk = on; }

void sim_end_read_all(struct sim_end *end) {
  while (has_news(end))
    deliver_one(end, true);
}

/* -- writing -- */

static void rst_arrived(void *ctx, uint64_t arg) {
  struct sim_end *end = ctx;
  (void)arg;
  end->broken = true;
  plan_delivery(end, 0);
}

static void send_rst(struct sim_end *end) {
  if (end->rst_sent || end->peer == NULL)
    return;
  end->rst_sent = true;
  sim_clock_after(&end->sim->clock, end->latency, rst_arrived, end->peer, 0);
}

static void bytes_arrived(void *ctx, uint64_t size) {
  struct sim_end *end = ctx;
  if (end->broken)
    return;
  end->in.arrived += size;
  if (!end->open)
    send_rst(end);
  else
    plan_delivery(end, 0);
}

static void fin_arrived(void *ctx, uint64_t arg) {
  struct sim_end *end = ctx;
  (void)arg;
  end->in.fin_arrived = true;
  plan_delivery(end, 0);
}

/* When the next thing sent to `to` arrives: never before what was sent
   earlier. */
static fl_time arrival(struct sim_end *to) {
  struct sim *sim = to->sim;
  fl_time at = sim->clock.now + to->latency + chance(sim, 0, 50);
  if (at < to->in.last)
    at = to->in.last;
  to->in.last = at;
  return at - sim->clock.now;
}

static void pipe_append(struct sim *sim, struct pipe *pipe,
                        struct fl_slice bytes) {
  size_t held = (size_t)(pipe->written - pipe->consumed);
  if (held + bytes.size > pipe->capacity) {
    size_t capacity = 2 * (held + bytes.size);
    uint8_t *grown = sim_alloc(sim, capacity);
    if (held > 0)
      memcpy(grown, pipe->bytes, held);
    pipe->bytes = grown;
    pipe->capacity = capacity;
  }
  memcpy(pipe->bytes + held, bytes.bytes, bytes.size);
  pipe->written += bytes.size;
}

/* Cuts what was written into up to three segments. */
static void send_segments(struct sim_end *to, size_t size) {
  struct sim *sim = to->sim;
  uint64_t offset = to->in.written - size;
  while (size > 0) {
    size_t part = size;
    if (size > 1 && sim_random_chance(&sim->random, 30))
      part = (size_t)chance(sim, 1, size - 1);
    if (offset + part == to->in.glue && part < size)
      part++;
    sim_clock_after(&sim->clock, arrival(to), bytes_arrived, to, part);
    offset += part;
    size -= part;
  }
}

void sim_end_write(struct sim_end *end, struct fl_slice bytes) {
  if (end->broken || !end->open || bytes.size == 0)
    return;
  pipe_append(end->sim, &end->peer->in, bytes);
  send_segments(end->peer, bytes.size);
}

void sim_end_write_glued(struct sim_end *end, struct fl_slice bytes,
                         size_t glue) {
  if (end->broken || !end->open)
    return;
  end->peer->in.glue = end->peer->in.written + glue;
  sim_end_write(end, bytes);
}

long sim_end_offer(struct sim_end *end, struct fl_slice bytes) {
  if (end->broken)
    return -1;
  struct pipe *pipe = &end->peer->in;
  size_t held = (size_t)(pipe->written - pipe->consumed);
  size_t size = held >= pipe->room ? 0 : pipe->room - held;
  if (size > bytes.size)
    size = bytes.size;
  sim_end_write(end, (struct fl_slice){bytes.bytes, size});
  return (long)size;
}

void sim_end_inject(struct sim_end *end, struct fl_slice bytes) {
  struct sim_end *to = end->peer;
  if (end->broken || !end->open || to->in.fin_sent || !to->open)
    return;
  pipe_append(end->sim, &to->in, bytes);
  to->in.arrived = to->in.written;
  if (has_news(to))
    deliver_bytes(to, bytes.size);
}

void sim_end_finish(struct sim_end *end) {
  struct sim_end *to = end->peer;
  if (end->broken || to->in.fin_sent)
    return;
  to->in.fin_sent = true;
  sim_clock_after(&end->sim->clock, arrival(to), fin_arrived, to, 0);
}

void sim_end_close(struct sim_end *end, bool reset) {
  if (end->peer != NULL && !end->broken) {
    if (reset || end->in.arrived > end->in.consumed)
      send_rst(end);
    else
      sim_end_finish(end);
  }
  end->open = false;
}

bool sim_end_quiet(const struct sim_end *end) {
  const struct sim_end *peer = end->peer;
  return peer != NULL && !end->broken && !peer->broken && end->open &&
         peer->open && peer->established && peer->reading &&
         end->in.written == end->in.consumed &&
         peer->in.written == peer->in.consumed && !end->in.fin_sent &&
         !peer->in.fin_sent && !end->rst_sent && !peer->rst_sent;
}

bool sim_end_take_break(struct sim_end *end) {
  if (!end->broken || end->told)
    return false;
  end->told = true;
  return true;
}
