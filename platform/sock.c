/* Core hears of FIN at most once, and of a broken connection at most once,
   which may be after FIN: when what was still to be sent cannot be. Further
   errors only follow from the first. */
#include "platform/sock.h"

#include "platform/address.h"
#include "platform/clock.h"
#include "platform/failure.h"
#include "platform/socket.h"
#include "platform/sockopts.h"

#include <assert.h>
#include <stdlib.h>

static struct fl_sockets *sockets_of(const struct fl_sock *sock) {
  return sock->tcp.loop->data;
}

static struct fl_conn *conn_of(const struct fl_sock *sock) {
  return sock->tcp.data;
}

static uv_stream_t *stream_of(struct fl_sock *sock) {
  return (uv_stream_t *)&sock->tcp;
}

static bool closing(const struct fl_sock *sock) {
  return uv_is_closing((const uv_handle_t *)&sock->tcp) != 0;
}

struct fl_sock *fl_sock_new(uint32_t slot) {
  struct fl_sock *sock = malloc(sizeof *sock);
  if (sock == NULL)
    return NULL;
  assert(slot <= FL_SOCK_UPSTREAM);
  sock->slot = (uint16_t)slot;
  sock->place = 0;
  sock->write = NULL;
  sock->over = false;
  sock->ended = false;
  sock->broken = false;
  sock->bulk = false;
  sock->filled = false;
  return sock;
}

/* The descriptor is closed: makes room for others, then tells core. */
static void on_closed(uv_handle_t *handle) {
  struct fl_sock *sock = (struct fl_sock *)handle;
  struct fl_admission *admission = sockets_of(sock)->admission;
  struct fl_conn *conn = conn_of(sock);
  uint32_t slot = sock->slot;
  uint32_t place = sock->place;
  bool over = sock->over;
  free(sock);
  if (slot == FL_SOCK_UPSTREAM)
    fl_admission_freed(admission);
  else
    fl_admission_left(admission, slot, place, over);
  if (conn != NULL)
    fl_conn_closed(conn, fl_clock());
}

/* A RST directly behind bytes comes as UV_EOF: libuv takes the hang-up that it
   polled with them for the end of the stream and does not read again. */
static int real_end(const struct fl_sock *sock, int error) {
  uv_os_fd_t socket;
  if (error != UV_EOF ||
      uv_fileno((const uv_handle_t *)&sock->tcp, &socket) != 0)
    return error;
  int pending = fl_socket_error((uv_os_sock_t)socket);
  return pending == 0 ? error : pending;
}

static void end(struct fl_sock *sock, int error) {
  error = real_end(sock, error);
  if (sock->broken)
    return;
  sock->ended = true;
  sock->broken = error != UV_EOF;
  fl_conn_end(conn_of(sock), fl_failure_of_connection(error), fl_clock());
}

/* Large reads cost less for each byte when much waits, and more of the caches
   when it does not: so only where the last one had no end. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  const struct fl_sock *sock = (const struct fl_sock *)handle;
  struct fl_sockets *sockets = handle->loop->data;
  unsigned size = sock->bulk && sock->filled ? FL_BULK_READ_MAX : FL_READ_MAX;
  if (fl_conn_pressed(conn_of(sock)))
    size = FL_PRESSED_READ_MAX;
  (void)suggested;
  *buffer = uv_buf_init((char *)sockets->scratch, size);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
  struct fl_sock *sock = (struct fl_sock *)stream;
  struct fl_sockets *sockets = sockets_of(sock);
  struct fl_slice bytes = {(const uint8_t *)buffer->base, (size_t)size};
  if (size < 0)
    end(sock, (int)size);
  if (size <= 0)
    return;
  fl_time now = fl_clock();
  sock->filled = bytes.size >= FL_READ_MAX;
  fl_conn_data(conn_of(sock), bytes, now);
  if (++sockets->reads >= FL_READS_MAX)
    sockets->relieve(sockets, now);
}

bool fl_sock_open(struct fl_sockets *sockets, struct fl_sock *sock) {
  uv_os_sock_t socket = sock->arrival.socket;
  (void)uv_tcp_init(sockets->loop, &sock->tcp);
  sock->tcp.data = NULL;
  if (uv_tcp_open(&sock->tcp, socket) != 0) {
    fl_socket_close(socket);
    fl_sock_close(sock, false);
    return false;
  }
  if (uv_read_start(stream_of(sock), on_alloc, on_read) != 0) {
    fl_sock_close(sock, false);
    return false;
  }
  return true;
}

void fl_sock_attach(struct fl_sock *sock, struct fl_conn *conn) {
  sock->tcp.data = conn;
}

static void on_connected(uv_connect_t *request, int status) {
  struct fl_sock *sock = (struct fl_sock *)request->handle;
  enum fl_reason reason = FL_OK;
  free(request);
  if (closing(sock))
    return;
  if (status == 0)
    status = uv_read_start(stream_of(sock), on_alloc, on_read);
  if (status != 0) {
    sock->broken = true;
    reason = fl_failure_of_connect(status);
  }
  fl_conn_connected(conn_of(sock), reason, fl_clock());
}

/* Gives the socket its local address. A name may have addresses of a kind
   that cannot be reached from there. */
