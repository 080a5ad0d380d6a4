#include "core/config_bytes.h"

#include "core/text.h"

#include <string.h>

#define HEX "hex:"
enum { HEX_SIZE = sizeof HEX - 1 };

static int digit(char character) {
  if (character >= '0' && character <= '9')
    return character - '0';
  if (character >= 'a' && character <= 'f')
    return character - 'a' + 10;
  if (character >= 'A' && character <= 'F')
    return character - 'A' + 10;
  return -1;
}

/* As fl_config_octets_parse, without "hex:". */
static bool parse_hex(const char *digits, uint8_t *bytes, size_t max,
                      size_t *size) {
  const size_t length = strlen(digits);
  if (length % 2 != 0 || length / 2 > max)
    return false;
  for (size_t i = 0; i < length / 2; i++) {
    const int high = digit(digits[2 * i]);
    const int low = digit(digits[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    bytes[i] = (uint8_t)(high << 4 | low);
  }
  *size = length / 2;
  return true;
}

bool fl_config_octets_parse(const char *string, uint8_t *bytes, size_t max,
                            size_t *size) {
  const size_t length = strlen(string);
  if (strncmp(string, HEX, HEX_SIZE) == 0)
    return parse_hex(string + HEX_SIZE, bytes, max, size);
  if (length > max)
    return false;
  memcpy(bytes, string, length);
  *size = length;
  return true;
}

bool fl_config_bytes_parse(const char *string, struct fl_bytes *bytes) {
  struct fl_bytes result = {0};
  size_t size;
  if (!fl_config_octets_parse(string, result.bytes, FL_BYTES_MAX, &size))
    return false;
  result.size = (uint8_t)size;
  *bytes = result;
  return true;
}

static bool is_plain(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] < 0x20 || bytes[i] > 0x7E)
      return false;
  return size < HEX_SIZE || memcmp(bytes, HEX, HEX_SIZE) != 0;
}

void fl_config_octets_print(struct fl_text *text, const uint8_t *bytes,
                            size_t size) {
  static const char digits[] = "0123456789abcdef";
  fl_text_add(text, "");
  if (is_plain(bytes, size)) {
    fl_text_add_bytes(text, (const char *)bytes, size);
    return;
  }
  fl_text_add(text, HEX);
  for (size_t i = 0; i < size; i++) {
    const char pair[] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
    fl_text_add_bytes(text, pair, sizeof pair);
  }
}

void fl_config_bytes_print(struct fl_text *text, const struct fl_bytes *bytes) {
  fl_config_octets_print(text, bytes->bytes, bytes->size);
}
