#include "service/manual/markdown.h"

#include <ctype.h>
#include <string.h>

enum { CELLS_MAX = 8, HEADING_MAX = 128 };

struct piece {
  const char *text;
  size_t size;
};

/* A table's head or row; cells that it does not have are empty. */
struct row {
  struct piece cells[CELLS_MAX];
  size_t count;
};

struct page {
  struct fl_roff *roff;
  const char *next; /* the line that is looked at */
};

static size_t line_size(const char *line) { return strcspn(line, "\n"); }

static bool begins(const char *line, const char *with) {
  return strncmp(line, with, strlen(with)) == 0;
}

static bool is_blank(const char *line) {
  return line[strspn(line, " ")] == '\n' || *line == '\0';
}

static void skip_line(struct page *page) {
  page->next += line_size(page->next);
  page->next += *page->next == '\n';
}

/* ---- headings, paragraphs, lists, code ---- */

/* "## Like this" is a part; what is deeper belongs to one. */
static void heading(struct page *page) {
  char text[HEADING_MAX];
  size_t depth = strspn(page->next, "#");
  const char *from = page->next + depth + 1;
  size_t size = line_size(from);
  if (size >= sizeof text)
    size = sizeof text - 1;
  bool plain = memchr(from, '`', size) == NULL;
  for (size_t i = 0; i < size; i++)
    text[i] =
        depth == 2 && plain ? (char)toupper((unsigned char)from[i]) : from[i];
  fl_roff_heading(page->roff, depth == 2 ? "SH" : "SS", text, size);
  skip_line(page);
}

static bool ends_paragraph(const char *line) {
  return is_blank(line) || *line == '#' || *line == '|' || begins(line, "- ") ||
         begins(line, "```");
}

/* The lines from here to the paragraph's end. */
static void paragraph(struct page *page) {
  const char *from = page->next;
  do
    skip_line(page);
  while (!ends_paragraph(page->next));
  fl_roff_text(page->roff, from, (size_t)(page->next - from));
  fl_roff_end(page->roff);
}

static void item(struct page *page) {
  fl_roff_macro(page->roff, ".IP \\[u2022] 2");
  page->next += 2;
  paragraph(page);
}

static void code(struct page *page) {
  fl_roff_example(page->roff, true);
  skip_line(page);
  while (*page->next != '\0' && !begins(page->next, "```")) {
    fl_roff_verbatim(page->roff, page->next, line_size(page->next));
    skip_line(page);
  }
  fl_roff_example(page->roff, false);
  skip_line(page);
}

/* ---- tables ---- */

static void read_row(struct page *page, struct row *row) {
  const char *at = page->next + 1;
  const char *end = page->next + line_size(page->next);
  row->count = 0;
  for (size_t i = 0; i < CELLS_MAX; i++)
    row->cells[i] = (struct piece){"", 0};
  while (at < end && row->count < CELLS_MAX) {
    const char *bar = memchr(at, '|', (size_t)(end - at));
    const char *last = bar != NULL ? bar : end;
    const char *next = last + 1;
    at += strspn(at, " ");
    while (last > at && last[-1] == ' ')
      last--;
    row->cells[row->count].text = at;
    row->cells[row->count++].size = last > at ? (size_t)(last - at) : 0;
    at = next;
  }
  skip_line(page);
}

static void put(struct page *page, struct piece piece) {
  fl_roff_text(page->roff, piece.text, piece.size);
}

/* A key of the configuration: Key, Type, Default, Allowed, Meaning. */
static void key_row(struct page *page, const struct row *row) {
  struct fl_roff *roff = page->roff;
  struct piece initial = row->cells[2];
  fl_roff_macro(roff, ".TP 7");
  roff->keep = true;
  put(page, row->cells[0]);
  fl_roff_string(roff, " (");
  put(page, row->cells[1]);
  if (initial.size > 0) {
    fl_roff_string(roff, initial.text[0] == '`' ? ", default" : ",");
    fl_roff_blank(roff);
    put(page, initial);
  }
  fl_roff_string(roff, ")");
  roff->keep = false;
  fl_roff_end(roff);
  put(page, row->cells[4]);
  fl_roff_end(roff);
  if (row->cells[3].size > 0) {
    struct piece allowed = row->cells[3];
    bool see = begins(allowed.text, "see ");
    fl_roff_macro(roff, ".br");
    fl_roff_string(roff, see ? "See" : "Allowed:");
    fl_roff_blank(roff);
    put(page,
        see ? (struct piece){allowed.text + 4, allowed.size - 4} : allowed);
    fl_roff_string(roff, ".");
    fl_roff_end(roff);
  }
}

/* Any other: the first cell is the tag, the second needs no name. */
static void plain_row(struct page *page, const struct row *head,
                      const struct row *row) {
  struct fl_roff *roff = page->roff;
  fl_roff_tag(roff, row->cells[0].text, row->cells[0].size);
  for (size_t i = 1; i < row->count && i < head->count; i++) {
    if (row->cells[i].size == 0)
      continue;
    if (i > 1) {
      char name[HEADING_MAX];
      snprintf(name, sizeof name,
               "%c%.*s:", toupper((unsigned char)head->cells[i].text[0]),
               (int)head->cells[i].size - 1, head->cells[i].text + 1);
      fl_roff_macro(roff, ".br");
      fl_roff_string(roff, name);
      fl_roff_blank(roff);
    }
    put(page, row->cells[i]);
    fl_roff_end(roff);
  }
}

static void table(struct page *page) {
  struct row head;
  struct row row;
  read_row(page, &head);
  skip_line(page); /* |---|---| */
  bool keys = head.count == 5 && begins(head.cells[0].text, "Key ");
  while (*page->next == '|') {
    read_row(page, &row);
    if (keys && row.count == 5)
      key_row(page, &row);
    else
      plain_row(page, &head, &row);
  }
}

void fl_markdown_write(struct fl_roff *roff, const char *text) {
  struct page page = {roff, text};
  while (*page.next != '\0') {
    if (begins(page.next, "# ") || is_blank(page.next)) {
      skip_line(&page);
      continue;
    }
    if (*page.next == '#') {
      heading(&page);
    } else if (*page.next == '|') {
      table(&page);
    } else if (begins(page.next, "- ")) {
      item(&page);
    } else if (begins(page.next, "```")) {
      code(&page);
    } else {
      fl_roff_paragraph(roff);
      paragraph(&page);
    }
  }
}
