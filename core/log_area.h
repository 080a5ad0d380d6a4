/* What a line of the log is about: the areas, each with the word that stands in
   the line, in log.levels and behind `fairlead log-level`, and what it is. This
   list is the only one: who logs names an area by its number. */
#ifndef FL_CORE_LOG_AREA_H
#define FL_CORE_LOG_AREA_H

/* clang-format off */
#define FL_LOG_AREA_LIST(X)                                                    \
  X(SERVICE, "service", "Start, stop and the program as a whole.")             \
  X(LISTENER, "listener", "Listening sockets.")                                \
  X(CLIENT, "client", "Clients and their requests.")                           \
  X(UPSTREAM, "upstream", "Servers and the connections to them.")              \
  X(RELOAD, "reload", "Reloads, and what each has changed.")                   \
  X(CONTROL, "control", "What an operator has said by command.")               \
  X(STATES, "states", "What the operating system says of sockets.")            \
  X(SOCKET, "socket", "Socket options that the system refuses.")
/* clang-format on */

enum fl_log_area {
#define FL_LOG_AREA_ENUM(id, name, text) FL_LOG_##id,
  FL_LOG_AREA_LIST(FL_LOG_AREA_ENUM)
#undef FL_LOG_AREA_ENUM
      FL_LOG_AREAS
};

#endif
