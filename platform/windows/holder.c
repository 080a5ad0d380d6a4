/* Why an address cannot be bound: who listens there, or that nobody may. */
#include "platform/listening.h"

#include "platform/error.h"
#include "platform/windows/wide.h"

#include <iphlpapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The table may grow between the call that tells its size and the next: so
   there is room for more, by this part of it. */
enum { TRIES = 5, ROOM_PART = 4 };

/* Those who listen, of one family; to be freed; NULL when that is not told. */
static void *listeners_of(ULONG family) {
  DWORD size = 0;
  void *table = NULL;
  DWORD status = ERROR_INSUFFICIENT_BUFFER;
  for (int i = 0; i < TRIES && status == ERROR_INSUFFICIENT_BUFFER; i++) {
    free(table);
    size += size / ROOM_PART;
    table = size == 0 ? NULL : malloc(size);
    if (size != 0 && table == NULL)
      return NULL;
    status = GetExtendedTcpTable(table, &size, FALSE, family,
                                 TCP_TABLE_OWNER_PID_LISTENER, 0);
  }
  if (status == NO_ERROR)
    return table;
  free(table);
  return NULL;
}

/* Whether a socket at `its` address keeps another from `ours`: they are the
   same, or one of them is all addresses. */
static bool meets(const void *its, const uint8_t *ours, size_t size) {
  static const uint8_t any[16];
  return memcmp(its, ours, size) == 0 || memcmp(its, any, size) == 0 ||
         memcmp(ours, any, size) == 0;
}

static bool is_port(DWORD port, const struct fl_addr *addr) {
  return ntohs((u_short)(port & 0xffff)) == addr->port;
}

/* 0: not found, or not told. */
static DWORD find_4(const struct fl_addr *addr) {
  MIB_TCPTABLE_OWNER_PID *table = listeners_of(AF_INET);
  DWORD found = 0;
  for (DWORD i = 0; table != NULL && i < table->dwNumEntries; i++)
    if (is_port(table->table[i].dwLocalPort, addr) &&
        meets(&table->table[i].dwLocalAddr, addr->ip, 4))
      found = table->table[i].dwOwningPid;
  free(table);
  return found;
}

static DWORD find_6(const struct fl_addr *addr) {
  MIB_TCP6TABLE_OWNER_PID *table = listeners_of(AF_INET6);
  DWORD found = 0;
  for (DWORD i = 0; table != NULL && i < table->dwNumEntries; i++)
    if (is_port(table->table[i].dwLocalPort, addr) &&
        meets(table->table[i].ucLocalAddr, addr->ip, 16))
      found = table->table[i].dwOwningPid;
  free(table);
  return found;
}

/* The file of its program, without the folder; "" where that may not be
   known. */
static void name_of(DWORD process, char *name, size_t size) {
  wchar_t path[MAX_PATH];
  DWORD length = MAX_PATH;
  HANDLE handle =
      OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, process);
  name[0] = '\0';
  if (handle == NULL)
    return;
  if (QueryFullProcessImageNameW(handle, 0, path, &length)) {
    const wchar_t *slash = wcsrchr(path, L'\\');
    (void)fl_narrow_into(name, size, slash == NULL ? path : slash + 1);
  }
  (void)CloseHandle(handle);
}

static bool explain_in_use(const struct fl_addr *addr, const char *why,
                           char text[FL_LISTENING_TEXT]) {
  char name[MAX_PATH];
  DWORD process = addr->family == FL_ADDR_IP4 ? find_4(addr) : find_6(addr);
  if (process == 0)
    return false;
  name_of(process, name, sizeof name);
  (void)snprintf(text, FL_LISTENING_TEXT,
                 "is in use by %s%sprocess %lu%s; stop that program or choose "
                 "another port (%s)",
                 name, name[0] != '\0' ? " (" : "", process,
                 name[0] != '\0' ? ")" : "", why);
  return true;
}

/* Windows has no right that low ports need. WSAEACCES is a port that a program
   holds for itself alone, or one of a range that is kept from all, which
   Hyper-V and others take; no call tells which range. */
bool fl_listening_explain(const struct fl_addr *addr, int error,
                          char text[FL_LISTENING_TEXT]) {
  char why[FL_ERROR_TEXT];
  if (error != UV_EADDRINUSE && error != UV_EACCES)
    return false;
  (void)fl_error_text(error, why);
  if (explain_in_use(addr, why, text))
    return true;
  if (error == UV_EACCES)
    (void)snprintf(text, FL_LISTENING_TEXT,
                   "is kept from all programs, or another has it for itself; "
                   "\"netsh interface %s show excludedportrange protocol=tcp\" "
                   "lists the ranges that are kept; choose a port outside (%s)",
                   addr->family == FL_ADDR_IP4 ? "ipv4" : "ipv6", why);
  else
    (void)snprintf(text, FL_LISTENING_TEXT,
                   "is in use by another program; stop that program or choose "
                   "another port (%s)",
                   why);
  return true;
}
