#include "service/commands.h"

#include "core/log_area.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */

#define HELP_OPTION                                                            \
  {"--help", NULL, FL_VALUE_OTHER, NULL, "print this text"}
#define END_OPTION {NULL, NULL, FL_VALUE_OTHER, NULL, NULL}

#define FILE_OPTION                                                            \
  {"--config", "FILE", FL_VALUE_FILE, NULL,                                    \
   "the configuration; `-` is standard input"}

#define AREA_WORD(area, name, text) name " "
#define AREA_TEXT(area, name, text) "`" name "`, "

/* Where the fairlead is that a command speaks to. */
#define REMOTE_OPTIONS                                                         \
  {"--config", "FILE", FL_VALUE_FILE, NULL,                                    \
   "the configuration that it runs with"},                                     \
  {"--control", "PATH", FL_VALUE_FILE, NULL,                                   \
   "in place of that: its control socket, which its log names at the start"}

#define TIMEOUT_OPTION                                                         \
  {"--timeout", "D", FL_VALUE_OTHER, NULL,                                     \
   "how long to wait for the address of a name, for a connection and for a "   \
   "reply, each (default 5s)"}

/* The keys of upstreams[].framing. */
#define FRAMING_OPTIONS(raw)                                                   \
  {"--framing", "F", FL_VALUE_WORD, "line delimited length fixed raw",         \
   "how frames are cut, as in the configuration: `line` (default), "           \
   "`delimited`, `length` or `fixed`, with the options below; or `raw`" raw},  \
  {"--start", "BYTES", FL_VALUE_OTHER, NULL,                                   \
   "delimited: what a frame begins with, if anything"},                        \
  {"--end", "BYTES", FL_VALUE_OTHER, NULL, "delimited: what ends it"},         \
  {"--length-offset", "N", FL_VALUE_OTHER, NULL,                               \
   "length: bytes of a frame before the field that says how long it is "       \
   "(default 0)"},                                                             \
  {"--length-width", "N", FL_VALUE_OTHER, NULL,                                \
   "length: bytes of the field, 1 to 8"},                                      \
  {"--byte-order", "ORDER", FL_VALUE_WORD, "big little",                       \
   "length: `big` (default) or `little`"},                         \
  {"--length-adjustment", "N", FL_VALUE_OTHER, NULL,                           \
   "length: what a frame has beyond offset, field and the field's value; "     \
   "may be negative"},                                                         \
  {"--length-encoding", "E", FL_VALUE_WORD, "binary ascii bcd",                \
   "length: `binary` (default), or `ascii` or `bcd` digits"},         \
  {"--size", "N", FL_VALUE_OTHER, NULL,                                        \
   "fixed: the size of every frame, such as 20B"}

static const struct fl_option run_options[] = {
  FILE_OPTION,
  {"--daemon", NULL, FL_VALUE_OTHER, NULL,
   "go to the background. The command ends when every listener listens, with "
   "0; or with the status of a start that failed, after its errors. The log "
   "goes to syslog, unless `log.target` is a file"},
  {"--pidfile", "FILE", FL_VALUE_FILE, NULL,
   "write the process's number to FILE and keep it locked; a second start "
   "with the same FILE is refused"},
  {"--user", "NAME", FL_VALUE_USER, NULL,
   "become this user and leave root's rights behind, once the listeners "
   "listen. Files of the log are opened, and the configuration is read again, "
   "as that user"},
  HELP_OPTION,
  END_OPTION
};

static const struct fl_option check_options[] = {
  FILE_OPTION,
  {"--print", NULL, FL_VALUE_OTHER, NULL,
   "print the effective configuration, every default filled in, to standard "
   "output"},
  HELP_OPTION,
  END_OPTION
};

static const struct fl_option status_options[] = {
  REMOTE_OPTIONS,
  {"--connections", NULL, FL_VALUE_OTHER, NULL,
   "list the connections, too: up to 10000 of each worker"},
  {"--json", NULL, FL_VALUE_OTHER, NULL, "as JSON, for programs"},
  {"--watch", NULL, FL_VALUE_OTHER, NULL,
   "again every two seconds, until `q` or Ctrl-C. At a terminal it is drawn "
   "in place and cut to the terminal's size; in a pipe or a file each is "
   "printed behind the last, with the time before it"},
  HELP_OPTION,
  END_OPTION
};

static const struct fl_option remote_options[] = {
  REMOTE_OPTIONS,
  {"--quiet", NULL, FL_VALUE_OTHER, NULL, "print only what is wrong"},
  HELP_OPTION,
  END_OPTION
};

