/* What the pages say. On the main thread. */
#ifndef FL_SERVICE_ADMIN_PAGE_H
#define FL_SERVICE_ADMIN_PAGE_H

#include "service/collect.h"

struct fl_admin_answer {
  unsigned status; /* of HTTP */
  char *text;      /* owned; NULL: memory was out */
  const char *type;
};

struct fl_admin_page {
  const char *path;
  bool health;   /* for balancers, too */
  unsigned what; /* FL_SNAPSHOT_* */
  /* Fills in the answer; upstream: the parameter of this name, or NULL. */
  void (*make)(struct fl_admin_answer *answer,
               const struct fl_instance *instance,
               const struct fl_collected *found, const char *upstream);
};

/* The page at a path, or NULL. From any thread. */
const struct fl_admin_page *fl_admin_page_find(const char *path,
                                               bool health_only);

#endif
