#include "service/listeners.h"

#include "platform/error.h"
#include "platform/listening.h"
#include "service/kept.h"
#include "service/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* What went wrong with one address, and what helps. NULL: not a matter of
   the configuration. */
static const char *advice(int error) {
  switch (error) {
  case UV_EADDRINUSE:
    return "is in use by another program; stop that program or choose "
           "another port";
  case UV_EACCES:
  case UV_EPERM:
    return "may not be opened by this user; choose a port from 1024 on, or "
           "grant the program the right to use lower ones "
           "(CAP_NET_BIND_SERVICE)";
  case UV_EADDRNOTAVAIL:
    return "is not an address of this machine; choose one that is, or "
           "0.0.0.0 or [::] for all";
  case UV_EAFNOSUPPORT:
    return "is of a kind that is switched off on this machine; choose an "
           "address of the other kind, IPv4 or IPv6";
  default:
    return NULL;
  }
}

static bool is_any(const struct fl_addr *addr) {
  static const uint8_t any[sizeof addr->ip];
  return memcmp(addr->ip, any, sizeof any) == 0;
}

/* Equal addresses are refused when the configuration is read; what remains is
   one that stands for all, beside one of them. */
static bool overlap(const struct fl_addr *a, const struct fl_addr *b) {
  return a->family == b->family && a->port == b->port && a->port != 0 &&
         is_any(a) != is_any(b);
}

/* [::] that stands for IPv4 too, beside an IPv4 address. */
static bool overlap_both(const struct fl_listener_config *listener,
                         const struct fl_addr *a, const struct fl_addr *b) {
  return a->family == FL_ADDR_IP6 && is_any(a) && !listener->socket.ipv6_only &&
         b->family == FL_ADDR_IP4 && a->port == b->port && a->port != 0;
}

static bool overlaps(const struct fl_config *config,
                     const struct fl_listener_config *listener,
                     const struct fl_addr *addr) {
  for (uint32_t i = 0; i < config->listener_count; i++)
    for (uint32_t j = 0; j < config->listeners[i].listen_count; j++) {
      const struct fl_addr *other = &config->listeners[i].listen[j].addr;
      if (overlap(addr, other) || overlap_both(listener, addr, other) ||
          overlap_both(&config->listeners[i], other, addr))
        return true;
    }
  return false;
}

struct opening {
  struct fl_listeners *listeners;
  const struct fl_config *config;
  const struct fl_config *now; /* in effect; NULL at start */
  const char *path;
  struct fl_text *faults;
  const struct fl_hooks *hooks;
  int status;
};

/* One status for several failures: a fault of the configuration counts more,
   for it will not pass. */
static void add_status(struct opening *opening, int more) {
  if (opening->status == FL_STATUS_OK || more == FL_STATUS_CONFIG)
    opening->status = more;
}

static void complain(struct opening *opening,
                     const struct fl_listening *listening, int error) {
  const struct fl_listener_config *listener =
      &opening->config->listeners[listening->listener];
  const struct fl_endpoint *endpoint = &listener->listen[listening->address];
  const char *text = advice(error);
  char line[1024];
  char other[FL_LISTENING_TEXT];
  char why[FL_ERROR_TEXT];
  add_status(opening, text == NULL ? FL_STATUS_SYSTEM : FL_STATUS_CONFIG);
  if (error == UV_EADDRINUSE &&
      overlaps(opening->config, listener, &endpoint->addr)) {
    text = "overlaps another address of this file; remove one of the two";
  } else if (error == UV_EADDRINUSE && opening->now != NULL &&
             overlaps(opening->now, listener, &endpoint->addr)) {
    text = "overlaps an address that is in effect now; remove that by a "
           "reload of its own first";
  } else if (fl_listening_explain(&endpoint->addr, error, other)) {
    text = other;
  } else if (text == NULL) {
    (void)snprintf(other, sizeof other, "cannot be opened: %s",
                   fl_error_text(error, why));
    text = other;
  }
  (void)snprintf(
      line, sizeof line, "%s:%u:%u: listeners[%u].listen[%u]: ",
      fl_config_file_name(opening->config, endpoint->place, opening->path),
      endpoint->place.line, endpoint->place.column,
      fl_config_listener_number(opening->config, listening->listener),
      listening->address);
  FL_TEXT(opening->faults, line, endpoint->text, " ", text, "\n");
}

