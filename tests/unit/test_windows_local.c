/* The named pipe that the program is controlled by: who may connect. */
#include "platform/local.h"

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
static struct fl_local local;
static char path[FL_LOCAL_PATH];
static char error[FL_LOCAL_ERROR];

static void on_client(uv_stream_t *stream, int status) {
  (void)stream;
  (void)status;
}

static int start(void **state) {
  (void)state;
  snprintf(path, sizeof path, "\\\\.\\pipe\\fairlead-unit-%lu",
           GetCurrentProcessId());
  return uv_loop_init(&loop) != 0 || uv_pipe_init(&loop, &pipe, 0) != 0;
}

static int end(void **state) {
  (void)state;
  uv_close((uv_handle_t *)&pipe, NULL);
  (void)uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop);
}

static bool bind_with(const char *to, const char *group) {
  const struct fl_local_setup setup = {.path = to, .group = group};
  return fl_local_bind(&local, &pipe, &setup, error);
}

static void serve(void) {
  assert_true(bind_with(path, NULL));
  assert_int_equal(uv_listen((uv_stream_t *)&pipe, 4, on_client), 0);
}

static HANDLE connect_to(DWORD access) {
  return CreateFileA(path, access, 0, NULL, OPEN_EXISTING, 0, NULL);
}

/* What is allowed and denied, in order: "A SY;" for each entry. */
static void describe(HANDLE handle, char text[256]) {
  BYTE room[2048];
  DWORD size;
  BOOL has;
  BOOL defaulted;
  ACL *acl = NULL;
  text[0] = '\0';
  assert_true(GetKernelObjectSecurity(handle, DACL_SECURITY_INFORMATION, room,
                                      sizeof room, &size));
  assert_true(GetSecurityDescriptorDacl(room, &has, &acl, &defaulted));
  assert_true(has);
  assert_non_null(acl);
  for (DWORD i = 0; i < acl->AceCount; i++) {
    ACCESS_ALLOWED_ACE *entry;
    char *sid = NULL;
    assert_true(GetAce(acl, i, (void **)&entry));
    assert_true(ConvertSidToStringSidA((PSID)&entry->SidStart, &sid));
    size_t used = strlen(text);
    snprintf(text + used, 256 - used, "%s %s;",
             entry->Header.AceType == ACCESS_DENIED_ACE_TYPE ? "deny" : "allow",
             sid);
    LocalFree(sid);
  }
}

/* S-1-5-2: over the network. 18: the system. 32-544: administrators. */
static void assert_closed(HANDLE handle) {
  static const char first[] = "deny S-1-5-2;allow S-1-5-18;"
                              "allow S-1-5-32-544;allow S-1-5-21-";
  char text[256];
  describe(handle, text);
  if (strncmp(text, first, sizeof first - 1) != 0)
    fail_msg("%s", text);
  const char *own = strstr(text, "allow S-1-5-21-");
  assert_string_equal(strchr(own, ';'), ";"); /* the last */
}

static void only_three_may_connect(void **state) {
  (void)state;
  uv_os_fd_t handle;
  serve();
  assert_int_equal(uv_fileno((uv_handle_t *)&pipe, &handle), 0);
  assert_closed(handle);
}

/* Every instance of the name that a client meets. */
static void those_are_of_the_name(void **state) {
  (void)state;
  HANDLE clients[6];
  serve();
  for (int i = 0; i < 6; i++) {
    clients[i] = connect_to(GENERIC_READ | GENERIC_WRITE);
    if (clients[i] == INVALID_HANDLE_VALUE) /* all are taken: a new one */
      (void)uv_run(&loop, UV_RUN_NOWAIT);
    else
      assert_closed(clients[i]);
  }
  assert_ptr_not_equal(clients[0], INVALID_HANDLE_VALUE);
  for (int i = 0; i < 6; i++)
    if (clients[i] != INVALID_HANDLE_VALUE)
      (void)CloseHandle(clients[i]);
}

static void it_is_for_one(void **state) {
  (void)state;
  static uv_pipe_t other; /* closed by the end */
  const struct fl_local_setup setup = {.path = path};
  struct fl_local second;
  serve();
  assert_int_equal(uv_pipe_init(&loop, &other, 0), 0);
  assert_false(fl_local_bind(&second, &other, &setup, error));
  assert_true(fl_local_refused(&second));
  uv_close((uv_handle_t *)&other, NULL);
}

static void what_is_no_pipe(void **state) {
  (void)state;
  assert_false(bind_with("C:\\fairlead.sock", NULL));
  assert_non_null(strstr(error, "is no name of a pipe"));
  assert_false(bind_with(path, "Users"));
  assert_non_null(strstr(error, "control.group"));
}

static void places_are_pipes(void **state) {
  (void)state;
  char place[FL_LOCAL_PATH];
  assert_true(fl_local_place(0, "config-1", place));
  assert_string_equal(place, "\\\\.\\pipe\\fairlead-config-1");
  assert_false(fl_local_place(1, "config-1", place));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(only_three_may_connect, start, end),
      cmocka_unit_test_setup_teardown(those_are_of_the_name, start, end),
      cmocka_unit_test_setup_teardown(it_is_for_one, start, end),
      cmocka_unit_test_setup_teardown(what_is_no_pipe, start, end),
      cmocka_unit_test_setup_teardown(places_are_pipes, start, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
