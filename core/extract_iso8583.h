/* Fields of ISO 8583:1987 messages: see core/extract.h. */
#ifndef FL_CORE_EXTRACT_ISO8583_H
#define FL_CORE_EXTRACT_ISO8583_H

#include "core/extract.h"

struct fl_slice fl_extract_iso8583(const struct fl_extract *extract,
                                   struct fl_slice frame);

#endif