/* Calls for each address that was not opened and has no error yet. */
static void each_new(struct opening *opening,
                     void (*call)(struct opening *, struct fl_listening *,
                                  const struct fl_listener_config *)) {
  for (uint32_t n = 0; n < opening->listeners->count; n++) {
    struct fl_listening *listening = &opening->listeners->list[n];
    if (listening->before == FL_NONE)
      call(opening, listening,
           &opening->config->listeners[listening->listener]);
  }
}

/* At start: one that the process was given; not for a listener that closes for
   a while, which only the last descriptor does. */
static void take_one(struct opening *opening, struct fl_listening *listening,
                     const struct fl_listener_config *listener) {
  const struct fl_addr *addr = &listener->listen[listening->address].addr;
  uv_os_sock_t socket;
  int error = 0;
  if (listener->on_upstream_down == FL_UPSTREAM_DOWN_CLOSE ||
      !fl_kept_take(addr, listener->socket.ipv6_only, &socket))
    return;
  listening->acceptor =
      fl_acceptor_take(socket, addr, &listener->socket, opening->hooks, &error);
  if (listening->acceptor == NULL)
    complain(opening, listening, error);
}

static void bind_one(struct opening *opening, struct fl_listening *listening,
                     const struct fl_listener_config *listener) {
  int error = 0;
  if (listening->acceptor != NULL)
    return;
  listening->acceptor =
      fl_acceptor_bind(&listener->listen[listening->address].addr,
                       &listener->socket, opening->hooks, &error);
  if (listening->acceptor == NULL)
    complain(opening, listening, error);
}

/* Two sockets with SO_REUSEADDR can be bound to one address as long as none
   listens, so "in use" may also be found here. Those that could not be bound
   are passed over. */
static void listen_one(struct opening *opening, struct fl_listening *listening,
                       const struct fl_listener_config *listener) {
  int error = listening->acceptor == NULL
                  ? 0
                  : fl_acceptor_listen(listening->acceptor, &listening->addr);
  if (error != 0)
    complain(opening, listening, error);
  else if (listening->acceptor != NULL &&
           listener->on_upstream_down == FL_UPSTREAM_DOWN_CLOSE)
    fl_acceptor_hold(listening->acceptor);
}

/* The list, nothing opened. Returns false when memory is out. */
static bool make_list(struct opening *opening) {
  const struct fl_config *config = opening->config;
  struct fl_listeners *listeners = opening->listeners;
  uint32_t count = 0;
  for (uint32_t i = 0; i < config->listener_count; i++)
    count += config->listeners[i].listen_count;
  *listeners =
      (struct fl_listeners){.list = calloc(count + 1, sizeof *listeners->list)};
  if (listeners->list == NULL) {
    FL_TEXT(opening->faults, opening->path, ": out of memory\n");
    opening->status = FL_STATUS_SYSTEM;
    return false;
  }
  for (uint32_t i = 0; i < config->listener_count; i++)
    for (uint32_t j = 0; j < config->listeners[i].listen_count; j++)
      listeners->list[listeners->count++] =
          (struct fl_listening){.listener = i, .address = j, .before = FL_NONE};
  return true;
}

int fl_listeners_open(struct fl_listeners *listeners,
                      const struct fl_config *config, const char *path,
                      struct fl_text *faults, const struct fl_hooks *hooks) {
  struct opening opening = {.listeners = listeners,
                            .config = config,
                            .path = path,
                            .faults = faults,
                            .hooks = hooks};
  if (!make_list(&opening))
    return opening.status;
  each_new(&opening, take_one);
  fl_kept_prune();
  each_new(&opening, bind_one);
  each_new(&opening, listen_one);
  if (opening.status == FL_STATUS_OK)
    fl_listeners_announce(listeners, config, hooks);
  else
    fl_listeners_close(listeners, NULL);
  return opening.status;
}

