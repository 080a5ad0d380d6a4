/* What the states of sockets say is wrong, in words for people. The thresholds
   are told in docs/operations.md. */
#ifndef FL_CORE_FINDINGS_H
#define FL_CORE_FINDINGS_H

#include "core/tcp_sample.h"

enum {
  /* Sockets in CLOSE_WAIT that are too many, if they are as many as half of
     the established ones, too, in so many samples in a row. */
  FL_CLOSE_WAIT_MIN = 20,
  FL_CLOSE_WAIT_SAMPLES = 3,
  /* Ephemeral ports left, in percent, that are too few. */
  FL_PORTS_PERCENT = 20,
  /* Segments that a rate is found from, and the rate that is too high. */
  FL_SEGMENTS_MIN = 500,
  FL_RETRANSMIT_PERCENT = 3
};

/* How long it is told that a listen queue has dropped clients. */
#define FL_LISTEN_DROPS_FOR (60 * FL_SECOND)

/* Fills in the sample's findings, and what they remember, from `before` too
   (NULL: there is none). */
void fl_findings_make(struct fl_tcp_sample *sample,
                      const struct fl_tcp_sample *before);

/* Whether the sample (NULL: none) has the finding, perhaps with other
   numbers. */
bool fl_findings_have(const struct fl_tcp_sample *sample,
                      const struct fl_finding *finding);

/* "close_wait" and so on: stable names. */
const char *fl_finding_name(enum fl_finding_kind kind);

#endif
