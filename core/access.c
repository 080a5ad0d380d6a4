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
