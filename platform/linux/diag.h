/* The messages of sock_diag(7) for TCP: questions made, answers read. */
#ifndef FL_PLATFORM_LINUX_DIAG_H
#define FL_PLATFORM_LINUX_DIAG_H

#include "core/tcp_sample.h"

enum fl_diag_dump {
  FL_DIAG_LISTENING, /* the listening sockets of the listeners */
  FL_DIAG_ACCEPTED,  /* their clients */
  FL_DIAG_CONNECTED  /* connections to the servers, with what TCP knows */
};

/* A question in the form the kernel wants. */
struct fl_diag_request {
  uint8_t *bytes; /* owned; NULL: there is nothing to ask */
  uint32_t size;
};

/* The addresses of one question: its filter has 65535 bytes at most. */
enum { FL_DIAG_ADDRESSES = 1000 };

/* Asks for all sockets of one family (FL_ADDR_*) that belong to the sample's
   addresses from number *from on, of which *from becomes the first that did
   not fit, or 0 when all are asked for. Returns false when memory is out. */
bool fl_diag_ask(struct fl_diag_request *request,
                 const struct fl_tcp_sample *sample, enum fl_diag_dump dump,
                 uint8_t family, uint32_t *from);

enum fl_diag_answer {
  FL_DIAG_MORE,  /* another datagram follows */
  FL_DIAG_DONE,  /* that was the last */
  FL_DIAG_FAILED /* *error is the kernel's errno */
};

/* Reads one datagram and passes in what it tells. Whatever has not the size it
   says it has is passed over. */
enum fl_diag_answer fl_diag_read(struct fl_tcp_sample *sample, unsigned of,
                                 const uint8_t *bytes, size_t size, int *error);

/* "32768 60999" of ip_local_port_range and "8080,9000-9010" of
   ip_local_reserved_ports (NULL: none), as /proc shows them. */
void fl_diag_ports(struct fl_tcp_system *system, const char *range,
                   const char *reserved);

/* The text of /proc/net/netstat. */
void fl_diag_netstat(struct fl_tcp_system *system, const char *text);

#endif
