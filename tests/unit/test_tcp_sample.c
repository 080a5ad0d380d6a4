#include "core/findings.h"
#include "core/tcp_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"

enum { BOTH = FL_TCP_OF_LISTENERS | FL_TCP_OF_SERVERS };

static struct fl_tcp_sample first;
static struct fl_tcp_sample second;

static int teardown(void **state) {
  (void)state;
  fl_tcp_sample_free(&first);
  fl_tcp_sample_free(&second);
  return 0;
}

static struct fl_addr addr(const char *ip, uint16_t port) {
  struct fl_addr made;
  assert_true(fl_addr_parse(ip, port, &made));
  return made;
}

static void listen_at(struct fl_tcp_sample *sample, const char *name,
                      const char *ip, uint16_t port) {
  struct fl_addr at = addr(ip, port);
  fl_tcp_sample_listener(sample, name, &at);
}

static void serve_at(struct fl_tcp_sample *sample, const char *upstream,
                     const char *ip, uint16_t port) {
  struct fl_addr at = addr(ip, port);
  fl_tcp_sample_server(sample, upstream, ip, &at, 1);
}

/* One listener and one server. */
static void usual(struct fl_tcp_sample *sample) {
  listen_at(sample, "gateway", "0.0.0.0", 8080);
  serve_at(sample, "plc", "192.0.2.1", 502);
  assert_true(fl_tcp_sample_ready(sample));
  sample->system = (struct fl_tcp_system){
      .ports_known = true, .port_first = 1000, .port_last = 1099, .ports = 100};
}

static void add_rows(struct fl_tcp_sample *sample, enum fl_tcp_state state,
                     struct fl_tcp_row row, unsigned count) {
  row.state = state;
  for (unsigned i = 0; i < count; i++)
    fl_tcp_sample_row(sample, &row, BOTH);
}

static struct fl_tcp_row row_of(const char *local, uint16_t port,
                                const char *remote, uint16_t remote_port) {
  return (struct fl_tcp_row){.local = addr(local, port),
                             .remote = addr(remote, remote_port)};
}

static void a_socket_belongs_by_its_addresses(void **state) {
  (void)state;
  struct fl_tcp_sample *sample = &first;
  listen_at(sample, "exact", "127.0.0.1", 8080);
  listen_at(sample, "any4", "0.0.0.0", 8081);
  listen_at(sample, "any6", "::", 8081);
  listen_at(sample, "dual", "::", 8082);
  serve_at(sample, "self", "127.0.0.1", 8080);
  serve_at(sample, "other", "::1", 8083);
  assert_true(fl_tcp_sample_ready(sample));
  /* Both ends of a connection to itself. */
  add_rows(sample, FL_TCP_ESTABLISHED,
           row_of("127.0.0.1", 8080, "127.0.0.1", 40000), 1);
  add_rows(sample, FL_TCP_TIME_WAIT,
           row_of("127.0.0.1", 40000, "127.0.0.1", 8080), 2);
  /* A client of the listener that comes from a server's address. */
  add_rows(sample, FL_TCP_ESTABLISHED,
           row_of("127.0.0.1", 8081, "127.0.0.1", 8080), 1);
  add_rows(sample, FL_TCP_CLOSE_WAIT, row_of("::1", 8081, "::1", 8083), 1);
  add_rows(sample, FL_TCP_ESTABLISHED,
           row_of("127.0.0.1", 8082, "127.0.0.1", 5), 1);
  add_rows(sample, FL_TCP_SYN_SENT, row_of("::1", 41000, "::1", 8083), 1);
  /* Strangers. */
  add_rows(sample, FL_TCP_ESTABLISHED, row_of("127.0.0.2", 8080, "::1", 1), 1);
  add_rows(sample, FL_TCP_ESTABLISHED, row_of("::1", 1, "127.0.0.2", 8080), 1);
  add_rows(sample, FL_TCP_LISTEN, row_of("::1", 9, "127.0.0.1", 8080), 1);
  assert_int_equal(sample->listeners[0].sockets[FL_TCP_ESTABLISHED], 1);
  assert_int_equal(sample->listeners[1].sockets[FL_TCP_ESTABLISHED], 1);
  assert_int_equal(sample->listeners[2].sockets[FL_TCP_CLOSE_WAIT], 1);
  assert_int_equal(sample->listeners[2].sockets[FL_TCP_ESTABLISHED], 0);
  assert_int_equal(sample->listeners[3].sockets[FL_TCP_ESTABLISHED], 1);
  assert_int_equal(sample->servers[0].sockets[FL_TCP_TIME_WAIT], 2);
  assert_int_equal(sample->servers[0].sockets[FL_TCP_ESTABLISHED], 0);
  assert_int_equal(sample->servers[1].sockets[FL_TCP_SYN_SENT], 1);
  uint64_t sum = 0;
  for (int i = 0; i < FL_TCP_STATES; i++) {
    for (int j = 0; j < 4; j++)
      sum += sample->listeners[j].sockets[i];
    for (int j = 0; j < 2; j++)
      sum += sample->servers[j].sockets[i];
  }
  assert_int_equal(sum, 7);
}

