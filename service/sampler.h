/* Asks the operating system about the sockets of listeners and servers, again
   and again: on a thread of libuv's, never on one that serves. What it finds is
   the main thread's. Where something is wrong the log says so, once for as
   long as it lasts. */
#ifndef FL_SERVICE_SAMPLER_H
#define FL_SERVICE_SAMPLER_H

#include "core/tcp_sample.h"

struct fl_instance;
struct fl_sampler;

/* Takes the first sample when the loop turns. Returns NULL when memory is
   out. */
struct fl_sampler *fl_sampler_open(const struct fl_instance *instance);

/* The last sample; NULL: there is none. Until the loop turns. NULL is fine,
   here and below. */
const struct fl_tcp_sample *fl_sampler_last(const struct fl_sampler *sampler);

/* Why there is none, for people; NULL: no reason. */
const char *fl_sampler_error(const struct fl_sampler *sampler);

/* Takes no more samples. Requires: the loop turns again, until all is done. */
void fl_sampler_close(struct fl_sampler *sampler);

/* Requires: closed, and the loop has turned since until all was done. */
void fl_sampler_free(struct fl_sampler *sampler);

#endif
