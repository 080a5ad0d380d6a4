/* Pairing by id and by key in config.json, and what it asks of other keys. */
#include "core/config.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fl_config_errors errors;

/* Reads a file whose request listener "r" has the keys `listener`, and whose
   upstream "u" has the keys `upstream`; quotation marks are written as
   apostrophes. */
static struct fl_config *read_config(const char *listener,
                                     const char *upstream) {
  struct fl_text text = {0};
  FL_TEXT(&text,
          "{'listeners':[{'name':'r','listen':['127.0.0.1:0'],"
          "'mode':'request','upstream':'u'",
          listener, "}],'upstreams':[{'name':'u','servers':['h:1'],", upstream,
          "}]}");
  size_t size = text.size;
  char *json = fl_text_take(&text);
  assert_non_null(json);
  for (size_t i = 0; i < size; i++)
    json[i] = (char)(json[i] == '\'' ? '"' : json[i]);
  struct fl_config *config =
      fl_config_read((struct fl_slice){(uint8_t *)json, size}, &errors);
  free(json);
  return config;
}

#define LENGTH "'framing':{'type':'length','length_width':2}"
#define FIXED "'framing':{'type':'fixed','size':'16B'}"
#define REPLIES "'reply_framing':{'type':'fixed','size':'8B'}"
#define PAIR(keys) ",'pair':{'by':'id'" keys "}"
#define KEY(request, reply)                                                    \
  "'pair':{'by':'key','request':{" request "},'reply':{" reply "}}"
#define WORD "'type':'field','separator':' ','field':0"

static void ids_are_read(void **state) {
  (void)state;
  struct fl_config *config =
      read_config("", LENGTH PAIR(",'offset':2,'width':8"));
  assert_non_null(config);
  const struct fl_pair *pair = &config->upstreams[0].pair;
  assert_int_equal(pair->by, FL_PAIR_ID);
  assert_int_equal(pair->offset, 2);
  assert_int_equal(pair->width, 8);
  assert_int_equal(pair->on_late, FL_LATE_DISCARD);
  fl_config_errors_free(&errors);
  fl_config_free(config);
}

static void keys_are_read(void **state) {
  (void)state;
  struct fl_config *config = read_config(
      "", KEY("'type':'hl7','segment':'MSH','field':10",
              "'type':'iso8583','field':11,'offset':7,'encoding':'bcd',"
              "'bitmap':'hex'"));
  assert_non_null(config);
  const struct fl_pair *pair = &config->upstreams[0].pair;
  assert_int_equal(pair->by, FL_PAIR_KEY);
  assert_int_equal(pair->on_late, FL_LATE_DISCARD);
  assert_int_equal(pair->on_collision, FL_COLLISION_WAIT);
  assert_int_equal(pair->request.type, FL_EXTRACT_HL7);
  assert_int_equal(pair->request.field, 10);
  assert_int_equal(pair->request.segment.size, 3);
  assert_int_equal(pair->reply.type, FL_EXTRACT_ISO8583);
  assert_int_equal(pair->reply.offset, 7);
  assert_int_equal(pair->reply.encoding, FL_EXTRACT_BCD);
  assert_int_equal(pair->reply.bitmap, FL_EXTRACT_HEX);
  fl_config_errors_free(&errors);
  fl_config_free(config);
}

static void what_just_fits_is_right(void **state) {
  (void)state;
  static const char *const right[] = {
      FIXED PAIR(",'offset':14,'width':2,'on_late':'retire'"),
      FIXED "," REPLIES PAIR(",'offset':0,'width':8"),
      LENGTH PAIR(",'offset':62,'width':2") ",'max_frame':'64B'",
      FIXED PAIR(",'offset':0,'width':1") ",'in_flight':128",
      FIXED PAIR(",'offset':0,'width':2") ",'in_flight':200",
      "'framing':{'type':'length','length_offset':4,'length_width':2}" PAIR(
          ",'offset':2,'width':2"),
      FIXED "," KEY("'offset':12,'width':4", WORD),
      LENGTH ",'max_frame':'64B'," KEY("'width':64", "'offset':60,'width':4"),
      "'in_flight':100," KEY(WORD, WORD),
      "'pair':{'by':'order'}"};
  for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
    struct fl_config *config = read_config(",'max_frame':'64B'", right[i]);
    if (config == NULL)
      print_error("%s: %s\n", right[i], errors.list[0].allowed);
    assert_non_null(config);
    fl_config_errors_free(&errors);
    fl_config_free(config);
  }
}

struct fault {
  const char *listener, *upstream, *path, *allowed;
};

#define IN(key) "upstreams[0]." key
#define UNLESS(key)                                                            \
  "\"order\" unless " key " has type \"length\" or \"fixed\", for an id may "  \
  "be any bytes, those of an end among them"

