#include "core/config_rows.h"

/* clang-format off */
static const char *const framings[] = {"line", "delimited", "length", "fixed",
                                       "raw", NULL};
static const char *const byte_orders[] = {"big", "little", NULL};
static const char *const encodings[] = {"binary", "ascii", "bcd", NULL};
static const char *const pairings[] = {"order", "id", "key", NULL};
static const char *const on_lates[] = {"discard", "retire", NULL};
static const char *const on_collisions[] = {"wait", "refuse", NULL};
static const char *const extracts[] = {"bytes", "field", "hl7", "iso8583",
                                       NULL};
static const char *const digits[] = {"ascii", "bcd", NULL};
static const char *const bitmaps[] = {"binary", "hex", NULL};
static const char *const replies[] = {"one", "none", NULL};

enum { DELIMITER_MAX = 16 }; /* bytes */
#define DELIMITED .types = FL_CONFIG_TYPE(FL_FRAMING_DELIMITED)
#define LENGTH .types = FL_CONFIG_TYPE(FL_FRAMING_LENGTH)
#define FIXED .types = FL_CONFIG_TYPE(FL_FRAMING_FIXED)
static const struct fl_config_row upstream_framing_rows[] = {
  {"type", FL_CONFIG_CHOICE, 0, "line", .choices = framings,
   FIELD(fl_framing, type),
   .meaning = "`\"line\"`: a frame ends at LF. `\"delimited\"`: it stands "
              "between given bytes. `\"length\"`: a field in it says how long "
              "it is. `\"fixed\"`: all have the same size. `\"raw\"`: no "
              "frames, only in mode `session`. Frames are passed on byte for "
              "byte."},
  {"start", FL_CONFIG_BYTES, 0, "", 0, DELIMITER_MAX,
   FIELD(fl_framing, delimited.start), DELIMITED,
   .meaning = "What every frame begins with; empty for nothing. A stream that "
              "goes on with other bytes is closed."},
  {"end", FL_CONFIG_BYTES, FL_CONFIG_REQUIRED, NULL, 1, DELIMITER_MAX,
   FIELD(fl_framing, delimited.end), DELIMITED,
   .meaning = "What ends a frame, at the first place after `start` where it "
              "stands."},
  /* Up to the end of the field a frame is never longer than the least
     max_frame. */
  {"length_offset", FL_CONFIG_INTEGER, 0, "0", 0, 56,
   FIELD(fl_framing, length.offset), LENGTH,
   .meaning = "Bytes of a frame before the field."},
  {"length_width", FL_CONFIG_INTEGER, FL_CONFIG_REQUIRED, NULL, 1, 8,
   FIELD(fl_framing, length.width), LENGTH,
   .meaning = "Bytes of the field."},
  {"byte_order", FL_CONFIG_CHOICE, 0, "big", .choices = byte_orders,
   FIELD(fl_framing, length.order), LENGTH,
   .meaning = "`\"big\"`: the field's first byte counts most. `\"little\"`: "
              "its last."},
  {"length_adjustment", FL_CONFIG_SIGNED, 0, "0", 0, 65535,
   FIELD(fl_framing, length.adjustment), LENGTH,
   .meaning = "A frame has `length_offset` + `length_width` + the field's "
              "value + this many bytes. Negative where the value counts the "
              "field or what is before it."},
  {"length_encoding", FL_CONFIG_CHOICE, 0, "binary", .choices = encodings,
   FIELD(fl_framing, length.encoding), LENGTH,
   .meaning = "`\"binary\"`: an unsigned number. `\"ascii\"`: a decimal digit "
              "in each byte. `\"bcd\"`: two."},
  {"size", FL_CONFIG_SIZE, FL_CONFIG_REQUIRED, NULL, 1, MIB(16),
   FIELD(fl_framing, fixed.size), FIXED,
   .meaning = "Bytes of every frame; not above `max_frame`."},
};
const struct fl_config_section fl_config_upstream_framing = {
  "upstreams[].framing", ROWS(upstream_framing_rows), .size = 0};

