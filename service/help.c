#include "service/help.h"

#include <assert.h>
#include <string.h>

enum {
  WIDTH = 79,
  PARAGRAPH_MAX = 1000, /* bytes of one, as it is shown */
  SUMMARIES = 43        /* the column in which they begin */
};

/* Text without its backticks; names of several words are put in quotation
   marks. */
struct plain {
  char text[PARAGRAPH_MAX];
  size_t size;
};

static void add(struct plain *plain, const char *bytes, size_t size) {
  assert(plain->size + size < sizeof plain->text);
  memcpy(plain->text + plain->size, bytes, size);
  plain->size += size;
  plain->text[plain->size] = '\0';
}

static void make_plain(struct plain *plain, const char *text, size_t size) {
  const char *end = text + size;
  plain->size = 0;
  add(plain, "", 0);
  while (text < end) {
    size_t before = strcspn(text, "`");
    if (before >= (size_t)(end - text))
      before = (size_t)(end - text);
    add(plain, text, before);
    text += before;
    if (text == end)
      return;
    size_t name = strcspn(++text, "`");
    bool several = memchr(text, ' ', name) != NULL;
    add(plain, "\"", several);
    add(plain, text, name);
    add(plain, "\"", several);
    text += name + 1;
  }
}

/* Writes a paragraph in lines that begin at `indent`. The cursor is at
   `column`. */
static void wrap(FILE *out, const char *text, size_t size, size_t column,
                 size_t indent) {
  struct plain plain;
  make_plain(&plain, text, size);
  if (column > 0 && column + 2 > indent) {
    fputc('\n', out);
    column = 0;
  }
  fprintf(out, "%*s", (int)(indent - column), "");
  column = indent;
  for (const char *word = plain.text; *word != '\0';) {
    size_t length = strcspn(word, " ");
    bool first = column == indent;
    if (!first && column + 1 + length > WIDTH) {
      fprintf(out, "\n%*s", (int)indent, "");
      column = indent;
    } else if (!first) {
      fputc(' ', out);
      column++;
    }
    fwrite(word, 1, length, out);
    column += length;
    word += length;
    word += strspn(word, " ");
  }
  fputc('\n', out);
}

/* Paragraphs and examples. */
static void write_text(FILE *out, const char *text) {
  while (*text != '\0') {
    size_t size = strcspn(text, "\n");
    if (text[0] == ' ')
      fprintf(out, "%.*s\n", (int)size, text);
    else
      wrap(out, text, size, 0, 0);
    text += size;
    if (strncmp(text, "\n\n", 2) == 0)
      fputc('\n', out);
    text += strspn(text, "\n");
  }
}

static size_t option_size(const struct fl_option *option) {
  size_t value = option->value != NULL ? 1 + strlen(option->value) : 0;
  return strlen(option->name) + value;
}

static void write_options(FILE *out, const struct fl_option *options) {
  size_t longest = 0;
  for (const struct fl_option *option = options; option->name != NULL; option++)
    if (option_size(option) > longest)
      longest = option_size(option);
  for (const struct fl_option *option = options; option->name != NULL;
       option++) {
    const char *value = option->value != NULL ? option->value : "";
    fprintf(out, "  %s%s%s", option->name, value[0] != '\0' ? " " : "", value);
    wrap(out, option->meaning, strlen(option->meaning), 2 + option_size(option),
         2 + longest + 2);
  }
}

static void write_exits(FILE *out, const struct fl_exit *exits) {
  fputs("\nExit status:\n", out);
  for (; exits->status != NULL; exits++) {
    fprintf(out, "  %s", exits->status);
    wrap(out, exits->meaning, strlen(exits->meaning), 2 + strlen(exits->status),
         9);
  }
}

/* Whether it has an option that its synopsis does not show. */
static bool has_more(const struct fl_command *command) {
  for (const struct fl_option *option = command->options; option->name != NULL;
       option++)
    if (strcmp(option->name, "--config") != 0 &&
        strcmp(option->name, "--control") != 0 &&
        strcmp(option->name, "--help") != 0)
      return true;
  return false;
}

void fl_help_synopsis(char synopsis[FL_HELP_SYNOPSIS],
                      const struct fl_command *command, bool options) {
  bool file = command->subject == FL_SUBJECT_FILE ||
              command->subject == FL_SUBJECT_REMOTE;
  int size = snprintf(synopsis, FL_HELP_SYNOPSIS, "fairlead %s", command->name);
  for (int i = 0; i < FL_OPERANDS_MAX; i++) {
    const struct fl_operand *operand = &command->operands[i];
    if (operand->name != NULL)
      size += snprintf(synopsis + size, (size_t)(FL_HELP_SYNOPSIS - size),
                       operand->optional ? " [%s]" : " %s", operand->name);
    assert(size < FL_HELP_SYNOPSIS);
  }
  snprintf(synopsis + size, (size_t)(FL_HELP_SYNOPSIS - size), "%s%s",
           file ? " --config FILE" : "",
           options && has_more(command) ? " [OPTION...]" : "");
}

static void write_summary(FILE *out, const char *synopsis,
                          const char *summary) {
  fprintf(out, "  %s", synopsis);
  wrap(out, summary, strlen(summary), 2 + strlen(synopsis), SUMMARIES);
}

static void write_all(FILE *out) {
  char synopsis[FL_HELP_SYNOPSIS];
  fputs("Usage: fairlead COMMAND [OPTION...]\n\n", out);
  write_text(out, fl_program_text);
  fputc('\n', out);
  for (const struct fl_command *command = fl_commands; command->name != NULL;
       command++) {
    fl_help_synopsis(synopsis, command, false);
    write_summary(out, synopsis, command->summary);
  }
  for (const struct fl_option *option = fl_program_options;
       option->name != NULL; option++) {
    snprintf(synopsis, sizeof synopsis, "fairlead %s", option->name);
    write_summary(out, synopsis, option->meaning);
  }
  write_exits(out, fl_program_exits);
}

void fl_help_write(FILE *out, const struct fl_command *command) {
  char synopsis[FL_HELP_SYNOPSIS];
  if (command == NULL) {
    write_all(out);
    return;
  }
  fl_help_synopsis(synopsis, command, true);
  fprintf(out, "Usage: %s\n\n", synopsis);
  write_text(out, command->text);
  fputc('\n', out);
  write_options(out, command->options);
  if (command->notes != NULL) {
    fputc('\n', out);
    write_text(out, command->notes);
  }
  write_exits(out, command->exits);
}
