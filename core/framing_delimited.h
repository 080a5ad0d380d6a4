/* The delimited framer: a frame begins with given bytes and ends with others.
   Called through core/framing.h, whose contract it shares. */
#ifndef FL_CORE_FRAMING_DELIMITED_H
#define FL_CORE_FRAMING_DELIMITED_H

#include "core/framing.h"

long fl_framing_delimited_next(const struct fl_framing_delimited *framing,
                               struct fl_framing_state *state,
                               struct fl_slice bytes, size_t max_frame);

#endif
