/* Linux's look at a socket's send queue, tcp(7) under "Ioctls". */
#include "platform/socket.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

size_t fl_socket_unacked(uv_os_sock_t socket) {
  int size = 0;
  if (ioctl(socket, SIOCOUTQ, &size) != 0 || size < 0)
    return 0;
  return (size_t)size;
}
