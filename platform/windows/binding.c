/* What POSIX systems have to say how a socket is bound and connected, Windows
   has not. */
#include "platform/sockopt.h"

size_t fl_sockopt_binding(const struct fl_sockopts *options,
                          struct fl_socket_use use, struct fl_sockopt *list) {
  size_t n = 0;
  if (!use.listens && options->syn_retries != 0)
    list[n++] = (struct fl_sockopt){FL_SOCKOPT_SYN_RETRIES, 0, FL_SOCKOPT_NONE,
                                    fl_sockopt_value(options->syn_retries),
                                    "syn_retries"};
  if (use.listens && options->reuse_port)
    list[n++] = (struct fl_sockopt){FL_SOCKOPT_REUSE_PORT, 0, FL_SOCKOPT_NONE,
                                    1, "reuse_port"};
  if (options->free_bind)
    list[n++] = (struct fl_sockopt){FL_SOCKOPT_FREE_BIND, 0, FL_SOCKOPT_NONE, 1,
                                    "free_bind"};
  return n;
}
