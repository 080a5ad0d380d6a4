#include "service/options.h"

#include "core/config_nearest.h"
#include "platform/format.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#define REMOTE_HELP                                                            \
  "  --config FILE   the configuration that it runs with; or\n"                \
  "  --control PATH  its control socket (its log names it at the start)\n"     \
  "  --help          this text\n"

#define SERVER_HELP                                                            \
  "  SERVER          its address as in the configuration, such as\n"           \
  "                  192.0.2.7:502; UPSTREAM/ADDRESS when several upstreams\n" \
  "                  have it\n"

#define SERVER_STATUS                                                          \
  "Exit status: 0, 1 when there is no such server, or several, or no\n"        \
  "fairlead is reached there, 2 when the command line is wrong, 3 when the\n"  \
  "system refused.\n"

static const struct command {
  const char *name;
  enum fl_action action;
  const char *help;
} commands[] = {
    {"run", FL_ACTION_RUN,
     "Usage: fairlead run --config FILE [OPTION...]\n"
     "\n"
     "Serves what FILE describes until it is stopped. SIGTERM or SIGINT stops\n"
     "it: after drain_delay no new clients, requests that were complete are\n"
     "answered, for at most shutdown_timeout. A second signal ends it at once. "
     "SIGUSR1 opens "
     "the\n"
     "log's files again. The log goes where log.target says: standard error,\n"
     "unless the file says otherwise.\n"
     "\n"
     "  --config FILE   the configuration; - is standard input\n"
     "  --daemon        go to the background. The command ends when every\n"
     "                  listener listens, with 0; or with the status of a\n"
     "                  start that failed, after its errors. The log goes to\n"
     "                  syslog, unless log.target is a file\n"
     "  --pidfile FILE  write the process's number to FILE and keep it "
     "locked;\n"
     "                  a second start with the same FILE is refused\n"
     "  --user NAME     become this user and leave root's rights behind, once\n"
     "                  the listeners listen\n"
     "  --help          this text\n"
     "\n"
     "After --user, files of the log are opened, and the configuration is "
     "read\n"
     "again, as that user.\n"},
    {"check", FL_ACTION_CHECK,
     "Usage: fairlead check --config FILE [--print]\n"
     "\n"
     "Reads FILE and prints everything that is wrong with it to standard\n"
     "error, a line per fault: FILE:LINE:COLUMN: key: found X; allowed: Y.\n"
     "Opens no socket.\n"
     "\n"
     "  --config FILE  the configuration; - is standard input\n"
     "  --print        print the effective configuration, every default\n"
     "                 filled in, to standard output\n"
     "  --help         this text\n"},
    {"status", FL_ACTION_STATUS,
     "Usage: fairlead status --config FILE [--connections] [--json] [--watch]\n"
     "\n"
     "Shows what the fairlead that runs with FILE is doing: its listeners and\n"
     "their clients, its upstreams, their servers and connections.\n"
     "\n"
     "  --config FILE   the configuration that it runs with; or\n"
     "  --control PATH  its control socket (its log names it at the start)\n"
     "  --connections   list the connections, too: up to 10000 of each worker\n"
     "  --json          as JSON, for programs\n"
     "  --watch         again every two seconds, until Ctrl-C\n"
     "  --help          this text\n"
     "\n"
     "Exit status: 0, 1 when no fairlead is reached there, 2 when the command\n"
     "line is wrong, 3 when the system refused.\n"},
    {"reload", FL_ACTION_RELOAD,
     "Usage: fairlead reload --config FILE\n"
     "\n"
     "Has the fairlead that runs with FILE read it again and put it into "
     "effect,\n"
     "all of it or nothing, as SIGHUP does; waits for that, and prints what\n"
     "changed, or what is wrong. Clients and connections that the change does\n"
     "not concern notice nothing.\n"
     "\n"
     "  --config FILE   the configuration that it runs with; or\n"
     "  --control PATH  its control socket (its log names it at the start)\n"
     "  --help          this text\n"
     "\n"
     "Exit status: 0 when the file is in effect, whether or not anything "
     "had to\n"
     "change; 1 when it is wrong or cannot be put into effect (a port in "
     "use), or\n"
     "no fairlead is reached there; 2 when the command line is wrong; 3 when "
     "the\n"
     "system refused, or it is stopping.\n"},
    {"stop", FL_ACTION_STOP,
     "Usage: fairlead stop --config FILE\n"
     "\n"
     "Stops the fairlead that runs with FILE as SIGTERM does, and waits until\n"
     "it has ended: after drain_delay no new clients, requests that were\n"
     "complete are answered, for at most shutdown_timeout.\n"
     "\n"
     "  --config FILE   the configuration that it runs with; or\n"
     "  --control PATH  its control socket (its log names it at the start)\n"
     "  --help          this text\n"
     "\n"
     "Exit status: that with which it ended; 1 also when none is reached\n"
     "there, 3 also when it was ended in another way meanwhile.\n"},
    {"drain", FL_ACTION_DRAIN,
     "Usage: fairlead drain SERVER --config FILE\n"
     "\n"
     "Takes a server out of use, in the fairlead that runs with FILE, without "
     "a\n"
     "request failing: it gets no new connections and requests, what is under\n"
     "way is finished, and each connection closes once it has none. Relays "
     "and\n"
     "sessions go on until they end. \"fairlead status\" shows when all are "
     "gone.\n"
     "It stays out until \"fairlead restore\" or a restart. When no server of\n"
     "its upstream is left, requests wait, up to acquire_timeout.\n"
     "\n" SERVER_HELP REMOTE_HELP "\n" SERVER_STATUS},
    {"eject", FL_ACTION_EJECT,
     "Usage: fairlead eject SERVER --config FILE\n"
     "\n"
     "As drain, but closes its connections at once: requests under way get\n"
     "errors, those of which no byte has left go to another server; relays "
     "and\n"
     "sessions on it end.\n"
     "\n" SERVER_HELP REMOTE_HELP "\n" SERVER_STATUS},
    {"restore", FL_ACTION_RESTORE,
     "Usage: fairlead restore SERVER --config FILE\n"
     "\n"
     "Has a server used again at once that was drained or ejected, be it by "
     "its\n"
     "health checks.\n"
     "\n" SERVER_HELP REMOTE_HELP "\n" SERVER_STATUS},
    {"close", FL_ACTION_CLOSE,
     "Usage: fairlead close CONNECTION --config FILE\n"
     "\n"
     "Closes a connection of the fairlead that runs with FILE. CONNECTION is "
     "its\n"
     "number, as \"fairlead status --connections\" shows it. A client's "
     "requests\n"
     "under way are given up; those on a connection to a server get errors, "
     "or\n"
     "another connection if none of their bytes has left. Of a relay or a\n"
     "session both sides are reset.\n"
     "\n" REMOTE_HELP "\n"
     "Exit status: 0, 1 when there is no such connection (any more) or no\n"
     "fairlead is reached there, 2 when the command line is wrong, 3 when the\n"
     "system refused.\n"},
    {"log-level", FL_ACTION_LOG_LEVEL,
     "Usage: fairlead log-level LEVEL [AREA] --config FILE\n"
     "\n"
     "Sets how much the fairlead that runs with FILE logs, until it reads its\n"
     "configuration again or ends. LEVEL is error, warning, info or debug. "
     "AREA\n"
     "is service, listener, client or upstream; without it LEVEL is for all.\n"
     "\n" REMOTE_HELP "\n"
     "Exit status: 0, 1 when no fairlead is reached there, 2 when LEVEL or "
     "AREA\n"
     "is none of these, 3 when the system refused.\n"},
    {"ping", FL_ACTION_PING,
     "Usage: fairlead ping HOST:PORT [OPTION...]\n"
     "\n"
     "Opens a connection to HOST:PORT again and again, closes it at once, and\n"
     "prints how long the server took to accept it. With --send it keeps one\n"
     "connection and prints how long the reply to a request took. Ctrl-C ends\n"
     "it with the statistics.\n"
     "\n"
     "  --count N       end after N probes (default: go on)\n"
     "  --interval D    from the beginning of a probe to that of the next\n"
     "                  (default 1s); one that takes longer delays the next\n"
     "  --timeout D     how long to wait for the address of a name, for a\n"
     "                  connection and for a reply, each (default 5s)\n"
     "  --send BYTES    send this frame, and wait for one; a probe that gets\n"
     "                  none ends the connection, and the next one opens\n"
     "                  another. What the framing has around a frame is "
     "added:\n"
     "                  a line's end, start and end, a length field at the "
     "front\n"
     "  --expect BYTES  count only replies that begin with these bytes\n"
     "  --framing F     how frames are cut, with the keys of the "
     "configuration:\n"
     "                  line (default); delimited --start BYTES --end BYTES;\n"
     "                  length --length-offset N --length-width N\n"
     "                  --byte-order big|little --length-adjustment N\n"
     "                  --length-encoding binary|ascii|bcd; fixed --size N;\n"
     "                  raw, for which the first bytes to come are the reply\n"
     "  --quiet         print only the first line and the statistics\n"
     "  --help          this text\n"
     "\n"
     "D is a duration as in the configuration, such as 250ms or 1s. BYTES is\n"
     "text, or hex: and two digits for each byte (hex:50494e470a).\n"
     "The addresses of a name are tried in order until one takes the\n"
     "connection; that one is used from then on.\n"
     "\n"
     "Exit status: 0 when at least one probe was answered, 1 when none was,\n"
     "2 when the command line is wrong, 3 when the system refused.\n"},
    {"connect", FL_ACTION_CONNECT,
     "Usage: fairlead connect HOST:PORT [OPTION...]\n"
     "\n"
     "Connects to HOST:PORT, sends each line of standard input as a frame, "
     "and\n"
     "shows the reply to it before the next is sent.\n"
     "\n"
     "At a terminal there is a prompt, with editing and a history. Replies "
     "are\n"
     "shown as text, with control bytes as \\xNN, or as hex:. Ctrl-C drops "
     "the\n"
     "line, or gives up a reply; at an empty prompt it ends, as Ctrl-D does.\n"
     "In a pipe each reply goes to standard output, byte for byte; a line\n"
     "without a reply in time ends it.\n"
     "\n"
     "What has arrived before a line is sent is never taken for the reply to\n"
     "it: it is shown as \"unasked\", in a pipe on standard error.\n"
     "\n"
     "  --timeout D     how long to wait for the address of a name, for the\n"
     "                  connection, and for a reply, each (default 5s)\n"
     "  --framing F     how frames are cut, with the keys of the "
     "configuration:\n"
     "                  line (default); delimited --start BYTES --end BYTES;\n"
     "                  length --length-offset N --length-width N\n"
     "                  --byte-order big|little --length-adjustment N\n"
     "                  --length-encoding binary|ascii|bcd; fixed --size N;\n"
     "                  raw, for what has none: all is shown as it comes\n"
     "  --help          this text\n"
     "\n"
     "A line is text, or hex: and two digits for each byte (hex:50494e470a). "
     "One\n"
     "that is a whole frame is sent as it is; else what the framing has "
     "around\n"
     "it is added: a line's end, start and end, a length field at the front.\n"
     "D is a duration as in the configuration, such as 250ms or 1s.\n"
     "\n"
     "  fairlead connect 127.0.0.1:8080\n"
     "  printf 'PING\\nSTATUS\\n' | fairlead connect 127.0.0.1:8080\n"
     "  fairlead connect plc:502 --framing length --length-offset 4 \\\n"
     "      --length-width 2\n"
     "\n"
     "Exit status: 0 when every line had its reply; 1 when there was no\n"
     "connection, or a line had none; 2 when the command line is wrong, 3 "
     "when\n"
     "the system refused; 130 after Ctrl-C.\n"},
    {"help", FL_ACTION_HELP,
     "Usage: fairlead COMMAND [OPTION...]\n"
     "\n"
     "Fairlead is a TCP gateway: it lets many clients share few connections\n"
     "to a server, and gives each client the replies to its own requests.\n"
     "\n"
     "  fairlead run --config FILE              serve until stopped\n"
     "  fairlead check --config FILE [--print]  check a configuration\n"
     "  fairlead status --config FILE           show what it is doing\n"
     "  fairlead reload --config FILE           put the changed file into "
     "effect\n"
     "  fairlead stop --config FILE             stop it, and wait\n"
     "  fairlead drain SERVER --config FILE     take a server out of use\n"
     "  fairlead eject SERVER --config FILE     take it out at once\n"
     "  fairlead restore SERVER --config FILE   use it again\n"
     "  fairlead close CONNECTION --config FILE close a connection\n"
     "  fairlead log-level LEVEL [AREA] --config FILE\n"
     "                                          log more, or less\n"
     "  fairlead ping HOST:PORT [OPTION...]     measure a server's answers\n"
     "  fairlead connect HOST:PORT [OPTION...]  talk to a server\n"
     "  fairlead help [COMMAND]                 explain a command\n"
     "  fairlead --help                         this text\n"
     "  fairlead --version                      print the version\n"
     "\n"
     "Exit status:\n"
     "  0      success, or stopped in order\n"
     "  1      the configuration is wrong or cannot be put into effect\n"
     "         (syntax, a value, a port in use); ping: no probe was "
     "answered\n"
     "  2      the command line is wrong\n"
     "  3      the system refused (memory, threads, descriptors, output)\n"
     "  128+N  ended at once by a second signal N\n"},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

#define OF(action) (1U << (action))
#define OF_CLIENTS (OF(FL_ACTION_PING) | OF(FL_ACTION_CONNECT))
#define OF_ACTS                                                                \
  (OF(FL_ACTION_DRAIN) | OF(FL_ACTION_EJECT) | OF(FL_ACTION_RESTORE) |         \
   OF(FL_ACTION_CLOSE) | OF(FL_ACTION_LOG_LEVEL))
#define OF_REMOTE                                                              \
  (OF(FL_ACTION_STATUS) | OF(FL_ACTION_RELOAD) | OF(FL_ACTION_STOP) | OF_ACTS)
#define OF_FILES (OF(FL_ACTION_RUN) | OF(FL_ACTION_CHECK) | OF_REMOTE)

/* The options of commands. */
static const struct option {
  const char *name;
  unsigned actions;  /* the commands it belongs to, OF() each */
  const char *value; /* in help: "--name VALUE" or "--name=VALUE"; NULL: it
                        takes none */
} options_known[] = {
    {"--config", OF_FILES, "FILE"},
    {"--daemon", OF(FL_ACTION_RUN), NULL},
    {"--pidfile", OF(FL_ACTION_RUN), "FILE"},
    {"--user", OF(FL_ACTION_RUN), "NAME"},
    {"--print", OF(FL_ACTION_CHECK), NULL},
    {"--control", OF_REMOTE, "PATH"},
    {"--connections", OF(FL_ACTION_STATUS), NULL},
    {"--json", OF(FL_ACTION_STATUS), NULL},
    {"--watch", OF(FL_ACTION_STATUS), NULL},
    {"--count", OF(FL_ACTION_PING), "N"},
    {"--interval", OF(FL_ACTION_PING), "D"},
    {"--timeout", OF_CLIENTS, "D"},
    {"--framing", OF_CLIENTS, "F"},
    {"--start", OF_CLIENTS, "BYTES"},
    {"--end", OF_CLIENTS, "BYTES"},
    {"--length-offset", OF_CLIENTS, "N"},
    {"--length-width", OF_CLIENTS, "N"},
    {"--byte-order", OF_CLIENTS, "ORDER"},
    {"--length-adjustment", OF_CLIENTS, "N"},
    {"--length-encoding", OF_CLIENTS, "E"},
    {"--size", OF_CLIENTS, "N"},
    {"--send", OF(FL_ACTION_PING), "BYTES"},
    {"--expect", OF(FL_ACTION_PING), "BYTES"},
    {"--quiet", OF(FL_ACTION_PING), NULL},
    {"--help", OF_FILES | OF_CLIENTS, NULL},
};

enum { OPTIONS = sizeof options_known / sizeof options_known[0] };

/* What is left to read, and where to say what is wrong with it. */
struct reading {
  struct fl_options *options;
  unsigned given;    /* options with values, a bit each */
  char *const *next; /* ends with NULL */
  char *error;
};

FL_FORMAT(2, 3)
static bool fail(const struct reading *reading, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reading->error, FL_OPTIONS_ERROR, format, arguments);
  va_end(arguments);
  for (char *at = reading->error; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
      *at = '?'; /* from argv; must not move a terminal's cursor */
  return false;
}

static const struct command *find_command(const char *name) {
  for (int i = 0; i < COMMANDS; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

const char *fl_options_name(enum fl_action action) {
  for (int i = 0; i < COMMANDS; i++)
    if (commands[i].action == action)
      return commands[i].name;
  return "";
}

/* Whether the command is about a HOST:PORT. */
static bool is_client(enum fl_action action) {
  return (OF(action) & OF_CLIENTS) != 0;
}

/* What stands behind a command's name, if it has to. */
static const struct operands {
  enum fl_action action;
  const char *text;
  unsigned least;
  unsigned most;
} operands_known[] = {
    {FL_ACTION_PING, " HOST:PORT", 1, 1},
    {FL_ACTION_CONNECT, " HOST:PORT", 1, 1},
    {FL_ACTION_DRAIN, " SERVER", 1, 1},
    {FL_ACTION_EJECT, " SERVER", 1, 1},
    {FL_ACTION_RESTORE, " SERVER", 1, 1},
    {FL_ACTION_CLOSE, " CONNECTION", 1, 1},
    {FL_ACTION_LOG_LEVEL, " LEVEL [AREA]", 1, 2},
};

enum { OPERANDS = sizeof operands_known / sizeof operands_known[0] };

static const struct operands *operands_of(enum fl_action action) {
  static const struct operands none = {FL_ACTION_RUN, "", 0, 0};
  for (int i = 0; i < OPERANDS; i++)
    if (operands_known[i].action == action)
      return &operands_known[i];
  return &none;
}

static const char *operand(enum fl_action action) {
  return operands_of(action)->text;
}

/* A command that acts on a fairlead that runs, and on something in it. */
static bool is_act(enum fl_action action) {
  return (OF(action) & OF_ACTS) != 0;
}

/* ": did you mean X?", or "" when nothing is near. */
static const char *hint(char text[64],
                        const struct fl_config_nearest *nearest) {
  text[0] = '\0';
  if (nearest->word != NULL)
    snprintf(text, 64, "; did you mean \"%s\"?", nearest->word);
  return text;
}

static bool unknown_command(const struct reading *reading, const char *word,
                            bool top) {
  struct fl_config_nearest nearest = {0};
  char text[64];
  for (int i = 0; i < COMMANDS; i++)
    fl_config_nearest_offer(&nearest, word, commands[i].name);
  if (top) {
    fl_config_nearest_offer(&nearest, word, "--help");
    fl_config_nearest_offer(&nearest, word, "--version");
  }
  return fail(reading, "unknown %s \"%.64s\"%s (\"fairlead --help\" lists all)",
              word[0] == '-' ? "option" : "command", word,
              hint(text, &nearest));
}

static bool belongs(const struct option *option, enum fl_action action) {
  return (option->actions & OF(action)) != 0;
}

/* The first command an option belongs to. */
static enum fl_action home(const struct option *option) {
  int i = 0;
  while (i < COMMANDS - 1 && !belongs(option, commands[i].action))
    i++;
  return commands[i].action;
}

/* Whether argument is this option, with or without "=VALUE". */
static bool is_option(const struct option *option, const char *argument) {
  size_t size = strlen(option->name);
  if (strncmp(argument, option->name, size) != 0)
    return false;
  return argument[size] == '\0' || argument[size] == '=';
}

static const struct option *find_option(const char *argument,
                                        enum fl_action action) {
  for (int i = 0; i < OPTIONS; i++)
    if (belongs(&options_known[i], action) &&
        is_option(&options_known[i], argument))
      return &options_known[i];
  return NULL;
}

static bool unknown_argument(const struct reading *reading, const char *word) {
  enum fl_action action = reading->options->action;
  struct fl_config_nearest nearest = {0};
  char bare[66]; /* without "=VALUE"; longer words are near to nothing */
  char text[64];
  if (word[0] != '-' && is_client(action))
    return fail(reading,
                "unexpected argument \"%.64s\" (%s takes one "
                "HOST:PORT)",
                word, fl_options_name(action));
  if (word[0] != '-' && is_act(action))
    return fail(reading, "unexpected argument \"%.64s\" (fairlead %s%s)", word,
                fl_options_name(action), operand(action));
  if (word[0] != '-')
    return fail(reading,
                "unexpected argument \"%.64s\" (a configuration is given as "
                "--config FILE)",
                word);
  snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="), word);
  for (int i = 0; i < OPTIONS; i++)
    if (strcmp(bare, options_known[i].name) == 0)
      return fail(reading, "%s is an option of: fairlead %s", bare,
                  fl_options_name(home(&options_known[i])));
  for (int i = 0; i < OPTIONS; i++)
    if (belongs(&options_known[i], action))
      fl_config_nearest_offer(&nearest, bare, options_known[i].name);
  return fail(reading,
              "unknown option \"%.64s\"%s (\"fairlead help %s\" lists all)",
              bare, hint(text, &nearest), fl_options_name(action));
}

/* The value of an option, behind "=" or the next argument; NULL after a
   failure. */
static const char *take_value(struct reading *reading,
                              const struct option *option,
                              const char *argument) {
  const char *equals = strchr(argument, '=');
  const char *value = equals != NULL ? equals + 1 : *reading->next;
  enum fl_action action = reading->options->action;
  unsigned bit = 1U << (unsigned)(option - options_known);
  if (value == NULL || value[0] == '\0' ||
      (equals == NULL && strncmp(value, "--", 2) == 0)) {
    fail(reading, "%s needs a %s: fairlead %s%s %s %s", option->name,
         strcmp(option->value, "FILE") == 0 ? "file" : "value",
         fl_options_name(action), operand(action), option->name, option->value);
    return NULL;
  }
  if ((reading->given & bit) != 0) {
    fail(reading, "%s is given twice%s", option->name,
         strcmp(option->name, "--config") == 0 ? ": one file holds it all"
                                               : "");
    return NULL;
  }
  reading->given |= bit;
  if (equals == NULL)
    reading->next++;
  return value;
}

/* Where the value of an option of run or check is kept. */
static const char **text_option(struct fl_options *options, const char *name) {
  if (strcmp(name, "--pidfile") == 0)
    return &options->daemon.pidfile;
  if (strcmp(name, "--user") == 0)
    return &options->daemon.user;
  if (strcmp(name, "--control") == 0)
    return &options->remote.control;
  return &options->config;
}

static bool read_value(struct reading *reading, const struct option *option,
                       const char *argument) {
  char error[FL_PING_VALUE_ERROR];
  const char *value = take_value(reading, option, argument);
  if (value == NULL)
    return false;
  if (!is_client(reading->options->action)) {
    *text_option(reading->options, option->name) = value;
    return true;
  }
  if (fl_ping_options_value(&reading->options->ping, option->name, value,
                            error))
    return true;
  return fail(reading, "%s: %s", option->name, error);
}

/* Where an option without a value is kept; NULL for --help. */
static bool *flag_of(struct fl_options *options, const char *name) {
  if (strcmp(name, "--daemon") == 0)
    return &options->daemon.detach;
  if (strcmp(name, "--print") == 0)
    return &options->print;
  if (strcmp(name, "--quiet") == 0)
    return &options->ping.quiet;
  if (strcmp(name, "--connections") == 0)
    return &options->remote.connections;
  if (strcmp(name, "--json") == 0)
    return &options->remote.json;
  return strcmp(name, "--watch") == 0 ? &options->remote.watch : NULL;
}

static bool read_option(struct reading *reading, const char *argument) {
  struct fl_options *options = reading->options;
  const struct option *option = find_option(argument, options->action);
  if (option == NULL)
    return unknown_argument(reading, argument);
  if (option->value != NULL)
    return read_value(reading, option, argument);
  if (strchr(argument, '=') != NULL)
    return fail(reading, "%s takes no value", option->name);
  bool *flag = flag_of(options, option->name);
  if (flag != NULL) {
    *flag = true;
  } else {
    options->topic = options->action;
    options->action = FL_ACTION_HELP;
  }
  return true;
}

static bool is_target(const struct fl_options *options, const char *argument) {
  if (argument[0] == '-')
    return false;
  if (is_act(options->action))
    return options->remote.operand_count < operands_of(options->action)->most;
  return is_client(options->action) && options->ping.target == NULL;
}

/* One word of a line to the control socket. */
static bool is_word(const char *text) {
  size_t size = strlen(text);
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)text[i] <= 0x20 || text[i] == 0x7f)
      return false;
  return size > 0 && size <= FL_REMOTE_OPERAND_MAX;
}

static bool read_target(struct reading *reading, const char *target) {
  struct fl_options *options = reading->options;
  char error[FL_PING_VALUE_ERROR];
  if (is_act(options->action)) {
    options->remote.operands[options->remote.operand_count++] = target;
    return is_word(target) ||
           fail(reading, "\"%.64s\" is not one word: fairlead %s%s", target,
                fl_options_name(options->action), operand(options->action));
  }
  return fl_ping_options_target(&reading->options->ping, target, error) ||
         fail(reading, "%s", error);
}

/* A command for a fairlead that runs: which one? */
static bool is_remote_complete(const struct reading *reading) {
  const struct fl_options *options = reading->options;
  const char *name = fl_options_name(options->action);
  const struct operands *wanted = operands_of(options->action);
  if (options->remote.operand_count < wanted->least)
    return fail(reading, "%s is missing: fairlead %s%s --config FILE",
                wanted->text + 1, name, wanted->text);
  if (options->config != NULL && options->remote.control != NULL)
    return fail(reading, "--config and --control both say where it is: give "
                         "one of them");
  if (options->config == NULL && options->remote.control == NULL)
    return fail(reading,
                "--config is missing: fairlead %s%s --config FILE (or "
                "--control PATH)",
                name, wanted->text);
  if (options->config != NULL && strcmp(options->config, "-") == 0)
    return fail(reading,
                "standard input tells nothing of a fairlead that runs: "
                "fairlead %s --control PATH",
                name);
  return true;
}

/* Whether nothing is missing that the command needs. */
static bool is_complete(const struct reading *reading) {
  const struct fl_options *options = reading->options;
  char error[FL_PING_FINISH_ERROR];
  if ((OF(options->action) & OF_REMOTE) != 0)
    return is_remote_complete(reading);
  if (!is_client(options->action))
    return options->config != NULL ||
           fail(reading, "--config is missing: fairlead %s --config FILE",
                fl_options_name(options->action));
  if (options->ping.target == NULL)
    return fail(reading, "HOST:PORT is missing: fairlead %s HOST:PORT",
                fl_options_name(options->action));
  if (options->ping.expect.size > 0 && options->ping.send.size == 0)
    return fail(reading, "--expect is about the reply to --send: fairlead "
                         "ping HOST:PORT --send BYTES --expect BYTES");
  return fl_ping_options_finish(&reading->options->ping, error) ||
         fail(reading, "%s", error);
}

/* "-h" stands for "--help". */
static bool is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* All but "help". The first --help ends the reading. */
static bool read_options(struct reading *reading) {
  struct fl_options *options = reading->options;
  while (*reading->next != NULL) {
    const char *argument = *reading->next++;
    if (is_help(argument))
      argument = "--help";
    if (is_target(options, argument) ? !read_target(reading, argument)
                                     : !read_option(reading, argument))
      return false;
    if (options->action == FL_ACTION_HELP)
      return true;
  }
  return is_complete(reading);
}

static bool read_topic(struct reading *reading) {
  const char *topic = *reading->next;
  if (topic == NULL || is_help(topic))
    return true;
  const struct command *command = find_command(topic);
  if (command == NULL)
    return unknown_command(reading, topic, false);
  if (reading->next[1] != NULL)
    return fail(reading,
                "unexpected argument \"%.64s\" (help takes one "
                "command)",
                reading->next[1]);
  reading->options->topic = command->action;
  return true;
}

/* "--help" and "--version" in the place of a command. */
static bool read_alone(struct reading *reading, const char *word,
                       enum fl_action action) {
  reading->options->action = action;
  if (*reading->next != NULL)
    return fail(reading, "%s stands alone; \"%.64s\" is one too many", word,
                *reading->next);
  return true;
}

static bool misplaced_option(const struct reading *reading,
                             const struct option *option) {
  enum fl_action action = home(option);
  return fail(reading, "%s comes after a command: fairlead %s%s %s%s%s",
              option->name, fl_options_name(action), operand(action),
              option->name, option->value != NULL ? " " : "",
              option->value != NULL ? option->value : "");
}

bool fl_options_read(struct fl_options *options, int argc, char *const argv[],
                     char error[FL_OPTIONS_ERROR]) {
  struct reading reading = {options, 0, argc > 0 ? argv + 1 : argv, error};
  *options =
      (struct fl_options){.action = FL_ACTION_HELP, .topic = FL_ACTION_HELP};
  fl_ping_options_init(&options->ping);
  const char *word = *reading.next;
  if (word == NULL)
    return fail(&reading, "a command is missing: fairlead run --config FILE "
                          "(\"fairlead --help\" lists all)");
  reading.next++;
  if (is_help(word))
    return read_alone(&reading, word, FL_ACTION_HELP);
  if (strcmp(word, "--version") == 0)
    return read_alone(&reading, word, FL_ACTION_VERSION);
  const struct command *command = find_command(word);
  if (command != NULL) {
    options->action = command->action;
    return command->action == FL_ACTION_HELP ? read_topic(&reading)
                                             : read_options(&reading);
  }
  for (int i = 0; i < OPTIONS; i++)
    if (is_option(&options_known[i], word))
      return misplaced_option(&reading, &options_known[i]);
  return unknown_command(&reading, word, true);
}

void fl_options_help(FILE *out, enum fl_action topic) {
  for (int i = 0; i < COMMANDS; i++)
    if (commands[i].action == topic)
      fputs(commands[i].help, out);
}
