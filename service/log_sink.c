#include "service/log_sink.h"

#include "platform/clock.h"
#include "platform/error.h"
#include "platform/paths.h"
#include "service/log_file.h"
#include "service/log_rotate.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* A lazy line waits so long for others; a target that takes nothing is asked
   again after so long; how long the end may wait for it. */
#define LAZY (50 * FL_MILLISECOND)
#define RETRY (20 * FL_MILLISECOND)
#define STOP FL_SECOND

struct fl_log_sink {
  struct fl_log_sink *next; /* does not change */
  char *target;
  char *path; /* absolute, of a file; NULL: it is none */
  bool lazy;
  bool prefixed;
  struct fl_log_file *file;
  uv_mutex_t mutex; /* of what follows */
  char *queue;
  size_t queued;
  uint64_t dropped; /* lines without room */
  /* The thread's own. */
  char *batch; /* what is being written */
  size_t begin;
  size_t end;
  bool torn;        /* the last line was cut off by a failure */
  bool works;       /* it took something since it last failed */
  bool stuck;       /* it took nothing when it was last asked */
  uint64_t no_room; /* lines, not told of yet */
  uint64_t failed;  /* lines that could not be written, since the last that
                       could */
  int failure;
  uint64_t full; /* the size at which to try to rename it next, after a
                    failure; 0: max_size */
};

static struct {
  _Atomic(struct fl_log_sink *) sinks;
  const struct fl_log_calls *calls;
  uv_thread_t thread;
  uv_mutex_t mutex; /* of what follows */
  uv_cond_t wake;
  uv_cond_t ended;
  bool urgent; /* a line waits */
  bool lazy;   /* a line waits that may wait for a moment more */
  bool reopen;
  bool stop;
  bool over; /* the thread has ended */
  atomic_bool running;
  _Atomic uint32_t max_size; /* 0: no limit */
  _Atomic uint32_t keep;
} writer;

