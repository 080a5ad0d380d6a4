/* What the process as a whole needs from the system. A file per system. */
#ifndef FL_SERVICE_PROCESS_H
#define FL_SERVICE_PROCESS_H

/* Before anything is opened: neither writing to a closed connection nor losing
   the terminal must end the process, and the descriptor limit is raised as far
   as it goes. */
void fl_process_prepare(void);

/* The part of it for a program that serves nobody: writing to a closed
   connection or pipe must not end the process. */
void fl_process_prepare_client(void);

/* Ends the process at once: nothing is waited for, nothing is cleaned up. */
_Noreturn void fl_process_exit(int status);

#endif
