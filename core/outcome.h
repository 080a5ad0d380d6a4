/* How requests on one pooled connection end: with the reply that is paired
   with them, with an error, or by going back to their clients. Each has one
   outcome, and a client gets its outcomes in the order of its requests. */
#ifndef FL_CORE_OUTCOME_H
#define FL_CORE_OUTCOME_H

#include "core/pool.h"

/* By id and by key a request that timed out is remembered until its reply
   comes; so many are at most. */
enum { FL_OUTCOME_EXPIRED_MAX = 64 };

/* Pairs the replies in bytes with the requests. Frames that begin while no
   reply is under way or may be late answer none. Returns how many bytes are
   done with, and in *broken FL_OK or why the connection must be retired. */
size_t fl_outcome_decode(struct fl_pooled *pooled, struct fl_slice bytes,
                         enum fl_reason *broken, fl_time now);

/* Drops the frame and returns true when it is the late reply of a request that
   timed out. */
bool fl_outcome_drop_late(struct fl_pooled *pooled, struct fl_slice frame,
                          fl_time now);

/* Whether a frame is to be passed over: it is in `ignore`, or began while no
   reply was expected and is dropped for that. */
bool fl_outcome_pass_over(struct fl_pooled *pooled, struct fl_slice frame);

/* The kernel may have taken more output: requests have started, and those that
   get no reply are done. */
void fl_outcome_taken(struct fl_pooled *pooled, fl_time now);

/* A request is due. Returns false when that ends the connection; else only
   this request got its error. */
bool fl_outcome_expire(struct fl_pooled *pooled, struct fl_exchange *exchange,
                       fl_time now);

/* The connection is retired: requests that were not begun, or may be sent
   again, go back, replies that were kept are delivered, all others get an
   error. */
void fl_outcome_retired(struct fl_pooled *pooled, enum fl_reason reason,
                        fl_time now);

/* A client left: replies to its requests are dropped. Its `outstanding` and
   `bound` are its own to clear. */
void fl_outcome_forget(struct fl_pooled *pooled, const struct fl_client *client,
                       fl_time now);

#endif