#define BYTES_TYPE FL_CONFIG_TYPE(FL_EXTRACT_BYTES)
#define FIELD_TYPE FL_CONFIG_TYPE(FL_EXTRACT_FIELD)
#define HL7_TYPE FL_CONFIG_TYPE(FL_EXTRACT_HL7)
#define ISO8583_TYPE FL_CONFIG_TYPE(FL_EXTRACT_ISO8583)
static const struct fl_config_row extract_rows[] = {
  {"type", FL_CONFIG_CHOICE, 0, "bytes", .choices = extracts,
   FIELD(fl_extract, type),
   .meaning = "`\"bytes\"`: some at a fixed place. `\"field\"`: what stands "
              "between separators in a line. `\"hl7\"`: a field of an HL7 "
              "version 2 message. `\"iso8583\"`: a field of an ISO 8583:1987 "
              "message."},
  {"offset", FL_CONFIG_INTEGER, 0, "0", 0, 65535, FIELD(fl_extract, offset),
   .types = BYTES_TYPE | ISO8583_TYPE,
   .meaning = "Bytes of a frame before the key; of ISO 8583 before the message "
              "type: length and header."},
  {"width", FL_CONFIG_INTEGER, FL_CONFIG_REQUIRED, NULL, 1, 64,
   FIELD(fl_extract, width), .types = BYTES_TYPE,
   .meaning = "Bytes of the key."},
  {"segment", FL_CONFIG_BYTES, 0, "", 0, FL_BYTES_MAX,
   FIELD(fl_extract, segment), .types = FIELD_TYPE | HL7_TYPE,
   .meaning = "The line or segment: the first one whose first field is this; "
              "empty for the first of all."},
  {"field", FL_CONFIG_INTEGER, FL_CONFIG_REQUIRED, NULL, 0, 1000,
   FIELD(fl_extract, field), .types = FIELD_TYPE | HL7_TYPE | ISO8583_TYPE,
   .meaning = "Which field. Of a line the first is 0. Of HL7 as the standard "
              "counts: 10 is the control ID in `MSH`, 2 the one in `MSA`. Of "
              "ISO 8583 2 to 41: 11 is the trace number."},
  {"separator", FL_CONFIG_BYTES, FL_CONFIG_REQUIRED, NULL, 1, FL_BYTES_MAX,
   FIELD(fl_extract, separator), .types = FIELD_TYPE,
   .meaning = "What stands between two fields."},
  {"segment_end", FL_CONFIG_BYTES, 0, "hex:0a", 1, FL_BYTES_MAX,
   FIELD(fl_extract, segment_end), .types = FIELD_TYPE,
   .meaning = "What ends a line in a frame; the last one needs none."},
  {"encoding", FL_CONFIG_CHOICE, 0, "ascii", .choices = digits,
   FIELD(fl_extract, encoding), .types = ISO8583_TYPE,
   .meaning = "The message type, numbers and lengths: `\"ascii\"`: a digit in "
              "each byte. `\"bcd\"`: two."},
  {"bitmap", FL_CONFIG_CHOICE, 0, "binary", .choices = bitmaps,
   FIELD(fl_extract, bitmap), .types = ISO8583_TYPE,
   .meaning = "`\"binary\"`: 8 bytes. `\"hex\"`: 16 digits."},
};
static const struct fl_config_section extract_section = {
  "upstreams[].pair.request", ROWS(extract_rows), .size = 0};

