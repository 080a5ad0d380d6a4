/* The answer of SIO_TCP_INFO: TCP_INFO_v0 ("TCP_INFO_v0 structure", Windows
   documentation), since Windows 10 1703. The one of version 1 begins with the
   same. Not in every version of the headers, so it is read by its layout. */
#ifndef FL_PLATFORM_WINDOWS_INFO_H
#define FL_PLATFORM_WINDOWS_INFO_H

#include "core/tcp_sample.h"

#include <stddef.h>

enum { FL_INFO_SIZE = 88 };

/* Fills in what fl_tcp_info does. Returns false when the bytes are too few, or
   the connection does not stand yet. */
bool fl_info_read(struct fl_tcp_row *row, const uint8_t *bytes, size_t size);

#endif
