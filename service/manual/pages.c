#include "service/manual/pages.h"

#include "service/commands.h"
#include "service/help.h"
#include "service/manual/markdown.h"
#include "service/manual/roff.h"

#include <ctype.h>
#include <string.h>

enum { WORDS_MAX = 400 };

static void section(struct fl_roff *roff, const char *title) {
  fl_roff_heading(roff, "SH", title, strlen(title));
}

static void paragraph(struct fl_roff *roff, const char *text) {
  fl_roff_string(roff, text);
  fl_roff_end(roff);
}

static void start(struct fl_roff *roff, const char *name, const char *number,
                  const char *about, const char *what) {
  char title[32];
  snprintf(title, sizeof title, "%s", name);
  for (char *at = title; *at != '\0'; at++)
    *at = (char)toupper((unsigned char)*at);
  fl_roff_title(roff, title, number, about);
  section(roff, "NAME");
  fl_roff_string(roff, name);
  fprintf(roff->out, " \\- %s\n", what);
  roff->column = 0;
}

static void tagged(struct fl_roff *roff, const char *tag, const char *text) {
  fl_roff_tag(roff, tag, strlen(tag));
  paragraph(roff, text);
}

/* ---- fairlead(1) ---- */

/* The words of a command that stand for what somebody puts in their place. */
static void list_words(char words[WORDS_MAX],
                       const struct fl_command *command) {
  size_t size = 0;
  words[0] = '\0';
  for (int i = 0; i < FL_OPERANDS_MAX; i++)
    if (command->operands[i].name != NULL)
      size += (size_t)snprintf(words + size, WORDS_MAX - size, " %s",
                               command->operands[i].name);
  for (const struct fl_option *option = command->options; option->name != NULL;
       option++)
    if (option->value != NULL)
      size += (size_t)snprintf(words + size, WORDS_MAX - size, " %s",
                               option->value);
}

/* As it is typed: names in bold. */
static void put_synopsis(struct fl_roff *roff,
                         const struct fl_command *command) {
  char text[FL_HELP_SYNOPSIS];
  char marked[FL_HELP_SYNOPSIS + 8];
  size_t name = strlen("fairlead ") + strlen(command->name);
  fl_help_synopsis(text, command, true);
  snprintf(marked, sizeof marked, "**%.*s**%s", (int)name, text, text + name);
  roff->keep = true;
  fl_roff_string(roff, marked);
  fl_roff_end(roff);
  roff->keep = false;
}

/* Paragraphs and examples, as --help has them. */
static void put_text(struct fl_roff *roff, const char *text) {
  bool example = false;
  while (*text != '\0') {
    size_t size = strcspn(text, "\n");
    bool verbatim = *text == ' ';
    if (verbatim != example)
      fl_roff_example(roff, verbatim);
    else if (!verbatim)
      fl_roff_paragraph(roff);
    example = verbatim;
    if (verbatim)
      fl_roff_verbatim(roff, text + 2, size - 2);
    else
      fl_roff_text(roff, text, size);
    fl_roff_end(roff);
    text += size;
    text += strspn(text, "\n");
  }
  if (example)
    fl_roff_example(roff, false);
}

static void put_options(struct fl_roff *roff, const struct fl_option *options) {
  for (; options->name != NULL; options++) {
    char tag[64];
    const char *value = options->value != NULL ? options->value : "";
    snprintf(tag, sizeof tag, "`%s`%s%s", options->name,
             value[0] != '\0' ? " " : "", value);
    tagged(roff, tag, options->meaning);
  }
}

/* One below the other. */
static void put_exits(struct fl_roff *roff, const struct fl_exit *exits) {
  for (const struct fl_exit *each = exits; each->status != NULL; each++) {
    tagged(roff, each->status, each->meaning);
    if (each == exits)
      fl_roff_macro(roff, ".PD 0");
  }
  fl_roff_macro(roff, ".PD");
}

static void put_command(struct fl_roff *roff,
                        const struct fl_command *command) {
  char words[WORDS_MAX];
  list_words(words, command);
  roff->italic = words;
  fl_roff_heading(roff, "SS", command->name, strlen(command->name));
  put_synopsis(roff, command);
  put_text(roff, command->text);
  put_options(roff, command->options);
  if (command->notes != NULL)
    put_text(roff, command->notes);
  fl_roff_paragraph(roff);
  paragraph(roff, "Exit status:");
  put_exits(roff, command->exits);
  roff->italic = NULL;
}

static void put_synopses(struct fl_roff *roff) {
  char words[WORDS_MAX];
  for (const struct fl_command *command = fl_commands; command->name != NULL;
       command++) {
    list_words(words, command);
    roff->italic = words;
    if (command != fl_commands)
      fl_roff_macro(roff, ".br");
    put_synopsis(roff, command);
  }
  for (const struct fl_option *option = fl_program_options;
       option->name != NULL; option++) {
    fl_roff_macro(roff, ".br");
    fprintf(roff->out, "\\fBfairlead \\-\\-%s\\fR\n", option->name + 2);
  }
  roff->italic = NULL;
}

void fl_page_commands(FILE *out, const char *document) {
  struct fl_roff roff = {.out = out};
  (void)document;
  start(&roff, "fairlead", "1", "User commands", "TCP gateway");
  section(&roff, "SYNOPSIS");
  put_synopses(&roff);
  section(&roff, "DESCRIPTION");
  roff.italic = "FILE";
  put_text(&roff, fl_program_text);
  roff.italic = NULL;
  fl_roff_paragraph(&roff);
  paragraph(&roff, "How it is looked after while it runs is in "
                   "**fairlead**(8).");
  fl_roff_paragraph(&roff);
  paragraph(&roff, "Options may be written as `--name value` or "
                   "`--name=value`; none may be abbreviated.");
  section(&roff, "COMMANDS");
  for (const struct fl_command *command = fl_commands; command->name != NULL;
       command++)
    put_command(&roff, command);
  section(&roff, "EXIT STATUS");
  put_exits(&roff, fl_program_exits);
  section(&roff, "EXAMPLES");
  put_text(&roff, "Check a configuration and serve it:\n\n"
                  "  fairlead check --config config.json\n"
                  "  fairlead run --config config.json\n\n"
                  "What is it doing, again every two seconds:\n\n"
                  "  fairlead status --config config.json --watch\n\n"
                  "Is the server there, and how fast does it answer:\n\n"
                  "  fairlead ping 192.0.2.7:502 --count 5");
  section(&roff, "SEE ALSO");
  paragraph(&roff, "**fairlead.json**(5), **fairlead**(8)");
}

/* ---- the documents ---- */

void fl_page_configuration(FILE *out, const char *document) {
  struct fl_roff roff = {.out = out};
  start(&roff, "fairlead.json", "5", "File formats",
        "the configuration of Fairlead");
  section(&roff, "DESCRIPTION");
  fl_markdown_write(&roff, document);
  section(&roff, "SEE ALSO");
  paragraph(&roff, "**fairlead**(1), **fairlead**(8)");
}

void fl_page_service(FILE *out, const char *document) {
  struct fl_roff roff = {.out = out, .italic = "FILE SERVER"};
  start(&roff, "fairlead", "8", "System administration",
        "the TCP gateway as a service");
  section(&roff, "SYNOPSIS");
  put_synopsis(&roff, fl_command_of(FL_ACTION_RUN));
  section(&roff, "DESCRIPTION");
  fl_markdown_write(&roff, document);
  section(&roff, "SEE ALSO");
  paragraph(&roff, "**fairlead**(1), **fairlead.json**(5)");
}
