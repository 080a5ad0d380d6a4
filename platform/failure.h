/* Errors of libuv (which are those of the system, negated) as reasons. */
#ifndef FL_PLATFORM_FAILURE_H
#define FL_PLATFORM_FAILURE_H

#include "core/reason.h"

/* Of reading from or writing to an established connection. */
enum fl_reason fl_failure_of_connection(int error);

/* Of opening a socket or connecting it. */
enum fl_reason fl_failure_of_connect(int error);

#endif
