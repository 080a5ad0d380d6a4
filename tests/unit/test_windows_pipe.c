/* The client's end of the named pipe: whom it trusts. */
#include "platform/local.h"
#include "platform/windows/pipe_owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include <sddl.h>

#include <cmocka.h>

static uv_loop_t loop;
static uv_pipe_t pipe;
static struct fl_local_client client;
static char path[FL_LOCAL_PATH];
static int calls;
static int result;

static int start(void **state) {
  (void)state;
  snprintf(path, sizeof path, "\\\\.\\pipe\\fairlead-unit-%lu",
           GetCurrentProcessId());
  client = (struct fl_local_client){.path = path};
  calls = 0;
  return uv_loop_init(&loop) != 0 || uv_pipe_init(&loop, &pipe, 0) != 0;
}

static int end(void **state) {
  (void)state;
  uv_close((uv_handle_t *)&pipe, NULL);
  (void)uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop);
}

static void on_connected(uv_connect_t *request, int status) {
  assert_ptr_equal(request, &client.request);
  calls++;
  result = status;
}

static void connect_to_it(void) {
  fl_local_connect(&client, &pipe, on_connected);
  (void)uv_run(&loop, UV_RUN_NOWAIT);
  assert_int_equal(calls, 1);
}

/* With this owner; NULL: as it comes. */
static HANDLE serve_as(const char *owner) {
  char text[128];
  SECURITY_ATTRIBUTES with = {.nLength = sizeof with};
  snprintf(text, sizeof text, "%s%sD:(A;;GA;;;WD)",
           owner == NULL ? "" : "O:", owner == NULL ? "" : owner);
  assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorA(
      text, SDDL_REVISION_1, &with.lpSecurityDescriptor, NULL));
  HANDLE server =
      CreateNamedPipeA(path, PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE,
                       PIPE_TYPE_BYTE, 1, 4096, 4096, 0, &with);
  (void)LocalFree(with.lpSecurityDescriptor);
  assert_ptr_not_equal(server, INVALID_HANDLE_VALUE);
  return server;
}

static HANDLE serve(void) { return serve_as(NULL); }

static void say_hello(void) {
  static uv_write_t request;
  char text[] = "hello";
  uv_buf_t hello = uv_buf_init(text, 5);
  assert_int_equal(uv_write(&request, (uv_stream_t *)&pipe, &hello, 1, NULL),
                   0);
}

static void nobody_is_there(void **state) {
  (void)state;
  connect_to_it();
  assert_int_equal(result, UV_ENOENT);
  assert_string_equal(client.error, "");
}

static void a_turn_is_waited_for_so_long(void **state) {
  (void)state;
  HANDLE server = serve();
  HANDLE other =
      CreateFileA(path, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
  assert_ptr_not_equal(other, INVALID_HANDLE_VALUE);
  client.timeout_ms = 50;
  connect_to_it();
  assert_int_equal(result, UV_ETIMEDOUT);
  (void)CloseHandle(other);
  (void)CloseHandle(server);
}

static void bytes_pass(void **state) {
  (void)state;
  char text[8];
  DWORD size = 0;
  HANDLE server = serve();
  connect_to_it();
  if (result != 0)
    fail_msg("%d %s", result, client.error);
  say_hello();
  assert_true(ReadFile(server, text, sizeof text, &size, NULL));
  assert_int_equal(size, 5);
  (void)CloseHandle(server);
}

static void assert_known(const char *text, bool known) {
  PSID sid;
  assert_true(ConvertStringSidToSidA(text, &sid));
  if (fl_pipe_owner_known(sid) != known)
    fail_msg("%s", text);
  (void)LocalFree(sid);
}

static void who_is_known(void **state) {
  (void)state;
  assert_known("S-1-5-18", true);           /* the system */
  assert_known("S-1-5-19", true);           /* LocalService */
  assert_known("S-1-5-20", true);           /* NetworkService */
  assert_known("S-1-5-32-544", true);       /* administrators */
  assert_known("S-1-5-80-1-2-3-4-5", true); /* NT SERVICE\... */
  assert_known("S-1-5-32-545", false);      /* users */
  assert_known("S-1-5-11", false);
  assert_known("S-1-5-80", false);
  assert_known("S-1-1-80-1", false);
  assert_known("S-1-5-21-1-2-3-1001", false); /* somebody */
}

static void a_stranger_is_refused(void **state) {
  (void)state;
  HANDLE server = serve_as("S-1-5-21-1-2-3-1001");
  connect_to_it();
  assert_int_equal(result, UV_EPERM);
  assert_non_null(strstr(client.error, path));
  assert_non_null(strstr(client.error, " is S-1-5-21-1-2-3-1001's, "));
  (void)CloseHandle(server);
}

static void unless_somebody_named_the_pipe(void **state) {
  (void)state;
  HANDLE server = serve_as("S-1-5-21-1-2-3-1001");
  client.named = true;
  connect_to_it();
  assert_int_equal(result, 0);
  assert_string_equal(client.error, "");
  (void)CloseHandle(server);
}

static void a_service_is_not_refused(void **state) {
  (void)state;
  HANDLE server = serve_as("S-1-5-80-1-2-3-4-5");
  connect_to_it();
  assert_int_equal(result, 0);
  (void)CloseHandle(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(nobody_is_there, start, end),
      cmocka_unit_test_setup_teardown(a_turn_is_waited_for_so_long, start, end),
      cmocka_unit_test_setup_teardown(bytes_pass, start, end),
      cmocka_unit_test_setup_teardown(who_is_known, start, end),
      cmocka_unit_test_setup_teardown(a_stranger_is_refused, start, end),
      cmocka_unit_test_setup_teardown(unless_somebody_named_the_pipe, start,
                                      end),
      cmocka_unit_test_setup_teardown(a_service_is_not_refused, start, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
