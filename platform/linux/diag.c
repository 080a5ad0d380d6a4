#include "platform/linux/diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The macros for these are of mixed signs. */
enum { HEAD = sizeof(struct nlmsghdr), ATTRIBUTE = sizeof(struct nlattr) };

/* Everything in a message begins at a multiple of four. */
static size_t aligned(size_t size) { return (size + 3) & ~(size_t)3; }

/* ---- questions ---- */

/* A condition: its instruction, what it compares with, and the address. Behind
   all but the last stands a jump to the end, which means yes. */
enum {
  CONDITION =
      sizeof(struct inet_diag_bc_op) + sizeof(struct inet_diag_hostcond),
  JUMP = sizeof(struct inet_diag_bc_op)
};

static bool any_ip(const struct fl_addr *addr) {
  static const uint8_t zero[sizeof addr->ip];
  return memcmp(addr->ip, zero, sizeof zero) == 0;
}

static uint32_t ip_size(const struct fl_addr *addr) {
  if (any_ip(addr))
    return 0;
  return addr->family == FL_ADDR_IP4 ? 4 : 16;
}

static uint32_t condition_size(const struct fl_addr *addr) {
  return CONDITION + ip_size(addr);
}

/* Sockets at the address, of either family where it is a wildcard. */
static uint8_t *put_condition(uint8_t *to, const struct fl_addr *addr,
                              bool local) {
  uint32_t ip = ip_size(addr);
  uint32_t size = condition_size(addr);
  struct inet_diag_bc_op op = {.code = local ? INET_DIAG_BC_S_COND
                                             : INET_DIAG_BC_D_COND,
                               .yes = (unsigned char)size,
                               .no = (unsigned short)(size + JUMP)};
  struct inet_diag_hostcond host = {.family = ip == 0   ? AF_UNSPEC
                                              : ip == 4 ? AF_INET
                                                        : AF_INET6,
                                    .prefix_len = (uint8_t)(ip * 8),
                                    .port = addr->port};
  memcpy(to, &op, sizeof op);
  memcpy(to + sizeof op, &host, sizeof host);
  memcpy(to + CONDITION, addr->ip, ip);
  return to + size;
}

/* `left`: bytes from the jump on. */
static uint8_t *put_jump(uint8_t *to, uint32_t left) {
  struct inet_diag_bc_op op = {
      .code = INET_DIAG_BC_JMP, .yes = JUMP, .no = (unsigned short)left};
  memcpy(to, &op, sizeof op);
  return to + sizeof op;
}

/* The addresses that a question may be about. */
struct addresses {
  const struct fl_addr *list[FL_DIAG_ADDRESSES];
  uint32_t count;
  uint32_t seen; /* of the family, those before `from` too */
  uint32_t from;
  bool full;
};

static void choose(struct addresses *to, const struct fl_addr *addr,
                   uint8_t family) {
  if (addr->family != family)
    return;
  if (to->seen++ < to->from)
    return;
  if (to->count == FL_DIAG_ADDRESSES)
    to->full = true;
  else
    to->list[to->count++] = addr;
}

static void choose_all(struct addresses *to, const struct fl_tcp_sample *sample,
                       enum fl_diag_dump dump, uint8_t family) {
  if (dump != FL_DIAG_CONNECTED)
    for (uint32_t i = 0; i < sample->listener_count; i++)
      choose(to, &sample->listeners[i].addr, family);
  else
    for (uint32_t i = 0; i < sample->server_count; i++)
      for (uint32_t j = 0; j < sample->servers[i].addr_count; j++)
        choose(to, &sample->servers[i].addrs[j], family);
}

static void put_filter(uint8_t *to, const struct addresses *from, bool local,
                       uint32_t size) {
  const uint8_t *end = to + size;
  for (uint32_t i = 0; i < from->count; i++) {
    to = put_condition(to, from->list[i], local);
    if (i + 1 < from->count)
      to = put_jump(to, (uint32_t)(end - to));
  }
}

static struct inet_diag_req_v2 question(enum fl_diag_dump dump,
                                        uint8_t family) {
  static const struct {
    uint32_t states; /* a bit each; bit 10 is TCP_LISTEN */
    uint8_t extensions;
  } kinds[] = {
      [FL_DIAG_LISTENING] = {1U << 10, 1U << (INET_DIAG_SKMEMINFO - 1)},
      [FL_DIAG_ACCEPTED] = {0xbfe, 0},
      [FL_DIAG_CONNECTED] = {0xbfe, 1U << (INET_DIAG_INFO - 1)},
  };
  return (struct inet_diag_req_v2){
      .sdiag_family = family == FL_ADDR_IP4 ? AF_INET : AF_INET6,
      .sdiag_protocol = IPPROTO_TCP,
      .idiag_states = kinds[dump].states,
      .idiag_ext = kinds[dump].extensions};
}

