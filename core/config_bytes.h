/* Byte strings as config.json writes them: text, which stands for its UTF-8
   bytes, or "hex:" and two digits for each byte. */
#ifndef FL_CORE_CONFIG_BYTES_H
#define FL_CORE_CONFIG_BYTES_H

#include "core/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct fl_text;

/* Writes at most max bytes. Returns false when string is not of that form or
   stands for more than that; then *size is untouched. */
bool fl_config_octets_parse(const char *string, uint8_t *bytes, size_t max,
                            size_t *size);

/* Likewise, of at most FL_BYTES_MAX bytes; when it fails, *bytes is
   untouched. */
bool fl_config_bytes_parse(const char *string, struct fl_bytes *bytes);

/* Adds them as text where that is plain ASCII, else in hexadecimal. What is
   added reads back to the same bytes. */
void fl_config_octets_print(struct fl_text *text, const uint8_t *bytes,
                            size_t size);
void fl_config_bytes_print(struct fl_text *text, const struct fl_bytes *bytes);

#endif
