/* The verbs of the control socket by which an operator acts on connections
   and servers. Each answers its peer once, when every worker concerned has
   done it. The arguments are valid during the call. On the main thread. */
#ifndef FL_SERVICE_ACTS_H
#define FL_SERVICE_ACTS_H

#include "service/channel.h"

/* close CONNECTION: its number. */
void fl_act_close(struct fl_channel_peer *peer, const char *const *arguments);

/* drain SERVER, eject SERVER, restore SERVER: its address as in the
   configuration, or UPSTREAM/ADDRESS. */
void fl_act_drain(struct fl_channel_peer *peer, const char *const *arguments);
void fl_act_eject(struct fl_channel_peer *peer, const char *const *arguments);
void fl_act_restore(struct fl_channel_peer *peer, const char *const *arguments);

#endif
