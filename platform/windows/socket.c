#include "platform/socket.h"
#include "platform/sockopt.h"
#include "platform/windows/system_error.h"

#include <winsock2.h>

void fl_socket_shutdown(uv_os_sock_t socket) {
  (void)shutdown(socket, SD_SEND);
}

/* Windows does not say. */
size_t fl_socket_unacked(uv_os_sock_t socket) {
  (void)socket;
  return 0;
}

/* A send that is not overlapped is taken whole as soon as there is any room in
   the send buffer, however long it is, and copied; one that is overlapped and
   finds none has all of its pages locked until it is done ("High-performance
   Windows Sockets applications", Winsock documentation). So a peer that reads
   slowly would hold far more of the kernel's memory than the buffer's size. */
size_t fl_socket_write_max(void) { return 65536; }

int fl_socket_error(uv_os_sock_t socket) {
  int error = 0;
  int size = sizeof error;
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, (char *)&error, &size) != 0 ||
      error == 0)
    return 0;
  return fl_system_error((unsigned long)error);
}

void fl_socket_close(uv_os_sock_t socket) { (void)closesocket(socket); }

void fl_socket_reset(uv_os_sock_t socket) {
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  (void)setsockopt(socket, SOL_SOCKET, SO_LINGER, (const char *)&reset,
                   sizeof reset);
  (void)closesocket(socket);
}

int fl_sockopt_set(uv_os_sock_t socket, const struct fl_sockopt *option) {
  if (setsockopt(socket, option->level, option->option,
                 (const char *)&option->value, sizeof option->value) == 0)
    return 0;
  return fl_system_error((unsigned long)WSAGetLastError());
}
