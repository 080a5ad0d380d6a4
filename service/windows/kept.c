/* Nobody keeps a listening socket for a service of Windows: it closes with the
   process. */
#include "service/kept.h"

void fl_kept_open(const struct fl_hooks *hooks) { (void)hooks; }

bool fl_kept_take(const struct fl_addr *addr, bool ipv6_only,
                  uv_os_sock_t *socket) {
  (void)addr;
  (void)ipv6_only;
  (void)socket;
  return false;
}

void fl_kept_prune(void) {}

void fl_kept_keep(const struct fl_listeners *listeners,
                  const struct fl_config *config) {
  (void)listeners;
  (void)config;
}

void fl_kept_drop(const struct fl_listeners *listeners,
                  const struct fl_listeners *others) {
  (void)listeners;
  (void)others;
}

void fl_kept_close(void) {}
