/* What the service control manager is told about the state of the service.
   From the thread of the service's main function. */
#ifndef FL_SERVICE_WINDOWS_SUPERVISOR_H
#define FL_SERVICE_WINDOWS_SUPERVISOR_H

/* SERVICE_RUNNING: every listener listens. Nothing where the process is no
   service. */
void fl_service_running(void);

/* SERVICE_STOP_PENDING, with a checkpoint that grows for as long as the loop
   turns. Requires: fl_supervisor_watch. */
void fl_service_stopping(void);

/* SERVICE_STOPPED with the exit status, and an event where that is not 0; the
   system may end the process at any time from then on. Only the first call
   counts. Nothing where the process is no service. */
void fl_service_stopped(int status);

#endif
