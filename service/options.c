#include "service/options.h"

#include "core/config_nearest.h"
#include "platform/format.h"
#include "service/help.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What is left to read, and where to say what is wrong with it. */
struct reading {
  struct fl_options *options;
  const struct fl_command *command;
  char usage[FL_HELP_SYNOPSIS]; /* what it needs */
  unsigned given;               /* its options with values, a bit each */
  char *const *next;            /* ends with NULL */
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

static void begin(struct reading *reading, const struct fl_command *command) {
  reading->command = command;
  reading->options->action = command->action;
  fl_help_synopsis(reading->usage, command, false);
}

static bool is_service(const struct reading *reading) {
  return reading->command->subject == FL_SUBJECT_SERVICE;
}

static bool is_client(const struct reading *reading) {
  return reading->command->subject == FL_SUBJECT_PEER;
}

static bool is_import(const struct reading *reading) {
  return reading->command->subject == FL_SUBJECT_IMPORT;
}

/* A command that acts on something in a fairlead that runs. */
static bool is_act(const struct reading *reading) {
  return reading->command->subject == FL_SUBJECT_REMOTE &&
         reading->command->operands[0].name != NULL;
}

/* ---- words that nobody knows ---- */

/* ": did you mean X?", or "" when nothing is near. */
static const char *hint(char text[64],
                        const struct fl_config_nearest *nearest) {
  text[0] = '\0';
  if (nearest->word != NULL)
    snprintf(text, 64, "; did you mean \"%s\"?", nearest->word);
  return text;
}

static void offer_options(struct fl_config_nearest *nearest, const char *word,
                          const struct fl_option *options) {
  for (; options->name != NULL; options++)
    fl_config_nearest_offer(nearest, word, options->name);
}

static bool unknown_command(const struct reading *reading, const char *word,
                            bool top) {
  struct fl_config_nearest nearest = {0};
  char text[64];
  for (const struct fl_command *each = fl_commands; each->name != NULL; each++)
    fl_config_nearest_offer(&nearest, word, each->name);
  if (top)
    offer_options(&nearest, word, fl_program_options);
  return fail(reading, "unknown %s \"%.64s\"%s (\"fairlead --help\" lists all)",
              word[0] == '-' ? "option" : "command", word,
              hint(text, &nearest));
}

/* Whether argument is this option, with or without "=VALUE". */
static bool is_option(const struct fl_option *option, const char *argument) {
  size_t size = strlen(option->name);
  if (strncmp(argument, option->name, size) != 0)
    return false;
  return argument[size] == '\0' || argument[size] == '=';
}

static const struct fl_option *find_option(const struct fl_command *command,
                                           const char *argument) {
  for (const struct fl_option *each = command->options; each->name != NULL;
       each++)
    if (is_option(each, argument))
      return each;
  return NULL;
}

/* The first command that has such an option, or NULL. */
static const struct fl_command *home_of(const char *argument) {
  for (const struct fl_command *each = fl_commands; each->name != NULL; each++)
    if (find_option(each, argument) != NULL)
      return each;
  return NULL;
}

static bool unknown_operand(const struct reading *reading, const char *word) {
  if (is_client(reading))
    return fail(reading, "unexpected argument \"%.64s\" (%s takes one %s)",
                word, reading->command->name,
                reading->command->operands[0].name);
  if (is_act(reading) || is_service(reading) || is_import(reading))
    return fail(reading, "unexpected argument \"%.64s\" (%s)", word,
                reading->usage);
  return fail(reading,
              "unexpected argument \"%.64s\" (a configuration is given as "
              "--config FILE)",
              word);
}

/* "ping, connect": all commands that have such an option. Returns false when
   none has. */
static bool list_homes(char *text, size_t room, const char *argument) {
  size_t size = 0;
  for (const struct fl_command *each = fl_commands; each->name != NULL; each++)
    if (find_option(each, argument) != NULL && size < room)
      size += (size_t)snprintf(text + size, room - size, "%s%s",
                               size > 0 ? ", " : "", each->name);
  return size > 0;
}

static bool unknown_option(const struct reading *reading, const char *word) {
  struct fl_config_nearest nearest = {0};
  char homes[160] = "";
  char bare[66]; /* without "=VALUE"; longer words are near to nothing */
  char text[64];
  snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="), word);
  if (list_homes(homes, sizeof homes, word))
    return fail(reading, "%s is an option of: fairlead %s", bare, homes);
  offer_options(&nearest, bare, reading->command->options);
  return fail(reading,
              "unknown option \"%.64s\"%s (\"fairlead help %s\" lists all)",
              bare, hint(text, &nearest), reading->command->name);
}

/* ---- options ---- */

/* The value of an option, behind "=" or the next argument; NULL after a
   failure. */
static const char *take_value(struct reading *reading,
                              const struct fl_option *option,
                              const char *argument) {
  const char *equals = strchr(argument, '=');
  const char *value = equals != NULL ? equals + 1 : *reading->next;
  bool config = strcmp(option->name, "--config") == 0;
  unsigned bit = 1U << (unsigned)(option - reading->command->options);
  if (value == NULL || value[0] == '\0' ||
      (equals == NULL && strncmp(value, "--", 2) == 0)) {
    fail(reading, "%s needs a %s: %s%s%s%s%s", option->name,
         strcmp(option->value, "FILE") == 0 ? "file" : "value", reading->usage,
         config ? "" : " ", config ? "" : option->name, config ? "" : " ",
         config ? "" : option->value);
    return NULL;
  }
  if ((reading->given & bit) != 0) {
    fail(reading, "%s is given twice%s", option->name,
         config ? ": one file holds it all" : "");
    return NULL;
  }
  reading->given |= bit;
  if (equals == NULL)
    reading->next++;
  return value;
}

/* Where the value of an option of the others than HOST:PORT's is kept. */
static const char **text_option(struct fl_options *options, const char *name) {
  if (strcmp(name, "--pidfile") == 0)
    return &options->daemon.pidfile;
  if (strcmp(name, "--user") == 0)
    return &options->daemon.user;
  if (strcmp(name, "--control") == 0)
    return &options->remote.control;
  return &options->config;
}

static bool read_value(struct reading *reading, const struct fl_option *option,
                       const char *argument) {
  char error[FL_PING_VALUE_ERROR];
  const char *value = take_value(reading, option, argument);
  if (value == NULL)
    return false;
  if (!is_client(reading)) {
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
    return options->action == FL_ACTION_PING ? &options->ping.quiet
                                             : &options->remote.quiet;
  if (strcmp(name, "--connections") == 0)
    return &options->remote.connections;
  if (strcmp(name, "--json") == 0)
    return &options->remote.json;
  if (strcmp(name, "--start") == 0)
    return &options->service.start;
  return strcmp(name, "--watch") == 0 ? &options->remote.watch : NULL;
}

static bool read_option(struct reading *reading, const char *argument) {
  struct fl_options *options = reading->options;
  const struct fl_option *option = find_option(reading->command, argument);
  if (option == NULL)
    return argument[0] == '-' ? unknown_option(reading, argument)
                              : unknown_operand(reading, argument);
  if (option->value != NULL)
    return read_value(reading, option, argument);
  if (strchr(argument, '=') != NULL)
    return fail(reading, "%s takes no value", option->name);
  bool *flag = flag_of(options, option->name);
  if (flag != NULL) {
    *flag = true;
  } else {
    options->topic = reading->command;
    options->action = FL_ACTION_HELP;
  }
  return true;
}

/* ---- what a command is about ---- */

static bool is_operand(const struct reading *reading, const char *argument) {
  unsigned count = reading->options->remote.operand_count;
  if (argument[0] == '-')
    return is_import(reading) && count == 1 && argument[1] == '\0';
  if (is_act(reading) || is_import(reading))
    return count < FL_OPERANDS_MAX &&
           reading->command->operands[count].name != NULL;
  if (is_service(reading))
    return reading->options->service.verb == NULL;
  return is_client(reading) && reading->options->ping.target == NULL;
}

/* One word of a line to the control socket. */
static bool is_word(const char *text) {
  size_t size = strlen(text);
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)text[i] <= 0x20 || text[i] == 0x7f)
      return false;
  return size > 0 && size <= FL_REMOTE_OPERAND_MAX;
}

