/* The control socket of the running program. Who may connect is a matter of
   its permissions. A peer sends one line, "VERB ARGUMENT...", and gets one
   JSON object, then the end of the stream. Served on the main loop; peers are
   few, their lines short and their time limited, so that none can do harm by
   being slow. */
#ifndef FL_SERVICE_CHANNEL_H
#define FL_SERVICE_CHANNEL_H

#include "platform/format.h"
#include "platform/local.h"
#include "service/instance.h"

struct fl_channel;
struct fl_channel_peer;

enum {
  FL_CHANNEL_LINE = 1024, /* the longest request, its LF included */
  FL_CHANNEL_PEERS = 16,  /* served at once; others wait */
  FL_CHANNEL_WORDS = 8    /* of a request */
};

/* Opens the socket that the configuration names. Returns FL_STATUS_OK with
   *result; or another status, with what is wrong on standard error. Without a
   place for it ("auto") it has no peers, and the log says so. Either way
   *result is to be closed, and may be NULL. */
int fl_channel_open(struct fl_channel **result,
                    const struct fl_instance *instance);

/* The stop is complete: those that wait for it are told its exit status. The
   loop must turn until the handles are closed. NULL is fine. */
void fl_channel_close(struct fl_channel *channel, int status);

/* Requires: closed, and the loop has turned. NULL is fine. */
void fl_channel_free(struct fl_channel *channel);

/* ---- for verbs (service/verbs.h) ---- */

const struct fl_instance *
fl_channel_instance(const struct fl_channel_peer *peer);

/* Sends the answer, once: a JSON text, which this frees. NULL: memory was
   out. From the main thread, now or later. */
void fl_channel_reply(struct fl_channel_peer *peer, char *json);

/* Sends {"ok": true, "text": text}: one line for people, what is true now. */
FL_FORMAT(2, 3)
void fl_channel_done(struct fl_channel_peer *peer, const char *format, ...);

/* Sends {"error": text, "status": status}; an exit status of
   service/status.h. */
FL_FORMAT(3, 4)
void fl_channel_fail(struct fl_channel_peer *peer, int status,
                     const char *format, ...);

/* Answers when the stop is complete. */
void fl_channel_await_end(struct fl_channel_peer *peer);

#endif