static const struct fl_option ping_options[] = {
  {"--count", "N", FL_VALUE_OTHER, NULL,
   "end after N probes (default: go on)"},
  {"--interval", "D", FL_VALUE_OTHER, NULL,
   "from the beginning of a probe to that of the next (default 1s); one that "
   "takes longer delays the next"},
  TIMEOUT_OPTION,
  {"--send", "BYTES", FL_VALUE_OTHER, NULL,
   "send this frame, and wait for one; a probe that gets none ends the "
   "connection, and the next one opens another. What the framing has around a "
   "frame is added: a line's end, start and end, a length field at the front"},
  {"--expect", "BYTES", FL_VALUE_OTHER, NULL,
   "count only replies that begin with these bytes"},
  {"--quiet", NULL, FL_VALUE_OTHER, NULL,
   "print only the first line and the statistics"},
  FRAMING_OPTIONS(", for which the first bytes to come are the reply"),
  HELP_OPTION,
  END_OPTION
};

static const struct fl_option connect_options[] = {
  TIMEOUT_OPTION,
  FRAMING_OPTIONS(", for what has none: all is shown as it comes"),
  HELP_OPTION,
  END_OPTION
};

static const struct fl_option service_options[] = {
  {"--config", "FILE", FL_VALUE_FILE, NULL,
   "install: the configuration that the service is to run with"},
  {"--start", NULL, FL_VALUE_OTHER, NULL,
   "install: start it, too, and wait until every listener listens"},
  HELP_OPTION,
  END_OPTION
};

static const struct fl_option no_options[] = {END_OPTION};

const struct fl_option fl_program_options[] = {
  HELP_OPTION,
  {"--version", NULL, FL_VALUE_OTHER, NULL, "print the version"},
  END_OPTION
};

#define WRONG_LINE {"2", "the command line is wrong"}
#define REFUSED {"3", "the system refused"}
#define END_EXIT {NULL, NULL}

const struct fl_exit fl_program_exits[] = {
  {"0", "success, or stopped in order"},
  {"1", "the configuration is wrong or cannot be put into effect (syntax, a "
        "value, a port in use); or what was asked for is not there: see the "
        "command"},
  {"2", "the command line is wrong"},
  {"3", "the system refused (memory, threads, descriptors, output)"},
  {"128+N", "ended at once by a second signal N"},
  END_EXIT
};

static const struct fl_exit run_exits[] = {
  {"0", "stopped in order"},
  {"1", "the configuration is wrong, or cannot be put into effect"},
  WRONG_LINE,
  {"3", "the system refused (memory, threads, descriptors)"},
  {"128+N", "ended at once by a second signal N"},
  END_EXIT
};

static const struct fl_exit check_exits[] = {
  {"0", "nothing is wrong"},
  {"1", "something is wrong"},
  WRONG_LINE,
  REFUSED,
  END_EXIT
};

static const struct fl_exit status_exits[] = {
  {"0", "shown"},
  {"1", "no fairlead is reached there"},
  WRONG_LINE,
  REFUSED,
  END_EXIT
};

static const struct fl_exit reload_exits[] = {
  {"0", "the file is in effect, whether or not anything had to change"},
  {"1", "it is wrong or cannot be put into effect (a port in use), or no "
        "fairlead is reached there"},
  WRONG_LINE,
  {"3", "the system refused, or it is stopping"},
  END_EXIT
};

static const struct fl_exit stop_exits[] = {
  {"0", "it has ended in order"},
  {"1", "no fairlead is reached there"},
  WRONG_LINE,
  {"3", "the system refused, or it was ended in another way meanwhile"},
  {"other", "that with which it ended"},
  END_EXIT
};

static const struct fl_exit server_exits[] = {
  {"0", "done"},
  {"1", "there is no such server, or there are several, or no fairlead is "
        "reached there"},
  WRONG_LINE,
  REFUSED,
  END_EXIT
};

static const struct fl_exit close_exits[] = {
  {"0", "closed"},
  {"1", "there is no such connection (any more), or no fairlead is reached "
        "there"},
  WRONG_LINE,
  REFUSED,
  END_EXIT
};

static const struct fl_exit level_exits[] = {
  {"0", "done"},
  {"1", "no fairlead is reached there"},
  {"2", "LEVEL or AREA is none of these, or the command line is wrong"},
  REFUSED,
  END_EXIT
};

