/* What decides over all workers whether another client may come in: how many
   each listener has, and how far the descriptors are used up. Who accepts
   asks here and pauses; who closes tells here, so that it goes on. */
#ifndef FL_PLATFORM_ADMISSION_H
#define FL_PLATFORM_ADMISSION_H

#include "core/guard.h"
#include "core/memory.h"
#include "core/occupancy.h"
#include "platform/mailbox.h"

struct fl_admission {
  struct fl_memory memory;        /* of all buffers */
  struct fl_occupancy *occupancy; /* by slot, FL_LISTENER_SLOTS */
  struct fl_guard **guards;       /* likewise; each is asked on one thread */
  atomic_uint over;   /* accepted sockets whose descriptor lies in the reserve
                         kept for upstreams and others */
  atomic_uint paused; /* acceptors that wait for something to be closed */
  struct fl_mailbox **mailboxes; /* of the workers that may have acceptors */
  uint32_t count;
};

/* An accepted socket of the listener with this slot was closed; `place` of its
   guard and `over` as they were when it came. From any thread. */
void fl_admission_left(struct fl_admission *admission, uint32_t slot,
                       uint32_t place, bool over);

/* A descriptor was closed: wakes acceptors that wait. From any thread. */
void fl_admission_freed(struct fl_admission *admission);

#endif
