/* One request to the control socket of a running fairlead, from a program
   that waits for its answer. */
#ifndef FL_SERVICE_CALL_H
#define FL_SERVICE_CALL_H

struct cJSON;

struct fl_call_setup {
  const char *config;  /* a configuration file; or, if that is NULL: */
  const char *control; /* the socket */
  const char *line;    /* the request, with its LF */
  unsigned timeout_ms; /* for the answer to come; 0: none */
};

/* The answer ends with the stream. Returns the answer's text, owned by the
   caller (free); or NULL, with what went wrong written to standard error and
   the exit status in *status. */
char *fl_call_text(const struct fl_call_setup *setup, int *status);

/* Returns FL_STATUS_OK, or after an answer that is an error its status, the
   text written to standard error. *answer may be NULL then; else it is the
   caller's (cJSON_Delete). */
int fl_call_json(const char *text, struct cJSON **answer);

#endif