static uint64_t lines_in(const char *bytes, size_t size) {
  uint64_t lines = 0;
  const char *end = bytes + size;
  while ((bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
    lines++;
    bytes++;
  }
  return lines;
}

/* ---- sinks ---- */

struct fl_log_sink *fl_log_sink_find(const char *target) {
  struct fl_log_sink *sink =
      atomic_load_explicit(&writer.sinks, memory_order_acquire);
  while (sink != NULL && strcmp(sink->target, target) != 0)
    sink = sink->next;
  return sink;
}

struct fl_log_sink *fl_log_sink_open(const char *target, bool lazy,
                                     int *error) {
  struct fl_log_sink *sink = fl_log_sink_find(target);
  *error = 0;
  if (sink != NULL)
    return sink;
  *error = UV_ENOMEM;
  sink = calloc(1, sizeof *sink);
  if (sink == NULL)
    return NULL;
  sink->target = strdup(target);
  sink->queue = malloc(FL_LOG_QUEUE);
  sink->batch = malloc(FL_LOG_QUEUE);
  sink->lazy = lazy;
  if (sink->target == NULL || sink->queue == NULL || sink->batch == NULL)
    goto failed;
  if (strcmp(target, "stderr") != 0 && strcmp(target, "syslog") != 0) {
    sink->path = fl_path_absolute(target);
    if (sink->path == NULL)
      goto failed;
  }
  sink->file = fl_log_file_open(target, error);
  if (sink->file == NULL)
    goto failed;
  *error = uv_mutex_init(&sink->mutex);
  if (*error != 0)
    goto failed;
  sink->prefixed = fl_log_file_prefixed(sink->file);
  sink->next = atomic_load_explicit(&writer.sinks, memory_order_relaxed);
  atomic_store_explicit(&writer.sinks, sink, memory_order_release);
  return sink;
failed:
  fl_log_file_close(sink->file);
  free(sink->batch);
  free(sink->queue);
  free(sink->path);
  free(sink->target);
  free(sink);
  return NULL;
}

bool fl_log_sink_prefixed(const struct fl_log_sink *sink) {
  return sink->prefixed;
}

/* ---- queues ---- */

static void wake(bool lazy) {
  uv_mutex_lock(&writer.mutex);
  if (lazy)
    writer.lazy = true;
  else
    writer.urgent = true;
  uv_cond_signal(&writer.wake);
  uv_mutex_unlock(&writer.mutex);
}

/* Where no thread writes: waits for a moment, then gives up. */
static void write_now(struct fl_log_sink *sink, const char *line, size_t size) {
  uv_mutex_lock(&sink->mutex);
  while (size > 0) {
    long taken = fl_log_file_write(sink->file, line, size);
    if (taken < 0 || (taken == 0 && sink->stuck))
      break;
    sink->stuck = taken == 0;
    if (sink->stuck)
      fl_log_file_wait(sink->file, (int)(STOP / FL_MILLISECOND));
    line += taken;
    size -= (size_t)taken;
  }
  uv_mutex_unlock(&sink->mutex);
}

void fl_log_sink_put(struct fl_log_sink *sink, const char *line, size_t size) {
  bool first;
  if (!atomic_load_explicit(&writer.running, memory_order_acquire)) {
    write_now(sink, line, size);
    return;
  }
  uv_mutex_lock(&sink->mutex);
  first = sink->queued == 0;
  if (size > FL_LOG_QUEUE - sink->queued) {
    sink->dropped++;
  } else {
    memcpy(sink->queue + sink->queued, line, size);
    sink->queued += size;
  }
  /* A queue that fills is not left to wait. */
  bool full = sink->lazy && sink->queued > FL_LOG_QUEUE / 2 &&
              sink->queued - size <= FL_LOG_QUEUE / 2;
  uv_mutex_unlock(&sink->mutex);
  if (first || full)
    wake(sink->lazy && !full);
}

/* ---- the thread ---- */

static void give_up(struct fl_log_sink *sink, int error) {
  sink->failed += lines_in(sink->batch + sink->begin, sink->end - sink->begin);
  sink->failure = error;
  sink->works = false;
  if (sink->begin > 0 && sink->batch[sink->begin - 1] != '\n')
    sink->torn = true;
  sink->begin = sink->end;
}

/* As fl_log_file_write, on a line of its own. */
static long write_some(struct fl_log_sink *sink) {
  if (sink->torn) {
    long taken = fl_log_file_write(sink->file, "\n", 1);
    if (taken <= 0)
      return taken;
    sink->torn = false;
  }
  return fl_log_file_write(sink->file, sink->batch + sink->begin,
                           sink->end - sink->begin);
}

/* Writes the batch as far as it goes. Returns whether it is done with. */
static bool write_batch(struct fl_log_sink *sink) {
  sink->stuck = false;
  while (sink->begin < sink->end) {
    long taken = write_some(sink);
    if (taken == 0) {
      sink->stuck = true;
      return false;
    }
    if (taken < 0) {
      give_up(sink, (int)taken);
    } else {
      sink->begin += (size_t)taken;
      sink->works = true;
    }
  }
  return true;
}

/* Takes the queue's lines as the next batch. Returns how many found no room
   there. */
static uint64_t take_queue(struct fl_log_sink *sink) {
  uv_mutex_lock(&sink->mutex);
  char *queue = sink->queue;
  uint64_t dropped = sink->dropped;
  sink->queue = sink->batch;
  sink->batch = queue;
  sink->begin = 0;
  sink->end = sink->queued;
  sink->queued = 0;
  sink->dropped = 0;
  uv_mutex_unlock(&sink->mutex);
  return dropped;
}

/* Says what was lost, once there is room again, and lines are taken. */
static void tell_losses(struct fl_log_sink *sink) {
  char text[FL_ERROR_TEXT];
  if (!sink->works)
    return;
  if (sink->no_room > 0)
    writer.calls->lost(sink->target, sink->no_room, NULL);
  if (sink->failed > 0)
    writer.calls->lost(sink->target, sink->failed,
                       fl_error_text(sink->failure, text));
  sink->no_room = 0;
  sink->failed = 0;
}

/* Begins a new file where this one is full. */
static void rotate(struct fl_log_sink *sink) {
  uint64_t max = atomic_load_explicit(&writer.max_size, memory_order_relaxed);
  uint32_t keep = atomic_load_explicit(&writer.keep, memory_order_relaxed);
  if (max == 0 || sink->path == NULL)
    return;
  uint64_t size = fl_log_rotate_size(sink->path);
  if (size < (sink->full > max ? sink->full : max))
    return;
  int error = fl_log_rotate(sink->path, keep);
  if (error == 0)
    error = fl_log_file_reopen(sink->file);
  sink->full = error == 0 ? 0 : size + max;
  if (error != 0)
    writer.calls->not_rotated(sink->target, error);
}

/* Takes what is queued and writes it. Returns whether nothing is left. */
static bool serve(struct fl_log_sink *sink) {
  for (;;) {
    bool wrote = sink->begin < sink->end;
    if (!write_batch(sink))
      return false;
    if (wrote)
      rotate(sink);
    sink->no_room += take_queue(sink);
    tell_losses(sink);
    if (sink->end == 0)
      return true;
  }
}

static bool serve_all(void) {
  bool done = true;
  struct fl_log_sink *sink =
      atomic_load_explicit(&writer.sinks, memory_order_acquire);
  for (; sink != NULL; sink = sink->next)
    done = serve(sink) && done;
  return done;
}

static void reopen_all(void) {
  struct fl_log_sink *sink =
      atomic_load_explicit(&writer.sinks, memory_order_acquire);
  for (; sink != NULL; sink = sink->next)
    writer.calls->reopened(sink->target, fl_log_file_reopen(sink->file));
}

/* What the thread is woken for. */
struct orders {
  bool reopen;
  bool stop;
};

/* Waits until there is something to do, at most until `due`. */
static struct orders await(fl_time due, bool retry) {
  uv_mutex_lock(&writer.mutex);
  while (!writer.urgent && !writer.reopen && !writer.stop) {
    fl_time now = fl_clock();
    fl_time until = due;
    if (retry && now + RETRY < until)
      until = now + RETRY;
    if (writer.lazy && now + LAZY < until)
      until = now + LAZY;
    bool lazy = writer.lazy;
    if (until <= now)
      break;
    bool late = uv_cond_timedwait(&writer.wake, &writer.mutex,
                                  (until - now) * 1000) != 0;
    if (late && (retry || lazy))
      break;
  }
  struct orders orders = {writer.reopen, writer.stop};
  writer.urgent = writer.lazy = writer.reopen = false;
  uv_mutex_unlock(&writer.mutex);
  return orders;
}

/* Once more, for what a target that takes nothing still may take. */
static void finish(void) {
  fl_time end = fl_clock() + STOP;
  while (!serve_all() && fl_clock() < end) {
    struct fl_log_sink *sink =
        atomic_load_explicit(&writer.sinks, memory_order_acquire);
    while (sink != NULL && !sink->stuck)
      sink = sink->next;
    if (sink != NULL)
      fl_log_file_wait(sink->file, (int)(RETRY / FL_MILLISECOND));
  }
}

static void on_thread(void *arg) {
  fl_time second = fl_clock() + FL_SECOND;
  bool done = true;
  (void)arg;
  for (;;) {
    struct orders orders = await(second, !done);
    if (fl_clock() >= second) {
      writer.calls->second();
      second = fl_clock() + FL_SECOND;
    }
    /* What was put before stands in the old file. */
    done = serve_all();
    if (orders.reopen)
      reopen_all();
    if (orders.stop)
      break;
  }
  finish();
  uv_mutex_lock(&writer.mutex);
  writer.over = true;
  uv_cond_signal(&writer.ended);
  uv_mutex_unlock(&writer.mutex);
}

int fl_log_sinks_start(const struct fl_log_calls *calls) {
  int error = uv_mutex_init(&writer.mutex);
  if (error != 0)
    return error;
  error = uv_cond_init(&writer.wake);
  if (error != 0)
    goto no_wake;
  error = uv_cond_init(&writer.ended);
  if (error != 0)
    goto no_ended;
  writer.calls = calls;
  writer.stop = writer.over = false;
  error = uv_thread_create(&writer.thread, on_thread, NULL);
  if (error != 0)
    goto no_thread;
  atomic_store_explicit(&writer.running, true, memory_order_release);
  return 0;
no_thread:
  uv_cond_destroy(&writer.ended);
no_ended:
  uv_cond_destroy(&writer.wake);
no_wake:
  uv_mutex_destroy(&writer.mutex);
  return error;
}

void fl_log_sinks_rotate(uint32_t max_size, uint32_t keep) {
  atomic_store_explicit(&writer.max_size, max_size, memory_order_relaxed);
  atomic_store_explicit(&writer.keep, keep, memory_order_relaxed);
}

void fl_log_sinks_reopen(void) {
  if (!atomic_load_explicit(&writer.running, memory_order_acquire))
    return;
  uv_mutex_lock(&writer.mutex);
  writer.reopen = true;
  uv_cond_signal(&writer.wake);
  uv_mutex_unlock(&writer.mutex);
}

void fl_log_sinks_stop(void) {
  fl_time end = fl_clock() + 2 * STOP;
  if (!atomic_exchange(&writer.running, false))
    return;
  uv_mutex_lock(&writer.mutex);
  writer.stop = true;
  uv_cond_signal(&writer.wake);
  while (!writer.over && fl_clock() < end)
    (void)uv_cond_timedwait(&writer.ended, &writer.mutex,
                            (end - fl_clock()) * 1000 + 1);
  bool over = writer.over;
  uv_mutex_unlock(&writer.mutex);
  /* A thread that the system keeps in a write is left behind. */
  if (over)
    (void)uv_thread_join(&writer.thread);
}
