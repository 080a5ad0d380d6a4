/* A place at which programs of the same machine reach this one: a Unix
   socket, on Windows a named pipe. The file behind this header is the
   system's own. */
#ifndef FL_PLATFORM_LOCAL_H
#define FL_PLATFORM_LOCAL_H

#include <stdbool.h>
#include <uv.h>

enum { FL_LOCAL_PATH = 512, FL_LOCAL_ERROR = 1024 };

/* Holds the place, so that nobody else takes it. */
struct fl_local {
  char path[FL_LOCAL_PATH];
  int lock; /* a descriptor; -1 */
  bool refused;
};

struct fl_local_setup {
  const char *path;
  const char *group; /* whose members may connect, too; NULL: only the user
                        that runs this (and root) */
  bool make_directory;
};

/* Binds `pipe`, which is initialised, to a path. What a process that is gone
   has left there is replaced. Returns true, and fl_local_close is due before
   the process ends; or false with what is wrong, for people, in error:
   "PATH ..." */
bool fl_local_bind(struct fl_local *local, uv_pipe_t *pipe,
                   const struct fl_local_setup *setup,
                   char error[FL_LOCAL_ERROR]);

/* A peer of such a place. Filled in but for the last two, which are this
   module's; outlives the connection. Where a stranger could have made the place
   before the program does, theirs is refused, unless it was `named` by the
   person who asks. */
struct fl_local_client {
  const char *path;
  unsigned timeout_ms; /* at most, to wait for a turn; 0: as long as usual */
  bool named;
  uv_connect_t request;
  char error[FL_LOCAL_ERROR]; /* what is wrong, for people, where the error does
                                 not say it; "" */
};

/* Connects `pipe`, which is initialised. `connected` is called with
   client->request and 0 or an error of libuv, perhaps before this returns. */
void fl_local_connect(struct fl_local_client *client, uv_pipe_t *pipe,
                      uv_connect_cb connected);

/* After a fl_local_bind that failed: whether there is a place, but a running
   process has it, or its permissions cannot be as they were asked for. */
bool fl_local_refused(const struct fl_local *local);

/* Who else than the user that runs it may connect, for people: "be ..." */
const char *fl_local_users(void);

/* Writes the last words to a peer, at once as far as they can be, and keeps
   the connection open until the process has ended, so that the peer sees when
   that is. Its handle may be closed. */
void fl_local_last(uv_pipe_t *pipe, const char *text, size_t size);

/* Gives the place up, if there is one: `lock` is not -1. */
void fl_local_close(struct fl_local *local);

/* The nth path at which a place of this name (no separators in it) is looked
   for, the one where this user makes it first. Returns false when there is no
   nth. */
bool fl_local_place(unsigned n, const char *name, char path[FL_LOCAL_PATH]);

/* The file's full name, so that every way to write it gives one text. Returns
   false when there is no such file. */
bool fl_local_full_name(const char *file, char path[FL_LOCAL_PATH]);

#endif
