#include "core/snapshot.h"

#include "core/snapshot_server.h"

#include <stdlib.h>
#include <string.h>

/* Makes room for `more` behind `count` elements; NULL when memory is out. */
static void *grow(struct fl_snapshot *sum, void *elements, uint32_t count,
                  uint32_t more, size_t size) {
  void *grown = realloc(elements, ((size_t)count + more + 1) * size);
  sum->failed |= grown == NULL;
  return grown;
}

static struct fl_snapshot_listener *same_listener(struct fl_snapshot *sum,
                                                  const char *name) {
  for (uint32_t i = 0; i < sum->listener_count; i++)
    if (strcmp(sum->listeners[i].name, name) == 0)
      return &sum->listeners[i];
  return NULL;
}

static struct fl_snapshot_upstream *same_upstream(struct fl_snapshot *sum,
                                                  const char *name) {
  for (uint32_t i = 0; i < sum->upstream_count; i++)
    if (strcmp(sum->upstreams[i].name, name) == 0)
      return &sum->upstreams[i];
  return NULL;
}

static void add_servers(struct fl_snapshot *sum,
                        struct fl_snapshot_upstream *to,
                        struct fl_snapshot_upstream *part) {
  struct fl_snapshot_server *grown = grow(sum, to->servers, to->server_count,
                                          part->server_count, sizeof *grown);
  if (grown == NULL)
    return;
  to->servers = grown;
  for (uint32_t i = 0; i < part->server_count; i++) {
    struct fl_snapshot_server *from = &part->servers[i];
    struct fl_snapshot_server *same =
        fl_snapshot_server_same(to, from->address);
    if (same == NULL) {
      to->servers[to->server_count++] = *from;
      *from = (struct fl_snapshot_server){0};
    } else {
      fl_snapshot_server_add(same, from);
    }
  }
}

static void add_upstream(struct fl_snapshot *sum,
                         struct fl_snapshot_upstream *to,
                         struct fl_snapshot_upstream *part) {
  fl_metrics_add(&to->metrics, &part->metrics);
  fl_histogram_merge(&to->acquire, &part->acquire);
  fl_histogram_merge(&to->serve, &part->serve);
  to->size += part->size;
  if (part->generation == to->generation)
    to->max_size += part->max_size;
  to->waiting += part->waiting;
  add_servers(sum, to, part);
}

/* One that a reload replaced may still be there: what is configured is what
   the newer one says. */
static void prefer_listener(struct fl_snapshot_listener *to,
                            struct fl_snapshot_listener *part) {
  if (part->generation <= to->generation)
    return;
  char *upstream = to->upstream;
  to->generation = part->generation;
  to->mode = part->mode;
  to->index = part->index;
  to->max_connections = part->max_connections;
  to->upstream = part->upstream;
  part->upstream = upstream;
}

static void prefer_upstream(struct fl_snapshot_upstream *to,
                            const struct fl_snapshot_upstream *part) {
  if (part->generation <= to->generation)
    return;
  to->generation = part->generation;
  to->mode = part->mode;
  to->index = part->index;
  to->max_size = 0;
}

static void add_listeners(struct fl_snapshot *sum, struct fl_snapshot *part) {
  struct fl_snapshot_listener *grown =
      grow(sum, sum->listeners, sum->listener_count, part->listener_count,
           sizeof *grown);
  if (grown == NULL)
    return;
  sum->listeners = grown;
  for (uint32_t i = 0; i < part->listener_count; i++) {
    struct fl_snapshot_listener *from = &part->listeners[i];
    struct fl_snapshot_listener *to = same_listener(sum, from->name);
    if (to == NULL) {
      to = &sum->listeners[sum->listener_count++];
      *to = *from;
      *from = (struct fl_snapshot_listener){0};
      continue;
    }
    prefer_listener(to, from);
    fl_metrics_add(&to->metrics, &from->metrics);
    fl_histogram_merge(&to->total, &from->total);
    to->held += from->held;
    to->left &= from->left; /* or it is the one before, of that name */
    to->shut |= from->shut; /* one worker decides */
    to->unbound += from->unbound;
    to->clients += from->clients;
    for (int state = 0; state < FL_SHOWN_STATES; state++)
      to->states[state] += from->states[state];
  }
}

