/* What fairlead itself says on a pool connection and what it expects of the
   server: the sign-on, and requests of its own. No request of a client is on
   the connection meanwhile, so nobody loses a reply by what comes of it. */
#ifndef FL_CORE_ERRAND_H
#define FL_CORE_ERRAND_H

#include "core/payload.h"
#include "core/reason.h"
#include "core/time.h"

struct fl_pooled;
struct fl_upstream_config;

struct fl_errand {
  const struct fl_payload *expect; /* of the next frame; NULL: none awaited */
  uint32_t step;    /* of on_connect, the next or the one under way */
  uint64_t sent_to; /* the end of what was sent, in the connection's output */
  bool by_id;       /* what was sent has an id, and so must the frame have */
  uint64_t id;      /* on the connection */
  uint64_t file_id; /* in config.json */
  fl_time due;
};

/* Goes on with on_connect: sends what is to be sent now (nothing before
   pooled->quiet_until), up to the next frame to await. Returns FL_OK, or why
   the connection must be retired; *done says whether on_connect has ended. */
enum fl_reason fl_errand_sign_on(struct fl_pooled *pooled, bool *done,
                                 fl_time now);

/* Sends a request whose reply is awaited until `due`. Requires: nothing is
   under way on the connection. Returns false when memory is out. */
bool fl_errand_ask(struct fl_pooled *pooled, const struct fl_payload *send,
                   const struct fl_payload *expect, fl_time due);

/* Sends what has no answer. Returns false when memory is out. */
bool fl_errand_say(struct fl_pooled *pooled, const struct fl_payload *send);

/* The upstream has another configuration than it had, with the same on_connect
   and keepalive_request. The answer to another health.send may be any. */
void fl_errand_adjust(struct fl_pooled *pooled,
                      const struct fl_upstream_config *was);

/* Takes the frame that is awaited off bytes; then errand.expect is NULL. Before
   it the late reply of a client's request may come, by id, which is dropped.
   Returns the frame's size, 0 when it is not complete yet; *broken is FL_OK, or
   FL_BAD_ANSWER: the server said what it should not. */
size_t fl_errand_take(struct fl_pooled *pooled, struct fl_slice bytes,
                      enum fl_reason *broken, fl_time now);

#endif
