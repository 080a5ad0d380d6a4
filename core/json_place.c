#include "core/json_place.h"

#include <assert.h>
#include <stdlib.h>

struct walk {
  struct fl_json_text *text;
  struct fl_json_places *places;
  uint32_t capacity;
  uint32_t open[FL_JSON_DEPTH_MAX]; /* indices of the open containers */
  unsigned depth;
  bool no_memory;
};

static struct fl_json_place *innermost(const struct walk *walk) {
  return &walk->places->list[walk->open[walk->depth - 1]];
}

static bool in_object(const struct walk *walk) {
  return walk->depth > 0 && walk->text->bytes[innermost(walk)->start] == '{';
}

/* A new last value; NULL when memory is out. */
static struct fl_json_place *add(struct walk *walk) {
  struct fl_json_places *places = walk->places;
  if (places->count == walk->capacity) {
    uint32_t capacity = walk->capacity == 0 ? 64 : walk->capacity * 2;
    void *list = realloc(places->list, capacity * sizeof *places->list);
    if (list == NULL) {
      walk->no_memory = true;
      return NULL;
    }
    places->list = list;
    walk->capacity = capacity;
  }
  struct fl_json_place *place = &places->list[places->count++];
  *place = (struct fl_json_place){0};
  return place;
}

/* A value has ended before the next byte. */
static void finish(struct walk *walk, struct fl_json_place *place) {
  place->end = (uint32_t)walk->text->at;
  place->next = walk->places->count;
}

/* "name": */
static bool read_name(struct walk *walk, struct fl_json_place *place) {
  struct fl_json_text *text = walk->text;
  if (!fl_json_text_is(text, '"'))
    return fl_json_text_fault(text, NULL, "a name in quotation marks");
  place->key = fl_json_text_place(text);
  place->key_start = (uint32_t)text->at;
  if (!fl_json_text_string(text))
    return false;
  place->key_end = (uint32_t)text->at;
  if (!fl_json_text_space(text))
    return false;
  if (!fl_json_text_is(text, ':'))
    return fl_json_text_fault(text, NULL, "\":\" after the name");
  text->at++;
  return fl_json_text_space(text);
}

static bool open_container(struct walk *walk, uint32_t index) {
  if (walk->depth == FL_JSON_DEPTH_MAX)
    return fl_json_text_fault(walk->text, "a bracket too many",
                              "at most 16 levels of brackets");
  walk->open[walk->depth++] = index;
  walk->text->at++;
  return fl_json_text_space(walk->text);
}

/* The next byte is the first of a name (in an object) or of a value. Reads a
   scalar whole, of a container the opening bracket. */
static bool read_value(struct walk *walk) {
  struct fl_json_text *text = walk->text;
  struct fl_json_place *place = add(walk);
  if (place == NULL)
    return false;
  bool named = in_object(walk);
  if (named && !read_name(walk, place))
    return false;
  place->value = fl_json_text_place(text);
  place->start = (uint32_t)text->at;
  if (!named) {
    place->key = place->value;
    place->key_start = place->key_end = place->start;
  }
  if (fl_json_text_is(text, '{') || fl_json_text_is(text, '['))
    return open_container(walk, walk->places->count - 1);
  if (!fl_json_text_scalar(text))
    return false;
  finish(walk, place);
  return true;
}

/* Whether the innermost container was closed at the next byte. */
static bool close_container(struct walk *walk) {
  if (!fl_json_text_is(walk->text, in_object(walk) ? '}' : ']'))
    return false;
  walk->text->at++;
  finish(walk, innermost(walk));
  walk->depth--;
  return true;
}

/* The next byte is a comma: moves to the value behind it. A comma in front of
   a closing bracket is what is wrong there, not the bracket. */
static bool pass_comma(struct walk *walk) {
  struct fl_json_text *text = walk->text;
  const struct fl_json_text comma = *text;
  text->at++;
  if (!fl_json_text_space(text))
    return false;
  if (!fl_json_text_is(text, '}') && !fl_json_text_is(text, ']'))
    return true;
  *text = comma;
  return fl_json_text_fault(text, "a comma behind the last value",
                            in_object(walk) ? "\"}\" or another key"
                                            : "\"]\" or another value");
}

/* After a value, or an opening bracket: closes what closes here and moves to
   the next value, if any. */
static bool read_between(struct walk *walk) {
  struct fl_json_text *text = walk->text;
  const struct fl_json_places *places = walk->places;
  bool first =
      walk->depth > 0 && walk->open[walk->depth - 1] == places->count - 1;
  while (walk->depth > 0) {
    if (!fl_json_text_space(text))
      return false;
    if (close_container(walk)) {
      first = false;
      continue;
    }
    if (first)
      return true;
    if (!fl_json_text_is(text, ','))
      return fl_json_text_fault(
          text, NULL, in_object(walk) ? "\",\" or \"}\"" : "\",\" or \"]\"");
    return pass_comma(walk);
  }
  return true;
}

static bool read_all(struct walk *walk) {
  struct fl_json_text *text = walk->text;
  if (!fl_json_text_space(text))
    return false;
  do {
    if (!read_value(walk) || !read_between(walk))
      return false;
  } while (walk->depth > 0);
  if (!fl_json_text_space(text))
    return false;
  if (text->at < text->size)
    return fl_json_text_fault(text, NULL, "nothing after the outermost value");
  return true;
}

enum fl_json_result fl_json_places_read(struct fl_json_text *text,
                                        struct fl_json_places *places) {
  struct walk walk = {.text = text, .places = places};
  assert(text->size < UINT32_MAX);
  *places = (struct fl_json_places){0};
  if (read_all(&walk))
    return FL_JSON_OK;
  fl_json_places_free(places);
  return walk.no_memory ? FL_JSON_NO_MEMORY : FL_JSON_FAULT;
}

void fl_json_places_free(struct fl_json_places *places) {
  free(places->list);
  *places = (struct fl_json_places){0};
}
