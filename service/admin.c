/* Two servers of libmicrohttpd at most, each on a thread of its own. A request
   that passes the checks becomes a question for the main loop, and its
   connection sleeps (MHD_suspend_connection) until that has answered, so a
   slow answer to one holds up no other. */
#include "service/admin.h"

#include "core/text.h"
#include "platform/clock.h"
#include "platform/error.h"
#include "platform/listening.h"
#include "platform/socket.h"
#include "service/admin_page.h"
#include "service/log.h"
#include "service/status.h"

#include <assert.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  CONNECTIONS = 64,   /* of each server; further ones are closed */
  IDLE_SECONDS = 10,  /* a connection without a byte for so long is closed */
  MEMORY = 16 * 1024, /* of each connection: its request and its headers */
  ANSWER_MS = 5000,   /* a worker that takes longer is in trouble */
  TICK_MS = 1000,
  NAME_MAX_SIZE = 300 /* of an upstream: "host:port" at most */
};

struct server {
  struct fl_admin *admin;
  struct MHD_Daemon *daemon; /* NULL: there is none */
  bool health_only;
};

struct fl_admin {
  struct server servers[2];
  const struct fl_instance *instance;
  const struct fl_hooks *hooks;
  uv_mutex_t lock;
  bool hushed;              /* under lock */
  struct fl_list questions; /* the main thread's: those not answered yet */
  uv_timer_t timer;         /* runs while there are some */
};

/* A request from its checks to the end of its response. The server's thread
   has it, but while it is asked the main thread. */
struct request {
  struct fl_message message; /* first */
  struct fl_admin *admin;
  struct MHD_Connection *connection;
  const struct fl_admin_page *page;
  bool has_upstream;
  char upstream[NAME_MAX_SIZE];
  struct fl_admin_answer answer;
};

/* A request's question to all workers, which may outlive the request. */
struct question {
  struct fl_list link;
  struct fl_admin *admin;
  struct request *request; /* NULL: it was answered without */
  const struct fl_admin_page *page;
  fl_time asked;
};

/* ---- the main thread ---- */

static void wake(struct request *request) {
  MHD_resume_connection(request->connection);
}

static void refuse(struct request *request, const char *text) {
  request->answer =
      (struct fl_admin_answer){.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                               .text = fl_text_copy(text, strlen(text)),
                               .type = "text/plain; charset=utf-8"};
  wake(request);
}

static void on_collected(void *context, const struct fl_collected *found) {
  struct question *question = context;
  struct request *request = question->request;
  fl_list_remove(&question->link);
  if (request != NULL && found->sum.failed) {
    refuse(request, "out of memory, or at the end\n");
  } else if (request != NULL) {
    question->page->make(&request->answer, question->admin->instance, found,
                         request->has_upstream ? request->upstream : NULL);
    wake(request);
  }
  free(question);
}

/* Gives up on workers that do not answer. Their questions stay until they
   do. */
static void on_tick(uv_timer_t *timer) {
  struct fl_admin *admin = timer->data;
  bool any = false;
  struct fl_list *link = admin->questions.next;
  for (; link != &admin->questions; link = link->next) {
    struct question *question = FL_CONTAINER(link, struct question, link);
    if (question->request == NULL)
      continue;
    if (fl_clock() - question->asked < ANSWER_MS * FL_MILLISECOND) {
      any = true;
      continue;
    }
    refuse(question->request, "a worker does not answer\n");
    question->request = NULL;
  }
  if (!any)
    (void)uv_timer_stop(timer);
}

static void on_request(void *owner, struct fl_message *message) {
  struct request *request = (struct request *)message;
  struct fl_admin *admin = request->admin;
  struct question *question = calloc(1, sizeof *question);
  (void)owner;
  if (question == NULL) {
    refuse(request, "out of memory\n");
    return;
  }
  question->admin = admin;
  question->request = request;
  question->page = request->page;
  question->asked = fl_clock();
  fl_list_init(&question->link);
  fl_list_push_back(&admin->questions, &question->link);
  if (!uv_is_active((uv_handle_t *)&admin->timer))
    (void)uv_timer_start(&admin->timer, on_tick, TICK_MS, TICK_MS);
  fl_collect(admin->instance, request->page->what, on_collected, question);
}

