#include "service/daemon.h"

#include "platform/format.h"
#include "platform/paths.h"
#include "service/status.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

enum { GROUPS_MAX = 256, NAME_MAX_SIZE = 64, ROOM = 16384 };

static struct {
  const struct fl_daemon_options *options;
  int report;    /* to the process that was started; -1: none waits */
  int pidfile;   /* -1: none */
  char *pidpath; /* absolute */
  bool becomes;  /* another user */
  uid_t uid;
  gid_t gid;
  gid_t groups[GROUPS_MAX]; /* those to go back to */
  int group_count;
} state = {.report = -1, .pidfile = -1};

FL_FORMAT(1, 2)
static bool complain(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  (void)fputs("fairlead: ", stderr);
  (void)vfprintf(stderr, format, arguments);
  (void)fputc('\n', stderr);
  va_end(arguments);
  return false;
}

static const char *words(int error) { return uv_strerror(-error); }

/* ---- the user ---- */

static bool find_user(const char *name, int *status) {
  char room[ROOM];
  struct passwd entry;
  struct passwd *found = NULL;
  int error = getpwnam_r(name, &entry, room, sizeof room, &found);
  *status = FL_STATUS_USAGE;
  if (found == NULL)
    return complain("--user %s: %s", name,
                    error == 0 ? "there is no such user" : words(error));
  state.uid = found->pw_uid;
  state.gid = found->pw_gid;
  state.becomes = geteuid() != found->pw_uid || getuid() != found->pw_uid;
  *status = FL_STATUS_SYSTEM;
  if (state.becomes && geteuid() != 0)
    return complain("--user %s: only root can become another user; start it "
                    "as root, or as %s and without --user",
                    name, name);
  return true;
}

bool fl_daemon_act_as_user(void) {
  if (!state.becomes)
    return true;
  state.group_count = getgroups(GROUPS_MAX, state.groups);
  if (state.group_count >= 0 &&
      initgroups(state.options->user, state.gid) == 0 &&
      setegid(state.gid) == 0 && seteuid(state.uid) == 0)
    return true;
  return complain("--user %s: %s", state.options->user, words(errno));
}

bool fl_daemon_act_back(void) {
  if (!state.becomes)
    return true;
  if (seteuid(0) == 0 && setegid(getgid()) == 0 &&
      setgroups((size_t)state.group_count, state.groups) == 0)
    return true;
  return complain("--user %s: %s", state.options->user, words(errno));
}

/* Whether every one of the process's identities is the user's. */
static bool is_settled(void) {
  uid_t uids[3];
  gid_t gids[3];
  if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 ||
      getresgid(&gids[0], &gids[1], &gids[2]) != 0)
    return false;
  for (int i = 0; i < 3; i++)
    if (uids[i] != state.uid || gids[i] != state.gid)
      return false;
  return state.uid == 0 || (setuid(0) != 0 && seteuid(0) != 0);
}

bool fl_daemon_drop_privileges(void) {
  if (!state.becomes)
    return true;
  if (initgroups(state.options->user, state.gid) != 0 ||
      setgid(state.gid) != 0 || setuid(state.uid) != 0)
    return complain("--user %s: %s", state.options->user, words(errno));
  if (!is_settled())
    return complain("--user %s: the process could go back to being root",
                    state.options->user);
  state.becomes = false;
  return true;
}

/* ---- the pidfile ---- */

/* Whether the file that is open is the one at the path: another process may
   have removed it between open and lock. */
