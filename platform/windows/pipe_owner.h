/* Whether a named pipe is served by somebody whose word counts: anybody may
   make a pipe of any name that is not in use. */
#ifndef FL_PLATFORM_WINDOWS_PIPE_OWNER_H
#define FL_PLATFORM_WINDOWS_PIPE_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <windows.h>

/* Whether that account is one of the system, of services, of administrators,
   or the one that this process runs as. */
bool fl_pipe_owner_known(PSID owner);

/* Whether the pipe's owner is known, or it is served by the process of a
   service that runs. `pipe` is a client's end, with the right to read its
   permissions. Else `name` is the owner's, "DOMAIN\NAME" or its number. */
bool fl_pipe_trusted(HANDLE pipe, char *name, size_t size);

#endif
