/* What the rows of the table are written with, and the sections that one file
   of it has for another. For core/config_table*.c only. */
#ifndef FL_CORE_CONFIG_ROWS_H
#define FL_CORE_CONFIG_ROWS_H

#include "core/config.h"
#include "core/config_table.h"

/* clang-format off */
#define US(duration) (UINT64_C(duration))
#define MS(duration) (US(duration) * 1000)
#define S(duration) (MS(duration) * 1000)
#define HOURS(duration) (S(duration) * 3600)
#define DAYS(duration) (HOURS(duration) * 24)
#define KIB(size) (UINT64_C(size) * 1024)
#define MIB(size) (KIB(size) * 1024)

#define ROWS(rows) (rows), sizeof(rows) / sizeof((rows)[0])
#define FIELD(type, field) .offset = offsetof(struct type, field)
#define ARRAY(type, field, counter)                                            \
  FIELD(type, field), .count_offset = offsetof(struct type, counter)
#define NOT_COMMAND                                                            \
  (FL_CONFIG_REQUEST_MODE | FL_CONFIG_RELAY_MODE | FL_CONFIG_SESSION_MODE)
#define NOT_RELAY (FL_CONFIG_REQUEST_MODE | FL_CONFIG_SESSION_MODE)
#define NO_FIELD .offset = FL_CONFIG_NO_FIELD
/* clang-format on */

/* The "socket" of an upstream, and the outermost. */
extern const struct fl_config_section fl_config_upstream_socket;
extern const struct fl_config_section fl_config_socket;

/* How frames are cut and paired, and rules. */
extern const struct fl_config_section fl_config_upstream_framing;
extern const struct fl_config_section fl_config_pair;
extern const struct fl_config_section fl_config_rule;

/* Formats of the log and of access logs. */
extern const char *const fl_config_log_formats[];

#endif
