/* systemd's file-descriptor store and socket activation: sd_listen_fds(3),
   sd_notify(3). */
#include "service/kept.h"

#include "platform/address.h"
#include "service/posix/notify_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST = 3, NAME = FL_ADDR_TEXT + 16 };

/* One that somebody else has open, too. */
struct kept {
  struct fl_addr addr;
  int fd; /* -1: it was taken */
  bool ipv6_only;
  bool stored; /* in the store; else it came by socket activation */
};

static struct {
  struct kept *list;
  uint32_t count;
  uint32_t capacity;
  const struct fl_hooks *hooks;
} all;

/* ---- the list ---- */

static struct kept *add(const struct kept *one) {
  if (all.count == all.capacity) {
    uint32_t capacity = all.capacity == 0 ? 16 : all.capacity * 2;
    struct kept *grown = realloc(all.list, capacity * sizeof *grown);
    if (grown == NULL)
      return NULL;
    all.list = grown;
    all.capacity = capacity;
  }
  all.list[all.count] = *one;
  return &all.list[all.count++];
}

static void remove_at(uint32_t at) { all.list[at] = all.list[--all.count]; }

static struct kept *find(const struct fl_addr *addr) {
  for (uint32_t i = 0; i < all.count; i++)
    if (fl_addr_equal(&all.list[i].addr, addr))
      return &all.list[i];
  return NULL;
}

/* The store's name of a socket, which has no colon. */
static void name_of(const struct fl_addr *addr, char name[NAME]) {
  char text[FL_ADDR_TEXT];
  (void)snprintf(name, NAME, "tcp_%s", fl_addr_format(addr, text));
  for (char *at = name; *at != '\0'; at++)
    if (*at == ':')
      *at = '_';
}

