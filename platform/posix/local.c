/* A socket outlives its process as a file. So that two starting at once do
   not take each other's for a leftover, who serves at PATH holds a lock on
   PATH.lock (flock(2)), which the kernel drops with the process. */
#include "platform/local.h"

#include "platform/format.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { OWNER_ONLY = 0600, OWNER_AND_GROUP = 0660, RETRIES = 10 };

FL_FORMAT(2, 3)
static bool fail(char error[FL_LOCAL_ERROR], const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error, FL_LOCAL_ERROR, format, arguments);
  va_end(arguments);
  return false;
}

static const char *reason(int number) { return uv_strerror(-number); }

/* ---- what to do where this user may not write ---- */

enum { USER_TEXT = 64 };

static const char *user_text(uid_t id, char text[USER_TEXT]) {
  struct passwd entry;
  struct passwd *found = NULL;
  char room[4096];
  if (getpwuid_r(id, &entry, room, sizeof room, &found) == 0 && found != NULL)
    snprintf(text, USER_TEXT, "%s", entry.pw_name);
  else
    snprintf(text, USER_TEXT, "user %lu", (unsigned long)id);
  return text;
}

/* Cuts the last part off. Returns false when no directory is named. */
static bool directory_of(const char *path, char directory[FL_LOCAL_PATH]) {
  snprintf(directory, FL_LOCAL_PATH, "%s", path);
  char *slash = strrchr(directory, '/');
  if (slash == NULL || slash == directory)
    return false;
  *slash = '\0';
  return true;
}

/* Adds whose the directory of a path is, and what to do, to the error. */
static bool advise(const char *path, char error[FL_LOCAL_ERROR]) {
  char directory[FL_LOCAL_PATH];
  char owner[USER_TEXT];
  char user[USER_TEXT];
  struct stat found;
  size_t size = strlen(error);
  if (!directory_of(path, directory))
    snprintf(directory, sizeof directory, path[0] == '/' ? "/" : ".");
  user_text(geteuid(), user);
  if (stat(directory, &found) != 0)
    snprintf(error + size, FL_LOCAL_ERROR - size,
             "; make the directory for the user that serves (as root: install "
             "-d -o %s %s), or set control.path to a path that %s may write",
             user, directory, user);
  else if (found.st_uid == geteuid())
    snprintf(error + size, FL_LOCAL_ERROR - size,
             "; let %s, whose it is, write to %s, or set control.path", user,
             directory);
  else
    snprintf(error + size, FL_LOCAL_ERROR - size,
             "; %s belongs to %s, and this runs as %s: give it to the user "
             "that serves (as root: chown %s %s), run it as its owner, or set "
             "control.path to a path that %s may write",
             directory, user_text(found.st_uid, owner), user, user, directory,
             user);
  return false;
}

/* Only the last part: /run itself is the system's. */
static bool make_directory(const char *path, char error[FL_LOCAL_ERROR]) {
  char directory[FL_LOCAL_PATH];
  if (!directory_of(path, directory))
    return true;
  /* Others may look in, for a socket may be open to a group. */
  if (mkdir(directory, 0755) == 0 || errno == EEXIST)
    return true;
  (void)fail(error, "the directory of %s cannot be made: %s", path,
             reason(errno));
  return advise(path, error);
}

/* Whether `fd` is what the name means now: the one before may have removed it
   between our open and our lock. */
static bool still_there(int fd, const char *path) {
  struct stat open;
  struct stat named;
  return fstat(fd, &open) == 0 && stat(path, &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

static bool lock(struct fl_local *local, char error[FL_LOCAL_ERROR]) {
  char path[FL_LOCAL_PATH + 8];
  snprintf(path, sizeof path, "%s.lock", local->path);
  for (int i = 0; i < RETRIES; i++) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, OWNER_ONLY);
    if (fd < 0) {
      (void)fail(error, "%s cannot be opened: %s", path, reason(errno));
      return advise(local->path, error);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      int number = errno;
      (void)close(fd);
      local->refused = number == EWOULDBLOCK;
      return number == EWOULDBLOCK
                 ? fail(error,
                        "%s: another fairlead that runs is controlled there; "
                        "stop it, or set control.path",
                        local->path)
                 : fail(error, "%s cannot be locked: %s", path, reason(number));
    }
    if (still_there(fd, path)) {
      local->lock = fd;
      return true;
    }
    (void)close(fd);
  }
  return fail(error, "%s cannot be locked: it keeps changing", path);
}

static bool group_id(const char *name, gid_t *id) {
  struct group group;
  struct group *found = NULL;
  char scratch[4096];
  if (getgrnam_r(name, &group, scratch, sizeof scratch, &found) != 0 ||
      found == NULL)
    return false;
  *id = group.gr_gid;
  return true;
}

