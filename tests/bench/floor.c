/* fl-floor: what the command service costs when nothing is added to it. One
   thread, one epoll set, one read and one write per batch of complete lines.
   It answers as the command service does (PING, STATUS, echo), keeps partial
   lines and unsent replies, and has no timeouts, limits, counters or logs.

     fl-floor [ADDRESS:PORT]      (default 127.0.0.1:0)

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

enum {
  LINE_MAX_SIZE = 64 * 1024, /* a longer line ends its connection */
  READ_SIZE = 64 * 1024,
  BATCH_SIZE = LINE_MAX_SIZE + READ_SIZE,
  GROWTH = 8, /* the worst case, an empty line: "\n" becomes "Echo: \n" */
  EVENTS = 1024,
  BACKLOG = 4096,
  PEERS = 65536 /* one more than the highest descriptor */
};

struct peer { /* found by its descriptor */
  int fd;
  uint32_t kept_size; /* of an unfinished line, or of unsent replies */
  uint8_t *kept;      /* NULL while kept_size is 0 */
  uint32_t tail_size; /* the unfinished line behind unsent replies */
  bool blocked;       /* kept holds unsent replies; nothing is read */
};

struct floor {
  int epoll;
  int listener;
  unsigned clients;
  uint8_t input[BATCH_SIZE];
  uint8_t output[BATCH_SIZE * GROWTH];
};

static struct floor server;
static struct peer peers[PEERS];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int fd, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(server.epoll, operation, fd, &event) != 0)
    die("epoll_ctl");
}