static bool is_at_path(void) {
  struct stat here;
  struct stat there;
  return fstat(state.pidfile, &here) == 0 && stat(state.pidpath, &there) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static bool is_running(void) {
  char text[32] = "";
  ssize_t size = read(state.pidfile, text, sizeof text - 1);
  if (size < 0)
    size = 0;
  text[size] = '\0';
  text[strspn(text, "0123456789")] = '\0';
  return complain("%s: already running%s%s; stop that process first, or "
                  "choose another --pidfile",
                  state.options->pidfile, text[0] == '\0' ? "" : " as process ",
                  text);
}

/* Opens and locks it. flock(2), for the lock stays with what is open over a
   fork and ends with the process, however that ends. */
static bool lock_pidfile(int *status) {
  const char *path = state.options->pidfile;
  *status = FL_STATUS_CONFIG;
  do {
    if (state.pidfile >= 0)
      (void)close(state.pidfile);
    state.pidfile =
        open(state.pidpath,
             O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644);
    if (state.pidfile < 0)
      return complain("%s: %s; choose a --pidfile that can be written", path,
                      words(errno));
    if (flock(state.pidfile, LOCK_EX | LOCK_NB) != 0)
      return errno == EWOULDBLOCK ? is_running()
                                  : complain("%s: %s", path, words(errno));
  } while (!is_at_path());
  return true;
}

static bool write_pidfile(int *status) {
  char text[32];
  int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
  *status = FL_STATUS_SYSTEM;
  if (ftruncate(state.pidfile, 0) == 0 &&
      write(state.pidfile, text, (size_t)size) == size)
    return true;
  return complain("%s: %s", state.options->pidfile, words(errno));
}

static bool take_pidfile(int *status) {
  *status = FL_STATUS_SYSTEM;
  state.pidpath = fl_path_absolute(state.options->pidfile);
  if (state.pidpath == NULL)
    return complain("out of memory");
  bool locked = lock_pidfile(status);
  if (locked && write_pidfile(status))
    return true;
  if (!locked && state.pidfile >= 0) { /* it is another's */
    (void)close(state.pidfile);
    state.pidfile = -1;
  }
  return false;
}

/* The user it became may not change the directory: then the file is left
   behind, empty. */
static void drop_pidfile(void) {
  if (state.pidfile >= 0) {
    if (unlink(state.pidpath) != 0)
      (void)!ftruncate(state.pidfile, 0);
    (void)close(state.pidfile);
  }
  state.pidfile = -1;
  free(state.pidpath);
  state.pidpath = NULL;
}

/* ---- the background ---- */

/* In the process that was started. */
_Noreturn static void await(int report, pid_t child) {
  unsigned char status = FL_STATUS_SYSTEM;
  ssize_t size;
  (void)waitpid(child, NULL, 0);
  do
    size = read(report, &status, 1);
  while (size < 0 && errno == EINTR);
  if (size != 1)
    (void)complain("the process in the background ended before it served");
  _exit(status);
}

/* daemon(7). The second fork leaves a process that leads no session, and so
   never gets a terminal. */
static bool detach(int *status) {
  int ends[2];
  *status = FL_STATUS_SYSTEM;
  if (pipe2(ends, O_CLOEXEC) != 0)
    return complain("--daemon: %s", words(errno));
  pid_t child = fork();
  if (child < 0)
    return complain("--daemon: %s", words(errno));
  if (child > 0) {
    (void)close(ends[1]);
    await(ends[0], child);
  }
  (void)close(ends[0]);
  state.report = ends[1];
  if (setsid() < 0)
    return complain("--daemon: %s", words(errno));
  child = fork();
  if (child > 0)
    _exit(FL_STATUS_OK);
  return child == 0 || complain("--daemon: %s", words(errno));
}

static void report(int status) {
  unsigned char byte = (unsigned char)status;
  if (state.report < 0)
    return;
  (void)!write(state.report, &byte, 1);
  (void)close(state.report);
  state.report = -1;
}

bool fl_daemon_begin(const struct fl_daemon_options *options, int *status) {
  state.options = options;
  if (options->user != NULL && !find_user(options->user, status))
    return false;
  if (options->detach && !detach(status))
    return false;
  return options->pidfile == NULL || take_pidfile(status);
}

void fl_daemon_leave_directory(void) {
  if (state.options != NULL && state.options->detach)
    (void)!chdir("/");
}

void fl_daemon_ready(void) {
  if (state.report < 0)
    return;
  int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere >= 0)
    for (int fd = 0; fd < 3; fd++)
      (void)dup2(nowhere, fd);
  if (nowhere > 2)
    (void)close(nowhere);
  report(FL_STATUS_OK);
}

void fl_daemon_end(int status) {
  drop_pidfile();
  report(status);
}
