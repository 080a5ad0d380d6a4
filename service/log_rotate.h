/* Full files of the log. */
#ifndef FL_SERVICE_LOG_ROTATE_H
#define FL_SERVICE_LOG_ROTATE_H

#include <stdint.h>

/* The size of the file at the path, 0 where there is none or it is no plain
   file. Waits for the disk. */
uint64_t fl_log_rotate_size(const char *path);

/* Renames PATH to PATH.1 after PATH.1 to PATH.2 and so on; PATH.`keep` is
   removed. Nothing is lost when one of these steps fails: those after it are
   not taken. Returns 0 or an error of libuv. Waits for the disk. Requires:
   keep > 0. */
int fl_log_rotate(const char *path, uint32_t keep);

#endif