static void a_socket_told_of_twice_counts_once(void **state) {
  (void)state;
  struct fl_tcp_row row = row_of("127.0.0.1", 8080, "192.0.2.1", 502);
  usual(&first);
  fl_tcp_sample_row(&first, &row, FL_TCP_OF_SERVERS);
  fl_tcp_sample_row(&first, &row, FL_TCP_OF_LISTENERS);
  assert_int_equal(first.listeners[0].sockets[FL_TCP_ESTABLISHED], 1);
  assert_int_equal(first.servers[0].sockets[FL_TCP_ESTABLISHED], 0);
}

static void listening_sockets_tell_their_queue(void **state) {
  (void)state;
  struct fl_tcp_row row = row_of("0.0.0.0", 8080, "0.0.0.0", 0);
  usual(&first);
  row.queue = 3;
  row.queue_limit = 4;
  row.drops = 7;
  row.drops_known = true;
  add_rows(&first, FL_TCP_LISTEN, row, 1);
  row.local = addr("127.0.0.1", 8080); /* another program's */
  add_rows(&first, FL_TCP_LISTEN, row, 1);
  assert_int_equal(first.listeners[0].found, 1);
  assert_int_equal(first.listeners[0].queue, 3);
  assert_int_equal(first.listeners[0].queue_limit, 4);
  assert_int_equal(first.listeners[0].drops, 7);
}

static struct fl_tcp_row measured(uint64_t cookie, fl_time rtt, uint32_t sent,
                                  uint32_t retransmitted) {
  struct fl_tcp_row row = row_of("10.0.0.1", 2000, "192.0.2.1", 502);
  row.measured = true;
  row.cookie = cookie;
  row.rtt = rtt;
  row.min_rtt = rtt / 2;
  row.sent = sent;
  row.retransmitted = retransmitted;
  return row;
}

static void round_trips_have_a_median(void **state) {
  (void)state;
  usual(&first);
  add_rows(&first, FL_TCP_ESTABLISHED, measured(1, 300, 0, 0), 1);
  add_rows(&first, FL_TCP_ESTABLISHED, measured(2, 0, 0, 0), 1);
  add_rows(&first, FL_TCP_ESTABLISHED, measured(3, 100, 0, 0), 1);
  add_rows(&first, FL_TCP_ESTABLISHED, measured(4, 200, 0, 0), 1);
  fl_tcp_sample_finish(&first, NULL, FL_SECOND);
  assert_int_equal(first.servers[0].measured, 3);
  assert_int_equal(first.servers[0].rtt_median, 200);
  assert_int_equal(first.servers[0].rtt_max, 300);
  assert_int_equal(first.servers[0].rtt_min, 50);
}

