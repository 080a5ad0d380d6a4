#include "service/manual/completion.h"

#include "service/commands.h"

#include <stdbool.h>
#include <string.h>

enum { BRIEF_MAX = 160 };

/* The beginning of a meaning, without marks: up to a semicolon or full
   stop. */
static void make_brief(char brief[BRIEF_MAX], const char *meaning) {
  size_t size = 0;
  for (; *meaning != '\0' && size < BRIEF_MAX - 1; meaning++) {
    if (*meaning == ';' || strncmp(meaning, ". ", 2) == 0)
      break;
    if (*meaning != '`')
      brief[size++] = *meaning;
  }
  brief[size] = '\0';
}

/* Within '...' of a shell: each of `special` with a backslash before it. */
static void put_quoted(FILE *out, const char *text, const char *special) {
  for (; *text != '\0'; text++) {
    if (*text == '\'')
      fputs("'\\''", out);
    else if (strchr(special, *text) != NULL)
      fprintf(out, "\\%c", *text);
    else
      fputc(*text, out);
  }
}

/* ---- bash ---- */

/* "@file", or words to choose from. */
static const char *kind_name(enum fl_value kind, const char *words) {
  switch (kind) {
  case FL_VALUE_FILE:
    return "@file";
  case FL_VALUE_USER:
    return "@user";
  case FL_VALUE_COMMAND:
    return "@command";
  case FL_VALUE_SERVER:
    return "@server";
  case FL_VALUE_WORD:
    return words;
  case FL_VALUE_OTHER:
    break;
  }
  return "";
}

static void bash_options(FILE *out) {
  /* This file is read within a function. */
  fputs("declare -gA _fairlead_options=(\n", out);
  for (const struct fl_command *each = fl_commands; each->name != NULL;
       each++) {
    fprintf(out, "  [%s]='", each->name);
    for (const struct fl_option *option = each->options; option->name != NULL;
         option++)
      fprintf(out, "%s%s", option == each->options ? "" : " ", option->name);
    fputs("'\n", out);
  }
  fputs(")\n", out);
}

/* Whether an earlier command has the option; its values are the same. */
static bool was_before(const struct fl_command *command, const char *name) {
  for (const struct fl_command *each = fl_commands; each != command; each++)
    for (const struct fl_option *option = each->options; option->name != NULL;
         option++)
      if (strcmp(option->name, name) == 0)
        return true;
  return false;
}

static void bash_values(FILE *out) {
  fputs("declare -gA _fairlead_values=(\n", out);
  for (const struct fl_command *each = fl_commands; each->name != NULL; each++)
    for (const struct fl_option *option = each->options; option->name != NULL;
         option++)
      if (option->value != NULL && !was_before(each, option->name))
        fprintf(out, "  [%s]='%s'\n", option->name,
                kind_name(option->kind, option->words));
  fputs(")\n", out);
}

static void bash_operands(FILE *out) {
  fputs("declare -gA _fairlead_operands=(\n", out);
  for (const struct fl_command *each = fl_commands; each->name != NULL; each++)
    for (int i = 0; i < FL_OPERANDS_MAX && each->operands[i].name != NULL; i++)
      fprintf(out, "  [%s:%d]='%s'\n", each->name, i,
              kind_name(each->operands[i].kind, each->operands[i].words));
  fputs(")\n\n", out);
}

void fl_completion_bash(FILE *out, const char *script) {
  fputs("# bash completion for fairlead\n# shellcheck shell=bash\n\n", out);
  bash_options(out);
  bash_values(out);
  bash_operands(out);
  fputs(script, out);
}

/* ---- zsh ---- */

/* What stands behind the last colon of a specification for _arguments. */
static void zsh_action(FILE *out, enum fl_value kind, const char *words) {
  static const char *const actions[] = {
      [FL_VALUE_OTHER] = " ",
      [FL_VALUE_FILE] = "_files",
      [FL_VALUE_USER] = "_users",
      [FL_VALUE_COMMAND] = "_fairlead_commands",
      [FL_VALUE_SERVER] = "_fairlead_servers"};
  if (kind == FL_VALUE_WORD)
    fprintf(out, "(%s)", words);
  else
    fputs(actions[kind], out);
}

static void zsh_option(FILE *out, const struct fl_option *option) {
  char brief[BRIEF_MAX];
  make_brief(brief, option->meaning);
  bool help = strcmp(option->name, "--help") == 0;
  fprintf(out, "      '%s%s%s[", help ? "(- *)" : "", option->name,
          option->value != NULL ? "=" : "");
  put_quoted(out, brief, "[]:");
  fputc(']', out);
  if (option->value != NULL) {
    fprintf(out, ":%s:", option->value);
    zsh_action(out, option->kind, option->words);
  }
  fputs("'\n", out);
}

