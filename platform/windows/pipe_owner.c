#include "platform/windows/pipe_owner.h"

#include "platform/windows/wide.h"

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include <aclapi.h>
#include <sddl.h>

/* ---- accounts ---- */

/* The account of this process, and whose what it makes is: for an
   administrator's process those are two. */
static bool is_own(PSID sid, TOKEN_INFORMATION_CLASS which) {
  union {
    TOKEN_USER user;
    TOKEN_OWNER owner;
    BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
  } of;
  HANDLE token;
  DWORD size;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
    return false;
  bool told = GetTokenInformation(token, which, &of, sizeof of, &size);
  (void)CloseHandle(token);
  return told &&
         EqualSid(sid, which == TokenUser ? of.user.User.Sid : of.owner.Owner);
}

/* NT SERVICE\NAME: S-1-5-80-... */
static bool is_of_service(PSID sid) {
  static const SID_IDENTIFIER_AUTHORITY nt = {SECURITY_NT_AUTHORITY};
  return memcmp(GetSidIdentifierAuthority(sid), &nt, sizeof nt) == 0 &&
         *GetSidSubAuthorityCount(sid) > 1 &&
         *GetSidSubAuthority(sid, 0) == SECURITY_SERVICE_ID_BASE_RID;
}

bool fl_pipe_owner_known(PSID owner) {
  return IsWellKnownSid(owner, WinLocalSystemSid) ||
         IsWellKnownSid(owner, WinLocalServiceSid) ||
         IsWellKnownSid(owner, WinNetworkServiceSid) ||
         IsWellKnownSid(owner, WinBuiltinAdministratorsSid) ||
         is_of_service(owner) || is_own(owner, TokenUser) ||
         is_own(owner, TokenOwner);
}

/* ---- services ---- */

/* The services that run, to be freed; NULL where that is not told. */
static ENUM_SERVICE_STATUS_PROCESSW *services(DWORD *count) {
  ENUM_SERVICE_STATUS_PROCESSW *list = NULL;
  DWORD size = 0;
  DWORD more = 0;
  SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_ENUMERATE_SERVICE);
  *count = 0;
  if (manager == NULL)
    return NULL;
  (void)EnumServicesStatusExW(manager, SC_ENUM_PROCESS_INFO, SERVICE_WIN32,
                              SERVICE_ACTIVE, NULL, 0, &size, count, &more,
                              NULL);
  size += more;
  more = 0;
  list = malloc(size + 1);
  if (list != NULL &&
      !EnumServicesStatusExW(manager, SC_ENUM_PROCESS_INFO, SERVICE_WIN32,
                             SERVICE_ACTIVE, (BYTE *)list, size, &size, count,
                             &more, NULL))
    *count = 0; /* one has started meanwhile */
  (void)CloseServiceHandle(manager);
  return list;
}

/* An administrator has made it, whatever account it runs as. */
static bool is_service(DWORD process) {
  DWORD count;
  bool found = false;
  ENUM_SERVICE_STATUS_PROCESSW *list = services(&count);
  for (DWORD i = 0; i < count && !found; i++)
    found = list[i].ServiceStatusProcess.dwProcessId == process;
  free(list);
  return found;
}

/* ---- the pipe ---- */

static void name_of(PSID sid, char *name, size_t size) {
  wchar_t account[256];
  wchar_t domain[256];
  wchar_t whole[516];
  wchar_t *number = NULL;
  DWORD account_size = 256;
  DWORD domain_size = 256;
  SID_NAME_USE use;
  name[0] = '\0';
  if (LookupAccountSidW(NULL, sid, account, &account_size, domain, &domain_size,
                        &use)) {
    (void)_snwprintf(whole, 516, L"%ls\\%ls", domain, account);
    (void)fl_narrow_into(name, size, whole);
  } else if (ConvertSidToStringSidW(sid, &number)) {
    (void)fl_narrow_into(name, size, number);
    (void)LocalFree(number);
  }
}

/* Windows notes an owner for each; Wine does where one was asked for. */
bool fl_pipe_trusted(HANDLE pipe, char *name, size_t size) {
  PSECURITY_DESCRIPTOR descriptor = NULL;
  PSID owner = NULL;
  ULONG process = 0;
  (void)snprintf(name, size, "somebody");
  if (GetSecurityInfo(pipe, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION,
                      &owner, NULL, NULL, NULL, &descriptor) != ERROR_SUCCESS)
    return false;
  bool trusted = owner == NULL || fl_pipe_owner_known(owner) ||
                 (GetNamedPipeServerProcessId(pipe, &process) && process != 0 &&
                  is_service(process));
  if (owner != NULL)
    name_of(owner, name, size);
  (void)LocalFree(descriptor);
  return trusted;
}
