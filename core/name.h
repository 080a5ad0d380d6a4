/* What a server's name means: the addresses of the last lookup that found
   any, how long they are used without asking, and how long they are kept when
   the resolver fails (as in RFC 8767, "Serving Stale Data to Improve DNS
   Resiliency"). A numeric address is its own answer, good for ever. */
#ifndef FL_CORE_NAME_H
#define FL_CORE_NAME_H

#include "core/addr.h"
#include "core/io.h"
#include "core/time.h"

enum {
  FL_NAME_ADDRS = 16, /* so many addresses are used */
  /* Microseconds. How long those wait for a lookup who have an old answer:
     the client response timer of RFC 8767, section 5. */
  FL_NAME_PATIENCE = 1800 * 1000,
  /* After a lookup that failed the next is made no sooner, unless `ttl` is
     shorter: its failure recheck timer. */
  FL_NAME_RECHECK = 30 * 1000 * 1000,
  /* A lookup that takes longer is taken for lost, and made again. No resolver
     is known to take as long, so that lookups do not pile up. */
  FL_NAME_LOST = 60 * 1000 * 1000
};

struct fl_name {
  fl_token lookup;     /* under way; 0 for none */
  fl_time asked_at;    /* when `lookup` was asked for */
  fl_time fresh_until; /* no need to ask before */
  fl_time found_at;    /* when addrs were found */
  bool stale;          /* NAME_STALE was told, NAME_FRESH not yet */
  bool cut;            /* there were more than FL_NAME_ADDRS */
  uint32_t count;
  struct fl_addr addrs[FL_NAME_ADDRS]; /* in the order to try them */
};

/* Whether the addresses may be used without asking. */
bool fl_name_fresh(const struct fl_name *name, fl_time now);

/* Whether there are addresses that may be used when the resolver fails. */
bool fl_name_kept(const struct fl_name *name,
                  const struct fl_resolve_config *config, fl_time now);

/* Whether a lookup is under way that may still be answered. */
bool fl_name_asked(const struct fl_name *name, fl_time now);

/* A lookup found these, in the resolver's order of preference (RFC 6724).
   They are taken over with the two families in turn, the first one's first
   (RFC 8305, section 4), and those beyond FL_NAME_ADDRS left out. Returns
   whether an address came or went since the last answer. Requires:
   count > 0. */
bool fl_name_found(struct fl_name *name, const struct fl_resolve_config *config,
                   const struct fl_addr *addrs, uint32_t count, fl_time now);

/* A lookup failed. The old answer is kept if it may be; but "there is no such
   name" (FL_NAME_UNKNOWN, FL_NO_ADDRESS) is an answer and ends it. */
void fl_name_failed(struct fl_name *name,
                    const struct fl_resolve_config *config,
                    enum fl_reason reason, fl_time now);

/* Nobody could be reached there: it is asked again before the next use. */
static inline void fl_name_doubt(struct fl_name *name) {
  name->fresh_until = 0;
}

/* Whether addr is among these. */
bool fl_name_has(const struct fl_addr *addrs, uint32_t count,
                 const struct fl_addr *addr);

#endif
