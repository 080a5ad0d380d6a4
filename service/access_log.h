/* The access logs of listeners. */
#ifndef FL_SERVICE_ACCESS_LOG_H
#define FL_SERVICE_ACCESS_LOG_H

#include "core/config.h"
#include "core/event.h"

/* Opens the targets of all listeners. Returns false, with the listener's index
   and an error of libuv, when one cannot be opened; with 0 for standard error
   after the process was detached from it. Requires: one thread at a
   time; before events of the configuration's listeners come. */
bool fl_access_log_open(const struct fl_config *config, bool detached,
                        uint32_t *listener, int *error);

/* Writes the line of an event, where its listener wants one. From any
   thread. */
void fl_access_log_event(const struct fl_event *event);

#endif
