#include "core/listener.h"

#include "core/gateway_state.h"

#include <assert.h>
#include <stdlib.h>

struct fl_listener *fl_listener_new(struct fl_gateway *gateway,
                                    struct fl_generation *generation,
                                    uint32_t index,
                                    struct fl_upstream *upstream) {
  struct fl_listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL)
    return NULL;
  listener->gateway = gateway;
  listener->generation = fl_generation_hold(generation);
  listener->config = &generation->config->listeners[index];
  listener->upstream = upstream;
  listener->slot = generation->listeners[index].slot;
  listener->occupancy = &gateway->occupancy[listener->slot];
  fl_list_init(&listener->clients);
  fl_list_init(&listener->link);
  fl_list_push_back(&gateway->listeners, &listener->link);
  return listener;
}

void fl_listener_free(struct fl_listener *listener) {
  assert(fl_list_empty(&listener->clients) && listener->held.inside == 0);
  fl_metrics_add(&listener->gateway->gone, &listener->metrics);
  fl_list_remove(&listener->link);
  fl_generation_release(listener->generation);
  free(listener);
}