static void accept_all(void) {
  int on = 1;
  int fd;
  while ((fd = accept4(server.listener, NULL, NULL,
                       SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    if (fd >= PEERS)
      die("too many descriptors");
    peers[fd] = (struct peer){.fd = fd};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    server.clients++;
  }
  if (errno != EAGAIN && errno != ECONNABORTED)
    die("accept4");
}

static void close_peer(struct peer *peer) {
  close(peer->fd);
  free(peer->kept);
  peer->kept = NULL;
  server.clients--;
}

static uint8_t *put(uint8_t *out, const void *bytes, size_t size) {
  memcpy(out, bytes, size);
  return out + size;
}

static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Writes the reply to one line (its LF not included) and returns its end. */
static uint8_t *answer(const uint8_t *line, size_t size, uint8_t *out) {
  while (size > 0 && is_space(line[size - 1]))
    size--;
  while (size > 0 && is_space(line[0])) {
    line++;
    size--;
  }
  if (size == 4 && memcmp(line, "PING", 4) == 0)
    return put(out, "PONG\n", 5);
  if (size == 6 && memcmp(line, "STATUS", 6) == 0)
    return out +
           sprintf((char *)out, "Connected clients: %u\n", server.clients);
  return put(put(put(out, "Echo: ", 6), line, size), "\n", 1);
}

/* Replaces what the peer keeps by head and tail, either may be empty. */
static bool keep(struct peer *peer, const uint8_t *head, size_t head_size,
                 const uint8_t *tail, size_t tail_size) {
  uint8_t *kept = NULL;
  if (tail_size > LINE_MAX_SIZE)
    return false;
  if (head_size + tail_size > 0) {
    kept = malloc(head_size + tail_size);
    if (kept == NULL)
      return false;
    if (head_size > 0)
      memcpy(kept, head, head_size);
    if (tail_size > 0)
      memcpy(kept + head_size, tail, tail_size);
  }
  free(peer->kept);
  peer->kept = kept;
  peer->kept_size = (uint32_t)(head_size == 0 ? tail_size : head_size);
  peer->tail_size = (uint32_t)(head_size == 0 ? 0 : tail_size);
  return true;
}

/* Returns how many bytes the kernel took, -1 when the connection is broken. */
static ssize_t send_some(int fd, const uint8_t *bytes, size_t size) {
  ssize_t taken = send(fd, bytes, size, MSG_NOSIGNAL);
  return taken < 0 && errno == EAGAIN ? 0 : taken;
}

/* Answers all complete lines of the input with one write. */
static bool serve_batch(struct peer *peer, size_t size) {
  const uint8_t *line = server.input;
  const uint8_t *end = line + size;
  const uint8_t *feed;
  uint8_t *out = server.output;
  ssize_t taken;
  while ((feed = memchr(line, '\n', (size_t)(end - line))) != NULL) {
    out = answer(line, (size_t)(feed - line), out);
    line = feed + 1;
  }
  taken = out == server.output ? 0
                               : send_some(peer->fd, server.output,
                                           (size_t)(out - server.output));
  if (taken < 0)
    return false;
  if (server.output + taken < out) {
    peer->blocked = true;
    watch(peer->fd, EPOLL_CTL_MOD, EPOLLOUT);
  } else if (line == end && peer->kept == NULL) {
    return true; /* the usual case: whole lines in, all replies out */
  }
  return keep(peer, server.output + taken,
              (size_t)(out - server.output - taken), line,
              (size_t)(end - line));
}

static bool read_batch(struct peer *peer) {
  size_t size = peer->kept_size;
  ssize_t got;
  if (size > 0)
    memcpy(server.input, peer->kept, size);
  got = recv(peer->fd, server.input + size, READ_SIZE, 0);
  if (got < 0 && errno == EAGAIN)
    return true;
  return got > 0 && serve_batch(peer, size + (size_t)got);
}

/* Sends what was left; reads on when all of it has gone. */
static bool send_rest(struct peer *peer) {
  ssize_t taken = send_some(peer->fd, peer->kept, peer->kept_size);
  if (taken < 0)
    return false;
  if ((size_t)taken == peer->kept_size) {
    peer->blocked = false;
    watch(peer->fd, EPOLL_CTL_MOD, EPOLLIN);
  }
  return keep(peer, peer->kept + taken, peer->kept_size - (size_t)taken,
              peer->kept + peer->kept_size, peer->tail_size);
}

static struct sockaddr_in parse_address(const char *text) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  char host[INET_ADDRSTRLEN];
  const char *colon = strchr(text, ':');
  size_t size = colon == NULL ? 0 : (size_t)(colon - text);
  char *end = NULL;
  unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
  snprintf(host, sizeof host, "%.*s", (int)size, text);
  if (end == NULL || *end != '\0' || end == colon + 1 || port > 65535 ||
      inet_pton(AF_INET, host, &address.sin_addr) != 1) {
    fprintf(stderr, "fl-floor: %s is not ADDRESS:PORT\n", text);
    exit(2);
  }
  address.sin_port = htons((uint16_t)port);
  return address;
}

static void open_listener(const char *text) {
  struct sockaddr_in address = parse_address(text);
  socklen_t size = sizeof address;
  char host[INET_ADDRSTRLEN];
  int on = 1;
  server.epoll = epoll_create1(EPOLL_CLOEXEC);
  server.listener =
      socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (server.epoll < 0 || server.listener < 0)
    die("socket");
  setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(server.listener, (struct sockaddr *)&address, size) != 0 ||
      listen(server.listener, BACKLOG) != 0 ||
      getsockname(server.listener, (struct sockaddr *)&address, &size) != 0)
    die(text);
  watch(server.listener, EPOLL_CTL_ADD, EPOLLIN);
  printf("listening on %s:%u\n",
         inet_ntop(AF_INET, &address.sin_addr, host, sizeof host),
         ntohs(address.sin_port));
  fflush(stdout);
}

int main(int argc, char **argv) {
  static struct epoll_event events[EVENTS];
  open_listener(argc > 1 ? argv[1] : "127.0.0.1:0");
  for (;;) {
    int count = epoll_wait(server.epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      struct peer *peer = &peers[events[i].data.fd];
      if (events[i].data.fd == server.listener)
        accept_all();
      else if (!(peer->blocked ? send_rest(peer) : read_batch(peer)))
        close_peer(peer);
    }
  }
}
