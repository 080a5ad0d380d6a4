/* The service control manager is told of the beginning and the end only, by
   those who begin and end; it reads no text and watches no loop. */
#include "service/notify.h"

void fl_notify_open(void) {}

bool fl_notify_reads(void) { return false; }

fl_time fl_notify_patience(void) { return 0; }

void fl_notify_ready(void) {}

void fl_notify_reloading(void) {}

void fl_notify_stopping(fl_time within) { (void)within; }

void fl_notify_status(const char *text) { (void)text; }

void fl_notify_alive(void) {}

void fl_notify_close(void) {}
