/* One gateway under test and the outside around it, with what nearly every test
   of a whole gateway does. For the one file of a test program, after cmocka.h.
*/
#ifndef FL_TESTS_UNIT_SCENE_H
#define FL_TESTS_UNIT_SCENE_H

#include "outside.h"

static struct fl_outside out;

static inline int start_scene(void **state) {
  (void)state;
  fl_outside_init(&out);
  return 0;
}

static inline int end_scene(void **state) {
  (void)state;
  fl_outside_end(&out);
  return 0;
}

static inline const struct fl_metrics *metrics(void) {
  return fl_gateway_metrics(out.gateway);
}

/* A new client of the listener with an upstream, which sends that. */
static inline struct fl_sock *ask(const char *text) {
  struct fl_sock *client = fl_outside_accept(&out, 1);
  fl_outside_data(&out, client, text);
  return client;
}

/* Connect number i, which is there, succeeds. */
static inline struct fl_sock *stand(unsigned i) {
  struct fl_sock *server = fl_outside_connect(&out, i);
  assert_non_null(server);
  fl_outside_connected(&out, server, FL_OK);
  return server;
}

#endif
