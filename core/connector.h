/* The way to a connection to a server: its name is looked up, its addresses
   are tried in order, each for connect_timeout. The failed socket is closed
   before the next is opened, for it counts. Where max_size has room, an address
   that has no result yet gets rivals (core/rival.h). Whoever owns the
   connection embeds a connector and hears of the outcome through
   owner->connected. */
#ifndef FL_CORE_CONNECTOR_H
#define FL_CORE_CONNECTOR_H

#include "core/transport.h"

struct fl_server;

struct fl_connector {
  struct fl_conn *conn;
  struct fl_server *server;
  struct fl_list resolving; /* on the server's list while it waits for a
                               lookup */
  uint32_t next_addr;       /* of the server's: the first not tried yet */
  bool next_after_close;    /* the socket closes so that the next address can
                               be tried */
  fl_time due;              /* of this address, or the lookup */
  fl_time next_at;          /* when the next address gets a rival, if none has
                               a result; FL_NEVER: not at all */
  struct fl_list rivals;    /* attempts beside this one */
};

void fl_connector_init(struct fl_connector *connector, struct fl_conn *conn);

/* Sets off to this server. Requires: conn has no socket. From now until
   owner->connected says FL_OK the owner keeps conn's deadline at
   fl_connector_due. Once nothing is left to try, owner->connected is called
   with the reason and without a socket, perhaps before this returns. */
void fl_connector_start(struct fl_connector *connector,
                        struct fl_server *server, fl_time now);

/* The moment of fl_connector_due has come. Returns FL_OK when it goes on (an
   old answer is used in place of the lookup), or why this address, or the
   lookup, has failed: then as fl_connector_next. */
enum fl_reason fl_connector_expired(struct fl_connector *connector,
                                    fl_time now);

/* This address failed. Returns true when it goes on: a rival's attempt is this
   one's from now on, or the next address will be tried once the socket is
   closed; false when there is none. */
bool fl_connector_next(struct fl_connector *connector);

/* From owner->connected with FL_OK. */
void fl_connector_stands(struct fl_connector *connector);

/* Before the owner closes a socket that connects, for other reasons than those
   above. */
void fl_connector_drop(struct fl_connector *connector);

/* From owner->closed. Returns whether it goes on with the next address (then
   as fl_connector_start); false: the connection is gone. */
bool fl_connector_closed(struct fl_connector *connector, fl_time now);

/* Gives up while conn has no socket. Returns true when its last one still
   closes: owner->closed follows. */
bool fl_connector_cancel(struct fl_connector *connector);

/* When this address (or the lookup) has had its time; FL_NEVER while a socket
   closes. */
fl_time fl_connector_due(const struct fl_connector *connector);

/* For rivals. Connects conn, the connector's own or another, to the next
   address; *due is when that has had its time. Returns FL_OK, or why there is
   none left to try. */
enum fl_reason fl_connector_try(struct fl_connector *connector,
                                struct fl_conn *conn, fl_time *due,
                                fl_time now);

/* For rivals: moves the deadline of the connector's own connection. */
void fl_connector_arm(struct fl_connector *connector);

/* A lookup of the server's name has ended: those that waited for it go on;
   when the name has no address, they end with `reason`. Where an old answer
   is used, `reason` is not FL_OK either. */
void fl_connectors_resolved(struct fl_server *server, enum fl_reason reason,
                            fl_time now);

#endif
