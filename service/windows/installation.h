/* The service as Windows knows it, made and removed by a command. */
#ifndef FL_SERVICE_WINDOWS_INSTALLATION_H
#define FL_SERVICE_WINDOWS_INSTALLATION_H

#include <stdbool.h>

/* Makes the service that runs this program with that configuration, which is
   checked first; or removes it, after it has ended. Say what they did or what
   is wrong; return the exit status (service/status.h). */
int fl_service_install(const char *config, bool start);
int fl_service_uninstall(void);

#endif
