#include "platform/listening.h"

#include "platform/address.h"
#include "platform/socket.h"
#include "platform/sockopts.h"
#include "platform/windows/system_error.h"

#include <winsock2.h>
#include <ws2tcpip.h>

static int last_error(void) {
  return fl_system_error((unsigned long)WSAGetLastError());
}

static bool set(SOCKET socket, int level, int option, int value) {
  return setsockopt(socket, level, option, (const char *)&value,
                    sizeof value) == 0;
}

/* SO_EXCLUSIVEADDRUSE keeps other programs from binding the address with
   SO_REUSEADDR and so taking clients away ("Using SO_REUSEADDR and
   SO_EXCLUSIVEADDRUSE", Winsock documentation). It does not hold up a restart:
   connections that are closing do not block the port as they do on POSIX. */
static int make_socket(const struct fl_addr *addr, bool ipv6_only,
                       uv_os_sock_t *made) {
  int family = addr->family == FL_ADDR_IP4 ? AF_INET : AF_INET6;
  SOCKET made_here =
      WSASocketW(family, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                 WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (made_here == INVALID_SOCKET)
    return last_error();
  if (!set(made_here, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1) ||
      (family == AF_INET6 &&
       !set(made_here, IPPROTO_IPV6, IPV6_V6ONLY, ipv6_only))) {
    int error = last_error();
    fl_socket_close(made_here);
    return error;
  }
  *made = made_here;
  return 0;
}

int fl_listening_bind(const struct fl_addr *addr,
                      const struct fl_sockopts *options,
                      const struct fl_hooks *hooks, uv_os_sock_t *socket) {
  const struct fl_socket_use use = {.family = addr->family, .listens = true};
  struct sockaddr_storage to;
  int size = fl_address_to_system(addr, &to);
  int error = make_socket(addr, options->ipv6_only, socket);
  if (error != 0)
    return error;
  fl_sockopts_apply(*socket, options, use, hooks);
  if (bind(*socket, (struct sockaddr *)&to, size) == 0)
    return 0;
  error = last_error();
  fl_socket_close(*socket);
  return error;
}

/* A backlog above 200 is only taken at its word when it is given negative
   (SOMAXCONN_HINT). */
static int backlog_of(uint32_t backlog) {
  if (backlog <= 200)
    return (int)backlog;
  return -(int)(backlog > 65535 ? 65535 : backlog);
}

int fl_listening_start(uv_os_sock_t socket, uint32_t backlog,
                       struct fl_addr *addr) {
  struct sockaddr_storage name;
  int size = sizeof name;
  if (listen(socket, backlog_of(backlog)) != 0 ||
      getsockname(socket, (struct sockaddr *)&name, &size) != 0)
    return last_error();
  (void)fl_address_from_system((struct sockaddr *)&name, addr);
  return 0;
}

int fl_listening_duplicate(uv_os_sock_t socket, uv_os_sock_t *copy) {
  WSAPROTOCOL_INFOW info;
  if (WSADuplicateSocketW(socket, GetCurrentProcessId(), &info) != 0)
    return last_error();
  *copy =
      WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
                 &info, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  return *copy == INVALID_SOCKET ? last_error() : 0;
}

static enum fl_accepted failed(int error) {
  switch (error) {
  case WSAEWOULDBLOCK:
    return FL_ACCEPTED_NOBODY;
  case WSAEMFILE:
    return FL_ACCEPTED_NO_DESCRIPTOR;
  case WSAENOBUFS:
  case WSAENETDOWN:
  case WSAEINVAL:
  case WSAENOTSOCK:
    return FL_ACCEPTED_FAILED;
  default:
    return FL_ACCEPTED_GONE;
  }
}

enum fl_accepted fl_listening_accept(uv_os_sock_t socket, uv_os_sock_t *client,
                                     struct fl_addr *peer, int *error) {
  struct sockaddr_storage from;
  int size = sizeof from;
  SOCKET accepted = accept(socket, (struct sockaddr *)&from, &size);
  if (accepted == INVALID_SOCKET) {
    *error = last_error();
    return failed(WSAGetLastError());
  }
  (void)SetHandleInformation((HANDLE)accepted, HANDLE_FLAG_INHERIT, 0);
  *client = accepted;
  (void)fl_address_from_system((struct sockaddr *)&from, peer);
  return FL_ACCEPTED;
}

bool fl_listening_queued(uv_os_sock_t socket) {
  WSAPOLLFD queue = {.fd = socket, .events = POLLRDNORM};
  return WSAPoll(&queue, 1, 0) > 0;
}
