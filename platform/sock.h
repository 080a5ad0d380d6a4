/* The outside's half of a connection: struct fl_sock of core/io.h on a
   uv_tcp_t. It is small, for there is one per idle client: what only a write
   or connect under way needs is allocated for as long as that takes.

   A client's socket: fl_sock_new and accept on the accepting thread; perhaps
   a way through a mailbox; fl_sock_open on the thread that serves it; then
   core's, until fl_conn_closed. An upstream's: fl_sock_connect; then core's. */
#ifndef FL_PLATFORM_SOCK_H
#define FL_PLATFORM_SOCK_H

#include "core/conn.h"
#include "platform/admission.h"
#include "platform/hooks.h"
#include "platform/mailbox.h"

enum { FL_READS_MAX = 16 };

/* What the sockets of one loop share; loop->data points at it. */
struct fl_sockets {
  uv_loop_t *loop;
  struct fl_admission *admission;
  const struct fl_hooks *hooks;
  /* Called after every FL_READS_MAX reads in a row. A turn of a busy loop can
     bring a thousand: replies to all of them at once would need buffers that
     no longer fit the caches. */
  void (*relieve)(struct fl_sockets *sockets, fl_time now);
  uint32_t connects; /* so far */
  unsigned reads;    /* since it was called, or since the turn's end */
  /* Where every read goes; core copies what it keeps before the read callback
     returns. What lies behind FL_READ_MAX is touched by bulk only. */
  uint8_t scratch[FL_BULK_READ_MAX];
};

/* A client on its way from accept to the worker that serves it. */
struct fl_arrival {
  struct fl_message message;
  uv_os_sock_t socket;
  struct fl_addr peer;
};

struct fl_sock {
  union {
    struct fl_arrival arrival; /* until fl_sock_open */
    uv_tcp_t tcp;              /* after; its `data` is the fl_conn */
  };
  struct fl_sock_write *write; /* what of a send_rest is under way */
  uint32_t place;  /* of the listener's guard; an upstream's: its number, given
                      to no other of the loop's for long */
  uint16_t slot;   /* of its listener; FL_SOCK_UPSTREAM: not accepted */
  bool over : 1;   /* its descriptor lies in the reserve */
  bool ended : 1;  /* core was told of the peer's end */
  bool broken : 1; /* core was told that the connection is broken */
  bool bulk : 1;   /* core takes large reads */
  bool filled : 1; /* the last read was of FL_READ_MAX or more */
};

#define FL_SOCK_UPSTREAM UINT16_MAX

/* For a client of the listener with this slot. NULL when memory is out. Free
   it, or fill its arrival (`place` and `over` too) and pass it to fl_sock_open.
 */
struct fl_sock *fl_sock_new(uint32_t slot);

/* Puts a client's socket on this loop and starts to read. From now on its
   close is told to admission, once. Returns false when that fails; the sock
   is being closed then. Else, before the loop turns, set its fl_conn with
   fl_sock_attach, or close it. */
bool fl_sock_open(struct fl_sockets *sockets, struct fl_sock *sock);

/* The members of struct fl_io that concern sockets; contract in core/io.h. */
enum fl_reason fl_sock_connect(struct fl_sockets *sockets, struct fl_conn *conn,
                               const struct fl_addr *addr,
                               const struct fl_sockopts *options,
                               struct fl_sock **result);
long fl_sock_send(struct fl_sock *sock, struct fl_slice bytes);
enum fl_reason fl_sock_send_rest(struct fl_sock *sock, struct fl_slice bytes);
size_t fl_sock_unsent(struct fl_sock *sock);
size_t fl_sock_unacked(struct fl_sock *sock);
void fl_sock_read(struct fl_sock *sock, bool on);
void fl_sock_bulk(struct fl_sock *sock, bool on);
void fl_sock_attach(struct fl_sock *sock, struct fl_conn *conn);
void fl_sock_shutdown(struct fl_sock *sock);
void fl_sock_close(struct fl_sock *sock, bool reset);

#endif
