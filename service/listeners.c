#include "service/listeners.h"

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

static bool overlaps_another(const struct fl_config *config,
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

static int complain(const struct fl_config *config, const char *path,
                    uint32_t listener, uint32_t address, int error) {
  const struct fl_endpoint *endpoint =
      &config->listeners[listener].listen[address];
  const char *text = advice(error);
  char other[128];
  int status = text == NULL ? FL_STATUS_SYSTEM : FL_STATUS_CONFIG;
  if (error == UV_EADDRINUSE &&
      overlaps_another(config, &config->listeners[listener], &endpoint->addr)) {
    text = "overlaps another address of this file; remove one of the two";
  } else if (text == NULL) {
    (void)snprintf(other, sizeof other, "cannot be opened: %s",
                   uv_strerror(error));
    text = other;
  }
  (void)fprintf(stderr, "%s:%u:%u: listeners[%u].listen[%u]: %s %s\n", path,
                endpoint->place.line, endpoint->place.column, listener, address,
                endpoint->text, text);
  return status;
}

/* One status for several failures: a fault of the configuration counts more,
   for it will not pass. */
static void add_status(int *status, int more) {
  if (*status == FL_STATUS_OK || more == FL_STATUS_CONFIG)
    *status = more;
}

static int bind_all(struct fl_listeners *listeners,
                    const struct fl_config *config, const char *path,
                    const struct fl_hooks *hooks) {
  int status = FL_STATUS_OK;
  for (uint32_t i = 0; i < config->listener_count; i++) {
    const struct fl_listener_config *listener = &config->listeners[i];
    for (uint32_t j = 0; j < listener->listen_count; j++) {
      int error = 0;
      struct fl_acceptor *acceptor = fl_acceptor_bind(
          &listener->listen[j].addr, &listener->socket, hooks, &error);
      if (acceptor == NULL)
        add_status(&status, complain(config, path, i, j, error));
      listeners->list[listeners->count++] =
          (struct fl_listening){.acceptor = acceptor, .listener = i};
    }
  }
  return status;
}

/* Two sockets with SO_REUSEADDR can be bound to one address as long as none
   listens, so "in use" may also be found here. Those that could not be bound
   are passed over. */
static int listen_all(struct fl_listeners *listeners,
                      const struct fl_config *config, const char *path) {
  int status = FL_STATUS_OK;
  uint32_t n = 0;
  for (uint32_t i = 0; i < config->listener_count; i++)
    for (uint32_t j = 0; j < config->listeners[i].listen_count; j++, n++) {
      struct fl_listening *one = &listeners->list[n];
      int error = one->acceptor == NULL
                      ? 0
                      : fl_acceptor_listen(one->acceptor, &one->addr);
      if (error != 0)
        add_status(&status, complain(config, path, i, j, error));
    }
  return status;
}

static void announce(const struct fl_listeners *listeners,
                     const struct fl_config *config,
                     const struct fl_hooks *hooks) {
  char text[FL_ADDR_TEXT];
  for (uint32_t n = 0; n < listeners->count; n++)
    hooks->log(FL_LOG_INFO, "listener", "%s: listening on %s",
               config->listeners[listeners->list[n].listener].name,
               fl_addr_format(&listeners->list[n].addr, text));
}

int fl_listeners_open(struct fl_listeners *listeners,
                      const struct fl_config *config, const char *path,
                      const struct fl_hooks *hooks) {
  int status = FL_STATUS_SYSTEM;
  uint32_t count = 0;
  for (uint32_t i = 0; i < config->listener_count; i++)
    count += config->listeners[i].listen_count;
  *listeners =
      (struct fl_listeners){.list = calloc(count + 1, sizeof *listeners->list)};
  if (listeners->list == NULL) {
    hooks->log(FL_LOG_ERROR, "service", "out of memory");
    return status;
  }
  status = bind_all(listeners, config, path, hooks);
  add_status(&status, listen_all(listeners, config, path));
  if (status == FL_STATUS_OK)
    announce(listeners, config, hooks);
  if (status != FL_STATUS_OK)
    fl_listeners_close(listeners);
  return status;
}

void fl_listeners_close(struct fl_listeners *listeners) {
  for (uint32_t n = 0; n < listeners->count; n++)
    fl_acceptor_free(listeners->list[n].acceptor);
  free(listeners->list);
  *listeners = (struct fl_listeners){0};
}
