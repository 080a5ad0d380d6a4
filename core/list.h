/* An intrusive doubly linked ring. The owner embeds a node per list it can be
   on; a node that is on no list points at itself. Nothing is allocated. */
#ifndef FL_CORE_LIST_H
#define FL_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fl_list {
  struct fl_list *next;
  struct fl_list *prev;
};

/* The struct that embeds `node` as its `member`. */
#define FL_CONTAINER(node, type, member)                                       \
  ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void fl_list_init(struct fl_list *node) {
  node->next = node->prev = node;
}

/* For a list: it has no nodes. For a node: it is on no list. */
static inline bool fl_list_empty(const struct fl_list *list) {
  return list->next == list;
}

/* Takes a node off whatever list it is on; does nothing if it is on none. */
static inline void fl_list_remove(struct fl_list *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  fl_list_init(node);
}

/* How many nodes it has: counts them. */
static inline uint32_t fl_list_size(const struct fl_list *list) {
  uint32_t size = 0;
  for (const struct fl_list *node = list->next; node != list; node = node->next)
    size++;
  return size;
}

/* Requires: node is on no list. Puts it directly before `at`. */
static inline void fl_list_insert(struct fl_list *at, struct fl_list *node) {
  node->prev = at->prev;
  node->next = at;
  at->prev->next = node;
  at->prev = node;
}

static inline void fl_list_push_back(struct fl_list *list,
                                     struct fl_list *node) {
  fl_list_insert(list, node);
}

static inline void fl_list_push_front(struct fl_list *list,
                                      struct fl_list *node) {
  fl_list_insert(list->next, node);
}

/* The first node, or NULL. */
static inline struct fl_list *fl_list_first(const struct fl_list *list) {
  return fl_list_empty(list) ? NULL : list->next;
}

/* Takes the first node off and returns it, or NULL. */
static inline struct fl_list *fl_list_pop(struct fl_list *list) {
  struct fl_list *node = fl_list_first(list);
  if (node != NULL)
    fl_list_remove(node);
  return node;
}

#endif
