/* The length framer: a field in each frame says how long it is. Called through
   core/framing.h, whose contract it shares. */
#ifndef FL_CORE_FRAMING_LENGTH_H
#define FL_CORE_FRAMING_LENGTH_H

#include "core/framing.h"

long fl_framing_length_next(const struct fl_framing_length *framing,
                            struct fl_slice bytes, size_t max_frame);

#endif