static void zsh_operand(FILE *out, const struct fl_operand *operand, int at) {
  fprintf(out, "      '%d:%s", at + 1, operand->optional ? ":" : "");
  put_quoted(out, operand->name, ":");
  fputc(':', out);
  zsh_action(out, operand->kind, operand->words);
  fputs("'\n", out);
}

void fl_completion_zsh(FILE *out, const char *script) {
  fputs("#compdef fairlead\n\nlocal -a commands=(\n", out);
  for (const struct fl_command *each = fl_commands; each->name != NULL;
       each++) {
    fprintf(out, "  '%s:", each->name);
    put_quoted(out, each->summary, ":");
    fputs("'\n", out);
  }
  fputs(")\n\n# Sets reply to what _arguments is told of a command.\n"
        "_fairlead_describe() {\n  case $1 in\n",
        out);
  for (const struct fl_command *each = fl_commands; each->name != NULL;
       each++) {
    fprintf(out, "  %s)\n    reply=(\n", each->name);
    for (int i = 0; i < FL_OPERANDS_MAX && each->operands[i].name != NULL; i++)
      zsh_operand(out, &each->operands[i], i);
    for (const struct fl_option *option = each->options; option->name != NULL;
         option++)
      zsh_option(out, option);
    fputs("    )\n    ;;\n", out);
  }
  fputs("  *) reply=() ;;\n  esac\n}\n\n", out);
  fputs(script, out);
}

/* ---- fish ---- */

static void fish_values(FILE *out, enum fl_value kind, const char *words) {
  switch (kind) {
  case FL_VALUE_FILE:
    fputs(" -r -F", out);
    break;
  case FL_VALUE_USER:
    fputs(" -x -a '(__fish_complete_users)'", out);
    break;
  case FL_VALUE_SERVER:
    fputs(" -x -a '(__fairlead_servers)'", out);
    break;
  case FL_VALUE_WORD:
    fprintf(out, " -x -a '%s'", words);
    break;
  case FL_VALUE_COMMAND:
    fputs(" -x -a '", out);
    for (const struct fl_command *each = fl_commands; each->name != NULL;
         each++)
      fprintf(out, "%s%s", each == fl_commands ? "" : " ", each->name);
    fputc('\'', out);
    break;
  case FL_VALUE_OTHER:
    fputs(" -x", out);
    break;
  }
}

static void fish_description(FILE *out, const char *text) {
  fputs(" -d '", out);
  for (; *text != '\0'; text++)
    fprintf(out, *text == '\'' ? "\\%c" : "%c", *text);
  fputs("'\n", out);
}

static void fish_option(FILE *out, const char *condition,
                        const struct fl_option *option) {
  char brief[BRIEF_MAX];
  make_brief(brief, option->meaning);
  fprintf(out, "complete -c fairlead -n '%s' -l %s", condition,
          option->name + 2);
  if (option->value != NULL)
    fish_values(out, option->kind, option->words);
  fish_description(out, brief);
}

/* Each operand but the first follows one of the words before it. */
static void fish_operand(FILE *out, const struct fl_command *command, int at) {
  const struct fl_operand *operand = &command->operands[at];
  const struct fl_operand *first = &command->operands[0];
  if (operand->kind == FL_VALUE_OTHER)
    return;
  fprintf(out, "complete -c fairlead -n '__fish_seen_subcommand_from %s",
          command->name);
  if (first->kind == FL_VALUE_WORD)
    fprintf(out, "; and %s__fish_seen_subcommand_from %s",
            at == 0 ? "not " : "", first->words);
  fputc('\'', out);
  fish_values(out, operand->kind, operand->words);
  fputc('\n', out);
}

void fl_completion_fish(FILE *out, const char *script) {
  fputs("# fish completion for fairlead\n\n", out);
  fputs(script, out);
  for (const struct fl_option *option = fl_program_options;
       option->name != NULL; option++)
    fish_option(out, "__fish_use_subcommand", option);
  for (const struct fl_command *each = fl_commands; each->name != NULL;
       each++) {
    char condition[64];
    fprintf(out, "complete -c fairlead -n __fish_use_subcommand -a %s",
            each->name);
    fish_description(out, each->summary);
    snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s",
             each->name);
    for (int i = 0; i < FL_OPERANDS_MAX && each->operands[i].name != NULL; i++)
      fish_operand(out, each, i);
    for (const struct fl_option *option = each->options; option->name != NULL;
         option++)
      fish_option(out, condition, option);
  }
}
