/* Core's side of one connection: output that gathers until the end of the
   loop turn, what the kernel did not take of it, input that is not a whole
   frame yet, counters, one deadline. Clients and pooled connections embed it
   and receive its events through a struct fl_owner. */
#ifndef FL_CORE_TRANSPORT_H
#define FL_CORE_TRANSPORT_H

#include "core/buffer.h"
#include "core/conn.h"
#include "core/deadline.h"
#include "core/list.h"

/* No more requests are taken from a peer that leaves FL_HIGH_WATERMARK bytes
   unread, and no more bytes are read for one that waits, until it is below
   FL_LOW_WATERMARK again. */
enum { FL_HIGH_WATERMARK = 65536, FL_LOW_WATERMARK = 16384 };

/* While there is pressure (core/memory.h) a peer that leaves any byte unread
   is treated so. One that has sent FL_PRESSED_INPUT bytes that are no whole
   frame is not read, and has FL_PRESSED_FRAME_TIMEOUT for that frame. */
enum { FL_PRESSED_INPUT = FL_SPARE_SIZE };
#define FL_PRESSED_FRAME_TIMEOUT (1 * FL_SECOND)

struct fl_gateway;

/* What a connection's owner is told. */
struct fl_owner {
  bool late; /* output waits for the end of the turn: fl_gateway_relieve */
  void (*connected)(struct fl_conn *conn, enum fl_reason reason, fl_time now);
  void (*data)(struct fl_conn *conn, struct fl_slice bytes, fl_time now);
  void (*sent)(struct fl_conn *conn, fl_time now); /* the kernel took bytes */
  void (*ended)(struct fl_conn *conn, enum fl_reason reason, fl_time now);
  void (*closed)(struct fl_conn *conn, fl_time now); /* frees */
};

/* Output that the kernel did not take at once; a connection has one only
   while a send_rest is under way. */
struct fl_rest {
  struct fl_buffer bytes;
  fl_time since;     /* last seen progress */
  uint64_t progress; /* bytes of all output that were with the peer then */
};

struct fl_conn {
  struct fl_gateway *gateway;
  const struct fl_owner *owner;
  struct fl_sock *sock; /* NULL before it exists and after io->close */
  struct fl_list link;  /* the owner's list it is on */
  struct fl_list dirty; /* on the gateway's list while output gathers */
  struct fl_buffer in;  /* undecoded input */
  struct fl_buffer out; /* output that gathers */
  struct fl_rest *rest; /* a send_rest under way, else NULL */
  struct fl_deadline deadline;
  fl_time opened;
  uint64_t bytes_in;
  uint64_t bytes_out; /* but for those of `rest` */
  uint64_t frames;    /* complete frames from the peer */
  struct fl_addr peer;
  bool reading;
  bool bulk;            /* reads may be large */
  uint16_t serial_high; /* in two parts, which take no room */
  uint32_t serial_low;
};

/* The connection's number: no other of the process has or had it. */
uint64_t fl_transport_id(const struct fl_conn *conn);

/* The worker on which the connection of that number is. */
uint32_t fl_transport_id_worker(uint64_t id);

/* Requires: *conn is zeroed. Returns false when memory is out. */
bool fl_transport_init(struct fl_conn *conn, struct fl_gateway *gateway,
                       const struct fl_owner *owner, fl_deadline_fn *expired);

/* Gives back everything but the struct itself. Requires: sock is NULL. */
void fl_transport_release(struct fl_conn *conn);

/* Appends to what is sent at the end of the turn. Returns false when more
   than max bytes would wait or memory is out. */
bool fl_transport_queue(struct fl_conn *conn, struct fl_slice bytes,
                        size_t max);

/* Writes at once, without a copy where the kernel takes all; else what is left
   waits behind earlier output. Returns FL_OK, or why not: more than max bytes
   would wait or memory is out (fl_spare_reason), or the connection is
   broken. Calls nothing of the owner's. */
enum fl_reason fl_transport_write(struct fl_conn *conn, struct fl_slice bytes,
                                  size_t max, fl_time now);

/* The last `size` bytes of output, which may be changed until the end of the
   turn. Requires: they were queued in this turn. */
uint8_t *fl_transport_last(struct fl_conn *conn, size_t size);

/* Writes what has gathered; may call owner->sent or owner->ended. */
void fl_transport_flush(struct fl_conn *conn, fl_time now);

/* Output the kernel has not taken. */
size_t fl_transport_unsent(const struct fl_conn *conn);

/* Bytes of output the kernel has taken since the connection exists. */
uint64_t fl_transport_taken(const struct fl_conn *conn);

/* Bytes of output queued since the connection exists, taken or not. */
uint64_t fl_transport_queued(const struct fl_conn *conn);

/* When fl_transport_stalled wants to be asked: FL_NEVER if nothing waits. */
fl_time fl_transport_write_due(const struct fl_conn *conn, fl_time timeout);

/* Whether the peer took nothing for `timeout`. */
bool fl_transport_stalled(struct fl_conn *conn, fl_time timeout, fl_time now);

void fl_transport_read(struct fl_conn *conn, bool on);

/* Whether data may come in reads of up to FL_BULK_READ_MAX. Off at first.
   Requires: sock is not NULL. */
void fl_transport_bulk(struct fl_conn *conn, bool on);

/* Moves socket, input, counts and peer to another connection of this gateway,
   and leaves `from` as one that never had a socket. Requires: `to` is new;
   nothing of from's output waits. */
void fl_transport_move(struct fl_conn *to, struct fl_conn *from);

/* Whether there is pressure. */
bool fl_transport_pressed(const struct fl_conn *conn);

/* Requires: sock is not NULL. Drops what was not sent; closed follows. */
void fl_transport_close(struct fl_conn *conn, bool reset);

/* Moves the connection's deadline. */
void fl_transport_arm(struct fl_conn *conn, fl_time due);

#endif
