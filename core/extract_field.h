/* Fields of lines and of HL7 version 2 segments: see core/extract.h. Both take
   what stands between a frame's start and its end. */
#ifndef FL_CORE_EXTRACT_FIELD_H
#define FL_CORE_EXTRACT_FIELD_H

#include "core/extract.h"

struct fl_slice fl_extract_field(const struct fl_extract *extract,
                                 struct fl_slice content);

struct fl_slice fl_extract_hl7(const struct fl_extract *extract,
                               struct fl_slice content);

#endif
