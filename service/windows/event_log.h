/* The Event Log of Windows: events of the source Fairlead in the log
   Application. Their texts are a resource of the program (messages.mc). */
#ifndef FL_SERVICE_WINDOWS_EVENT_LOG_H
#define FL_SERVICE_WINDOWS_EVENT_LOG_H

#include "service/notice.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes one event. text: UTF-8, what the event's text has for %1; cut where it
   is longer than an event may be. level (FL_LOG_*) counts for FL_NOTICE_NONE
   only: FL_LOG_ERROR is an error, all else a warning. Returns false when the
   system takes none. From any thread. */
bool fl_event_log_notice(enum fl_notice kind, int level, const char *text);

/* The start, or the service, has ended with an exit status that is not 0. */
void fl_event_log_failed(bool started, int status);

/* The process is about to end by an exception of that code. Allocates
   nothing. */
void fl_event_log_crashed(unsigned long code, const void *address);

/* Registers the program that is running as the one whose resources have the
   texts, or removes that. Returns 0 or an error of Windows; removing what is
   not there is none. Requires: an administrator. */
unsigned long fl_event_log_register(void);
unsigned long fl_event_log_unregister(void);

#endif
