/* The closed list of reasons: why a connection ended, a request got an error,
   or a connect failed. Each has a name (stable: it stands in error replies,
   logs and counters) and a text for people. */
#ifndef FL_CORE_REASON_H
#define FL_CORE_REASON_H

/* clang-format off */
#define FL_REASONS(X)                                                          \
  X(OK, "ok", "no failure")                                                    \
  /* either side of the gateway */                                             \
  X(PEER_CLOSED, "peer_closed", "FIN: the other side was done")                \
  X(PEER_RESET, "peer_reset", "RST: the other side broke off")                 \
  X(PEER_VANISHED, "peer_vanished",                                            \
    "the peer no longer answers (keep-alive or user timeout)")                 \
  X(SOCKET_ERROR, "socket_error", "the system reported a socket error")        \
  X(WRITE_TIMEOUT, "write_timeout",                                            \
    "the peer took no bytes for write_timeout")                                \
  X(OUT_OF_MEMORY, "out_of_memory", "the system has no memory left")           \
  X(BUFFERS_FULL, "buffers_full", "all buffers together hold max_buffered")    \
  X(SHUTDOWN, "shutdown", "fairlead is stopping")                              \
  X(RELOAD, "reload", "a reload took out what it belonged to")                 \
  X(CLOSED_BY_OPERATOR, "closed_by_operator", "fairlead close")                \
  X(EJECTED_BY_OPERATOR, "ejected_by_operator",                                \
    "fairlead eject took its server out")                                      \
  X(DRAINED, "drained", "fairlead drain takes its server out")                 \
  /* a client */                                                               \
  X(IDLE_TIMEOUT, "idle_timeout",                                              \
    "no complete frame, of a relay no byte, for idle_timeout")                 \
  X(HALF_CLOSE_TIMEOUT, "half_close_timeout",                                  \
    "one side had ended and the other was silent for half_close_timeout")      \
  X(HOLD_TIMEOUT, "hold_timeout",                                              \
    "it was silent for pool.hold_timeout while others waited")                 \
  X(DRAIN_TIMEOUT, "drain_timeout",                                            \
    "its server had been drained or taken out for drain_timeout")              \
  X(FRAME_TIMEOUT, "frame_timeout",                                            \
    "a frame was begun and not completed within frame_timeout")                \
  X(FRAME_TOO_LONG, "frame_too_long", "a frame is longer than max_frame")      \
  X(BAD_FRAME, "bad_frame",                                                    \
    "bytes that can be no frame of this framing")                              \
  X(NO_ID, "no_id", "a frame is too short to have its id in it")              \
  X(NO_KEY, "no_key", "a frame has no key where pair says that it is")         \
  X(NOT_TEXT, "not_text", "a command has a control byte in it")                \
  /* a client that is refused, and not even opened */                          \
  X(DENIED_ADDRESS, "denied_address",                                          \
    "the listener's access list does not allow its address")                   \
  X(ADDRESS_CONNECTIONS, "address_connections",                                \
    "max_connections_per_address are open from its address")                   \
  X(ADDRESS_RATE, "address_rate",                                              \
    "its address connects faster than max_connection_rate")                    \
  /* a request */                                                              \
  X(ACQUIRE_TIMEOUT, "acquire_timeout",                                        \
    "no upstream connection became free within acquire_timeout")               \
  X(REQUEST_TIMEOUT, "request_timeout",                                        \
    "the upstream did not reply within request_timeout")                       \
  X(TOO_MANY_WAITERS, "too_many_waiters",                                      \
    "max_waiters clients wait for this upstream already")                      \
  X(KEY_TOO_LONG, "key_too_long", "the key of a request has over 64 bytes")    \
  X(KEY_IN_USE, "key_in_use",                                                  \
    "a request with the same key is under way (pair.on_collision)")            \
  X(DENIED, "denied", "a rule of the upstream denies this request")            \
  /* an upstream connection */                                                 \
  X(UPSTREAM_CLOSED, "upstream_closed",                                        \
    "the server closed the connection before its reply was complete")          \
  X(UPSTREAM_RESET, "upstream_reset",                                          \
    "the server reset the connection before it was done")                      \
  X(CLIENT_LEFT, "client_left",                                                \
    "the client that had the connection to itself broke off")                  \
  X(UPSTREAM_RETIRED, "upstream_retired",                                      \
    "the connection was retired because of another request on it")             \
  X(UNEXPECTED_DATA, "unexpected_data",                                        \
    "the server sent bytes that answer no request")                            \
  X(BAD_GREETING, "bad_greeting",                                              \
    "the server did not say in time what on_connect expects, or said more")    \
  X(BAD_ANSWER, "bad_answer",                                                  \
    "the server answered fairlead's own request with something else")          \
  X(UNKNOWN_ID, "unknown_id",                                                  \
    "the server sent a reply with an id that no request under way has")        \
  X(UNKNOWN_KEY, "unknown_key",                                                \
    "the server sent a reply with a key that no request under way has")        \
  X(KEY_REUSED, "key_reused",                                                  \
    "a request has the key of one that timed out on the connection")           \
  X(IGNORED, "ignored", "a frame that `ignore` passes over")                  \
  X(REPLY_TOO_LONG, "reply_too_long", "a reply is longer than max_frame")      \
  X(MAX_LIFETIME, "max_lifetime", "the connection reached pool.max_lifetime")  \
  X(BAD_REPLY, "bad_reply",                                                    \
    "the server sent bytes that can be no frame of this framing")              \
  X(RESET_FAILED, "reset_failed",                                              \
    "the server did not answer reset.send with reset.expect alone")            \
  X(PROBED, "probed", "the connection was a health check and is done")         \
  X(EJECTED, "ejected", "others need the place of a server that was ejected")  \
  X(DISPLACED, "displaced", "clients of another server needed its place")      \
  X(POOL_IDLE, "pool_idle", "the connection was idle for pool.idle_timeout")   \
  X(ADDRESS_GONE, "address_gone",                                              \
    "the server's name no longer has that address")                            \
  /* a connect */                                                              \
  X(CONNECT_REFUSED, "connect_refused", "nobody listens at that address")      \
  X(CONNECT_TIMEOUT, "connect_timeout",                                        \
    "the connection was not established within connect_timeout")               \
  X(UNREACHABLE, "unreachable", "there is no route to that address")           \
  X(RESOLVE_FAILED, "resolve_failed", "the resolver gave no answer")           \
  X(RESOLVE_TIMEOUT, "resolve_timeout",                                        \
    "the resolver did not answer within connect_timeout")                      \
  X(NAME_UNKNOWN, "name_unknown", "there is no such name")                     \
  X(NO_ADDRESS, "no_address", "the name has no address")                       \
  X(NO_DESCRIPTORS, "no_descriptors", "the process has no descriptors left")   \
  X(BIND_FAILED, "bind_failed",                                                \
    "socket.bind is not an address of this machine")                           \
  X(NO_PORTS, "no_ports", "no local port is free for that address")            \
  X(NOT_PERMITTED, "not_permitted", "the system does not permit it")
/* clang-format on */

enum fl_reason {
#define FL_REASON_ENUM(id, name, text) FL_##id,
  FL_REASONS(FL_REASON_ENUM)
#undef FL_REASON_ENUM
      FL_REASON_COUNT
};

/* The stable name, such as "frame_too_long". */
const char *fl_reason_name(enum fl_reason reason);

/* One clause for people, without a full stop. */
const char *fl_reason_text(enum fl_reason reason);

#endif
