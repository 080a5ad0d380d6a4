#include "platform/tcp_info.h"

const char *fl_tcp_info_call(void) { return NULL; }

enum fl_tcp_told fl_tcp_info(uv_os_sock_t socket, struct fl_tcp_row *row,
                             int *error) {
  (void)socket;
  (void)row;
  *error = UV_ENOTSUP;
  return FL_TCP_NEVER;
}
