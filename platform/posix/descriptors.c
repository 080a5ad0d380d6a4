/* The kernel gives the lowest free number (POSIX), so a socket whose number
   lies in the reserve shows that all numbers below are taken. */
#include "platform/descriptors.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>

enum { RESERVE = 64 };

struct fl_descriptors fl_descriptors(void) {
  struct rlimit limit = {0};
  struct fl_descriptors descriptors;
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  descriptors.limit =
      limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
  int quarter = descriptors.limit / 4;
  descriptors.reserve =
      descriptors.limit - (quarter < RESERVE ? quarter : RESERVE);
  return descriptors;
}

bool fl_descriptors_reserved(const struct fl_descriptors *descriptors,
                             uv_os_sock_t socket) {
  return socket >= descriptors->reserve;
}

/* Closed by libuv's call: like its sockets', that close is unseen by the
   thread sanitizer, which else takes a number given out again for a race. */
bool fl_descriptors_free(const struct fl_descriptors *descriptors,
                         uv_os_sock_t socket, bool *any) {
  uv_fs_t request;
  int lowest = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  *any = lowest >= 0;
  if (lowest < 0)
    return false;
  (void)uv_fs_close(NULL, &request, lowest, NULL);
  uv_fs_req_cleanup(&request);
  return lowest < descriptors->reserve;
}