/* Where states and measurements are told apart. */
static void what_was_measured_may_come_later(void **state) {
  (void)state;
  struct fl_tcp_row row = measured(1, 300, 0, 0);
  struct fl_tcp_row bare = row_of("10.0.0.1", 1050, "192.0.2.1", 502);
  usual(&first);
  row.local = bare.local;
  fl_tcp_sample_row(&first, &bare, BOTH);
  fl_tcp_sample_row(&first, &row, FL_TCP_OF_SERVERS | FL_TCP_COUNTED);
  fl_tcp_sample_finish(&first, NULL, FL_SECOND);
  assert_int_equal(first.servers[0].sockets[FL_TCP_ESTABLISHED], 1);
  assert_int_equal(fl_tcp_sample_ports_free(&first, &first.servers[0]), 99);
  assert_int_equal(first.servers[0].measured, 1);
  assert_int_equal(first.servers[0].rtt_median, 300);
}

/* Only what came since the sample before counts; a counter never goes back
   when a connection is closed. */
static void segments_add_up_over_samples(void **state) {
  (void)state;
  usual(&first);
  add_rows(&first, FL_TCP_ESTABLISHED, measured(1, 1, 1000, 10), 1);
  add_rows(&first, FL_TCP_ESTABLISHED, measured(2, 1, UINT32_MAX, 0), 1);
  fl_tcp_sample_finish(&first, NULL, FL_SECOND);
  assert_int_equal(first.servers[0].sent, 0);
  usual(&second);
  add_rows(&second, FL_TCP_ESTABLISHED, measured(2, 1, 9, 0), 1); /* +10 */
  add_rows(&second, FL_TCP_ESTABLISHED, measured(1, 1, 1100, 13), 1);
  add_rows(&second, FL_TCP_ESTABLISHED, measured(3, 1, 5, 1), 1);
  fl_tcp_sample_finish(&second, &first, 2 * FL_SECOND);
  assert_int_equal(second.servers[0].sent, 115);
  assert_int_equal(second.servers[0].retransmitted, 4);
  fl_tcp_sample_free(&first);
  usual(&first);
  fl_tcp_sample_finish(&first, &second, 3 * FL_SECOND);
  assert_int_equal(first.servers[0].sent, 115);
}

/* What was sent to a server that a reload brought is not known from the
   start: the connections may be another program's. */
static void a_new_server_counts_from_its_second_sample(void **state) {
  (void)state;
  listen_at(&first, "gateway", "0.0.0.0", 8080);
  assert_true(fl_tcp_sample_ready(&first));
  fl_tcp_sample_finish(&first, NULL, FL_SECOND);
  usual(&second);
  add_rows(&second, FL_TCP_ESTABLISHED, measured(1, 1, 1000, 10), 1);
  fl_tcp_sample_finish(&second, &first, 2 * FL_SECOND);
  assert_int_equal(second.servers[0].sent, 0);
}

static void ports_are_those_of_one_source_to_one_address(void **state) {
  (void)state;
  struct fl_addr both[] = {addr("192.0.2.1", 502), addr("192.0.2.2", 502)};
  fl_tcp_sample_server(&first, "plc", "plc.example:502", both, 2);
  assert_true(fl_tcp_sample_ready(&first));
  first.system = (struct fl_tcp_system){
      .ports_known = true, .port_first = 1000, .port_last = 1099, .ports = 100};
  for (uint16_t port = 990; port < 1030; port++)
    add_rows(&first, FL_TCP_TIME_WAIT,
             row_of("10.0.0.1", port, "192.0.2.1", 502), 1);
  for (uint16_t port = 1000; port < 1020; port++) {
    add_rows(&first, FL_TCP_ESTABLISHED,
             row_of("10.0.0.2", port, "192.0.2.1", 502), 1);
    add_rows(&first, FL_TCP_ESTABLISHED,
             row_of("10.0.0.1", port, "192.0.2.2", 502), 1);
  }
  fl_tcp_sample_finish(&first, NULL, FL_SECOND);
  assert_int_equal(fl_tcp_sample_ports_free(&first, &first.servers[0]), 70);
}

