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

static bool parse_hex(const char *digits, struct fl_bytes *bytes) {
  const size_t size = strlen(digits);
  struct fl_bytes result = {.size = (uint8_t)(size / 2)};
  if (size % 2 != 0 || size / 2 > FL_BYTES_MAX)
    return false;
  for (size_t i = 0; i < size / 2; i++) {
    const int high = digit(digits[2 * i]);
    const int low = digit(digits[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    result.bytes[i] = (uint8_t)(high << 4 | low);
  }
  *bytes = result;
  return true;
}

bool fl_config_bytes_parse(const char *string, struct fl_bytes *bytes) {
  const size_t size = strlen(string);
  if (strncmp(string, HEX, HEX_SIZE) == 0)
    return parse_hex(string + HEX_SIZE, bytes);
  if (size > FL_BYTES_MAX)
    return false;
  *bytes = (struct fl_bytes){.size = (uint8_t)size};
  memcpy(bytes->bytes, string, size);
  return true;
}

static bool is_plain(const struct fl_bytes *bytes) {
  for (unsigned i = 0; i < bytes->size; i++)
    if (bytes->bytes[i] < 0x20 || bytes->bytes[i] > 0x7E)
      return false;
  return bytes->size < HEX_SIZE || memcmp(bytes->bytes, HEX, HEX_SIZE) != 0;
}

void fl_config_bytes_print(struct fl_text *text, const struct fl_bytes *bytes) {
  static const char digits[] = "0123456789abcdef";
  fl_text_add(text, "");
  if (is_plain(bytes)) {
    fl_text_add_bytes(text, (const char *)bytes->bytes, bytes->size);
    return;
  }
  fl_text_add(text, HEX);
  for (unsigned i = 0; i < bytes->size; i++) {
    const char pair[] = {digits[bytes->bytes[i] >> 4],
                         digits[bytes->bytes[i] & 15]};
    fl_text_add_bytes(text, pair, sizeof pair);
  }
}