static bool read_verb(const struct reading *reading, const char *word) {
  struct fl_config_nearest nearest = {0};
  char text[64];
  reading->options->service.verb = word;
  for (const char *const *verb = fl_service_verbs; *verb != NULL; verb++) {
    if (strcmp(*verb, word) == 0)
      return true;
    fl_config_nearest_offer(&nearest, word, *verb);
  }
  return fail(reading,
              "unknown verb \"%.64s\"%s (\"fairlead help service\" lists all)",
              word, hint(text, &nearest));
}

static bool read_operand(struct reading *reading, const char *operand) {
  struct fl_options *options = reading->options;
  char error[FL_PING_VALUE_ERROR];
  if (is_service(reading))
    return read_verb(reading, operand);
  if (is_import(reading)) {
    if (options->remote.operand_count++ > 0)
      options->import = operand;
    return options->remote.operand_count > 1 ||
           strcmp(operand, "portproxy") == 0 ||
           fail(reading, "\"%.64s\" cannot be imported: %s", operand,
                reading->usage);
  }
  if (is_act(reading)) {
    options->remote.operands[options->remote.operand_count++] = operand;
    return is_word(operand) || fail(reading, "\"%.64s\" is not one word: %s",
                                    operand, reading->usage);
  }
  return fl_ping_options_target(&options->ping, operand, error) ||
         fail(reading, "%s", error);
}

