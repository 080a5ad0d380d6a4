/* The part of the status that is the operating system's view of sockets. */
#ifndef FL_SERVICE_SOCKET_STATE_H
#define FL_SERVICE_SOCKET_STATE_H

#include "core/json_write.h"
#include "service/sampler.h"

/* Adds "sockets" and "findings" to the status: nothing before the first
   sample. */
void fl_socket_state_json(struct fl_json_writer *to,
                          const struct fl_sampler *sampler, fl_time now);

#endif