static enum fl_reason bind_source(struct fl_sock *sock,
                                  const struct fl_addr *addr,
                                  const struct fl_addr *source) {
  struct sockaddr_storage from;
  if (source->family == FL_ADDR_NONE)
    return FL_OK;
  if (source->family != addr->family)
    return FL_UNREACHABLE;
  (void)fl_address_to_system(source, &from);
  int error = uv_tcp_bind(&sock->tcp, (const struct sockaddr *)&from, 0);
  if (error == UV_EADDRNOTAVAIL)
    return FL_BIND_FAILED;
  return error == 0 ? FL_OK : fl_failure_of_connect(error);
}

/* Starts the connect on a socket of its own, opened here so that the options
   are set before SYN leaves. */
static enum fl_reason start_connect(struct fl_sock *sock,
                                    const struct fl_addr *addr,
                                    const struct fl_sockopts *options) {
  const struct fl_socket_use use = {.family = addr->family, .listens = false};
  struct sockaddr_storage to;
  uv_os_fd_t socket;
  (void)fl_address_to_system(addr, &to);
  int error = uv_fileno((uv_handle_t *)&sock->tcp, &socket);
  if (error != 0)
    return fl_failure_of_connect(error);
  fl_sockopts_apply((uv_os_sock_t)socket, options, use,
                    sockets_of(sock)->hooks);
  enum fl_reason reason = bind_source(sock, addr, &options->bind);
  if (reason != FL_OK)
    return reason;
  uv_connect_t *request = malloc(sizeof *request);
  if (request == NULL)
    return FL_OUT_OF_MEMORY;
  error = uv_tcp_connect(request, &sock->tcp, (const struct sockaddr *)&to,
                         on_connected);
  if (error == 0)
    return FL_OK;
  free(request);
  return fl_failure_of_connect(error);
}

enum fl_reason fl_sock_connect(struct fl_sockets *sockets, struct fl_conn *conn,
                               const struct fl_addr *addr,
                               const struct fl_sockopts *options,
                               struct fl_sock **result) {
  unsigned family = addr->family == FL_ADDR_IP4 ? AF_INET : AF_INET6;
  struct fl_sock *sock = fl_sock_new(FL_SOCK_UPSTREAM);
  if (sock == NULL)
    return FL_OUT_OF_MEMORY;
  sock->place = ++sockets->connects;
  int error = uv_tcp_init_ex(sockets->loop, &sock->tcp, family);
  if (error != 0) { /* no handle was made */
    free(sock);
    return fl_failure_of_connect(error);
  }
  sock->tcp.data = NULL;
  enum fl_reason reason = start_connect(sock, addr, options);
  if (reason != FL_OK) {
    fl_sock_close(sock, false);
    return reason;
  }
  sock->tcp.data = conn;
  *result = sock;
  return FL_OK;
}