static const struct fl_exit ping_exits[] = {
  {"0", "at least one probe was answered"},
  {"1", "none was"},
  WRONG_LINE,
  REFUSED,
  END_EXIT
};

static const struct fl_exit connect_exits[] = {
  {"0", "every line had its reply"},
  {"1", "there was no connection, or a line had no reply"},
  WRONG_LINE,
  REFUSED,
  {"130", "after Ctrl-C"},
  END_EXIT
};

static const struct fl_exit service_exits[] = {
  {"0", "done; status: it runs"},
  {"1", "install: FILE is wrong; status: it does not run"},
  {"2", "the command line is wrong, or this is not Windows"},
  REFUSED,
  {"other", "start, stop: that with which the service ended; the Event Log has "
            "the reason"},
  END_EXIT
};

static const struct fl_exit import_exits[] = {
  {"0", "printed"},
  {"1", "there is no forwarding in it, or one that cannot be taken over"},
  WRONG_LINE,
  REFUSED,
  END_EXIT
};

static const struct fl_exit help_exits[] = {
  {"0", "shown"},
  {"2", "there is no such command"},
  END_EXIT
};

const char fl_program_text[] =
  "Fairlead is a TCP gateway: it lets many clients share few connections to a "
  "server, and gives each client the replies to its own requests.\n"
  "\n"
  "What it serves stands in FILE, which is JSON: fairlead.json(5), "
  "docs/configuration.md.";

#define SERVER                                                                 \
  .operands = {{"SERVER", FL_VALUE_SERVER, NULL, false}}
#define PEER .operands = {{"HOST:PORT", FL_VALUE_OTHER, NULL, false}}

#define SERVER_NOTES                                                           \
  "SERVER is its address as in the configuration, such as 192.0.2.7:502; "     \
  "UPSTREAM/ADDRESS when several upstreams have it."

