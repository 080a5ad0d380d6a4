/* Modbus TCP: "MODBUS Messaging on TCP/IP Implementation Guide" V1.0b for the
   header, "MODBUS Application Protocol Specification" V1.1b3 for function and
   exception codes. A frame is

     transaction id (2)  protocol id (2), 0  length (2)  unit id (1)
     function code (1)  data (0 to 252)

   in big-endian numbers; `length` counts what follows it. A transaction id
   means nothing to a server, which repeats it in its reply. */
#ifndef FL_CORE_PROFILE_MODBUS_H
#define FL_CORE_PROFILE_MODBUS_H

#include "core/profile.h"
#include "core/reason.h"

extern const struct fl_profile_preset fl_profile_modbus_tcp;

/* The exception code that tells a client of a failed request; 0: none was
   thought of. `stands`: a connection to the upstream does. */
uint8_t fl_modbus_exception(enum fl_reason reason, bool stands);

#endif