/* ---- a change ---- */

static const struct fl_endpoint *
endpoint_of(const struct fl_config *config,
            const struct fl_listening *listening) {
  return &config->listeners[listening->listener].listen[listening->address];
}

/* Whose socket an address of the next generation gets. Any free port is only
   the same as that of the same listener before. */
static uint32_t find_before(const struct fl_listeners *before,
                            const struct fl_generation *next,
                            const struct fl_generation *now,
                            const struct fl_listening *listening) {
  const struct fl_endpoint *wanted = endpoint_of(next->config, listening);
  for (uint32_t n = 0; n < before->count; n++) {
    const struct fl_listening *it = &before->list[n];
    bool same = it->listener == next->listeners[listening->listener].before;
    if (fl_addr_equal(&endpoint_of(now->config, it)->addr, &wanted->addr) &&
        (same || wanted->port != 0))
      return n;
  }
  return FL_NONE;
}

static bool stays(const struct fl_generation *next,
                  const struct fl_listening *listening,
                  const struct fl_listening *before) {
  const struct fl_listener_plan *plan = &next->listeners[listening->listener];
  return plan->before == before->listener &&
         (plan->changes & (FL_CHANGE_REPLACE | FL_CHANGE_STREAM)) == 0;
}

int fl_listeners_change(struct fl_listeners *listeners,
                        const struct fl_listeners *before,
                        const struct fl_generation *next,
                        const struct fl_generation *now, const char *path,
                        struct fl_text *faults, const struct fl_hooks *hooks) {
  struct opening opening = {.listeners = listeners,
                            .config = next->config,
                            .now = now->config,
                            .path = path,
                            .faults = faults,
                            .hooks = hooks};
  if (!make_list(&opening))
    return opening.status;
  for (uint32_t n = 0; n < listeners->count; n++) {
    struct fl_listening *it = &listeners->list[n];
    int error = 0;
    it->before = find_before(before, next, now, it);
    if (it->before == FL_NONE)
      continue;
    const struct fl_listening *old = &before->list[it->before];
    it->addr = old->addr;
    it->acceptor = stays(next, it, old)
                       ? old->acceptor
                       : fl_acceptor_copy(old->acceptor, &error);
    if (it->acceptor == NULL)
      complain(&opening, it, error);
  }
  each_new(&opening, bind_one);
  each_new(&opening, listen_one);
  if (opening.status != FL_STATUS_OK)
    fl_listeners_close(listeners, before);
  return opening.status;
}

/* ---- all of them ---- */

void fl_listeners_announce(const struct fl_listeners *listeners,
                           const struct fl_config *config,
                           const struct fl_hooks *hooks) {
  char text[FL_ADDR_TEXT];
  for (uint32_t n = 0; n < listeners->count; n++)
    if (listeners->list[n].before == FL_NONE)
      hooks->log(FL_LOG_INFO, FL_LOG_LISTENER, "%s: listening on %s",
                 config->listeners[listeners->list[n].listener].name,
                 fl_addr_format(&listeners->list[n].addr, text));
}

bool fl_listeners_have(const struct fl_listeners *listeners,
                       const struct fl_acceptor *acceptor) {
  for (uint32_t n = 0; n < listeners->count; n++)
    if (listeners->list[n].acceptor == acceptor)
      return true;
  return false;
}

void fl_listeners_close(struct fl_listeners *listeners,
                        const struct fl_listeners *others) {
  for (uint32_t n = 0; n < listeners->count; n++)
    if (others == NULL ||
        !fl_listeners_have(others, listeners->list[n].acceptor))
      fl_acceptor_free(listeners->list[n].acceptor);
  free(listeners->list);
  *listeners = (struct fl_listeners){0};
}