static const struct fault faults[] = {
    {"", LENGTH PAIR(",'width':2"), IN("pair.offset"),
     "required: a whole number, 0 to 65535"},
    {"", LENGTH PAIR(",'offset':2"), IN("pair.width"),
     "required: a whole number, 1 to 8"},
    {"", LENGTH PAIR(",'offset':2,'width':9"), IN("pair.width"),
     "a whole number, 1 to 8"},
    {"", LENGTH PAIR(",'offset':2,'width':2,'on_late':'keep'"),
     IN("pair.on_late"), "\"discard\" or \"retire\""},
    {"", "'pair':{'offset':2}", IN("pair.offset"), "it only in by \"id\""},
    {"", "'pair':{'by':'order','on_late':'retire'}", IN("pair.on_late"),
     "it only in by \"id\" or \"key\""},
    {"", "'in_flight':1" PAIR(",'offset':2,'width':2"), IN("pair.by"),
     UNLESS("framing")},
    {"",
     "'framing':{'type':'delimited','end':';'}" PAIR(",'offset':2,'width':2"),
     IN("pair.by"), UNLESS("framing")},
    {"", LENGTH ",'reply_framing':{}" PAIR(",'offset':2,'width':2"),
     IN("pair.by"), UNLESS("reply_framing")},
    {"", FIXED PAIR(",'offset':15,'width':2"), IN("pair.offset"),
     "offset + width at most the size of its frames, which is 16B"},
    {"", LENGTH "," REPLIES PAIR(",'offset':7,'width':2"), IN("pair.offset"),
     "offset + width at most the size of its frames, which is 8B"},
    {"", LENGTH ",'max_frame':'64B'" PAIR(",'offset':63,'width':2"),
     IN("pair.offset"), "offset + width at most max_frame, which is 64B"},
    {"", LENGTH PAIR(",'offset':1,'width':2"), IN("pair.offset"),
     "an id that has no byte of the length field of framing"},
    {"",
     FIXED ",'reply_framing':{'type':'length','length_width':2,"
           "'length_offset':3}" PAIR(",'offset':2,'width':2"),
     IN("pair.offset"),
     "an id that has no byte of the length field of reply_framing"},
    {"", FIXED PAIR(",'offset':0,'width':1") ",'in_flight':129",
     IN("in_flight"), "at most 128, half of the ids that pair.width 1 has"},
    {"", "'pair':{'by':'key','reply':{'width':1}}", IN("pair.request"),
     "required: an object"},
    {"", "'pair':{'by':'key','request':{'width':1}}", IN("pair.reply"),
     "required: an object"},
    {"",
     "'pair':{'by':'id','offset':2,'width':1,'request':{'width':1}}," LENGTH,
     IN("pair.request"), "it only in by \"key\""},
    {"", KEY("'width':65", WORD), IN("pair.request.width"),
     "a whole number, 1 to 64"},
    {"", KEY("'width':1", "'segment':'X','width':1"), IN("pair.reply.segment"),
     "it only in type \"field\" or \"hl7\""},
    {"", KEY(WORD, "'type':'iso8583','field':42"), IN("pair.reply.field"),
     "2 to 41 in type \"iso8583\""},
    {"", KEY("'type':'iso8583','field':1", WORD), IN("pair.request.field"),
     "2 to 41 in type \"iso8583\""},
    {"", FIXED "," KEY("'offset':13,'width':4", WORD), IN("pair.request.width"),
     "offset + width at most the longest request, which is 16B"},
    {"", "'max_frame':'64B'," KEY(WORD, "'offset':61,'width':4"),
     IN("pair.reply.width"),
     "offset + width at most the longest reply, which is 64B"},
    {",'max_frame':'64B'", KEY("'offset':63,'width':2", WORD),
     "listeners[0].max_frame",
     "room for the key of its upstream, which is 65B from the start of a frame "
     "to the key's end"},
    {",'max_frame':'64B'", LENGTH PAIR(",'offset':63,'width':2"),
     "listeners[0].max_frame",
     "room for the id of its upstream, which is 65B from the start of a frame "
     "to the id's end"},
};

static void faults_are_named(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    const struct fault *fault = &faults[i];
    struct fl_config *config = read_config(fault->listener, fault->upstream);
    if (config != NULL || errors.count != 1)
      print_error("%s: %u errors\n", fault->upstream, errors.count);
    assert_null(config);
    for (uint32_t k = 0; errors.count != 1 && k < errors.count; k++)
      print_error("  %s: %s\n", errors.list[k].path, errors.list[k].allowed);
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.list[0].path, fault->path);
    assert_string_equal(errors.list[0].allowed, fault->allowed);
    fl_config_errors_free(&errors);
  }
}

static void pairs_are_printed_as_they_read_back(void **state) {
  (void)state;
  static const char *const pairs[] = {
      LENGTH PAIR(",'offset':2,'width':4,'on_late':'retire'"),
      "'pair':{'by':'key','on_collision':'refuse','request':{" WORD
      ",'segment':'A','segment_end':'\\r\\n'},'reply':{'type':'iso8583',"
      "'field':41,'offset':2,'bitmap':'hex'}}"};
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    struct fl_config *config = read_config("", pairs[i]);
    assert_non_null(config);
    fl_config_errors_free(&errors);
    char *text = fl_config_print(config);
    assert_non_null(text);
    struct fl_config *again = fl_config_read(
        (struct fl_slice){(uint8_t *)text, strlen(text)}, &errors);
    assert_non_null(again);
    assert_memory_equal(&again->upstreams[0].pair, &config->upstreams[0].pair,
                        sizeof(struct fl_pair));
    fl_config_errors_free(&errors);
    free(text);
    fl_config_free(config);
    fl_config_free(again);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ids_are_read), cmocka_unit_test(keys_are_read),
      cmocka_unit_test(what_just_fits_is_right),
      cmocka_unit_test(faults_are_named),
      cmocka_unit_test(pairs_are_printed_as_they_read_back)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