bool fl_diag_ask(struct fl_diag_request *request,
                 const struct fl_tcp_sample *sample, enum fl_diag_dump dump,
                 uint8_t family, uint32_t *from) {
  struct addresses chosen = {.from = *from};
  struct inet_diag_req_v2 asked = question(dump, family);
  uint32_t filter = 0;
  *request = (struct fl_diag_request){0};
  choose_all(&chosen, sample, dump, family);
  *from = chosen.full ? *from + chosen.count : 0;
  if (chosen.count == 0)
    return true;
  for (uint32_t i = 0; i < chosen.count; i++)
    filter += condition_size(chosen.list[i]) + (i == 0 ? 0 : JUMP);
  uint32_t attribute = HEAD + (uint32_t)aligned(sizeof asked);
  request->size = attribute + ATTRIBUTE + filter;
  request->bytes = calloc(1, request->size);
  if (request->bytes == NULL)
    return false;
  struct nlmsghdr head = {.nlmsg_len = request->size,
                          .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                          .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
  struct nlattr bytecode = {.nla_len = (uint16_t)(ATTRIBUTE + filter),
                            .nla_type = INET_DIAG_REQ_BYTECODE};
  memcpy(request->bytes, &head, sizeof head);
  memcpy(request->bytes + HEAD, &asked, sizeof asked);
  memcpy(request->bytes + attribute, &bytecode, sizeof bytecode);
  put_filter(request->bytes + attribute + ATTRIBUTE, &chosen,
             dump != FL_DIAG_CONNECTED, filter);
  return true;
}

/* ---- answers ---- */

/* TCP_ESTABLISHED is 1 and so on: include/net/tcp_states.h of Linux. */
static bool state_of(unsigned state, enum fl_tcp_state *to) {
  static const enum fl_tcp_state states[] = {
      [1] = FL_TCP_ESTABLISHED,  [2] = FL_TCP_SYN_SENT,
      [3] = FL_TCP_SYN_RECEIVED, [4] = FL_TCP_FIN_WAIT_1,
      [5] = FL_TCP_FIN_WAIT_2,   [6] = FL_TCP_TIME_WAIT,
      [8] = FL_TCP_CLOSE_WAIT,   [9] = FL_TCP_LAST_ACK,
      [10] = FL_TCP_LISTEN,      [11] = FL_TCP_CLOSING,
      [12] = FL_TCP_SYN_RECEIVED};
  if (state == 0 || state == 7 || state >= sizeof states / sizeof states[0])
    return false;
  *to = states[state];
  return true;
}

static bool address_of(unsigned family, uint16_t port, const void *ip,
                       struct fl_addr *to) {
  bool is_6 = family == AF_INET6;
  if (family != AF_INET && !is_6)
    return false;
  *to = (struct fl_addr){.family = is_6 ? FL_ADDR_IP6 : FL_ADDR_IP4,
                         .port = ntohs(port)};
  memcpy(to->ip, ip, is_6 ? 16 : 4);
  (void)fl_addr_unmap(to);
  return true;
}

/* Kernels know more or less of struct tcp_info: what is missing is zero. */
static void read_info(struct fl_tcp_row *row, const uint8_t *bytes,
                      size_t size) {
  struct tcp_info info = {0};
  memcpy(&info, bytes, size < sizeof info ? size : sizeof info);
  row->measured = row->state != FL_TCP_SYN_SENT;
  row->rtt = info.tcpi_rtt;
  row->min_rtt = info.tcpi_min_rtt == UINT32_MAX ? 0 : info.tcpi_min_rtt;
  row->sent = info.tcpi_data_segs_out;
  row->retransmitted = info.tcpi_total_retrans;
}

static void read_memory(struct fl_tcp_row *row, const uint8_t *bytes,
                        size_t size) {
  if (row->state != FL_TCP_LISTEN ||
      size < (SK_MEMINFO_DROPS + 1) * sizeof row->drops)
    return;
  memcpy(&row->drops, bytes + SK_MEMINFO_DROPS * sizeof row->drops,
         sizeof row->drops);
  row->drops_known = true;
}

static void read_attributes(struct fl_tcp_row *row, const uint8_t *bytes,
                            size_t size) {
  struct nlattr attribute;
  while (size >= sizeof attribute) {
    memcpy(&attribute, bytes, sizeof attribute);
    size_t whole = attribute.nla_len;
    if (whole < ATTRIBUTE || whole > size)
      return;
    if (attribute.nla_type == INET_DIAG_INFO)
      read_info(row, bytes + ATTRIBUTE, whole - ATTRIBUTE);
    if (attribute.nla_type == INET_DIAG_SKMEMINFO)
      read_memory(row, bytes + ATTRIBUTE, whole - ATTRIBUTE);
    whole = aligned(whole);
    if (whole > size)
      return;
    bytes += whole;
    size -= whole;
  }
}

static void read_socket(struct fl_tcp_sample *sample, unsigned of,
                        const uint8_t *bytes, size_t size) {
  struct inet_diag_msg message;
  struct fl_tcp_row row = {0};
  if (size < sizeof message)
    return;
  memcpy(&message, bytes, sizeof message);
  if (!state_of(message.idiag_state, &row.state) ||
      !address_of(message.idiag_family, message.id.idiag_sport,
                  message.id.idiag_src, &row.local) ||
      !address_of(message.idiag_family, message.id.idiag_dport,
                  message.id.idiag_dst, &row.remote))
    return;
  row.cookie =
      (uint64_t)message.id.idiag_cookie[1] << 32 | message.id.idiag_cookie[0];
  row.queue = message.idiag_rqueue;
  row.queue_limit = message.idiag_wqueue;
  size_t rest = aligned(sizeof message);
  if (size > rest)
    read_attributes(&row, bytes + rest, size - rest);
  fl_tcp_sample_row(sample, &row, of);
}

/* A number is what follows: 0, or minus an errno. */
static enum fl_diag_answer read_end(const uint8_t *bytes, size_t size,
                                    int *error) {
  int code = 0;
  if (size >= sizeof code)
    memcpy(&code, bytes, sizeof code);
  if (code >= 0)
    return FL_DIAG_DONE;
  *error = -code;
  return FL_DIAG_FAILED;
}

enum fl_diag_answer fl_diag_read(struct fl_tcp_sample *sample, unsigned of,
                                 const uint8_t *bytes, size_t size,
                                 int *error) {
  struct nlmsghdr head;
  while (size >= sizeof head) {
    memcpy(&head, bytes, sizeof head);
    size_t whole = head.nlmsg_len;
    if (whole < HEAD || whole > size)
      break;
    const uint8_t *payload = bytes + HEAD;
    if (head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR)
      return read_end(payload, whole - HEAD, error);
    if (head.nlmsg_type == SOCK_DIAG_BY_FAMILY)
      read_socket(sample, of, payload, whole - HEAD);
    whole = aligned(whole);
    if (whole > size)
      break;
    bytes += whole;
    size -= whole;
  }
  return FL_DIAG_MORE;
}

/* ---- /proc ---- */

/* A port at *text, which is left behind it; UINT32_MAX: there is none. */
static uint32_t read_port(const char **text) {
  char *end;
  unsigned long value = strtoul(*text, &end, 10);
  if (end == *text || value > UINT16_MAX)
    return UINT32_MAX;
  *text = end;
  return (uint32_t)value;
}

/* How many ports from `first` to `last` are among "8080,9000-9010". */
static uint32_t count_reserved(const char *text, uint32_t first,
                               uint32_t last) {
  uint32_t count = 0;
  for (;;) {
    uint32_t low = read_port(&text);
    uint32_t high = low;
    if (low != UINT32_MAX && *text == '-') {
      text++;
      high = read_port(&text);
    }
    if (low == UINT32_MAX || high == UINT32_MAX)
      return count;
    low = low < first ? first : low;
    high = high > last ? last : high;
    if (low <= high)
      count += high - low + 1;
    if (*text++ != ',')
      return count;
  }
}

void fl_diag_ports(struct fl_tcp_system *system, const char *range,
                   const char *reserved) {
  uint32_t first = read_port(&range);
  uint32_t last = first == UINT32_MAX ? first : read_port(&range);
  if (last == UINT32_MAX || first > last)
    return;
  system->ports_known = true;
  system->port_first = (uint16_t)first;
  system->port_last = (uint16_t)last;
  system->ports = last - first + 1;
  if (reserved != NULL)
    system->ports -= count_reserved(reserved, first, last);
}

/* The next word of a line, which *text is left behind; size 0: the line is
   over. */
static size_t next_word(const char **text, const char **word) {
  *text += strspn(*text, " ");
  *word = *text;
  *text += strcspn(*text, " \n");
  return (size_t)(*text - *word);
}

/* Two lines belong together: names, and under them values. */
static bool netstat_value(const char *text, const char *name, uint64_t *value) {
  static const char title[] = "\nTcpExt:";
  const char *names = strncmp(text, title + 1, sizeof title - 2) == 0
                          ? text
                          : strstr(text, title);
  if (names == NULL)
    return false;
  names += names != text;
  const char *values = strstr(names, title);
  const char *word;
  const char *number;
  size_t size;
  if (values == NULL)
    return false;
  values++;
  while ((size = next_word(&names, &word)) > 0 &&
         next_word(&values, &number) > 0)
    if (size == strlen(name) && memcmp(word, name, size) == 0) {
      *value = strtoull(number, NULL, 10);
      return true;
    }
  return false;
}

void fl_diag_netstat(struct fl_tcp_system *system, const char *text) {
  system->listen_known =
      netstat_value(text, "ListenOverflows", &system->listen_overflows) &&
      netstat_value(text, "ListenDrops", &system->listen_drops);
}
