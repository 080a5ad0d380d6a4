/* Messages to a loop from other threads. Order is kept. A message is
   embedded in what it carries, so sending one takes no memory and cannot
   fail. */
#ifndef FL_PLATFORM_MAILBOX_H
#define FL_PLATFORM_MAILBOX_H

#include <uv.h>

struct fl_message;

/* Takes a message on the receiving loop's thread; `owner` is the mailbox's.
   The message belongs to the receiver from then on. */
typedef void fl_message_fn(void *owner, struct fl_message *message);

struct fl_message {
  struct fl_message *next;
  fl_message_fn *deliver;
};

struct fl_mailbox {
  uv_async_t async;
  uv_mutex_t lock;
  struct fl_message *head; /* under lock */
  struct fl_message **tail;
  void *owner;
  void (*woken)(void *owner);
};

/* Opens a mailbox on a loop. `woken` is called on the loop's thread after
   every wake-up, messages or not, and may be NULL. Returns 0 or an error of
   libuv; then there is nothing to close. */
int fl_mailbox_open(struct fl_mailbox *mailbox, uv_loop_t *loop, void *owner,
                    void (*woken)(void *owner));

/* From any thread, while the mailbox is open. Requires: the message is in no
   mailbox, and its `deliver` is set. */
void fl_mailbox_post(struct fl_mailbox *mailbox, struct fl_message *message);

/* From any thread, while the mailbox is open: only calls `woken`. Several
   wake-ups may come as one. */
void fl_mailbox_wake(struct fl_mailbox *mailbox);

/* On the loop's thread (or when it does not run). Requires: nobody posts any
   more. Messages still in it are dropped. The loop must turn once more. */
void fl_mailbox_close(struct fl_mailbox *mailbox);

#endif
