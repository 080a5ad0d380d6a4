#include "platform/socket.h"

#include <sys/socket.h>
#include <unistd.h>

void fl_socket_shutdown(uv_os_sock_t socket) {
  (void)shutdown(socket, SHUT_WR);
}

void fl_socket_close(uv_os_sock_t socket) { (void)close(socket); }
