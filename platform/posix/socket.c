#include "platform/socket.h"

#include <sys/socket.h>
#include <unistd.h>

void fl_socket_shutdown(uv_os_sock_t socket) {
  (void)shutdown(socket, SHUT_WR);
}

int fl_socket_error(uv_os_sock_t socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    return 0;
  return uv_translate_sys_error(error);
}

void fl_socket_close(uv_os_sock_t socket) { (void)close(socket); }
