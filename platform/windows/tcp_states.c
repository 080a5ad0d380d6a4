#include "platform/tcp_states.h"

#include "platform/windows/system_error.h"

#include <uv.h>

#include <iphlpapi.h>
#include <stdlib.h>
#include <string.h>

/* The table may grow between the call that tells its size and the next, on a
   busy machine every time: so there is room for more, by this part of it. */
enum { TRIES = 5, ROOM_PART = 4 };

static bool state_of(DWORD state, enum fl_tcp_state *to) {
  static const enum fl_tcp_state states[] = {
      [MIB_TCP_STATE_LISTEN] = FL_TCP_LISTEN,
      [MIB_TCP_STATE_SYN_SENT] = FL_TCP_SYN_SENT,
      [MIB_TCP_STATE_SYN_RCVD] = FL_TCP_SYN_RECEIVED,
      [MIB_TCP_STATE_ESTAB] = FL_TCP_ESTABLISHED,
      [MIB_TCP_STATE_FIN_WAIT1] = FL_TCP_FIN_WAIT_1,
      [MIB_TCP_STATE_FIN_WAIT2] = FL_TCP_FIN_WAIT_2,
      [MIB_TCP_STATE_CLOSE_WAIT] = FL_TCP_CLOSE_WAIT,
      [MIB_TCP_STATE_CLOSING] = FL_TCP_CLOSING,
      [MIB_TCP_STATE_LAST_ACK] = FL_TCP_LAST_ACK,
      [MIB_TCP_STATE_TIME_WAIT] = FL_TCP_TIME_WAIT,
  };
  if (state < MIB_TCP_STATE_LISTEN || state > MIB_TCP_STATE_TIME_WAIT)
    return false;
  *to = states[state];
  return true;
}

/* A port in network byte order, in the lower half. */
static uint16_t port_of(DWORD port) { return ntohs((u_short)(port & 0xffff)); }

static struct fl_addr address_of(uint8_t family, const void *ip, DWORD port) {
  struct fl_addr addr = {.family = family, .port = port_of(port)};
  memcpy(addr.ip, ip, family == FL_ADDR_IP4 ? 4 : 16);
  (void)fl_addr_unmap(&addr);
  return addr;
}

static void add(struct fl_tcp_sample *sample, const struct fl_tcp_row *row) {
  fl_tcp_sample_row(sample, row, FL_TCP_OF_LISTENERS | FL_TCP_OF_SERVERS);
}

static void add_4(struct fl_tcp_sample *sample, const void *bytes) {
  const MIB_TCPTABLE *table = bytes;
  for (DWORD i = 0; i < table->dwNumEntries; i++) {
    const MIB_TCPROW *from = &table->table[i];
    struct fl_tcp_row row = {
        .local = address_of(FL_ADDR_IP4, &from->dwLocalAddr, from->dwLocalPort),
        .remote =
            address_of(FL_ADDR_IP4, &from->dwRemoteAddr, from->dwRemotePort)};
    if (state_of(from->dwState, &row.state))
      add(sample, &row);
  }
}

static void add_6(struct fl_tcp_sample *sample, const void *bytes) {
  const MIB_TCP6TABLE *table = bytes;
  for (DWORD i = 0; i < table->dwNumEntries; i++) {
    const MIB_TCP6ROW *from = &table->table[i];
    struct fl_tcp_row row = {
        .local = address_of(FL_ADDR_IP6, &from->LocalAddr, from->dwLocalPort),
        .remote =
            address_of(FL_ADDR_IP6, &from->RemoteAddr, from->dwRemotePort)};
    if (state_of((DWORD)from->State, &row.state))
      add(sample, &row);
  }
}

/* Of IPv4 or IPv6. Not GetExtendedTcpTable, which finds the process of every
   socket, too: with thousands of them that takes its time, and a stop waits
   for it. */
typedef ULONG read_table(void *table, ULONG *size);

static ULONG read_4(void *table, ULONG *size) {
  return GetTcpTable(table, size, FALSE);
}

static ULONG read_6(void *table, ULONG *size) {
  return GetTcp6Table(table, size, FALSE);
}

/* The whole table, to be freed; NULL with *error. */
static void *table_of(read_table *call, int *error) {
  ULONG size = 0;
  void *table = NULL;
  DWORD status = ERROR_INSUFFICIENT_BUFFER;
  for (int i = 0; i < TRIES && status == ERROR_INSUFFICIENT_BUFFER; i++) {
    free(table);
    size += size / ROOM_PART;
    table = size == 0 ? NULL : malloc(size);
    if (size != 0 && table == NULL) {
      *error = UV_ENOMEM;
      return NULL;
    }
    status = call(table, &size);
  }
  if (status == NO_ERROR)
    return table;
  *error = fl_system_error(status);
  free(table);
  return NULL;
}

static int take(struct fl_tcp_sample *sample, read_table *call,
                void (*add_rows)(struct fl_tcp_sample *, const void *)) {
  int error = 0;
  void *table = table_of(call, &error);
  if (table != NULL)
    add_rows(sample, table);
  free(table);
  return error;
}

int fl_tcp_states_take(struct fl_tcp_sample *sample) {
  int error = take(sample, read_4, add_4);
  return error != 0 ? error : take(sample, read_6, add_6);
}
