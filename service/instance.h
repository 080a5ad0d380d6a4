/* What the running gateway consists of, for those who ask about it or act on
   it. The main thread's. */
#ifndef FL_SERVICE_INSTANCE_H
#define FL_SERVICE_INSTANCE_H

#include "service/control.h"
#include "service/listeners.h"

struct fl_sampler;

struct fl_instance {
  const struct fl_config *config; /* of the start; what a reload may change is
                                     in control->reload->generation */
  const char *path;               /* of its file, for people */
  struct fl_listeners *listeners;
  struct fl_control *control;
  struct fl_worker **workers; /* all have started */
  uint32_t count;
  fl_time started;
  struct fl_sampler *sampler; /* NULL: none yet */
};

#endif