static void add_upstreams(struct fl_snapshot *sum, struct fl_snapshot *part) {
  struct fl_snapshot_upstream *grown =
      grow(sum, sum->upstreams, sum->upstream_count, part->upstream_count,
           sizeof *grown);
  if (grown == NULL)
    return;
  sum->upstreams = grown;
  for (uint32_t i = 0; i < part->upstream_count; i++) {
    struct fl_snapshot_upstream *from = &part->upstreams[i];
    struct fl_snapshot_upstream *to = same_upstream(sum, from->name);
    if (to == NULL) {
      sum->upstreams[sum->upstream_count++] = *from;
      *from = (struct fl_snapshot_upstream){0};
    } else {
      prefer_upstream(to, from);
      add_upstream(sum, to, from);
    }
  }
}

static void add_conns(struct fl_snapshot *sum, struct fl_snapshot *part) {
  struct fl_snapshot_conn *grown =
      grow(sum, sum->conns, sum->conn_count, part->conn_count, sizeof *grown);
  if (grown == NULL)
    return;
  sum->conns = grown;
  if (part->conn_count > 0)
    memcpy(sum->conns + sum->conn_count, part->conns,
           part->conn_count * sizeof *grown);
  sum->conn_count += part->conn_count;
  part->conn_count = 0;
  sum->conns_omitted += part->conns_omitted;
}

void fl_snapshot_add(struct fl_snapshot *sum, struct fl_snapshot *part) {
  /* One that is short of a name has nothing to be recognised by. */
  sum->failed |= part->failed;
  if (!sum->failed) {
    add_listeners(sum, part);
    add_upstreams(sum, part);
    add_conns(sum, part);
  }
  fl_snapshot_free(part);
}

/* ---- order ---- */

static int compare_listeners(const void *a, const void *b) {
  const struct fl_snapshot_listener *one = a;
  const struct fl_snapshot_listener *two = b;
  return (one->index > two->index) - (one->index < two->index);
}

static int compare_upstreams(const void *a, const void *b) {
  const struct fl_snapshot_upstream *one = a;
  const struct fl_snapshot_upstream *two = b;
  return (one->index > two->index) - (one->index < two->index);
}

void fl_snapshot_sort(struct fl_snapshot *snapshot) {
  if (snapshot->listener_count > 0)
    qsort(snapshot->listeners, snapshot->listener_count,
          sizeof *snapshot->listeners, compare_listeners);
  if (snapshot->upstream_count > 0)
    qsort(snapshot->upstreams, snapshot->upstream_count,
          sizeof *snapshot->upstreams, compare_upstreams);
}

/* ---- freeing ---- */

static void free_upstream(struct fl_snapshot_upstream *upstream) {
  for (uint32_t i = 0; i < upstream->server_count; i++)
    fl_snapshot_server_clear(&upstream->servers[i]);
  free(upstream->servers);
  free(upstream->name);
}

void fl_snapshot_free(struct fl_snapshot *snapshot) {
  for (uint32_t i = 0; i < snapshot->listener_count; i++) {
    free(snapshot->listeners[i].name);
    free(snapshot->listeners[i].upstream);
  }
  for (uint32_t i = 0; i < snapshot->upstream_count; i++)
    free_upstream(&snapshot->upstreams[i]);
  for (uint32_t i = 0; i < snapshot->conn_count; i++) {
    free(snapshot->conns[i].name);
    free(snapshot->conns[i].server);
  }
  free(snapshot->listeners);
  free(snapshot->upstreams);
  free(snapshot->conns);
  *snapshot = (struct fl_snapshot){0};
}
