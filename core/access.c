#include "core/access.h"

#include "core/gateway_state.h"
#include "core/upstream.h"

#include <assert.h>

void fl_access_tell(const struct fl_client *client,
                    const struct fl_access_request *request, fl_time now) {
  const struct fl_upstream *upstream = client->listener->upstream;
  bool started = request->started != FL_NEVER;
  assert(fl_access_wanted(client));
  const struct fl_event event = {
      .kind = FL_EVENT_REQUEST_DONE,
      .reason = request->reason,
      .access = &client->listener->config->access_log,
      .listener = client->listener->config->name,
      .upstream = upstream == NULL ? NULL : upstream->config->name,
      .server = request->server,
      .peer = client->conn.peer,
      .bytes_in = request->size,
      .bytes_out = request->reply_size,
      .duration = now - request->decoded,
      .waited = (started ? request->started : now) - request->decoded,
      .served = started ? now - request->started : 0};
  fl_gateway_event(client->conn.gateway, &event);
}

static void tell_waiting(const struct fl_client *client, size_t size,
                         fl_time now) {
  const struct fl_access_request request = {.reason =
                                                (enum fl_reason)client->reason,
                                            .decoded = client->since,
                                            .started = FL_NEVER,
                                            .size = size};
  fl_access_tell(client, &request, now);
}

/* Behind the one that waits are those that came back unsent, which were
   decoded before. */
void fl_access_given_up(const struct fl_client *client, fl_time now) {
  const struct fl_listener_config *config = client->listener->config;
  struct fl_slice rest = fl_buffer_peek(&client->conn.in);
  size_t size = client->frame_size;
  if (size > 0)
    tell_waiting(client, size, now);
  for (uint32_t i = 0; i < client->resent; i++) {
    struct fl_framing_state state = {0};
    rest = (struct fl_slice){rest.bytes + size, rest.size - size};
    long next =
        fl_framing_next(&config->framing, &state, rest, config->max_frame);
    if (next <= 0)
      return;
    size = (size_t)next;
    tell_waiting(client, size, now);
  }
}
