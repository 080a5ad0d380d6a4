/* What lines are written to: standard error, a file, the system's log. A file
   per system. */
#ifndef FL_SERVICE_LOG_FILE_H
#define FL_SERVICE_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct fl_log_file;

/* Whether the target takes every line: the Event Log, which is the system's log
   of Windows, takes errors and warnings and passes the others over. */
bool fl_log_file_takes_all(const char *target);

/* target: "stderr", "syslog", or a path, which is opened to be appended to
   and made with permissions 0640 where there is none. Returns NULL with an
   error of libuv in *error. */
struct fl_log_file *fl_log_file_open(const char *target, int *error);

/* Whether lines are to begin with "<N>", N the priority of syslog(3): the
   system's log is behind it. */
bool fl_log_file_prefixed(const struct fl_log_file *file);

/* Writes whole lines: as many bytes of them as can be taken without waiting.
   Returns how many bytes were taken, 0 when none can be now, or an error of
   libuv. */
long fl_log_file_write(struct fl_log_file *file, const char *lines,
                       size_t size);

/* Waits until something can be written, for at most so long. */
void fl_log_file_wait(const struct fl_log_file *file, int milliseconds);

/* Opens the path again, for it may have been renamed. Returns 0; or an error,
   what was open still in use. */
int fl_log_file_reopen(struct fl_log_file *file);

void fl_log_file_close(struct fl_log_file *file);

#endif
