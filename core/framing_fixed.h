/* The fixed framer: all frames have one size. Called through core/framing.h,
   whose contract it shares. */
#ifndef FL_CORE_FRAMING_FIXED_H
#define FL_CORE_FRAMING_FIXED_H

#include "core/framing.h"

long fl_framing_fixed_next(const struct fl_framing_fixed *framing,
                           struct fl_slice bytes, size_t max_frame);

#endif
