#include "platform/listening.h"

#include "platform/address.h"
#include "platform/socket.h"
#include "platform/sockopts.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static int make_socket(const struct fl_addr *addr, bool ipv6_only,
                       uv_os_sock_t *made) {
  int family = addr->family == FL_ADDR_IP4 ? AF_INET : AF_INET6;
  int on = 1;
  int only = ipv6_only;
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -errno;
  /* The first lets a restart bind while old connections are in TIME_WAIT; it
     does not let two programs listen. */
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (family == AF_INET6 &&
       setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0)) {
    int error = -errno;
    fl_socket_close(fd);
    return error;
  }
  *made = fd;
  return 0;
}

static int bind_to(uv_os_sock_t socket, const struct fl_addr *addr) {
  struct sockaddr_storage to;
  socklen_t size = (socklen_t)fl_address_to_system(addr, &to);
  return bind(socket, (struct sockaddr *)&to, size) == 0 ? 0 : -errno;
}

/* Whether somebody listens at the address already, who may or may not want to
   share it: only a bind without SO_REUSEPORT tells. */
static bool taken(const struct fl_addr *addr, bool ipv6_only) {
  uv_os_sock_t socket = -1;
  if (make_socket(addr, ipv6_only, &socket) != 0)
    return false;
  bool found = bind_to(socket, addr) == UV_EADDRINUSE;
  fl_socket_close(socket);
  return found;
}

static void log_shared(const struct fl_addr *addr,
                       const struct fl_hooks *hooks) {
  char text[FL_ADDR_TEXT];
  hooks->log(FL_LOG_WARNING, FL_LOG_LISTENER,
             "%s is shared with another program of this user that listens "
             "there (reuse_port)",
             fl_addr_format(addr, text));
}

int fl_listening_bind(const struct fl_addr *addr,
                      const struct fl_sockopts *options,
                      const struct fl_hooks *hooks, uv_os_sock_t *socket) {
  struct fl_socket_use use = {.family = addr->family, .listens = true};
  bool shared = options->reuse_port && taken(addr, options->ipv6_only);
  int error = make_socket(addr, options->ipv6_only, socket);
  if (error != 0)
    return error;
  fl_sockopts_apply(*socket, options, use, hooks);
  error = bind_to(*socket, addr);
  if (error != 0)
    fl_socket_close(*socket);
  else if (shared)
    log_shared(addr, hooks);
  return error;
}

bool fl_listening_explain(const struct fl_addr *addr, int error,
                          char text[FL_LISTENING_TEXT]) {
  (void)addr;
  (void)error;
  (void)text;
  return false;
}

int fl_listening_start(uv_os_sock_t socket, uint32_t backlog,
                       struct fl_addr *addr) {
  struct sockaddr_storage name;
  socklen_t size = sizeof name;
  int queue = backlog > INT32_MAX ? INT32_MAX : (int)backlog;
  if (listen(socket, queue) != 0 ||
      getsockname(socket, (struct sockaddr *)&name, &size) != 0)
    return -errno;
  (void)fl_address_from_system((struct sockaddr *)&name, addr);
  return 0;
}

int fl_listening_duplicate(uv_os_sock_t socket, uv_os_sock_t *copy) {
  *copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  return *copy < 0 ? -errno : 0;
}

static enum fl_accepted failed(int error) {
  switch (error) {
  case EAGAIN:
    return FL_ACCEPTED_NOBODY;
  case EMFILE:
    return FL_ACCEPTED_NO_DESCRIPTOR;
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
  case EBADF:
  case EINVAL:
  case ENOTSOCK:
    return FL_ACCEPTED_FAILED;
  default: /* accept(2), "Error handling" */
    return FL_ACCEPTED_GONE;
  }
}

enum fl_accepted fl_listening_accept(uv_os_sock_t socket, uv_os_sock_t *client,
                                     struct fl_addr *peer, int *error) {
  struct sockaddr_storage from;
  socklen_t size = sizeof from;
  int fd = accept4(socket, (struct sockaddr *)&from, &size,
                   SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    *error = -errno;
    return failed(errno);
  }
  *client = fd;
  (void)fl_address_from_system((struct sockaddr *)&from, peer);
  return FL_ACCEPTED;
}

bool fl_listening_queued(uv_os_sock_t socket) {
  struct pollfd queue = {.fd = socket, .events = POLLIN};
  return poll(&queue, 1, 0) > 0;
}
