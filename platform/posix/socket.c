#include "platform/socket.h"
#include "platform/sockopt.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

void fl_socket_shutdown(uv_os_sock_t socket) {
  (void)shutdown(socket, SHUT_WR);
}

/* The kernel takes what it has room for. */
size_t fl_socket_write_max(void) { return INT32_MAX; }

int fl_socket_error(uv_os_sock_t socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    return 0;
  return uv_translate_sys_error(error);
}

void fl_socket_close(uv_os_sock_t socket) { (void)close(socket); }

/* By libuv's call: like its sockets', that close is unseen by the thread
   sanitizer, which else takes a number given out again for a race. */
void fl_socket_reset(uv_os_sock_t socket) {
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  uv_fs_t request;
  (void)setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  (void)uv_fs_close(NULL, &request, socket, NULL);
  uv_fs_req_cleanup(&request);
}

int fl_sockopt_set(uv_os_sock_t socket, const struct fl_sockopt *option) {
  int done = setsockopt(socket, option->level, option->option, &option->value,
                        sizeof option->value);
  return done == 0 ? 0 : -errno;
}