#define BY_KEY .types = FL_CONFIG_TYPE(FL_PAIR_KEY)
#define BY_ID .types = FL_CONFIG_TYPE(FL_PAIR_ID)
static const struct fl_config_row pair_rows[] = {
  {"by", FL_CONFIG_CHOICE, 0, "order", .choices = pairings, FIELD(fl_pair, by),
   .meaning = "`\"order\"`: the first reply belongs to the first request, and "
              "so on. `\"id\"`: a reply has the id of its request; only with "
              "framing `length` or `fixed`. `\"key\"`: a reply has the key of "
              "its request, and frames are not changed."},
  {"offset", FL_CONFIG_INTEGER, FL_CONFIG_REQUIRED, NULL, 0, 65535,
   FIELD(fl_pair, offset), BY_ID,
   .meaning = "Bytes of a frame, request or reply, before the id."},
  {"width", FL_CONFIG_INTEGER, FL_CONFIG_REQUIRED, NULL, 1, 8,
   FIELD(fl_pair, width), BY_ID,
   .meaning = "Bytes of the id. With 1, `in_flight` is at most 128."},
  {"request", FL_CONFIG_OBJECT, FL_CONFIG_REQUIRED, NULL,
   .section = &extract_section, FIELD(fl_pair, request), BY_KEY,
   .meaning = "Where the key is in a request. A client whose request has none "
              "gets the error `no_key`."},
  {"reply", FL_CONFIG_OBJECT, FL_CONFIG_REQUIRED, NULL,
   .section = &extract_section, FIELD(fl_pair, reply), BY_KEY,
   .meaning = "Where it is in a reply."},
  {"on_late", FL_CONFIG_CHOICE, 0, "discard", .choices = on_lates,
   FIELD(fl_pair, on_late),
   .types = FL_CONFIG_TYPE(FL_PAIR_ID) | FL_CONFIG_TYPE(FL_PAIR_KEY),
   .meaning = "`\"discard\"`: a request that times out gets its error alone, "
              "and its reply is dropped if it still comes; after 3 timeouts "
              "in a row, or with 64 replies still due, the connection is "
              "closed. `\"retire\"`: the first timeout closes it."},
  {"on_collision", FL_CONFIG_CHOICE, 0, "wait", .choices = on_collisions,
   FIELD(fl_pair, on_collision), BY_KEY,
   .meaning = "What a request does whose key another one under way has: "
              "`\"wait\"` until that has its outcome, or `\"refuse\"`: get "
              "the error `key_in_use` at once."},
};
const struct fl_config_section fl_config_pair = {
  "upstreams[].pair", ROWS(pair_rows), .size = 0};

static const struct fl_config_row match_rows[] = {
  {"prefix", FL_CONFIG_BYTES, 0, "", 0, FL_BYTES_MAX, FIELD(fl_match, prefix),
   .meaning = "How the request begins."},
  {"suffix", FL_CONFIG_BYTES, 0, "", 0, FL_BYTES_MAX, FIELD(fl_match, suffix),
   .meaning = "How it ends; of a line what stands before its end, CR LF or "
              "LF."},
  {"offset", FL_CONFIG_INTEGER, 0, "0", 0, 65535, FIELD(fl_match, offset),
   .meaning = "Bytes of the request before one of `any_of`."},
  {"any_of", FL_CONFIG_STRINGS, 0, NULL, 0, 256,
   ARRAY(fl_match, any_of, any_of_count),
   .meaning = "What one of must stand there."},
};
static const struct fl_config_section match_section = {
  "upstreams[].requests[].match", ROWS(match_rows), .size = 0};

static const struct fl_config_row rule_rows[] = {
  {"match", FL_CONFIG_OBJECT, 0, NULL, .section = &match_section,
   FIELD(fl_rule, match),
   .meaning = "Which requests: those for which all that it states holds; "
              "without it all."},
  {"reply", FL_CONFIG_CHOICE, 0, "one", .choices = replies,
   FIELD(fl_rule, reply),
   .meaning = "`\"none\"`: no reply follows, and the request is done once the "
              "system has taken its last byte. If it fails before that, its "
              "client is closed, for it expects no error either."},
  {"idempotent", FL_CONFIG_BOOLEAN, 0, "false", FIELD(fl_rule, idempotent),
   .meaning = "Doing it twice is as good as once: when its connection ends "
              "before its reply, it is sent once more, on another one. "
              "`acquire_timeout` and `request_timeout` go on from the first "
              "time."},
  {"request_timeout", FL_CONFIG_DURATION, FL_CONFIG_AUTO, "auto", MS(1),
   DAYS(1), .step = 0, FIELD(fl_rule, request_timeout),
   .meaning = "In place of the upstream's; `\"auto\"`: the upstream's."},
  {"deny", FL_CONFIG_BOOLEAN, 0, "false", FIELD(fl_rule, deny),
   .meaning = "It is not sent; its client gets the error `denied`."},
};
const struct fl_config_section fl_config_rule = {
  "upstreams[].requests[]", ROWS(rule_rows), sizeof(struct fl_rule),
  offsetof(struct fl_rule, place), FL_CONFIG_NO_FIELD};
/* clang-format on */
