/* fl-relay-floor: what a relay costs when nothing is added to it. One thread,
   one epoll set; each read of one side is written to the other. What the
   kernel does not take is kept, and the side it came from is not read until
   it has gone; FIN is passed on. No timeouts, limits, counters or logs.

     fl-relay-floor UPSTREAM-ADDRESS:PORT

   It prints "listening on ADDRESS:PORT" and serves until it is killed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024, EVENTS = 1024, BACKLOG = 4096, PEERS = 65536 };

struct peer { /* found by its descriptor */
  int other;
  uint8_t *kept; /* of the other's bytes; NULL: none */
  size_t kept_size;
  bool ended; /* its FIN was read */
};

static struct peer peers[PEERS];
static uint8_t scratch[READ_SIZE];
static struct sockaddr_in upstream;
static int epoll, listener;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int fd, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll, operation, fd, &event) != 0)
    die("epoll_ctl");
}

static uint32_t wishes(int fd) {
  const struct peer *peer = &peers[fd];
  bool reads = !peer->ended && peers[peer->other].kept == NULL;
  return (reads ? EPOLLIN : 0) | (peer->kept != NULL ? EPOLLOUT : 0);
}

static void add(int fd, int other) {
  int on = 1;
  if (fd >= PEERS)
    die("too many descriptors");
  peers[fd] = (struct peer){.other = other};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void accept_all(void) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
         0) {
    int to = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (to < 0)
      die("socket");
    if (connect(to, (struct sockaddr *)&upstream, sizeof upstream) != 0 &&
        errno != EINPROGRESS)
      die("connect");
    add(fd, to);
    add(to, fd);
    watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    watch(to, EPOLL_CTL_ADD, EPOLLIN);
  }
  if (errno != EAGAIN && errno != ECONNABORTED)
    die("accept4");
}

static void close_both(int fd) {
  int other = peers[fd].other;
  free(peers[fd].kept);
  free(peers[other].kept);
  peers[fd].kept = peers[other].kept = NULL;
  peers[fd].other = peers[other].other = -1;
  close(fd);
  close(other);
}

/* Keeps what the kernel did not take; the other side is not read now. */
static void keep(int fd, const uint8_t *bytes, size_t size) {
  uint8_t *kept = malloc(size);
  if (kept == NULL)
    die("malloc");
  memcpy(kept, bytes, size);
  free(peers[fd].kept);
  peers[fd].kept = kept;
  peers[fd].kept_size = size;
  watch(fd, EPOLL_CTL_MOD, wishes(fd));
  watch(peers[fd].other, EPOLL_CTL_MOD, wishes(peers[fd].other));
}

/* Returns how many bytes the kernel took, -1 when the connection is broken. A
   connect that is under way takes none. */
static ssize_t send_some(int fd, const uint8_t *bytes, size_t size) {
  ssize_t taken = send(fd, bytes, size, MSG_NOSIGNAL);
  return taken < 0 && (errno == EAGAIN || errno == ENOTCONN) ? 0 : taken;
}

static bool pass_on(int from) {
  struct peer *peer = &peers[from];
  ssize_t got = recv(from, scratch, sizeof scratch, 0);
  if (got < 0)
    return errno == EAGAIN;
  if (got == 0) {
    peer->ended = true;
    if (peers[peer->other].ended)
      return false;
    shutdown(peer->other, SHUT_WR);
    watch(from, EPOLL_CTL_MOD, wishes(from));
    return true;
  }
  ssize_t taken = send_some(peer->other, scratch, (size_t)got);
  if (taken < 0)
    return false;
  if (taken < got)
    keep(peer->other, scratch + taken, (size_t)(got - taken));
  return true;
}

static bool send_rest(int fd) {
  struct peer *peer = &peers[fd];
  ssize_t taken = send_some(fd, peer->kept, peer->kept_size);
  if (taken < 0)
    return false;
  if ((size_t)taken < peer->kept_size) {
    memmove(peer->kept, peer->kept + taken, peer->kept_size - (size_t)taken);
    peer->kept_size -= (size_t)taken;
    return true;
  }
  free(peer->kept);
  peer->kept = NULL;
  watch(fd, EPOLL_CTL_MOD, wishes(fd));
  watch(peer->other, EPOLL_CTL_MOD, wishes(peer->other));
  return true;
}

static void parse_address(const char *text) {
  char host[INET_ADDRSTRLEN];
  const char *colon = strchr(text, ':');
  size_t size = colon == NULL ? 0 : (size_t)(colon - text);
  char *end = NULL;
  unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
  snprintf(host, sizeof host, "%.*s", (int)size, text);
  upstream.sin_family = AF_INET;
  upstream.sin_port = htons((uint16_t)port);
  if (end == NULL || *end != '\0' || port == 0 || port > 65535 ||
      inet_pton(AF_INET, host, &upstream.sin_addr) != 1) {
    fprintf(stderr, "fl-relay-floor: %s is not ADDRESS:PORT\n", text);
    exit(2);
  }
}

static void open_listener(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (epoll < 0 || listener < 0)
    die("socket");
  if (bind(listener, (struct sockaddr *)&address, size) != 0 ||
      listen(listener, BACKLOG) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) != 0)
    die("listen");
  watch(listener, EPOLL_CTL_ADD, EPOLLIN);
  printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
  fflush(stdout);
}

static void serve(int fd, uint32_t events) {
  if (fd == listener) {
    accept_all();
    return;
  }
  if (peers[fd].other < 0)
    return; /* closed earlier in this round */
  if (peers[fd].kept != NULL && (events & (EPOLLOUT | EPOLLERR)) != 0 &&
      !send_rest(fd))
    close_both(fd);
  else if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 && !pass_on(fd))
    close_both(fd);
}

int main(int argc, char **argv) {
  static struct epoll_event events[EVENTS];
  if (argc != 2) {
    fputs("usage: fl-relay-floor UPSTREAM-ADDRESS:PORT\n", stderr);
    return 2;
  }
  parse_address(argv[1]);
  open_listener();
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++)
      serve(events[i].data.fd, events[i].events);
  }
}
