#include "service/service_command.h"

#include <stddef.h>

const char *const fl_service_verbs[] = {"install", "uninstall", "start",
                                        "stop",    "status",    NULL};