static const struct fl_finding *finding(const struct fl_tcp_sample *sample,
                                        enum fl_finding_kind kind) {
  for (uint32_t i = 0; i < sample->finding_count; i++)
    if (sample->findings[i].kind == kind)
      return &sample->findings[i];
  return NULL;
}

static void few_ports_are_told(void **state) {
  (void)state;
  usual(&first);
  for (uint16_t port = 1000; port < 1080; port++)
    add_rows(&first, FL_TCP_TIME_WAIT,
             row_of("10.0.0.1", port, "192.0.2.1", 502), 1);
  fl_tcp_sample_finish(&first, NULL, FL_SECOND);
  assert_null(finding(&first, FL_FINDING_PORTS));
  usual(&second);
  for (uint16_t port = 1000; port < 1081; port++)
    add_rows(&second, FL_TCP_TIME_WAIT,
             row_of("10.0.0.1", port, "192.0.2.1", 502), 1);
  fl_tcp_sample_finish(&second, &first, FL_SECOND);
  const struct fl_finding *found = finding(&second, FL_FINDING_PORTS);
  assert_non_null(found);
  assert_string_equal(found->subject, "upstream plc server 192.0.2.1");
  assert_non_null(strstr(found->text, "19 of 100 local ports"));
  assert_false(fl_findings_have(&first, found));
  assert_true(fl_findings_have(&second, found));
}

/* Sample by sample; returns whether the last has the finding. */
static bool after(enum fl_finding_kind kind, unsigned samples,
                  const struct fl_tcp_row *rows, unsigned close_waits,
                  unsigned established) {
  for (unsigned i = 0; i < samples; i++) {
    usual(&second);
    add_rows(&second, FL_TCP_CLOSE_WAIT, *rows, close_waits);
    add_rows(&second, FL_TCP_ESTABLISHED, *rows, established);
    fl_tcp_sample_finish(&second, &first, (i + 1) * FL_SECOND);
    fl_tcp_sample_free(&first);
    first = second;
    second = (struct fl_tcp_sample){0};
  }
  bool found = finding(&first, kind) != NULL;
  fl_tcp_sample_free(&first);
  return found;
}

static void close_waits_that_pile_up_are_told(void **state) {
  (void)state;
  struct fl_tcp_row client = row_of("10.0.0.1", 8080, "192.0.2.7", 999);
  struct fl_tcp_row server = row_of("10.0.0.1", 999, "192.0.2.1", 502);
  const enum fl_finding_kind of_client = FL_FINDING_LISTENER_CLOSE_WAIT;
  const enum fl_finding_kind of_server = FL_FINDING_SERVER_CLOSE_WAIT;
  assert_false(after(of_client, FL_CLOSE_WAIT_SAMPLES - 1, &client, 20, 40));
  assert_true(after(of_client, FL_CLOSE_WAIT_SAMPLES, &client, 20, 40));
  assert_false(after(of_client, FL_CLOSE_WAIT_SAMPLES, &client, 19, 0));
  assert_false(after(of_client, FL_CLOSE_WAIT_SAMPLES, &client, 20, 41));
  assert_false(after(of_client, FL_CLOSE_WAIT_SAMPLES, &server, 20, 40));
  assert_true(after(of_server, FL_CLOSE_WAIT_SAMPLES, &server, 20, 40));
  assert_false(after(of_server, FL_CLOSE_WAIT_SAMPLES, &client, 20, 40));
}

/* A sample with so many drops at that time, after the one in `first`. */
static bool dropped(uint32_t drops, fl_time now) {
  struct fl_tcp_row row = row_of("0.0.0.0", 8080, "0.0.0.0", 0);
  row.drops = drops;
  row.drops_known = true;
  usual(&second);
  add_rows(&second, FL_TCP_LISTEN, row, 1);
  fl_tcp_sample_finish(&second, first.taken == 0 ? NULL : &first, now);
  fl_tcp_sample_free(&first);
  first = second;
  second = (struct fl_tcp_sample){0};
  return finding(&first, FL_FINDING_LISTEN_QUEUE) != NULL;
}