/* A send_rest, which takes several writes where one is limited. */
struct fl_sock_write {
  uv_write_t request;
  struct fl_slice rest; /* not given to the system yet */
};

/* As much of bytes as the system takes in one call; off their beginning. libuv
   takes no const, and does not write. */
static uv_buf_t cut(struct fl_slice *bytes) {
  size_t most = fl_socket_write_max();
  size_t size = bytes->size < most ? bytes->size : most;
  uv_buf_t piece = uv_buf_init((char *)(uintptr_t)bytes->bytes, (unsigned)size);
  bytes->bytes += size;
  bytes->size -= size;
  return piece;
}

/* Further pieces follow only where all of one was taken. What is taken before
   an error counts: the next call meets it again. */
long fl_sock_send(struct fl_sock *sock, struct fl_slice bytes) {
  long sum = 0;
  uv_buf_t piece;
  int taken;
  do {
    piece = cut(&bytes);
    taken = uv_try_write(stream_of(sock), &piece, 1);
    sum += taken > 0 ? taken : 0;
  } while (taken > 0 && (size_t)taken == piece.len && bytes.size > 0);
  if (taken >= 0 || taken == UV_EAGAIN || sum > 0)
    return sum;
  sock->broken = true;
  return -(long)fl_failure_of_connection(taken);
}

static void on_written(uv_write_t *request, int status);

static int write_piece(struct fl_sock *sock) {
  uv_buf_t piece = cut(&sock->write->rest);
  return uv_write(&sock->write->request, stream_of(sock), &piece, 1,
                  on_written);
}

static void end_write(struct fl_sock *sock) {
  free(sock->write);
  sock->write = NULL;
}

static void on_written(uv_write_t *request, int status) {
  struct fl_sock *sock = (struct fl_sock *)request->handle;
  bool closed = closing(sock);
  if (status == 0 && !closed && sock->write->rest.size > 0) {
    status = write_piece(sock);
    if (status == 0)
      return;
  }
  end_write(sock);
  if (closed)
    return;
  if (status == 0)
    fl_conn_sent(conn_of(sock), fl_clock());
  else
    end(sock, status);
}

enum fl_reason fl_sock_send_rest(struct fl_sock *sock, struct fl_slice bytes) {
  assert(sock->write == NULL);
  sock->write = malloc(sizeof *sock->write);
  if (sock->write == NULL)
    return FL_OUT_OF_MEMORY;
  sock->write->rest = bytes;
  int error = write_piece(sock);
  if (error == 0)
    return FL_OK;
  end_write(sock);
  sock->broken = true;
  return fl_failure_of_connection(error);
}

size_t fl_sock_unsent(struct fl_sock *sock) {
  size_t rest = sock->write == NULL ? 0 : sock->write->rest.size;
  return uv_stream_get_write_queue_size(stream_of(sock)) + rest;
}

size_t fl_sock_unacked(struct fl_sock *sock) {
  uv_os_fd_t socket;
  if (uv_fileno((uv_handle_t *)&sock->tcp, &socket) != 0)
    return 0;
  return fl_socket_unacked((uv_os_sock_t)socket);
}

void fl_sock_read(struct fl_sock *sock, bool on) {
  /* After an end there is nothing to read, and libuv would say so again. */
  if (!on)
    (void)uv_read_stop(stream_of(sock));
  else if (!sock->ended)
    (void)uv_read_start(stream_of(sock), on_alloc, on_read);
}

void fl_sock_bulk(struct fl_sock *sock, bool on) { sock->bulk = on; }

void fl_sock_shutdown(struct fl_sock *sock) {
  uv_os_fd_t socket;
  if (uv_fileno((uv_handle_t *)&sock->tcp, &socket) == 0)
    fl_socket_shutdown((uv_os_sock_t)socket);
}

void fl_sock_close(struct fl_sock *sock, bool reset) {
  assert(!closing(sock));
  if (reset && uv_tcp_close_reset(&sock->tcp, on_closed) == 0)
    return;
  uv_close((uv_handle_t *)&sock->tcp, on_closed);
}
