/* The command `import portproxy`: forwardings of Windows as a
   configuration. */
#ifndef FL_SERVICE_IMPORT_H
#define FL_SERVICE_IMPORT_H

/* Prints the configuration. file: the output of netsh; "-", or NULL where
   nobody types, is standard input; else NULL asks netsh itself. Returns an exit
   status. */
int fl_import_portproxy(const char *file);

#endif
