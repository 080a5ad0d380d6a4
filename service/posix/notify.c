/* systemd, and what speaks as it does: sd_notify(3). */
#include "service/notify.h"

#include "platform/clock.h"
#include "service/posix/notify_socket.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Texts are for one line of `systemctl status`. */
enum { LINE = 1024 };

static fl_time patience;

/* A number of a variable of the environment; 0 for none. */
static uint64_t number_in(const char *variable) {
  char *text = fl_notify_variable(variable);
  char *end = NULL;
  uint64_t value = text == NULL ? 0 : strtoull(text, &end, 10);
  bool whole = end != NULL && *end == '\0';
  free(text);
  return whole ? value : 0;
}

/* sd_watchdog_enabled(3). */
static void find_patience(void) {
  uint64_t pid = number_in("WATCHDOG_PID");
  uint64_t found = number_in("WATCHDOG_USEC");
  if (fl_notify_socket_is_open() && (pid == 0 || pid == (uint64_t)getpid()))
    patience = found;
}

void fl_notify_open(void) {
  fl_notify_socket_open();
  find_patience();
}

bool fl_notify_reads(void) { return fl_notify_socket_is_open(); }

fl_time fl_notify_patience(void) { return patience; }

void fl_notify_ready(void) { (void)fl_notify_socket_send("READY=1", -1); }

void fl_notify_reloading(void) {
  char text[LINE];
  (void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                 fl_clock());
  (void)fl_notify_socket_send(text, -1);
}

void fl_notify_stopping(fl_time within) {
  char text[LINE];
  (void)snprintf(text, sizeof text, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64,
                 within);
  (void)fl_notify_socket_send(text, -1);
}

void fl_notify_status(const char *text) {
  char line[LINE];
  (void)snprintf(line, sizeof line, "STATUS=%s", text);
  (void)fl_notify_socket_send(line, -1);
}

void fl_notify_alive(void) {
  if (patience != 0)
    (void)fl_notify_socket_send("WATCHDOG=1", -1);
}

void fl_notify_close(void) { fl_notify_socket_close(); }
