/* Windows has no limit on the sockets of a process but its memory. */
#include "platform/descriptors.h"

#include <limits.h>

struct fl_descriptors fl_descriptors(void) {
  return (struct fl_descriptors){.limit = INT_MAX, .reserve = INT_MAX};
}

bool fl_descriptors_reserved(const struct fl_descriptors *descriptors,
                             uv_os_sock_t socket) {
  (void)descriptors;
  (void)socket;
  return false;
}

bool fl_descriptors_free(const struct fl_descriptors *descriptors,
                         uv_os_sock_t socket, bool *any) {
  (void)descriptors;
  (void)socket;
  *any = true;
  return true;
}
