#include "platform/admission.h"

/* An acceptor first counts itself as paused and then looks once more whether
   there is room; who leaves first makes room and then looks whether somebody
   is paused. Both in sequentially consistent order, so one of them sees the
   other and no wake-up is lost. */
void fl_admission_left(struct fl_admission *admission, uint32_t slot,
                       uint32_t place, bool over) {
  /* First, for the guard may count on there being no more of its places
     taken than of the listener's. */
  fl_guard_leave(admission->guards[slot], place);
  if (over)
    atomic_fetch_sub(&admission->over, 1);
  fl_occupancy_leave(&admission->occupancy[slot]);
  fl_admission_freed(admission);
}

void fl_admission_freed(struct fl_admission *admission) {
  if (atomic_load(&admission->paused) == 0)
    return;
  for (uint32_t i = 0; i < admission->count; i++)
    fl_mailbox_wake(admission->mailboxes[i]);
}
