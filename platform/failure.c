#include "platform/failure.h"

#include <uv.h>

static enum fl_reason common(int error) {
  switch (error) {
  case UV_EHOSTUNREACH:
  case UV_ENETUNREACH:
  case UV_ENETDOWN:
  case UV_EHOSTDOWN:
    return FL_UNREACHABLE;
  case UV_EACCES:
  case UV_EPERM:
    return FL_NOT_PERMITTED;
  case UV_ENOMEM:
  case UV_ENOBUFS:
    return FL_OUT_OF_MEMORY;
  default:
    return FL_SOCKET_ERROR;
  }
}

enum fl_reason fl_failure_of_connection(int error) {
  switch (error) {
  case UV_EOF:
    return FL_PEER_CLOSED;
  case UV_ECONNRESET:
  case UV_ECONNABORTED:
  case UV_EPIPE:
    return FL_PEER_RESET;
  case UV_ETIMEDOUT:
    return FL_PEER_VANISHED;
  default:
    return common(error);
  }
}

enum fl_reason fl_failure_of_connect(int error) {
  switch (error) {
  case UV_ECONNREFUSED:
  case UV_ECONNRESET:
    return FL_CONNECT_REFUSED;
  case UV_ETIMEDOUT:
    return FL_CONNECT_TIMEOUT;
  case UV_EADDRNOTAVAIL:
  case UV_EADDRINUSE:
    return FL_NO_PORTS;
  case UV_EMFILE:
  case UV_ENFILE:
    return FL_NO_DESCRIPTORS;
  case UV_EAFNOSUPPORT: /* an IPv6 address where IPv6 is switched off */
    return FL_UNREACHABLE;
  default:
    return common(error);
  }
}
