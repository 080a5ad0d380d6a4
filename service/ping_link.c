#include "service/ping_link.h"

#include "core/buffer.h"
#include "core/framing.h"
#include "platform/address.h"
#include "platform/error.h"

#include <stdlib.h>
#include <string.h>

struct fl_ping_link {
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_timer_t late; /* reports an error that was known at once */
  int error;
  unsigned handles;      /* of this link that are not closed yet */
  fl_ping_report report; /* NULL: closed */
  void *context;
  const struct fl_frame_options *frames;
  bool awaiting; /* a reply */
  struct fl_framing_state state;
  struct fl_buffer received;
  struct fl_spare spare;
  char input[4096];
};

static const char *words(int error, char text[FL_ERROR_TEXT]) {
  switch (error) {
  case UV_ECONNREFUSED:
    return "refused";
  case UV_ETIMEDOUT:
    return "timed out";
  case UV_EHOSTUNREACH:
  case UV_ENETUNREACH:
  case UV_ENETDOWN:
  case UV_EHOSTDOWN:
  case UV_EAFNOSUPPORT: /* an IPv6 address where IPv6 is switched off */
    return "unreachable";
  case UV_ECONNRESET:
  case UV_ECONNABORTED:
  case UV_EPIPE:
    return "reset";
  case UV_EOF:
    return "closed by the server";
  default:
    return fl_error_text(error, text);
  }
}

static void failed(struct fl_ping_link *link, const char *failure) {
  if (link->report != NULL)
    link->report(link->context, FL_PING_FAILED, (struct fl_slice){0}, failure);
}

static void broken(struct fl_ping_link *link, int error) {
  char text[FL_ERROR_TEXT];
  failed(link, words(error, text));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  struct fl_ping_link *link = handle->data;
  (void)suggested;
  *buffer = uv_buf_init(link->input, sizeof link->input);
}

static void unasked(struct fl_ping_link *link, struct fl_slice bytes) {
  if (link->report != NULL && bytes.size > 0)
    link->report(link->context, FL_PING_UNASKED, bytes, NULL);
}

static void take(struct fl_ping_link *link, struct fl_slice bytes) {
  /* Room for one reply and for what came in the same piece. */
  size_t room = FL_PING_REPLY_MAX + sizeof link->input;
  if (!fl_buffer_append(&link->received, &link->spare, bytes, room)) {
    failed(link, "out of memory");
    return;
  }
  struct fl_slice all = fl_buffer_peek(&link->received);
  struct fl_slice reply = all;
  long size = (long)all.size;
  if (!link->frames->raw)
    size = fl_framing_next(&link->frames->framing, &link->state, all,
                           FL_PING_REPLY_MAX);
  if (size == FL_FRAME_OVERSIZE) {
    failed(link, "a reply of more than 65536 bytes");
  } else if (size < 0) {
    failed(link, "a reply that is no frame of this framing");
  } else if (size > 0) {
    reply.size = (size_t)size;
    link->awaiting = false;
    link->report(link->context, FL_PING_REPLY, reply, NULL);
    unasked(link, (struct fl_slice){all.bytes + size, all.size - reply.size});
  }
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
  struct fl_ping_link *link = stream->data;
  if (link->report == NULL || size == 0)
    return;
  if (size < 0)
    broken(link, (int)size);
  else if (link->awaiting)
    take(link, (struct fl_slice){(const uint8_t *)buffer->base, (size_t)size});
  else
    unasked(link,
            (struct fl_slice){(const uint8_t *)buffer->base, (size_t)size});
}

static void on_connect(uv_connect_t *request, int status) {
  struct fl_ping_link *link = request->data;
  if (link->report == NULL)
    return;
  if (status == 0)
    status = uv_read_start((uv_stream_t *)&link->tcp, on_alloc, on_read);
  if (status != 0) {
    broken(link, status);
    return;
  }
  link->report(link->context, FL_PING_CONNECTED, (struct fl_slice){0}, NULL);
}

static void on_late(uv_timer_t *timer) {
  struct fl_ping_link *link = timer->data;
  broken(link, link->error);
}

struct fl_ping_link *fl_ping_link_open(uv_loop_t *loop,
                                       const struct fl_addr *addr,
                                       const struct fl_frame_options *frames,
                                       fl_ping_report report, void *context) {
  struct sockaddr_storage to;
  struct fl_ping_link *link = calloc(1, sizeof *link);
  if (link == NULL)
    return NULL;
  link->frames = frames;
  link->report = report;
  link->context = context;
  link->handles = 2;
  (void)fl_address_to_system(addr, &to);
  (void)uv_tcp_init(loop, &link->tcp);
  (void)uv_timer_init(loop, &link->late);
  link->tcp.data = link;
  link->late.data = link;
  link->connect.data = link;
  link->error = uv_tcp_connect(&link->connect, &link->tcp,
                               (const struct sockaddr *)&to, on_connect);
  if (link->error != 0)
    (void)uv_timer_start(&link->late, on_late, 0, 0);
  else
    (void)uv_tcp_nodelay(&link->tcp, 1);
  return link;
}

struct sending {
  uv_write_t request;
  struct fl_ping_link *link;
  uint8_t bytes[];
};

static void on_written(uv_write_t *request, int status) {
  struct sending *sending = request->data;
  struct fl_ping_link *link = sending->link;
  free(sending);
  if (status != 0)
    broken(link, status);
  else if (link->report != NULL)
    link->report(link->context, FL_PING_SENT, (struct fl_slice){0}, NULL);
}

static int write_copy(struct fl_ping_link *link, struct fl_slice bytes) {
  struct sending *sending = malloc(sizeof *sending + bytes.size);
  if (sending == NULL)
    return UV_ENOMEM;
  memcpy(sending->bytes, bytes.bytes, bytes.size);
  sending->request.data = sending;
  sending->link = link;
  uv_buf_t buffer = uv_buf_init((char *)sending->bytes, (unsigned)bytes.size);
  int error = uv_write(&sending->request, (uv_stream_t *)&link->tcp, &buffer, 1,
                       on_written);
  if (error != 0)
    free(sending);
  return error;
}

void fl_ping_link_send(struct fl_ping_link *link, struct fl_slice bytes) {
  fl_buffer_clear(&link->received, &link->spare);
  link->state = (struct fl_framing_state){0};
  link->awaiting = true;
  link->error = write_copy(link, bytes);
  if (link->error != 0)
    (void)uv_timer_start(&link->late, on_late, 0, 0);
}

void fl_ping_link_give_up(struct fl_ping_link *link) {
  struct fl_slice kept = fl_buffer_peek(&link->received);
  if (!link->awaiting)
    return;
  link->awaiting = false;
  unasked(link, kept);
}

static void on_shut(uv_shutdown_t *request, int status) {
  (void)status; /* reading says what became of the connection */
  free(request);
}

void fl_ping_link_shut(struct fl_ping_link *link) {
  uv_shutdown_t *request = malloc(sizeof *request);
  if (request != NULL &&
      uv_shutdown(request, (uv_stream_t *)&link->tcp, on_shut) != 0)
    free(request);
}

static void on_closed(uv_handle_t *handle) {
  struct fl_ping_link *link = handle->data;
  if (--link->handles > 0)
    return;
  fl_buffer_clear(&link->received, &link->spare);
  fl_spare_free(&link->spare);
  free(link);
}

void fl_ping_link_close(struct fl_ping_link *link) {
  link->report = NULL;
  uv_close((uv_handle_t *)&link->tcp, on_closed);
  uv_close((uv_handle_t *)&link->late, on_closed);
}
