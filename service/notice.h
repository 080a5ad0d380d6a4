/* What an administrator should find in the system's own event log, whatever
   is logged and where to. Each kind has one event there, whose number, gravity
   and text do not change (service/windows/messages.mc). */
#ifndef FL_SERVICE_NOTICE_H
#define FL_SERVICE_NOTICE_H

enum fl_notice {
  FL_NOTICE_NONE, /* a line of the log like any other */
  FL_NOTICE_STARTED,
  FL_NOTICE_STOPPING,
  FL_NOTICE_STOPPED,
  FL_NOTICE_RELOADED,
  FL_NOTICE_UNCHANGED, /* a reload found nothing to change */
  FL_NOTICE_REFUSED,   /* a reload changed nothing, for something is wrong */
  FL_NOTICE_USAGE,     /* the command line is wrong */
  FL_NOTICE_CONFIG,    /* an error of the configuration: file, line, key */
  FL_NOTICE_ADVICE,    /* a warning about the configuration */
  FL_NOTICE_LISTENER,  /* an address that cannot be listened on */
  FL_NOTICES
};

#endif