const struct fl_command fl_commands[] = {
  {"run", FL_ACTION_RUN, FL_SUBJECT_FILE,
   .summary = "serve until stopped",
   .text =
     "Serves what FILE describes until it is stopped. SIGTERM or SIGINT stops "
     "it: after `drain_delay` no new clients, requests that were complete are "
     "answered, for at most `shutdown_timeout`. A second signal ends it at "
     "once. SIGUSR2 is the stop of a restart: without `drain_delay`, for at "
     "most `restart_timeout`, and listening sockets that the service manager "
     "keeps are left to the next process. SIGHUP reads FILE again and puts it "
     "into effect, all of it or nothing. SIGUSR1 opens the log's files again.\n"
     "\n"
     "The log goes where `log.target` says: standard error, unless the file "
     "says otherwise.",
   .options = run_options, .exits = run_exits},
  {"check", FL_ACTION_CHECK, FL_SUBJECT_FILE,
   .summary = "check a configuration",
   .text =
     "Reads FILE and prints everything that is wrong with it to standard "
     "error, a line per fault: `FILE:LINE:COLUMN: key: found X; allowed: Y`. "
     "Opens no socket, so a port in use is found only by `run` and `reload`.",
   .options = check_options, .exits = check_exits},
  {"status", FL_ACTION_STATUS, FL_SUBJECT_REMOTE,
   .summary = "show what a running one is doing",
   .text =
     "Shows what the fairlead that runs with FILE is doing: its listeners and "
     "their clients, its upstreams, their servers and connections, and "
     "warnings where something is wrong with them.",
   .options = status_options,
   .notes =
     "A listener is `open`; `closed`, for no server of its upstream is in "
     "(`on_upstream_down`); or `opening`, while an address cannot be bound.\n"
     "\n"
     "A server is `up`: a connection stands; `down`: the last attempt failed "
     "and none stands; `unused`: none stands, and no attempt has failed; "
     "`ejected`: its health checks failed; `drained` or "
     "`ejected_by_operator`: an operator took it out.\n"
     "\n"
     "A client is `idle`; `waiting`, for a connection to a server; "
     "`in_flight`: its requests are with a server; `flushing` or `lingering`: "
     "it is ending, and what it is owed still leaves; or `closing`. That of a "
     "relay or session is `waiting`, `connecting`, `open`, `delivering` (one "
     "side has ended) or `closing`.\n"
     "\n"
     "A connection to a server is `connecting`; `quiet`: nothing may be sent "
     "yet (`connect_settle`, `request_gap`); `signing_on` (`on_connect`); "
     "`reset`: the answer to `reset.send` is awaited; `idle`: no request is on "
     "it; `busy`: requests are, and there is room for more; `full`: as many "
     "are as `in_flight` allows, or some and it ends behind them, or a relay "
     "or session has it; `checking`: a request of fairlead's own is on it; "
     "`leaving`: `on_close` was sent; or `closing`.",
   .exits = status_exits},
  {"reload", FL_ACTION_RELOAD, FL_SUBJECT_REMOTE,
   .summary = "put the changed file into effect",
   .text =
     "Has the fairlead that runs with FILE read it again and put it into "
     "effect, all of it or nothing, as SIGHUP does; waits for that, and prints "
     "what changed, or what is wrong. Clients and connections that the change "
     "does not concern notice nothing.",
   .options = remote_options, .exits = reload_exits},
  {"stop", FL_ACTION_STOP, FL_SUBJECT_REMOTE,
   .summary = "stop it, and wait",
   .text =
     "Stops the fairlead that runs with FILE as SIGTERM does, waits until it "
     "has ended, and prints with which status: after `drain_delay` no new "
     "clients, requests that were complete are answered, for at most "
     "`shutdown_timeout`.",
   .options = remote_options, .exits = stop_exits},
  {"drain", FL_ACTION_DRAIN, FL_SUBJECT_REMOTE, SERVER,
   .summary = "take a server out of use",
   .text =
     "Takes a server out of use, in the fairlead that runs with FILE, without "
     "a request failing: it gets no new connections and requests, what is "
     "under way is finished, and each connection closes once it has none. "
     "Relays and sessions go on until they end, or for `drain_timeout`. Prints "
     "how much of that there is at this moment; `fairlead status` shows when "
     "all are gone. It stays out until `fairlead restore` or a restart. When "
     "no server of its upstream is left, requests wait, up to "
     "`acquire_timeout`.\n"
     "\n" SERVER_NOTES,
   .options = remote_options, .exits = server_exits},
  {"eject", FL_ACTION_EJECT, FL_SUBJECT_REMOTE, SERVER,
   .summary = "take it out at once",
   .text =
     "As drain, but closes its connections at once: requests under way get "
     "errors, those of which no byte has left go to another server; relays "
     "and sessions on it end. Also ends what is left of a server that a reload "
     "has taken out.\n"
     "\n" SERVER_NOTES,
   .options = remote_options, .exits = server_exits},
  {"restore", FL_ACTION_RESTORE, FL_SUBJECT_REMOTE, SERVER,
   .summary = "use it again",
   .text =
     "Has a server used again at once that was drained or ejected, be it by "
     "its health checks.\n"
     "\n" SERVER_NOTES,
   .options = remote_options, .exits = server_exits},
  {"close", FL_ACTION_CLOSE, FL_SUBJECT_REMOTE,
   .operands = {{"CONNECTION", FL_VALUE_OTHER, NULL, false}},
   .summary = "close a connection",
   .text =
     "Closes a connection of the fairlead that runs with FILE. CONNECTION is "
     "its number, as `fairlead status --connections` shows it. A client's "
     "requests under way are given up; those on a connection to a server get "
     "errors, or another connection if none of their bytes has left. Of a "
     "relay or a session both sides are reset.",
   .options = remote_options, .exits = close_exits},
  {"log-level", FL_ACTION_LOG_LEVEL, FL_SUBJECT_REMOTE,
   .operands = {
     {"LEVEL", FL_VALUE_WORD, "error warning info debug", false},
     {"AREA", FL_VALUE_WORD, FL_LOG_AREA_LIST(AREA_WORD), true}},
   .summary = "log more, or less",
   .text =
     "Sets how much the fairlead that runs with FILE logs, until it reads its "
     "configuration again or ends. LEVEL is `error`, `warning`, `info` or "
     "`debug`. AREA is " FL_LOG_AREA_LIST(AREA_TEXT) "or left out: then LEVEL "
     "is for all.",
   .options = remote_options, .exits = level_exits},
  {"ping", FL_ACTION_PING, FL_SUBJECT_PEER, PEER,
   .summary = "measure a server's answers",
   .text =
     "Opens a connection to HOST:PORT again and again, closes it at once, and "
     "prints how long the server took to accept it. With `--send` it keeps "
     "one connection and prints how long the reply to a request took. Ctrl-C "
     "ends it with the statistics.",
   .options = ping_options,
   .notes =
     "D is a duration as in the configuration, such as 250ms or 1s. BYTES is "
     "text, or hex: and two digits for each byte (hex:50494e470a). The "
     "addresses of a name are tried in order until one takes the connection; "
     "that one is used from then on.\n"
     "\n"
     "  fairlead ping 192.0.2.7:502\n"
     "  fairlead ping 127.0.0.1:8080 --send PING --expect PONG --count 3",
   .exits = ping_exits},
  {"connect", FL_ACTION_CONNECT, FL_SUBJECT_PEER, PEER,
   .summary = "talk to a server",
   .text =
     "Connects to HOST:PORT, sends each line of standard input as a frame, "
     "and shows the reply to it before the next is sent.\n"
     "\n"
     "At a terminal there is a prompt, with editing and a history. Replies "
     "are shown as text, with control bytes as \\xNN, or as hex:. Ctrl-C "
     "drops the line, or gives up a reply; at an empty prompt it ends, as "
     "Ctrl-D does. In a pipe each reply goes to standard output, byte for "
     "byte; a line without a reply in time ends it.\n"
     "\n"
     "What has arrived before a line is sent is never taken for the reply to "
     "it: it is shown as \"unasked\", in a pipe on standard error.",
   .options = connect_options,
   .notes =
     "A line is text, or hex: and two digits for each byte (hex:50494e470a). "
     "One that is a whole frame is sent as it is; else what the framing has "
     "around it is added: a line's end, start and end, a length field at the "
     "front. BYTES is written likewise; D is a duration as in the "
     "configuration, such as 250ms or 1s.\n"
     "\n"
     "  fairlead connect 127.0.0.1:8080\n"
     "  printf 'PING\\nSTATUS\\n' | fairlead connect 127.0.0.1:8080\n"
     "  fairlead connect plc:502 --framing length --length-offset 4 \\\n"
     "      --length-width 2",
   .exits = connect_exits},
  {"service", FL_ACTION_SERVICE, FL_SUBJECT_SERVICE,
   .operands = {{"VERB", FL_VALUE_WORD, "install uninstall start stop status",
                 false}},
   .summary = "Windows: make a service, start it",
   .text =
     "Makes a service of Windows that runs this program, and acts on it; on "
     "Linux systemctl does that. VERB is one of:\n"
     "\n"
     "`install`: checks FILE, then makes the service. It starts a little after "
     "Windows does, and again when it has failed, under the account NT "
     "SERVICE\\fairlead; its events stand in the Event Log, log Application, "
     "source Fairlead.\n"
     "\n"
     "`uninstall`: stops the service and removes it. Files stay.\n"
     "\n"
     "`start`: starts it, and waits until every listener listens.\n"
     "\n"
     "`stop`: stops it, and waits: requests that were complete are answered, "
     "for at most `shutdown_timeout`.\n"
     "\n"
     "`status`: shows its state, its account and its command line.",
   .options = service_options,
   .notes =
     "All but `status` need an administrator.\n"
     "\n"
     "  fairlead service install --config C:\\Fairlead\\config.json --start",
   .exits = service_exits},
  {"import", FL_ACTION_IMPORT, FL_SUBJECT_IMPORT,
   .operands = {{"portproxy", FL_VALUE_WORD, "portproxy", false},
                {"FILE", FL_VALUE_FILE, NULL, true}},
   .summary = "make a configuration of netsh's",
   .text =
     "Prints a configuration that does what Windows' portproxy does: a relay "
     "listener for each forwarding. FILE, or standard input, is the output of "
     "`netsh interface portproxy show all`, in any language; at a terminal on "
     "Windows netsh is asked itself. A port can be listened to once: remove "
     "the forwardings from portproxy before Fairlead is started.",
   .options = no_options,
   .notes =
     "  fairlead import portproxy forwardings.txt > config.json\n"
     "  fairlead check --config config.json",
   .exits = import_exits},
  {"help", FL_ACTION_HELP, FL_SUBJECT_NONE,
   .operands = {{"COMMAND", FL_VALUE_COMMAND, NULL, true}},
   .summary = "explain a command",
   .text = "Explains a command; without one, lists them all.",
   .options = no_options, .exits = help_exits},
  {NULL, FL_ACTION_HELP, FL_SUBJECT_NONE, .summary = NULL}
};
/* clang-format on */

const struct fl_command *fl_command_find(const char *name) {
  for (const struct fl_command *command = fl_commands; command->name != NULL;
       command++)
    if (strcmp(command->name, name) == 0)
      return command;
  return NULL;
}

const struct fl_command *fl_command_of(enum fl_action action) {
  for (const struct fl_command *command = fl_commands; command->name != NULL;
       command++)
    if (command->action == action)
      return command;
  return NULL;
}
