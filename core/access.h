/* The access log's view of requests: when a listener wants it, an event tells
   how each request ended. */
#ifndef FL_CORE_ACCESS_H
#define FL_CORE_ACCESS_H

#include "core/client.h"
#include "core/config.h"
#include "core/exchange.h"

struct fl_access_request {
  enum fl_reason reason; /* FL_OK: it got its reply */
  const char *server;    /* where it was or is, or NULL */
  fl_time decoded;
  fl_time started; /* FL_NEVER: no byte of it left */
  size_t size;
  size_t reply_size;
};

static inline bool fl_access_wanted(const struct fl_client *client) {
  return client->listener->config->access_log.events == FL_ACCESS_REQUESTS;
}

/* Requires: wanted. */
void fl_access_tell(const struct fl_client *client,
                    const struct fl_access_request *request, fl_time now);

/* The request of an exchange with that server has its outcome. Does nothing
   where its client left or nobody wants to know. */
static inline void fl_access_done(const struct fl_exchange *exchange,
                                  const char *server, enum fl_reason reason,
                                  size_t reply_size, fl_time now) {
  if (exchange->client == NULL || !fl_access_wanted(exchange->client))
    return;
  const struct fl_access_request request = {.reason = reason,
                                            .server = server,
                                            .decoded = exchange->decoded,
                                            .started = exchange->started,
                                            .size = exchange->size,
                                            .reply_size = reply_size};
  fl_access_tell(exchange->client, &request, now);
}

/* All requests that wait in the client's input end with it. Requires:
   wanted. */
void fl_access_given_up(const struct fl_client *client, fl_time now);

/* The request that waits at the start of the client's input, or its frame that
   is none, has its outcome. */
static inline void fl_access_unsent(const struct fl_client *client,
                                    enum fl_reason reason, fl_time now) {
  if (!fl_access_wanted(client))
    return;
  const struct fl_access_request request = {.reason = reason,
                                            .decoded = client->since,
                                            .started = FL_NEVER,
                                            .size = client->frame_size};
  fl_access_tell(client, &request, now);
}

#endif
