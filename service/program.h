/* The program, whatever the system calls when it starts. */
#ifndef FL_SERVICE_PROGRAM_H
#define FL_SERVICE_PROGRAM_H

/* Does what the command line says, whose words are UTF-8. Returns the exit
   status; some commands end the process themselves. */
int fl_program(int argc, char *const argv[]);

#endif
