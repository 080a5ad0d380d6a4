/* Lines on their way to where they are written. Whoever logs puts a line in
   a queue of bounded size; one thread of the process writes, so that neither
   a slow terminal nor a full disk holds up anything else. What finds no room,
   or cannot be written, is lost and counted. */
#ifndef FL_SERVICE_LOG_SINK_H
#define FL_SERVICE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fl_log_sink;

enum { FL_LOG_QUEUE = 512 * 1024 }; /* bytes that may wait, of each sink */

/* What the thread calls: `lost` once a target takes lines again after some
   were lost, why being NULL when they found no room, else the error that was
   met; `reopened` after each attempt to open a path again, which failed
   unless error is 0; `not_rotated` after a full file could not be renamed;
   `second` about once a second. All may put lines. */
struct fl_log_calls {
  void (*lost)(const char *target, uint64_t lines, const char *why);
  void (*reopened)(const char *target, int error);
  void (*not_rotated)(const char *target, int error);
  void (*second)(void);
};

/* The sink of a target (service/log_file.h), the same for equal targets. It
   stays until the process ends. `lazy`: lines may wait for a moment, so that
   many are written at once. Returns NULL with an error of libuv. Requires:
   one thread calls at a time. */
struct fl_log_sink *fl_log_sink_open(const char *target, bool lazy, int *error);

/* The sink of a target that is open, or NULL. From any thread. */
struct fl_log_sink *fl_log_sink_find(const char *target);

/* As fl_log_file_prefixed. */
bool fl_log_sink_prefixed(const struct fl_log_sink *sink);

/* Queues a line, its end included, at most 4096 bytes; never waits. While the
   thread does not run, the line is written at once. From any thread. */
void fl_log_sink_put(struct fl_log_sink *sink, const char *line, size_t size);

/* Starts the thread. calls outlive it. Returns 0 or an error of libuv. */
int fl_log_sinks_start(const struct fl_log_calls *calls);

/* Files of this size are full: they are renamed (service/log_rotate.h), `keep`
   of them kept, and new ones begun. 0: never. From any thread. */
void fl_log_sinks_rotate(uint32_t max_size, uint32_t keep);

/* Asks for every path to be opened again. Nothing that was put before or is
   put meanwhile is lost. From any thread. */
void fl_log_sinks_reopen(void);

/* Writes what waits, for a second at most, and ends the thread. Does nothing
   where it does not run. */
void fl_log_sinks_stop(void);

#endif