/* A command for a fairlead that runs: which one? */
static bool is_remote_complete(const struct reading *reading) {
  const struct fl_options *options = reading->options;
  if (options->config != NULL && options->remote.control != NULL)
    return fail(reading, "--config and --control both say where it is: give "
                         "one of them");
  if (options->config == NULL && options->remote.control == NULL)
    return fail(reading, "--config is missing: %s (or --control PATH)",
                reading->usage);
  if (options->config != NULL && strcmp(options->config, "-") == 0)
    return fail(reading,
                "standard input tells nothing of a fairlead that runs: "
                "fairlead %s --control PATH",
                reading->command->name);
  return true;
}

static bool is_client_complete(const struct reading *reading) {
  struct fl_ping_options *ping = &reading->options->ping;
  char error[FL_PING_FINISH_ERROR];
  if (ping->expect.size > 0 && ping->send.size == 0)
    return fail(reading, "--expect is about the reply to --send: fairlead "
                         "ping HOST:PORT --send BYTES --expect BYTES");
  return fl_ping_options_finish(ping, error) || fail(reading, "%s", error);
}

/* Its configuration is said once, when it is installed. */
static bool is_service_complete(const struct reading *reading) {
  struct fl_options *options = reading->options;
  const char *verb = options->service.verb;
  assert(verb != NULL); /* it is an operand that is needed */
  options->service.config = options->config;
  if (strcmp(verb, "install") != 0)
    return (options->config == NULL && !options->service.start) ||
           fail(reading,
                "--config and --start are for: fairlead service install");
  if (options->config == NULL)
    return fail(reading, "--config is missing: fairlead service install "
                         "--config FILE");
  return strcmp(options->config, "-") != 0 ||
         fail(reading, "a service has no standard input: fairlead service "
                       "install --config FILE");
}

/* Whether nothing is missing that the command needs. */
static bool is_complete(const struct reading *reading) {
  const struct fl_options *options = reading->options;
  const struct fl_operand *first = &reading->command->operands[0];
  bool has_first = options->ping.target != NULL ||
                   options->remote.operand_count > 0 ||
                   options->service.verb != NULL;
  if (first->name != NULL && !first->optional && !has_first)
    return fail(reading, "%s is missing: %s", first->name, reading->usage);
  switch (reading->command->subject) {
  case FL_SUBJECT_REMOTE:
    return is_remote_complete(reading);
  case FL_SUBJECT_PEER:
    return is_client_complete(reading);
  case FL_SUBJECT_SERVICE:
    return is_service_complete(reading);
  case FL_SUBJECT_FILE:
    return options->config != NULL ||
           fail(reading, "--config is missing: %s", reading->usage);
  case FL_SUBJECT_IMPORT:
  case FL_SUBJECT_NONE:
    break;
  }
  return true;
}

/* ---- the line ---- */

/* "-h" stands for "--help". */
static bool is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* All but "help". The first --help ends the reading. */
static bool read_arguments(struct reading *reading) {
  while (*reading->next != NULL) {
    const char *argument = *reading->next++;
    if (is_help(argument))
      argument = "--help";
    if (is_operand(reading, argument) ? !read_operand(reading, argument)
                                      : !read_option(reading, argument))
      return false;
    if (reading->options->action == FL_ACTION_HELP)
      return true;
  }
  return is_complete(reading);
}

static bool read_topic(struct reading *reading) {
  const char *topic = *reading->next;
  if (topic == NULL || is_help(topic))
    return true;
  const struct fl_command *command = fl_command_find(topic);
  if (command == NULL)
    return unknown_command(reading, topic, false);
  if (reading->next[1] != NULL)
    return fail(reading,
                "unexpected argument \"%.64s\" (help takes one command)",
                reading->next[1]);
  if (command->action != FL_ACTION_HELP)
    reading->options->topic = command;
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

static bool misplaced_option(struct reading *reading,
                             const struct fl_command *command,
                             const char *word) {
  const struct fl_option *option = find_option(command, word);
  bool shown = strcmp(option->name, "--config") == 0;
  begin(reading, command);
  return fail(reading, "%s comes after a command: %s%s%s%s%s", option->name,
              reading->usage, shown ? "" : " ", shown ? "" : option->name,
              shown || option->value == NULL ? "" : " ",
              shown || option->value == NULL ? "" : option->value);
}

bool fl_options_read(struct fl_options *options, int argc, char *const argv[],
                     char error[FL_OPTIONS_ERROR]) {
  struct reading reading = {
      .options = options, .next = argc > 0 ? argv + 1 : argv, .error = error};
  *options = (struct fl_options){.action = FL_ACTION_HELP};
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
  const struct fl_command *command = fl_command_find(word);
  if (command == NULL && home_of(word) != NULL)
    return misplaced_option(&reading, home_of(word), word);
  if (command == NULL)
    return unknown_command(&reading, word, true);
  begin(&reading, command);
  return command->action == FL_ACTION_HELP ? read_topic(&reading)
                                           : read_arguments(&reading);
}
