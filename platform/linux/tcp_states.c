#include "platform/tcp_states.h"

#include "platform/linux/diag.h"

#include <linux/netlink.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* What the kernel puts in one datagram at most. */
enum { DATAGRAM = 32 * 1024, NETSTAT = 16 * 1024, ANSWER_SECONDS = 5 };

static int ask(int netlink, const struct fl_diag_request *request) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent = sendto(netlink, request->bytes, request->size, 0,
                        (struct sockaddr *)&kernel, sizeof kernel);
  return sent < 0 ? -errno : 0;
}

/* Takes the whole answer. */
static int take(int netlink, struct fl_tcp_sample *sample, unsigned of,
                uint8_t *buffer) {
  int error = 0;
  for (;;) {
    ssize_t size = recv(netlink, buffer, DATAGRAM, 0);
    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0)
      return size == 0 ? -EPROTO : -errno;
    switch (fl_diag_read(sample, of, buffer, (size_t)size, &error)) {
    case FL_DIAG_MORE:
      break;
    case FL_DIAG_DONE:
      return 0;
    case FL_DIAG_FAILED:
      return -error;
    }
  }
}

static int dump(int netlink, struct fl_tcp_sample *sample,
                enum fl_diag_dump kind, uint8_t family, uint8_t *buffer) {
  unsigned of =
      kind == FL_DIAG_CONNECTED ? FL_TCP_OF_SERVERS : FL_TCP_OF_LISTENERS;
  uint32_t from = 0;
  int error = 0;
  do {
    struct fl_diag_request request;
    if (!fl_diag_ask(&request, sample, kind, family, &from))
      return -ENOMEM;
    if (request.bytes != NULL)
      error = ask(netlink, &request);
    if (request.bytes != NULL && error == 0)
      error = take(netlink, sample, of, buffer);
    free(request.bytes);
  } while (error == 0 && from != 0);
  return error;
}

static int dump_all(int netlink, struct fl_tcp_sample *sample,
                    uint8_t *buffer) {
  static const uint8_t families[] = {FL_ADDR_IP4, FL_ADDR_IP6};
  int error = 0;
  for (int i = 0; i < 2 && error == 0; i++)
    for (int kind = 0; kind <= FL_DIAG_CONNECTED && error == 0; kind++)
      error =
          dump(netlink, sample, (enum fl_diag_dump)kind, families[i], buffer);
  return error;
}

/* The beginning of a file of /proc as text. */
static bool read_file(const char *path, char *text, size_t size) {
  size_t used = 0;
  ssize_t got = 0;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  while (used + 1 < size &&
         (got = read(file, text + used, size - 1 - used)) > 0)
    used += (size_t)got;
  (void)close(file);
  text[used] = '\0';
  return got >= 0;
}

static void ask_proc(struct fl_tcp_system *system) {
  char range[64];
  char *text = malloc(NETSTAT);
  if (text == NULL)
    return;
  if (read_file("/proc/sys/net/ipv4/ip_local_port_range", range, sizeof range))
    fl_diag_ports(
        system, range,
        read_file("/proc/sys/net/ipv4/ip_local_reserved_ports", text, NETSTAT)
            ? text
            : NULL);
  if (read_file("/proc/net/netstat", text, NETSTAT))
    fl_diag_netstat(system, text);
  free(text);
}

int fl_tcp_states_take(struct fl_tcp_sample *sample) {
  const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
  uint8_t *buffer;
  ask_proc(&sample->system);
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0)
    return -errno;
  (void)setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  buffer = malloc(DATAGRAM);
  int error = buffer == NULL ? -ENOMEM : dump_all(netlink, sample, buffer);
  free(buffer);
  (void)close(netlink);
  return error;
}