static void drops_are_told_for_a_minute(void **state) {
  (void)state;
  assert_false(dropped(5, FL_SECOND)); /* nobody knows when */
  assert_false(dropped(5, 2 * FL_SECOND));
  assert_true(dropped(7, 3 * FL_SECOND));
  assert_true(dropped(10, 4 * FL_SECOND));
  assert_non_null(strstr(first.findings[0].text, "dropped 5 connection"));
  assert_true(dropped(10, 4 * FL_SECOND + FL_LISTEN_DROPS_FOR - 1));
  assert_false(dropped(10, 4 * FL_SECOND + FL_LISTEN_DROPS_FOR));
  assert_false(dropped(2, 5 * FL_SECOND + FL_LISTEN_DROPS_FOR)); /* anew */
}

static bool resent(uint32_t sent, uint32_t retransmitted) {
  usual(&second);
  add_rows(&second, FL_TCP_ESTABLISHED, measured(1, 1, sent, retransmitted), 1);
  fl_tcp_sample_finish(&second, first.taken == 0 ? NULL : &first, FL_SECOND);
  fl_tcp_sample_free(&first);
  first = second;
  second = (struct fl_tcp_sample){0};
  return finding(&first, FL_FINDING_RETRANSMITS) != NULL;
}

static void a_high_rate_of_retransmits_is_told(void **state) {
  (void)state;
  assert_false(resent(0, 0));
  assert_false(resent(499, 100)); /* too few to say */
  assert_true(resent(500, 100));
  assert_non_null(strstr(first.findings[0].text, "20% of the segments"));
  assert_true(resent(600, 100)); /* the next are too few again */
  assert_false(resent(1000, 114));
  assert_true(resent(1500, 129)); /* 15 of 500 */
}

static void memory_may_be_out(void **state) {
  (void)state;
  long live = fl_test_alloc_live();
  for (long allowed = 0;; allowed++) {
    fl_test_alloc_fail_after(allowed);
    listen_at(&first, "gateway", "0.0.0.0", 8080);
    serve_at(&first, "plc", "192.0.2.1", 502);
    first.system.ports_known = true;
    first.system.port_last = UINT16_MAX;
    if (fl_tcp_sample_ready(&first)) {
      add_rows(&first, FL_TCP_ESTABLISHED, measured(1, 1, 1, 1), 3);
      fl_tcp_sample_finish(&first, NULL, FL_SECOND);
    }
    fl_test_alloc_fail_after(-1);
    bool failed = first.failed;
    fl_tcp_sample_free(&first);
    assert_int_equal(fl_test_alloc_live(), live);
    assert_true(failed || allowed > 6);
    if (!failed)
      break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(a_socket_belongs_by_its_addresses, teardown),
      cmocka_unit_test_teardown(a_socket_told_of_twice_counts_once, teardown),
      cmocka_unit_test_teardown(listening_sockets_tell_their_queue, teardown),
      cmocka_unit_test_teardown(round_trips_have_a_median, teardown),
      cmocka_unit_test_teardown(what_was_measured_may_come_later, teardown),
      cmocka_unit_test_teardown(segments_add_up_over_samples, teardown),
      cmocka_unit_test_teardown(a_new_server_counts_from_its_second_sample,
                                teardown),
      cmocka_unit_test_teardown(ports_are_those_of_one_source_to_one_address,
                                teardown),
      cmocka_unit_test_teardown(few_ports_are_told, teardown),
      cmocka_unit_test_teardown(close_waits_that_pile_up_are_told, teardown),
      cmocka_unit_test_teardown(drops_are_told_for_a_minute, teardown),
      cmocka_unit_test_teardown(a_high_rate_of_retransmits_is_told, teardown),
      cmocka_unit_test_teardown(memory_may_be_out, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
