/* What the files of a client share: client.c, its life and timeouts;
   client_input.c, its frames; client_outcome.c, its replies and errors. Only
   they include this. */
#ifndef FL_CORE_CLIENT_PARTS_H
#define FL_CORE_CLIENT_PARTS_H

#include "core/client.h"
#include "core/gateway_state.h"
#include "core/upstream.h"

static inline struct fl_gateway *
fl_client_gateway(const struct fl_client *client) {
  return client->conn.gateway;
}

static inline struct fl_metrics *
fl_client_metrics(const struct fl_client *client) {
  return &client->listener->metrics;
}

/* Whether the next frame has to stay undecoded. */
static inline bool fl_client_blocked(const struct fl_client *client) {
  return client->frame_size > 0 || client->error != FL_OK || client->held;
}

/* fl_client_run is due at the end of the turn. */
static inline void fl_client_run_later(struct fl_client *client) {
  if (fl_list_empty(&client->runnable))
    fl_list_push_back(&fl_client_gateway(client)->runnable, &client->runnable);
}

/* Its life. */

/* Gives up every claim on the upstream. */
void fl_client_leave_upstream(struct fl_client *client, fl_time now);

/* Closes at once, for this reason unless it ends for another already. */
void fl_client_close(struct fl_client *client, enum fl_reason reason,
                     bool reset, fl_time now);

/* Nothing more will be answered. Requires: nothing is outstanding or waits. */
void fl_client_finish(struct fl_client *client, enum fl_reason reason);

/* Brings a client whose situation may have changed to where it belongs. */
void fl_client_settle(struct fl_client *client, fl_time now);

/* Its frames. */

/* How much conn.in may hold. */
size_t fl_client_in_max(const struct fl_client *client);

/* Acts on the frames in bytes that came, and keeps what it could not act on.
   Requires: OPEN, and not ended. */
void fl_client_input(struct fl_client *client, struct fl_slice bytes,
                     fl_time now);

/* Acts on what waits in conn.in. Requires: OPEN. */
void fl_client_consume_kept(struct fl_client *client, fl_time now);

/* Its replies and errors. */

/* Queues output; closes the client when memory is out. */
void fl_client_queue(struct fl_client *client, struct fl_slice bytes,
                     fl_time now);

/* A request got no reply. server: the one that did not do its part, or
   NULL. */
void fl_client_report_failed(const struct fl_client *client,
                             enum fl_reason reason, const char *server,
                             fl_time now);

/* An error is due, in its turn behind what is outstanding; fatal: it ends the
   connection. */
void fl_client_fail(struct fl_client *client, enum fl_reason reason,
                    bool fatal);

/* Sends the error reply that is due, in place of the frame at the start of
   conn.in. */
void fl_client_send_error(struct fl_client *client, fl_time now);

#endif
