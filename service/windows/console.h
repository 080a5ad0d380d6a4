/* Standard input, output and error on Windows. */
#ifndef FL_SERVICE_WINDOWS_CONSOLE_H
#define FL_SERVICE_WINDOWS_CONSOLE_H

/* Before the first byte: what is written is UTF-8, on a console too, and
   passes byte for byte. Errors appear at once. */
void fl_console_open(void);

/* Gives the console the code page back that it had, for it outlives the
   process. For an end that the C library does not see; called at any other by
   itself. */
void fl_console_restore(void);

#endif
