/* The one table of the command line: a row for each command. Reading it,
   --help, the manual pages and the shells' completion all follow it.

   Texts are for people: paragraphs with an empty line between them, and
   examples, each line of which begins with two blanks. `Names` stand in
   backticks. */
#ifndef FL_SERVICE_COMMANDS_H
#define FL_SERVICE_COMMANDS_H

#include <stdbool.h>

enum fl_action {
  FL_ACTION_RUN,
  FL_ACTION_CHECK,
  FL_ACTION_STATUS,
  FL_ACTION_RELOAD,
  FL_ACTION_STOP,
  FL_ACTION_DRAIN,
  FL_ACTION_EJECT,
  FL_ACTION_RESTORE,
  FL_ACTION_CLOSE,
  FL_ACTION_LOG_LEVEL,
  FL_ACTION_PING,
  FL_ACTION_CONNECT,
  FL_ACTION_SERVICE,
  FL_ACTION_IMPORT,
  FL_ACTION_HELP,
  FL_ACTION_VERSION
};

/* What a command is about. */
enum fl_subject {
  FL_SUBJECT_NONE,
  FL_SUBJECT_FILE,    /* a configuration: needs --config */
  FL_SUBJECT_REMOTE,  /* a fairlead that runs: needs --config or --control */
  FL_SUBJECT_PEER,    /* a HOST:PORT */
  FL_SUBJECT_SERVICE, /* the service of Windows */
  FL_SUBJECT_IMPORT   /* what another program does */
};

/* What a value is, for shells that complete it. */
enum fl_value {
  FL_VALUE_OTHER,
  FL_VALUE_FILE,
  FL_VALUE_USER,
  FL_VALUE_COMMAND, /* a command of this table */
  FL_VALUE_SERVER,  /* of an upstream */
  FL_VALUE_WORD     /* one of `words` */
};

/* What stands behind a command's name. */
struct fl_operand {
  const char *name; /* "HOST:PORT"; NULL: there is none */
  enum fl_value kind;
  const char *words; /* of FL_VALUE_WORD, with blanks between them */
  bool optional;
};

struct fl_option {
  const char *name;  /* "--config"; NULL: the end of the list */
  const char *value; /* "FILE": "--config FILE" or "--config=FILE"; NULL: it
                        takes none */
  enum fl_value kind;
  const char *words;   /* of FL_VALUE_WORD, likewise */
  const char *meaning; /* one paragraph */
};

/* An exit status and what it says. */
struct fl_exit {
  const char *status; /* "0"; NULL: the end of the list */
  const char *meaning;
};

enum { FL_OPERANDS_MAX = 2 };

struct fl_command {
  const char *name;
  enum fl_action action;
  enum fl_subject subject;
  struct fl_operand operands[FL_OPERANDS_MAX];
  const char *summary; /* "serve until stopped" */
  const char *text;
  const struct fl_option *options;
  const char *notes; /* what follows the options; or NULL */
  const struct fl_exit *exits;
};

/* In the order in which they are shown; `name` is NULL at the end. */
extern const struct fl_command fl_commands[];

/* The program as a whole: what it is, its options, its exit statuses. */
extern const char fl_program_text[];
extern const struct fl_option fl_program_options[];
extern const struct fl_exit fl_program_exits[];

/* NULL when there is none. */
const struct fl_command *fl_command_find(const char *name);
const struct fl_command *fl_command_of(enum fl_action action);

#endif