/* Nobody can connect before it listens, which is later. */
static bool permit(const struct fl_local_setup *setup,
                   char error[FL_LOCAL_ERROR]) {
  gid_t group = (gid_t)-1;
  if (setup->group != NULL && !group_id(setup->group, &group))
    return fail(error, "control.group: there is no group \"%.64s\"",
                setup->group);
  if (setup->group != NULL && chown(setup->path, (uid_t)-1, group) != 0)
    return fail(error, "control.group: %s cannot be given to group %.64s: %s",
                setup->path, setup->group, reason(errno));
  if (chmod(setup->path, setup->group != NULL ? OWNER_AND_GROUP : OWNER_ONLY) !=
      0)
    return fail(error, "%s: its permissions cannot be set: %s", setup->path,
                reason(errno));
  return true;
}

/* Removes a socket that was left there; nothing else. */
static bool clear(const char *path, char error[FL_LOCAL_ERROR]) {
  struct stat found;
  if (lstat(path, &found) != 0)
    return errno == ENOENT ||
           fail(error, "%s cannot be looked at: %s", path, reason(errno));
  if (!S_ISSOCK(found.st_mode))
    return fail(error,
                "%s exists and is no socket; remove it, or set "
                "control.path",
                path);
  return unlink(path) == 0 ||
         fail(error, "%s cannot be replaced: %s", path, reason(errno));
}

bool fl_local_bind(struct fl_local *local, uv_pipe_t *pipe,
                   const struct fl_local_setup *setup,
                   char error[FL_LOCAL_ERROR]) {
  const size_t most = sizeof((struct sockaddr_un *)0)->sun_path - 1;
  *local = (struct fl_local){.lock = -1};
  if (strlen(setup->path) > most)
    return fail(error, "%s is too long for a socket: at most %zu bytes",
                setup->path, most);
  snprintf(local->path, sizeof local->path, "%s", setup->path);
  if (setup->make_directory && !make_directory(setup->path, error))
    return false;
  if (!lock(local, error))
    return false;
  if (!clear(setup->path, error)) {
    local->path[0] = '\0'; /* not ours to remove */
    fl_local_close(local);
    return false;
  }
  int failed = uv_pipe_bind(pipe, setup->path);
  if (failed != 0)
    (void)fail(error, "%s cannot be opened: %s", setup->path,
               uv_strerror(failed));
  local->refused = failed == 0;
  if (failed == 0 && permit(setup, error)) {
    local->refused = false;
    return true;
  }
  fl_local_close(local);
  return false;
}

/* The directory's permissions say who may serve there. */
void fl_local_connect(struct fl_local_client *client, uv_pipe_t *pipe,
                      uv_connect_cb connected) {
  client->error[0] = '\0';
  uv_pipe_connect(&client->request, pipe, client->path, connected);
}

bool fl_local_refused(const struct fl_local *local) { return local->refused; }

const char *fl_local_users(void) {
  return "root, the user that runs it, or a member of control.group";
}

void fl_local_last(uv_pipe_t *pipe, const char *text, size_t size) {
  uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)text, (unsigned)size);
  uv_os_fd_t fd;
  (void)uv_try_write((uv_stream_t *)pipe, &buffer, 1);
  if (uv_fileno((uv_handle_t *)pipe, &fd) == 0)
    (void)fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

void fl_local_close(struct fl_local *local) {
  char lock[FL_LOCAL_PATH + 8];
  if (local->lock < 0)
    return;
  if (local->path[0] != '\0') {
    snprintf(lock, sizeof lock, "%s.lock", local->path);
    (void)unlink(local->path);
    (void)unlink(lock);
  }
  (void)close(local->lock);
  *local = (struct fl_local){.lock = -1, .refused = local->refused};
}

/* The absolute path in a variable; false when there is none. */
static bool directory_in(const char *variable, char path[FL_LOCAL_PATH]) {
  size_t size = FL_LOCAL_PATH;
  return uv_os_getenv(variable, path, &size) == 0 && path[0] == '/';
}

/* systemd names the directory that it made for a service
   (RuntimeDirectory=). */
bool fl_local_place(unsigned n, const char *name, char path[FL_LOCAL_PATH]) {
  char found[FL_LOCAL_PATH];
  int size;
  if (directory_in("RUNTIME_DIRECTORY", found) && n-- == 0)
    size = snprintf(path, FL_LOCAL_PATH, "%s/%s.sock", found, name);
  else if (geteuid() != 0 && directory_in("XDG_RUNTIME_DIR", found) && n-- == 0)
    size = snprintf(path, FL_LOCAL_PATH, "%s/fairlead/%s.sock", found, name);
  else if (n == 0)
    size = snprintf(path, FL_LOCAL_PATH, "/run/fairlead/%s.sock", name);
  else
    return false;
  return size > 0 && size < FL_LOCAL_PATH;
}

bool fl_local_full_name(const char *file, char path[FL_LOCAL_PATH]) {
  char *full = realpath(file, NULL);
  if (full == NULL)
    return false;
  bool fits = strlen(full) < FL_LOCAL_PATH;
  if (fits)
    snprintf(path, FL_LOCAL_PATH, "%s", full);
  free(full);
  return fits;
}
