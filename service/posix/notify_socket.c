#include "service/posix/notify_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

enum { SEND_S = 1, WAIT_S = 5 };

static struct {
  int socket; /* -1: nobody is told */
  struct sockaddr_un address;
  socklen_t size;
} manager = {.socket = -1};

char *fl_notify_variable(const char *name) {
  char one[1];
  size_t size = sizeof one;
  char *value = NULL;
  if (uv_os_getenv(name, one, &size) == UV_ENOBUFS)
    value = malloc(size);
  if (value != NULL && uv_os_getenv(name, value, &size) != 0) {
    free(value);
    value = NULL;
  }
  (void)uv_os_unsetenv(name);
  return value;
}

/* A path, or one behind @ for the abstract namespace (unix(7)). */
static bool take_address(const char *text) {
  size_t size = strlen(text);
  if ((text[0] != '/' && text[0] != '@') || size < 2 ||
      size >= sizeof manager.address.sun_path)
    return false;
  manager.address = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(manager.address.sun_path, text, size);
  if (text[0] == '@')
    manager.address.sun_path[0] = '\0';
  manager.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
  return true;
}

void fl_notify_socket_open(void) {
  const struct timeval patience = {.tv_sec = SEND_S};
  char *text = fl_notify_variable("NOTIFY_SOCKET");
  bool found = text != NULL && take_address(text);
  free(text);
  if (!found)
    return;
  manager.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (manager.socket >= 0)
    (void)setsockopt(manager.socket, SOL_SOCKET, SO_SNDTIMEO, &patience,
                     sizeof patience);
}

bool fl_notify_socket_is_open(void) { return manager.socket >= 0; }

/* unix(7), SCM_RIGHTS. */
static void attach(struct msghdr *message, int fd) {
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
}

bool fl_notify_socket_send(const char *assignments, int fd) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.bytes = {0}};
  struct iovec text = {.iov_base = (void *)(uintptr_t)assignments,
                       .iov_len = strlen(assignments)};
  struct msghdr message = {.msg_name = &manager.address,
                           .msg_namelen = manager.size,
                           .msg_iov = &text,
                           .msg_iovlen = 1};
  ssize_t sent;
  if (manager.socket < 0)
    return false;
  if (fd >= 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    attach(&message, fd);
  }
  do
    sent = sendmsg(manager.socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

/* sd_notify_barrier(3): the manager closes the descriptor that it gets once
   all messages before this one are done with. */
void fl_notify_socket_wait(void) {
  int ends[2];
  if (manager.socket < 0 || pipe2(ends, O_CLOEXEC) != 0)
    return;
  bool sent = fl_notify_socket_send("BARRIER=1", ends[1]);
  (void)close(ends[1]);
  struct pollfd end = {.fd = ends[0]};
  if (sent)
    (void)poll(&end, 1, WAIT_S * 1000);
  (void)close(ends[0]);
}

void fl_notify_socket_close(void) {
  if (manager.socket >= 0)
    (void)close(manager.socket);
  manager.socket = -1;
}
