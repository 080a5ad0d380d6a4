/* What the control socket understands: a table of verbs. */
#ifndef FL_SERVICE_VERBS_H
#define FL_SERVICE_VERBS_H

#include "service/channel.h"

/* Runs words[0] with the rest as its arguments; the peer gets one answer, now
   or later. The words are valid during the call. Requires: count is
   1..FL_CHANNEL_WORDS. */
void fl_verb_run(struct fl_channel_peer *peer,
                 const char *const words[FL_CHANNEL_WORDS], unsigned count);

#endif
