/* One connection's transport: what is common to clients and upstream
   connections. It gathers output, keeps what the kernel did not take, keeps
   partial input, and counts. A byte filter (TLS) would sit here, between
   these entry points and the owner's. */
#ifndef FL_CORE_CONN_H
#define FL_CORE_CONN_H

#include "core/io.h"

/* From the outside, per connection: connected (upstream only), then any of
   data, sent, end, until core has called io->close; then closed, once. */

/* The connect ended: FL_OK or why it failed. After a failure core calls
   io->close. */
void fl_conn_connected(struct fl_conn *conn, enum fl_reason reason,
                       fl_time now);

/* Bytes came: 1..FL_READ_MAX, or up to FL_BULK_READ_MAX once io->bulk was
   called. They are valid during the call. */
enum { FL_READ_MAX = 65536, FL_BULK_READ_MAX = 4 * FL_READ_MAX };
void fl_conn_data(struct fl_conn *conn, struct fl_slice bytes, fl_time now);

/* Whether no more than FL_PRESSED_READ_MAX are to be read from any peer at
   once, for buffers are short: more than a short frame would only be given up.
 */
enum { FL_PRESSED_READ_MAX = 4096 };
bool fl_conn_pressed(const struct fl_conn *conn);

/* A send_rest is done: the kernel took all of it. */
void fl_conn_sent(struct fl_conn *conn, fl_time now);

/* The peer's end: FL_PEER_CLOSED for FIN (the other direction still works),
   else the connection is broken. After FIN the connection may still be told
   to be broken, once; else nothing but sent and closed follows. */
void fl_conn_end(struct fl_conn *conn, enum fl_reason reason, fl_time now);

/* The socket is gone, after io->close. conn is freed. */
void fl_conn_closed(struct fl_conn *conn, fl_time now);

#endif
