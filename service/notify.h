/* The service manager that started the process and watches over it. It is told
   how the process stands; where there is none, nothing happens. A file per
   system. All on the main thread. */
#ifndef FL_SERVICE_NOTIFY_H
#define FL_SERVICE_NOTIFY_H

#include "core/time.h"

#include <stdbool.h>

/* Finds out who it is. Before there are threads. */
void fl_notify_open(void);

/* Whether it wants to know more than the beginning and the end: the text of
   fl_notify_status. */
bool fl_notify_reads(void);

/* When it restarts a process that has not said fl_notify_alive for so
   long; 0: it does not watch. */
fl_time fl_notify_patience(void);

/* Every listener listens and is served; a reload has ended, in whichever
   way. */
void fl_notify_ready(void);

/* A reload begins. */
void fl_notify_reloading(void);

/* The stop begins, and may take so long. */
void fl_notify_stopping(fl_time within);

/* What the process is doing, in one line for people. */
void fl_notify_status(const char *text);

/* Every worker has turned since the last time. */
void fl_notify_alive(void);

void fl_notify_close(void);

#endif
