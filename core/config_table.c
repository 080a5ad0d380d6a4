#include "core/config_rows.h"

#include <string.h>

/* clang-format off */
static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const area_levels[] = {"error", "warning", "info",
                                          "debug", "auto",    NULL};
const char *const fl_config_log_formats[] = {"text", "json", NULL};
static const char *const log_targets[] = {"auto", "stderr", "syslog", NULL};

#define AREA(area, name, what)                                                 \
  {(name), FL_CONFIG_CHOICE, 0, "auto", .choices = area_levels,                \
   .offset = sizeof(int) * (FL_LOG_##area), .meaning = (what)},
static const struct fl_config_row levels_rows[] = {FL_LOG_AREA_LIST(AREA)};
static const struct fl_config_section levels_section = {
  "log.levels", ROWS(levels_rows), .size = 0};

static const struct fl_config_row log_rows[] = {
  {"level", FL_CONFIG_CHOICE, 0, "info", .choices = levels,
   FIELD(fl_log_config, level),
   .meaning = "Messages less grave than this are not logged."},
  {"levels", FL_CONFIG_OBJECT, 0, NULL, .section = &levels_section,
   FIELD(fl_log_config, levels),
   .meaning = "Levels of single areas; `\"auto\"` is `level`."},
  {"format", FL_CONFIG_CHOICE, 0, "text", .choices = fl_config_log_formats,
   FIELD(fl_log_config, format),
   .meaning = "`\"text\"`: lines for people. `\"json\"`: an object on each "
              "line."},
  {"target", FL_CONFIG_TARGET, 0, "auto", .choices = log_targets,
   FIELD(fl_log_config, target),
   .meaning = "`\"stderr\"`: standard error, with the priorities of the "
              "journal where that reads it. `\"syslog\"`: the system's log; on "
              "Windows the Event Log, which takes errors and warnings. A "
              "path: that file, appended to. `\"auto\"` is `\"stderr\"`, and "
              "`\"syslog\"` after `run --daemon` and in a service of Windows."},
  {"max_size", FL_CONFIG_SIZE, FL_CONFIG_AUTO, "auto", KIB(64), MIB(1024),
   FIELD(fl_log_config, max_size),
   .meaning = "A file of the log, or of an access log, that has grown to this "
              "size is renamed to `PATH.1`, and a new one begun. `\"auto\"`: "
              "it grows; something else renames it, such as logrotate."},
  {"keep", FL_CONFIG_INTEGER, 0, "5", 1, 1000, FIELD(fl_log_config, keep),
   .meaning = "With `max_size`: how many full files are kept, `PATH.1` (the "
              "newest) to `PATH.5`."},
};
static const struct fl_config_section log_section = {
  "log", ROWS(log_rows), .size = 0};

static const struct fl_config_row control_rows[] = {
  {"path", FL_CONFIG_FILE, FL_CONFIG_AUTO, "auto", 1, 107,
   FIELD(fl_config, control.path),
   .meaning = "The socket; `\"auto\"` is one in `/run/fairlead`, or without "
              "root in `$XDG_RUNTIME_DIR/fairlead`, named after the "
              "configuration file."},
  {"group", FL_CONFIG_NAME, FL_CONFIG_AUTO, "auto", 1, 32,
   FIELD(fl_config, control.group),
   .meaning = "The group whose members may use it, too; `\"auto\"`: none, "
              "only the user that runs Fairlead, and root."},
};
static const struct fl_config_section control_section = {
  "control", ROWS(control_rows), .size = 0};

static const struct fl_config_row admin_rows[] = {
  {"listen", FL_CONFIG_ENDPOINT, FL_CONFIG_AUTO, "auto",
   FIELD(fl_config, admin.listen),
   .meaning = "Where HTTP clients get `/metrics`, `/status.json`, `/healthz` "
              "and `/readyz`; `\"auto\"`: nowhere."},
  {"health_listen", FL_CONFIG_ENDPOINT, FL_CONFIG_AUTO, "auto",
   FIELD(fl_config, admin.health_listen),
   .meaning = "Where they get the last two only, for balancers; `\"auto\"`: "
              "nowhere."},
  {"hosts", FL_CONFIG_NAMES, 0, NULL, 0, 16,
   ARRAY(fl_config, admin.hosts, admin.host_count),
   .meaning = "Names by which `listen` may be called, besides numeric "
              "addresses and `localhost`. Requests with another `Host` are "
              "refused: they may come from a page in somebody's browser."},
};
static const struct fl_config_section admin_section = {
  "admin", ROWS(admin_rows), .size = 0};

static const struct fl_config_row states_rows[] = {
  {"interval", FL_CONFIG_DURATION, 0, "5s", S(0), HOURS(1), MS(100),
   FIELD(fl_states_config, interval),
   .meaning = "How often the operating system is asked; `\"0s\"`: never."},
};
static const struct fl_config_section states_section = {
  "states", ROWS(states_rows), .size = 0};

static const struct fl_config_row root_rows[] = {
  {"$schema", FL_CONFIG_IGNORED, 0, NULL, NO_FIELD,
   .meaning = "For editors that check the file while it is written."},
  {"include", FL_CONFIG_PATTERNS, 0, NULL, 0, 100, NO_FIELD,
   .meaning = "Further files, each with `listeners` and `upstreams` that are "
              "added to those here. Relative to the directory of this file; in "
              "the last part `*` stands for any characters and `?` for one."},
  {"workers", FL_CONFIG_INTEGER, FL_CONFIG_AUTO | FL_CONFIG_RESTART, "auto", 1,
   FL_CONFIG_WORKERS_MAX, FIELD(fl_config, workers),
   .meaning = "Threads that serve; `\"auto\"` is one per processor, 64 at "
              "most."},
  {"drain_delay", FL_CONFIG_DURATION, 0, "0s", S(0), HOURS(1), .step = 0,
   FIELD(fl_config, drain_delay),
   .meaning = "How long a stop goes on serving, new clients included, after "
              "`/readyz` has begun to say no, so that balancers notice; "
              "`shutdown_timeout` counts from its end."},
  {"shutdown_timeout", FL_CONFIG_DURATION, 0, "30s", S(0), HOURS(1), .step = 0,
   FIELD(fl_config, shutdown_timeout),
   .meaning = "How long a stop may wait for requests under way and for relays "
              "to end; likewise a reload, for those of listeners it removes."},
  {"restart_timeout", FL_CONFIG_DURATION, 0, "2s", S(0), HOURS(1), .step = 0,
   FIELD(fl_config, restart_timeout),
   .meaning = "The same for the stop of a restart (SIGUSR2), without "
              "`drain_delay`. New clients wait meanwhile, in the queues of "
              "listening sockets that the service manager keeps open."},
  {"max_buffered", FL_CONFIG_SIZE, 0, "256MiB", MIB(1), MIB(2048),
   FIELD(fl_config, max_buffered),
   .meaning = "What all buffers of the process may hold: frames that are not "
              "complete, and what peers have not taken. From three quarters "
              "on, until it is below a half, clients that would need more "
              "have to wait, and those in the middle of a long frame for "
              "more than a second are closed, the oldest first; at the limit "
              "whoever needs more is (`buffers_full`). At least four times "
              "every `max_frame`; the default is 4000 times what one that "
              "does not read may have."},
  {"log", FL_CONFIG_OBJECT, 0, NULL, .section = &log_section,
   FIELD(fl_config, log),
   .meaning = "What is logged, how, and where to."},
  {"control", FL_CONFIG_OBJECT, FL_CONFIG_RESTART, NULL,
   .section = &control_section, .offset = 0,
   .meaning = "Where `fairlead status`, `stop` and the other commands reach "
              "the program that runs."},
  {"admin", FL_CONFIG_OBJECT, FL_CONFIG_RESTART, NULL,
   .section = &admin_section, .offset = 0,
   .meaning = "Metrics, status and health over HTTP."},
  {"states", FL_CONFIG_OBJECT, 0, NULL, .section = &states_section,
   FIELD(fl_config, states),
   .meaning = "Connection states as the operating system has them."},
  /* Before listeners and upstreams, which start from it. */
  {"socket", FL_CONFIG_OBJECT, 0, NULL, .section = &fl_config_socket,
   FIELD(fl_config, socket),
   .meaning = "Options of every socket, clients' and upstreams'."},
  {"listeners", FL_CONFIG_LIST, FL_CONFIG_REQUIRED, NULL, 1, 1000,
   .section = &fl_config_listener, ARRAY(fl_config, listeners, listener_count),
   .meaning = "Where clients connect."},
  {"upstreams", FL_CONFIG_LIST, 0, NULL, 0, 1000,
   .section = &fl_config_upstream, ARRAY(fl_config, upstreams, upstream_count),
   .meaning = "Named groups of servers that answer requests."},
};
const struct fl_config_section fl_config_root = {
  "", ROWS(root_rows), .size = 0};
/* clang-format on */

bool fl_config_row_applies(const struct fl_config_section *section,
                           const struct fl_config_row *row, const void *base) {
  int choice;
  if (row->types == 0)
    return true;
  memcpy(&choice, (const unsigned char *)base + section->rows[0].offset,
         sizeof choice);
  return (row->types & FL_CONFIG_TYPE(choice)) != 0;
}

bool fl_config_row_in_mode(const struct fl_config_row *row, int mode) {
  unsigned modes = row->flags & FL_CONFIG_MODES;
  return modes == 0 || (modes & (unsigned)FL_CONFIG_COMMAND_MODE << mode) != 0;
}

const struct fl_config_row *
fl_config_row_find(const struct fl_config_section *section, const char *key) {
  for (uint32_t i = 0; i < section->count; i++)
    if (strcmp(section->rows[i].key, key) == 0)
      return &section->rows[i];
  return NULL;
}
