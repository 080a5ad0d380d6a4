#include "platform/mailbox.h"

#include <stddef.h>

/* Delivers all that is there. The messages are taken out in one piece, so
   the lock is never held while one is being delivered. */
static void on_async(uv_async_t *async) {
  struct fl_mailbox *mailbox = async->data;
  uv_mutex_lock(&mailbox->lock);
  struct fl_message *message = mailbox->head;
  mailbox->head = NULL;
  mailbox->tail = &mailbox->head;
  uv_mutex_unlock(&mailbox->lock);
  while (message != NULL) {
    struct fl_message *next = message->next;
    message->deliver(mailbox->owner, message);
    message = next;
  }
  if (mailbox->woken != NULL)
    mailbox->woken(mailbox->owner);
}

int fl_mailbox_open(struct fl_mailbox *mailbox, uv_loop_t *loop, void *owner,
                    void (*woken)(void *owner)) {
  int error = uv_mutex_init(&mailbox->lock);
  if (error != 0)
    return error;
  mailbox->head = NULL;
  mailbox->tail = &mailbox->head;
  mailbox->owner = owner;
  mailbox->woken = woken;
  error = uv_async_init(loop, &mailbox->async, on_async);
  if (error != 0)
    uv_mutex_destroy(&mailbox->lock);
  mailbox->async.data = mailbox;
  return error;
}

void fl_mailbox_post(struct fl_mailbox *mailbox, struct fl_message *message) {
  message->next = NULL;
  uv_mutex_lock(&mailbox->lock);
  *mailbox->tail = message;
  mailbox->tail = &message->next;
  uv_mutex_unlock(&mailbox->lock);
  (void)uv_async_send(&mailbox->async);
}

void fl_mailbox_wake(struct fl_mailbox *mailbox) {
  (void)uv_async_send(&mailbox->async);
}

void fl_mailbox_close(struct fl_mailbox *mailbox) {
  uv_mutex_destroy(&mailbox->lock);
  uv_close((uv_handle_t *)&mailbox->async, NULL);
}
