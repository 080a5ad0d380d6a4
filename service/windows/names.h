/* What the service is called where Windows shows it. */
#ifndef FL_SERVICE_WINDOWS_NAMES_H
#define FL_SERVICE_WINDOWS_NAMES_H

/* Its key, also of its account, NT SERVICE\fairlead. */
#define FL_SERVICE_NAME "fairlead"
#define FL_SERVICE_NAME_WIDE L"fairlead"

#define FL_SERVICE_DISPLAY_NAME L"Fairlead"

/* Of its events in the log Application. */
#define FL_EVENT_SOURCE "Fairlead"
#define FL_EVENT_SOURCE_WIDE L"Fairlead"

#endif