/* ---- the servers' threads ---- */

static enum MHD_Result respond(struct MHD_Connection *connection,
                               unsigned status, char *text, const char *type) {
  struct MHD_Response *response = NULL;
  if (text != NULL)
    response = MHD_create_response_from_buffer(strlen(text), text,
                                               MHD_RESPMEM_MUST_FREE);
  if (response == NULL) {
    free(text);
    return MHD_NO; /* closes the connection */
  }
  (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
                                "no-store");
  (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  enum MHD_Result queued = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return queued;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status,
                           const char *text) {
  return respond(connection, status, fl_text_copy(text, strlen(text)),
                 "text/plain; charset=utf-8");
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Whether the host, of `size` bytes, is `name`; case does not count. */
static bool is_host(const char *host, size_t size, const char *name) {
  for (size_t i = 0; i < size; i++)
    if (name[i] == '\0' || lower(host[i]) != lower(name[i]))
      return false;
  return name[size] == '\0';
}

/* Whether the Host header names this server. A page from elsewhere can make a
   browser ask us, by letting its own name mean 127.0.0.1 ("DNS rebinding");
   but then it is its name that the browser sends. A client that sends none is
   no browser. */
static bool allowed_host(const struct fl_admin_config *config,
                         const char *header) {
  struct fl_addr addr;
  char host[FL_ADDR_TEXT];
  if (header == NULL)
    return true;
  const char *end = strrchr(header, ':');
  if (end == NULL || strchr(end, ']') != NULL)
    end = header + strlen(header);
  size_t size = (size_t)(end - header);
  if (size < sizeof host) {
    memcpy(host, header, size);
    host[size] = '\0';
    if (fl_addr_parse(host, 0, &addr))
      return true;
  }
  if (is_host(header, size, "localhost"))
    return true;
  for (uint32_t i = 0; i < config->host_count; i++)
    if (is_host(header, size, config->hosts[i]))
      return true;
  return false;
}

/* Asks the main thread; the connection sleeps. */
static enum MHD_Result ask(struct server *server,
                           struct MHD_Connection *connection,
                           const struct fl_admin_page *page, void **context) {
  struct fl_admin *admin = server->admin;
  struct request *request = calloc(1, sizeof *request);
  if (request == NULL)
    return MHD_NO;
  const char *upstream = MHD_lookup_connection_value(
      connection, MHD_GET_ARGUMENT_KIND, "upstream");
  *context = request;
  request->admin = admin;
  request->connection = connection;
  request->page = page;
  request->message.deliver = on_request;
  request->has_upstream = upstream != NULL;
  if (upstream != NULL)
    snprintf(request->upstream, sizeof request->upstream, "%s", upstream);
  uv_mutex_lock(&admin->lock);
  bool hushed = admin->hushed;
  if (!hushed) {
    MHD_suspend_connection(connection);
    fl_mailbox_post(&admin->instance->control->mailbox, &request->message);
  }
  uv_mutex_unlock(&admin->lock);
  return hushed ? say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping\n")
                : MHD_YES;
}

static enum MHD_Result on_page(void *cls, struct MHD_Connection *connection,
                               const char *url, const char *method,
                               const char *version, const char *upload,
                               size_t *upload_size, void **context) {
  struct server *server = cls;
  const struct fl_admin_config *config =
      &server->admin->instance->config->admin;
  (void)version, (void)upload, (void)upload_size;
  if (*context != NULL) { /* it was asked */
    struct request *request = *context;
    char *text = request->answer.text;
    request->answer.text = NULL;
    return respond(connection, request->answer.status, text,
                   request->answer.type);
  }
  if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
      strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
    return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
  if (!server->health_only &&
      !allowed_host(config, MHD_lookup_connection_value(
                                connection, MHD_HEADER_KIND, "Host")))
    return say(connection, MHD_HTTP_FORBIDDEN,
               "this Host is not in admin.hosts\n");
  const struct fl_admin_page *page =
      fl_admin_page_find(url, server->health_only);
  if (page == NULL)
    return say(connection, MHD_HTTP_NOT_FOUND,
               server->health_only
                   ? "/healthz /readyz\n"
                   : "/metrics /status.json /healthz /readyz\n");
  return ask(server, connection, page, context);
}

static void on_completed(void *cls, struct MHD_Connection *connection,
                         void **context, enum MHD_RequestTerminationCode code) {
  struct request *request = *context;
  (void)cls, (void)connection, (void)code;
  if (request == NULL)
    return;
  free(request->answer.text);
  free(request);
  *context = NULL;
}

/* ---- opening ---- */

static bool start(struct server *server, uv_os_sock_t socket) {
  server->daemon = MHD_start_daemon(
      MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME,
      0, NULL, NULL, on_page, server, MHD_OPTION_LISTEN_SOCKET, socket,
      MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
      MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
  return server->daemon != NULL;
}

static int complain(const struct fl_admin *admin,
                    const struct fl_endpoint *endpoint, const char *key,
                    int error) {
  char text[FL_ERROR_TEXT];
  fprintf(stderr, "%s:%u:%u: admin.%s: %s cannot be opened: %s\n",
          admin->instance->path, endpoint->place.line, endpoint->place.column,
          key, endpoint->text, fl_error_text(error, text));
  return error == UV_EADDRINUSE || error == UV_EADDRNOTAVAIL ||
                 error == UV_EACCES
             ? FL_STATUS_CONFIG
             : FL_STATUS_SYSTEM;
}

static int open_server(struct fl_admin *admin, struct server *server,
                       const struct fl_endpoint *endpoint, const char *key) {
  const struct fl_sockopts *options = &admin->instance->config->socket;
  struct fl_addr addr = endpoint->addr;
  uv_os_sock_t socket;
  char text[FL_ADDR_TEXT];
  server->admin = admin;
  if (endpoint->text == NULL)
    return FL_STATUS_OK;
  int error = fl_listening_bind(&addr, options, admin->hooks, &socket);
  if (error != 0)
    return complain(admin, endpoint, key, error);
  error = fl_listening_start(socket, CONNECTIONS, &addr);
  if (error == 0 && !start(server, socket))
    error = UV_ENOMEM;
  if (error != 0) {
    fl_socket_close(socket);
    return complain(admin, endpoint, key, error);
  }
  fl_log(FL_LOG_INFO, FL_LOG_SERVICE, "admin.%s: listening on %s", key,
         fl_addr_format(&addr, text));
  return FL_STATUS_OK;
}

int fl_admin_open(struct fl_admin **result, const struct fl_instance *instance,
                  const struct fl_hooks *hooks) {
  const struct fl_admin_config *config = &instance->config->admin;
  struct fl_admin *admin = NULL;
  *result = NULL;
  if (config->listen.text == NULL && config->health_listen.text == NULL)
    return FL_STATUS_OK;
  admin = calloc(1, sizeof *admin);
  if (admin == NULL || uv_mutex_init(&admin->lock) != 0) {
    fl_log(FL_LOG_ERROR, FL_LOG_SERVICE, "out of memory");
    free(admin);
    return FL_STATUS_SYSTEM;
  }
  *result = admin;
  admin->instance = instance;
  admin->hooks = hooks;
  fl_list_init(&admin->questions);
  (void)uv_timer_init(&instance->control->loop, &admin->timer);
  admin->timer.data = admin;
  admin->servers[1].health_only = true;
  int status =
      open_server(admin, &admin->servers[0], &config->listen, "listen");
  if (status == FL_STATUS_OK)
    status = open_server(admin, &admin->servers[1], &config->health_listen,
                         "health_listen");
  return status;
}

/* ---- closing ---- */

void fl_admin_hush(struct fl_admin *admin) {
  if (admin == NULL)
    return;
  uv_mutex_lock(&admin->lock);
  admin->hushed = true;
  uv_mutex_unlock(&admin->lock);
}

void fl_admin_close(struct fl_admin *admin) {
  if (admin == NULL)
    return;
  assert(fl_list_empty(&admin->questions));
  for (int i = 0; i < 2; i++)
    if (admin->servers[i].daemon != NULL)
      MHD_stop_daemon(admin->servers[i].daemon); /* closes the socket */
  uv_close((uv_handle_t *)&admin->timer, NULL);
}

void fl_admin_free(struct fl_admin *admin) {
  if (admin == NULL)
    return;
  uv_mutex_destroy(&admin->lock);
  free(admin);
}
