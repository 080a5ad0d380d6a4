/* The built-in line commands. */
#ifndef FL_CORE_COMMAND_H
#define FL_CORE_COMMAND_H

#include "core/reason.h"
#include "core/slice.h"

/* A reply in up to three pieces, to be sent one after the other. */
struct fl_command_reply {
  struct fl_slice head;  /* in `scratch` or static */
  struct fl_slice body;  /* within the request, or empty */
  struct fl_slice tail;  /* static, or empty */
  enum fl_reason reason; /* FL_OK, or why the command got an error reply */
};

enum { FL_COMMAND_SCRATCH = 64 };

/* Answers one line (its end included or not): surrounding ASCII white space is
   trimmed, then
     PING    -> "PONG\n"
     STATUS  -> "Connected clients: N\n"
     other   -> "Echo: ", the trimmed line, "\n"
   A line with a control byte in it (below 0x20 but for TAB, or 0x7f) gets
   "ERROR not_text\n". The reply is valid as long as scratch and line are. */
struct fl_command_reply fl_command_run(struct fl_slice line, uint32_t clients,
                                       char scratch[FL_COMMAND_SCRATCH]);

#endif
