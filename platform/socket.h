/* What libuv has no call for on a plain socket. */
#ifndef FL_PLATFORM_SOCKET_H
#define FL_PLATFORM_SOCKET_H

#include <uv.h>

/* Sends FIN after what was sent. On a connection that is broken already it
   does nothing: reading or writing tells. */
void fl_socket_shutdown(uv_os_sock_t socket);

/* Bytes that the kernel has taken and the peer's TCP has not acknowledged; 0
   where the system cannot tell. */
size_t fl_socket_unacked(uv_os_sock_t socket);

/* How many bytes to give the system in one call, at most. */
size_t fl_socket_write_max(void);

/* The error that the connection ended with and nobody was told of yet, as one
   of libuv's; 0 for none. */
int fl_socket_error(uv_os_sock_t socket);

/* Closes a socket that no handle of libuv owns. */
void fl_socket_close(uv_os_sock_t socket);

/* The same with a reset. */
void fl_socket_reset(uv_os_sock_t socket);

#endif
