/* Names of files, UTF-8. A file per system. */
#ifndef FL_PLATFORM_PATHS_H
#define FL_PLATFORM_PATHS_H

#include <stdbool.h>

/* Whether the path means the same in whatever directory the process is; on
   Windows also one that is relative to a drive. */
bool fl_path_is_absolute(const char *path);

/* The path from the root on; a relative one is of the directory the process is
   in. Owned by the caller; NULL when memory is out, or the directory is
   gone. */
char *fl_path_absolute(const char *path);

#endif
