#include "core/budget.h"

#include "core/upstream.h"

#include <assert.h>
#include <stdlib.h>

static struct fl_upstream *member(struct fl_list *link) {
  return FL_CONTAINER(link, struct fl_upstream, sharing);
}

struct fl_budget *fl_budget_new(struct fl_upstream *upstream, uint32_t max) {
  struct fl_budget *budget = calloc(1, sizeof *budget);
  if (budget == NULL)
    return NULL;
  budget->max = max;
  fl_list_init(&budget->upstreams);
  fl_list_push_back(&budget->upstreams, &upstream->sharing);
  return budget;
}

void fl_budget_leave(struct fl_upstream *upstream) {
  struct fl_budget *budget = upstream->budget;
  if (budget == NULL)
    return;
  assert(upstream->size == 0);
  fl_list_remove(&upstream->sharing);
  upstream->budget = NULL;
  if (fl_list_empty(&budget->upstreams))
    free(budget);
}

void fl_budget_join(struct fl_upstream *upstream, struct fl_upstream *other) {
  uint32_t max = upstream->budget->max;
  fl_budget_leave(upstream);
  upstream->budget = other->budget;
  fl_list_push_back(&other->budget->upstreams, &upstream->sharing);
  fl_budget_set(upstream->budget, max);
}

bool fl_budget_allows(const struct fl_upstream *upstream) {
  const struct fl_budget *budget = upstream->budget;
  uint64_t size = budget->size;
  struct fl_list *link = budget->upstreams.next;
  for (; link != &upstream->sharing; link = link->next)
    size += member(link)->size == 0 && !member(link)->drained;
  return size < budget->max;
}

void fl_budget_took(struct fl_upstream *upstream) {
  upstream->size++;
  upstream->budget->size++;
}

void fl_budget_gave(struct fl_upstream *upstream) {
  struct fl_budget *budget = upstream->budget;
  upstream->size--;
  budget->size--;
  budget->most = budget->size;
  fl_budget_wake(budget);
}

void fl_budget_wake(struct fl_budget *budget) {
  struct fl_list *link = budget->upstreams.next;
  for (; link != &budget->upstreams; link = link->next)
    fl_upstream_wake(member(link));
}

void fl_budget_set(struct fl_budget *budget, uint32_t max) {
  budget->max = max;
  budget->most = budget->size;
}

void fl_budget_check(const struct fl_budget *budget) {
  uint32_t size = 0;
  struct fl_list *link = budget->upstreams.next;
  for (; link != &budget->upstreams; link = link->next)
    size += member(link)->size;
  assert(size == budget->size);
  assert(size <= budget->max || size <= budget->most);
}
