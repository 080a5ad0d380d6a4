/* Exit statuses, part of the command line's contract. */
#ifndef FL_SERVICE_STATUS_H
#define FL_SERVICE_STATUS_H

enum fl_status {
  FL_STATUS_OK = 0,
  /* The configuration is wrong or cannot be put into effect: syntax, a value,
     a port in use. */
  FL_STATUS_CONFIG = 1,
  FL_STATUS_UNANSWERED = 1,  /* ping: no probe was answered */
  FL_STATUS_NOT_RUNNING = 1, /* commands that act on a fairlead that runs: none
                                is there */
  FL_STATUS_UNKNOWN = 1,     /* they: no such server or connection */
  FL_STATUS_USAGE = 2,       /* the command line is wrong */
  FL_STATUS_SYSTEM = 3 /* the system refused: memory, threads, descriptors */
};
/* A second SIGTERM or SIGINT ends the process at once, with 128 + the signal's
   number. */

#endif
