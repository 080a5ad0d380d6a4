#include "platform/tcp_info.h"

#include "platform/windows/info.h"
#include "platform/windows/system_error.h"

#include <winsock2.h>

#include <mstcpip.h>

#ifndef SIO_TCP_INFO
#define SIO_TCP_INFO _WSAIORW(IOC_VENDOR, 39)
#endif

const char *fl_tcp_info_call(void) { return "SIO_TCP_INFO"; }

enum fl_tcp_told fl_tcp_info(uv_os_sock_t socket, struct fl_tcp_row *row,
                             int *error) {
  DWORD version = 0;
  DWORD size = 0;
  uint8_t bytes[FL_INFO_SIZE];
  if (WSAIoctl(socket, SIO_TCP_INFO, &version, sizeof version, bytes,
               sizeof bytes, &size, NULL, NULL) == 0)
    return fl_info_read(row, bytes, size) ? FL_TCP_TOLD : FL_TCP_NOT_NOW;
  switch (WSAGetLastError()) {
  case WSAEOPNOTSUPP:
  case WSAEINVAL: /* as older systems say of a code they do not know */
    *error = fl_system_error((unsigned long)WSAGetLastError());
    return FL_TCP_NEVER;
  default:
    return FL_TCP_NOT_NOW;
  }
}
