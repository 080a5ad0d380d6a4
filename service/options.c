#include "service/options.h"

#include "core/config_nearest.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

static const struct command {
  const char *name;
  enum fl_action action;
  const char *help;
} commands[] = {
    {"run", FL_ACTION_RUN,
     "Usage: fairlead run --config FILE\n"
     "\n"
     "Serves what FILE describes until it is stopped. SIGTERM or SIGINT stops\n"
     "it: no new clients, requests that were complete are answered, for at\n"
     "most shutdown_timeout. A second signal ends it at once. The log goes to\n"
     "standard error.\n"
     "\n"
     "  --config FILE  the configuration; - is standard input\n"
     "  --help         this text\n"},
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
    {"help", FL_ACTION_HELP,
     "Usage: fairlead COMMAND [OPTION...]\n"
     "\n"
     "Fairlead is a TCP gateway: it lets many clients share few connections\n"
     "to a server, and gives each client the replies to its own requests.\n"
     "\n"
     "  fairlead run --config FILE              serve until stopped\n"
     "  fairlead check --config FILE [--print]  check a configuration\n"
     "  fairlead help [COMMAND]                 explain a command\n"
     "  fairlead --help                         this text\n"
     "  fairlead --version                      print the version\n"
     "\n"
     "Exit status:\n"
     "  0      success, or stopped in order\n"
     "  1      the configuration is wrong or cannot be put into effect\n"
     "         (syntax, a value, a port in use)\n"
     "  2      the command line is wrong\n"
     "  3      the system refused (memory, threads, descriptors, output)\n"
     "  128+N  ended at once by a second signal N\n"},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* The options of commands. */
static const struct option {
  const char *name;
  enum fl_action action; /* the only command it belongs to, */
  bool common;           /* but for these: both RUN and CHECK */
  bool value;            /* "--name VALUE" or "--name=VALUE" */
} options_known[] = {
    {"--config", FL_ACTION_RUN, true, true},
    {"--print", FL_ACTION_CHECK, false, false},
    {"--help", FL_ACTION_RUN, true, false},
};

enum { OPTIONS = sizeof options_known / sizeof options_known[0] };

/* What is left to read, and where to say what is wrong with it. */
struct reading {
  struct fl_options *options;
  char *const *next; /* ends with NULL */
  char *error;
};

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static bool
fail(const struct reading *reading, const char *format, ...) {
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

static const char *command_name(enum fl_action action) {
  for (int i = 0; i < COMMANDS; i++)
    if (commands[i].action == action)
      return commands[i].name;
  return "";
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
  return option->common || option->action == action;
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
  if (word[0] != '-')
    return fail(reading,
                "unexpected argument \"%.64s\" (a configuration is given as "
                "--config FILE)",
                word);
  snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="), word);
  for (int i = 0; i < OPTIONS; i++)
    if (strcmp(bare, options_known[i].name) == 0)
      return fail(reading, "%s is an option of: fairlead %s", bare,
                  command_name(options_known[i].action));
  for (int i = 0; i < OPTIONS; i++)
    if (belongs(&options_known[i], action))
      fl_config_nearest_offer(&nearest, bare, options_known[i].name);
  return fail(reading,
              "unknown option \"%.64s\"%s (\"fairlead help %s\" lists all)",
              bare, hint(text, &nearest), command_name(action));
}

static bool read_config(struct reading *reading, const char *argument) {
  const char *equals = strchr(argument, '=');
  const char *value = equals != NULL ? equals + 1 : *reading->next;
  const char *command = command_name(reading->options->action);
  if (value == NULL || value[0] == '\0' ||
      (equals == NULL && strncmp(value, "--", 2) == 0))
    return fail(reading, "--config needs a file: fairlead %s --config FILE",
                command);
  if (reading->options->config != NULL)
    return fail(reading, "--config is given twice: one file holds it all");
  if (equals == NULL)
    reading->next++;
  reading->options->config = value;
  return true;
}

static bool read_option(struct reading *reading, const char *argument) {
  struct fl_options *options = reading->options;
  const struct option *option = find_option(argument, options->action);
  if (option == NULL)
    return unknown_argument(reading, argument);
  if (option->value)
    return read_config(reading, argument);
  if (strchr(argument, '=') != NULL)
    return fail(reading, "%s takes no value", option->name);
  if (strcmp(option->name, "--print") == 0) {
    options->print = true;
  } else {
    options->topic = options->action;
    options->action = FL_ACTION_HELP;
  }
  return true;
}

/* "run" and "check". The first --help ends the reading. */
static bool read_options(struct reading *reading) {
  struct fl_options *options = reading->options;
  while (*reading->next != NULL) {
    if (!read_option(reading, *reading->next++))
      return false;
    if (options->action == FL_ACTION_HELP)
      return true;
  }
  if (options->config == NULL)
    return fail(reading, "--config is missing: fairlead %s --config FILE",
                command_name(options->action));
  return true;
}

static bool read_topic(struct reading *reading) {
  const char *topic = *reading->next;
  if (topic == NULL || strcmp(topic, "--help") == 0)
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

bool fl_options_read(struct fl_options *options, int argc, char *const argv[],
                     char error[FL_OPTIONS_ERROR]) {
  struct reading reading = {options, argc > 0 ? argv + 1 : argv, error};
  *options = (struct fl_options){FL_ACTION_HELP, FL_ACTION_HELP, NULL, false};
  const char *word = *reading.next;
  if (word == NULL)
    return fail(&reading, "a command is missing: fairlead run --config FILE "
                          "(\"fairlead --help\" lists all)");
  reading.next++;
  if (strcmp(word, "--help") == 0)
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
      return fail(&reading, "%s comes after a command: fairlead %s %s%s",
                  options_known[i].name, command_name(options_known[i].action),
                  options_known[i].name, options_known[i].value ? " FILE" : "");
  return unknown_command(&reading, word, true);
}

void fl_options_help(FILE *out, enum fl_action topic) {
  for (int i = 0; i < COMMANDS; i++)
    if (commands[i].action == topic)
      fputs(commands[i].help, out);
}
