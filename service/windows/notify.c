/* The service control manager reads no text and watches no loop. */
#include "service/notify.h"

#include "service/windows/supervisor.h"

void fl_notify_open(void) {}

bool fl_notify_reads(void) { return false; }

fl_time fl_notify_patience(void) { return 0; }

void fl_notify_ready(void) { fl_service_running(); }

void fl_notify_reloading(void) {}

void fl_notify_stopping(fl_time within) {
  (void)within; /* it sees that the stop goes on */
  fl_service_stopping();
}

void fl_notify_status(const char *text) { (void)text; }

void fl_notify_alive(void) {}

void fl_notify_close(void) {}
