/* The one table of config.json: a row per key. Reading, printing, the schema
   and the check of docs/configuration.md all follow it. */
#ifndef FL_CORE_CONFIG_TABLE_H
#define FL_CORE_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a value is in the file, and in the struct. */
enum fl_config_type {
  FL_CONFIG_IGNORED,  /* a string that is for editors; no field */
  FL_CONFIG_BOOLEAN,  /* bool */
  FL_CONFIG_INTEGER,  /* uint32_t; "auto" is 0 */
  FL_CONFIG_SIGNED,   /* int32_t, -max to max */
  FL_CONFIG_DURATION, /* fl_time; "auto" is FL_NEVER until it is resolved */
  FL_CONFIG_SECONDS,  /* a duration of whole seconds; uint32_t, seconds */
  FL_CONFIG_SIZE,     /* uint32_t, bytes; "auto" is 0 */
  FL_CONFIG_CHOICE,   /* an enum of int's size, or FL_CONFIG_NO_FIELD */
  FL_CONFIG_BYTES,    /* struct fl_bytes; min and max are of its size */
  FL_CONFIG_PAYLOAD,  /* struct fl_payload; likewise */
  FL_CONFIG_NAME,     /* char *; "auto" is NULL */
  FL_CONFIG_FILE,     /* likewise */
  FL_CONFIG_TARGET,   /* struct fl_log_target: a word of `choices` or a path,
                         which has a / or \ in it */
  FL_CONFIG_PATTERNS, /* an array of names of files; no field */
  FL_CONFIG_NAMES,    /* char ** and a uint32_t count */
  FL_CONFIG_ENDPOINT, /* struct fl_endpoint, to listen on; "auto" has no text */
  FL_CONFIG_LISTEN,   /* struct fl_endpoint * and a uint32_t count */
  FL_CONFIG_SERVERS,  /* likewise */
  FL_CONFIG_ADDRESS,  /* struct fl_addr without a port; "auto" has no family */
  FL_CONFIG_BLOCKS,   /* struct fl_cidr * and a uint32_t count */
  FL_CONFIG_STRINGS,  /* struct fl_bytes * and a uint32_t count */
  FL_CONFIG_UPSTREAM, /* uint32_t, an index */
  FL_CONFIG_OBJECT,   /* the fields of its section */
  FL_CONFIG_LIST      /* a pointer to structs and a uint32_t count */
};

enum {
  FL_CONFIG_REQUIRED = 1,
  FL_CONFIG_AUTO = 2, /* "auto" is allowed too */
  /* Only in listeners of that mode, and in upstreams that such listeners use;
     with none of them: in all. In the order of enum fl_mode. */
  FL_CONFIG_COMMAND_MODE = 4,
  FL_CONFIG_REQUEST_MODE = 8,
  FL_CONFIG_RELAY_MODE = 16,
  FL_CONFIG_SESSION_MODE = 32,
  FL_CONFIG_MODES = 60,
  FL_CONFIG_INHERITS = 64, /* an object whose keys default to those of the
                              outermost object of the same name */
  /* What a reload does when the value, or anything in it, has changed; with
     none of them: it takes effect in place (core/config_diff.h). */
  FL_CONFIG_RECONNECT = 128,
  FL_CONFIG_REPLACE = 256,
  FL_CONFIG_STREAM = 512,
  FL_CONFIG_RESTART = 1024
};

#define FL_CONFIG_NO_FIELD SIZE_MAX

struct fl_config_section;

struct fl_config_row {
  const char *key;
  enum fl_config_type type;
  unsigned flags;
  const char *initial; /* the default as written, without quotation marks;
                          NULL: none */
  uint64_t min;        /* in bytes or microseconds; of arrays: their length */
  uint64_t max;
  uint64_t step;              /* of durations: whole multiples; 0: any */
  const char *const *choices; /* in the order of the enum, NULL at the end */
  const struct fl_config_section *section; /* of objects and lists */
  size_t offset;       /* of the field in the section's struct */
  size_t count_offset; /* of arrays: of their count in it */
  unsigned types;      /* the key belongs only to these choices of the
                          section's first key, a bit each; 0: to all */
  const char *meaning; /* one sentence, Markdown */
  const char *why;     /* follows what an error says is allowed; or NULL */
};

/* A choice's bit in `types`. */
#define FL_CONFIG_TYPE(choice) (1U << (choice))

struct fl_config_section {
  const char *path; /* "upstreams[].pool"; "" for the outermost object */
  const struct fl_config_row *rows;
  uint32_t count;
  /* Of a list's elements: */
  size_t size;          /* of their struct */
  size_t place_offset;  /* or FL_CONFIG_NO_FIELD */
  size_t socket_offset; /* of the struct fl_sockopts that starts as a copy of
                           the outermost one; or FL_CONFIG_NO_FIELD */
};

enum { FL_CONFIG_ROWS_MAX = 40 }; /* in any section */

/* The outermost object, struct fl_config. */
extern const struct fl_config_section fl_config_root;

/* The elements of "listeners" and "upstreams". */
extern const struct fl_config_section fl_config_listener;
extern const struct fl_config_section fl_config_upstream;

/* The "socket" of a listener. */
extern const struct fl_config_section fl_config_listener_socket;

/* Whether a key of section belongs to the struct at base, whose first key was
   read. */
bool fl_config_row_applies(const struct fl_config_section *section,
                           const struct fl_config_row *row, const void *base);

/* The names of enum fl_mode, NULL at the end. */
extern const char *const fl_config_modes[];

/* Whether the row has a meaning in this enum fl_mode. */
bool fl_config_row_in_mode(const struct fl_config_row *row, int mode);

/* The row of key in section, or NULL. */
const struct fl_config_row *
fl_config_row_find(const struct fl_config_section *section, const char *key);

#endif