static bool store(const struct fl_addr *addr, int fd) {
  char name[NAME];
  char text[NAME + 64];
  name_of(addr, name);
  (void)snprintf(text, sizeof text, "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
  return fl_notify_socket_send(text, fd);
}

static void unstore(const struct fl_addr *addr) {
  char name[NAME];
  char text[NAME + 64];
  name_of(addr, name);
  (void)snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
  (void)fl_notify_socket_send(text, -1);
}

/* ---- what the process was given ---- */

/* Whether it is a TCP socket that listens; and where. */
static bool look_at(struct kept *one) {
  struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
  socklen_t size = sizeof name;
  int value = 0;
  socklen_t length = sizeof value;
  if (getsockopt(one->fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) != 0 ||
      value == 0 || getsockname(one->fd, (struct sockaddr *)&name, &size) != 0)
    return false;
  if (name.ss_family != AF_INET && name.ss_family != AF_INET6)
    return false;
  (void)fl_address_from_system((struct sockaddr *)&name, &one->addr);
  if (name.ss_family == AF_INET6 &&
      getsockopt(one->fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &length) == 0)
    one->ipv6_only = value != 0;
  return true;
}

static void take_over(int fd, const char *name, size_t size) {
  struct kept one = {.fd = fd};
  char own[NAME];
  int flags = fcntl(fd, F_GETFD);
  if (flags < 0)
    return;
  (void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
  if (!look_at(&one)) {
    all.hooks->log(FL_LOG_WARNING, FL_LOG_LISTENER,
                   "the service manager gave a descriptor (%.*s) that is no "
                   "TCP socket that listens; it is closed",
                   (int)size, name);
    (void)close(fd);
    return;
  }
  name_of(&one.addr, own);
  one.stored = strlen(own) == size && memcmp(own, name, size) == 0;
  if (add(&one) == NULL)
    (void)close(fd);
}

/* `count` from descriptor 3 on. */
static void take_all(long count, const char *names) {
  for (int fd = FIRST; count <= INT_MAX - FIRST && fd < FIRST + count; fd++) {
    size_t size = strcspn(names, ":");
    take_over(fd, names, size);
    names += size + (names[size] == ':');
  }
}

void fl_kept_open(const struct fl_hooks *hooks) {
  char *pid = fl_notify_variable("LISTEN_PID");
  char *count = fl_notify_variable("LISTEN_FDS");
  char *names = fl_notify_variable("LISTEN_FDNAMES");
  all.hooks = hooks;
  if (pid != NULL && count != NULL && strtol(pid, NULL, 10) == getpid())
    take_all(strtol(count, NULL, 10), names == NULL ? "" : names);
  free(pid);
  free(count);
  free(names);
}

bool fl_kept_take(const struct fl_addr *addr, bool ipv6_only,
                  uv_os_sock_t *socket) {
  for (uint32_t i = 0; i < all.count; i++) {
    struct kept *one = &all.list[i];
    if (one->fd < 0 || !fl_addr_equal(&one->addr, addr) ||
        (addr->family == FL_ADDR_IP6 && one->ipv6_only != ipv6_only))
      continue;
    *socket = one->fd;
    one->fd = -1;
    return true;
  }
  return false;
}

void fl_kept_prune(void) {
  char text[FL_ADDR_TEXT];
  bool unstored = false;
  for (uint32_t i = all.count; i-- > 0;) {
    struct kept *one = &all.list[i];
    if (one->fd < 0)
      continue;
    all.hooks->log(one->stored ? FL_LOG_INFO : FL_LOG_WARNING, FL_LOG_LISTENER,
                   one->stored
                       ? "%s: no listener takes that socket any more; it "
                         "is closed"
                       : "%s: the service manager listens there, but no "
                         "listener takes that socket",
                   fl_addr_format(&one->addr, text));
    if (one->stored)
      unstore(&one->addr);
    unstored |= one->stored;
    (void)close(one->fd);
    remove_at(i);
  }
  if (unstored)
    fl_notify_socket_wait();
}

/* ---- what is to outlive it ---- */

static void keep(const struct fl_listening *listening) {
  struct kept one = {.addr = listening->addr, .fd = -1, .stored = true};
  struct kept *found = find(&one.addr);
  int fd = fl_acceptor_socket(listening->acceptor);
  if (found == NULL && fl_notify_socket_is_open()) {
    found = add(&one);
    if (found != NULL && !store(&one.addr, fd)) {
      remove_at((uint32_t)(found - all.list));
      found = NULL;
    }
  }
  fl_acceptor_keep(listening->acceptor, found != NULL);
}

/* Returns whether it was kept so far. */
static bool release(const struct fl_listening *listening) {
  struct kept *found = find(&listening->addr);
  if (found == NULL || !found->stored)
    return false;
  unstore(&listening->addr);
  remove_at((uint32_t)(found - all.list));
  fl_acceptor_keep(listening->acceptor, false);
  return true;
}

void fl_kept_keep(const struct fl_listeners *listeners,
                  const struct fl_config *config) {
  for (uint32_t n = 0; n < listeners->count; n++) {
    const struct fl_listening *it = &listeners->list[n];
    const struct fl_listener_config *of = &config->listeners[it->listener];
    if (of->on_upstream_down == FL_UPSTREAM_DOWN_CLOSE)
      (void)release(it);
    else if (of->listen[it->address].addr.port != 0)
      keep(it);
  }
}

static bool have(const struct fl_listeners *listeners,
                 const struct fl_addr *addr) {
  for (uint32_t n = 0; listeners != NULL && n < listeners->count; n++)
    if (fl_addr_equal(&listeners->list[n].addr, addr))
      return true;
  return false;
}

void fl_kept_drop(const struct fl_listeners *listeners,
                  const struct fl_listeners *others) {
  bool unstored = false;
  for (uint32_t n = 0; n < listeners->count; n++) {
    const struct fl_listening *it = &listeners->list[n];
    if (!have(others, &it->addr))
      unstored |= release(it);
  }
  if (unstored)
    fl_notify_socket_wait();
}

void fl_kept_close(void) {
  for (uint32_t i = 0; i < all.count; i++)
    if (all.list[i].fd >= 0)
      (void)close(all.list[i].fd);
  free(all.list);
  all.list = NULL;
  all.count = all.capacity = 0;
}
