/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/http/server.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesimd/http/internal.h"

/* libmicrohttpd's memory of a connection: the request's line and headers, and the reply's, must fit. */
#define CONNECTION_MEMORY (8 * KIB)
/* Sleeping streams are woken so often at least: only then is a client that left noticed. */
#define LOOK_AT_STREAMS_USEC (10 * USEC_PER_SEC)
/* So much of a body that is too large is read all the same. */
#define DISCARD_MAX MIB
/* How many turns libmicrohttpd may take in a row before other events get theirs, and for how long. */
#define PUMP_TURNS_MAX 8
#define PUMP_USEC (2 * USEC_PER_MSEC)
/* At the end: who has just connected gets its request read, which would otherwise end in a reset. */
#define LAST_REQUESTS_USEC (200 * USEC_PER_MSEC)
#define LAST_WAIT_MSEC 10

static int arm_timer_at(HttpServer *s, usec_t at) {
        if (s->timer_at <= at)
                return 0; /* it rings early enough, and looks again then */
        s->timer_at = at;
        (void) sd_event_source_set_time(s->timer, at);
        return sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static int arm_timer(HttpServer *s, usec_t in) {
        return arm_timer_at(s, usec_add(now_monotonic(), in));
}

/* At its limit, or without file descriptors, libmicrohttpd stops listening, and listens again in the run after the one in
 * which a connection ended: nothing would wake us for that. */
static bool has_fewer_connections(Daemon *d) {
        unsigned before = d->n_connections;

        d->n_connections = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
        return d->n_connections < before;
}

static void set_all_due(HttpServer *s) {
        for (size_t i = 0; i < s->n_daemons; i++)
                s->daemons[i].due = true;
}

/* Lets the daemons work that have something to do. True when one wants to go on at once. */
static bool run_daemons(HttpServer *s) {
        usec_t soonest = USEC_INFINITY;
        bool again = false;

        for (size_t i = 0; i < s->n_daemons; i++) {
                Daemon *d = &s->daemons[i];
                MHD_UNSIGNED_LONG_LONG ms;

                if (!d->due)
                        continue;
                (void) MHD_run(d->mhd);
                d->due = has_fewer_connections(d);
                if (MHD_get_timeout(d->mhd, &ms) == MHD_YES) {
                        d->due |= ms == 0;
                        soonest = ms > 0 ? MIN(soonest, (usec_t) ms * USEC_PER_MSEC) : soonest;
                }
                again |= d->due;
        }
        if (s->n_streams > 0) /* only now: the first may have come just before */
                soonest = MIN(soonest, LOOK_AT_STREAMS_USEC);
        if (soonest != USEC_INFINITY)
                (void) arm_timer(s, soonest);
        return again;
}

static void pump_soon(HttpServer *s) {
        int enabled;

        if (sd_event_source_get_enabled(s->pump, &enabled) >= 0 && enabled == SD_EVENT_OFF)
                (void) sd_event_source_set_enabled(s->pump, SD_EVENT_ONESHOT);
}

static void pump_now(HttpServer *s) {
        usec_t begun = now_monotonic();
        bool again = true;

        (void) sd_event_source_set_enabled(s->pump, SD_EVENT_OFF);
        streams_go_on(s);
        for (unsigned i = 0; i < PUMP_TURNS_MAX && again && (i == 0 || now_monotonic() < begun + PUMP_USEC); i++)
                again = run_daemons(s);
        if (again)
                pump_soon(s);
}

static int on_pump(sd_event_source *source _unused_, void *userdata) {
        pump_now(userdata);
        return 0;
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        Daemon *d = userdata;

        d->due = true;
        pump_now(d->server);
        return 0;
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        HttpServer *s = userdata;
        usec_t now = now_monotonic(), soonest = USEC_INFINITY;
        bool all = now >= usec_add(s->looked_at, LOOK_AT_STREAMS_USEC);
        HttpRequest *req;

        s->timer_at = USEC_INFINITY;
        set_all_due(s); /* the timer is the first of all their timeouts, which are looked at anew */
        if (all)
                s->looked_at = now;
        LIST_FOREACH(req, &s->streams, HttpRequest, stream_link) {
                if (all || req->wake_by <= now)
                        http_stream_wake(req);
                else
                        soonest = MIN(soonest, req->wake_by);
        }
        if (soonest != USEC_INFINITY)
                (void) arm_timer_at(s, soonest);
        pump_now(s);
        return 0;
}

void http_stream_wake_by(HttpRequest *req, usec_t at) {
        req->wake_by = at;
        if (at != USEC_INFINITY)
                (void) arm_timer_at(req->server, at);
}

void request_pump(HttpRequest *req) {
        req->connection->daemon->due = true;
        pump_soon(req->server);
}

static int refuse(HttpRequest *req, int code, const char *field, const char *format, ...) _printf_(4, 5);

/* Prepares an error reply of the engine's own. */
static int refuse(HttpRequest *req, int code, const char *field, const char *format, ...) {
        _cleanup_error_ Error error = ERROR_NULL;
        char message[512];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        (void) error_set_field(&error, code, field, NULL, "%s", message);
        return http_reply_error(req, code, &error);
}

static int check_route(HttpServer *s, HttpRequest *req, const char *method) {
        _cleanup_strbuf_ StrBuf allow = STRBUF_INIT(256);
        int r;

        if (strlen(req->path) > s->config.target_max)
                return refuse(req, -ENAMETOOLONG, NULL, "the request target has more than %zu bytes", s->config.target_max);
        if ((int) req->method < 0)
                return refuse(req, -EOPNOTSUPP, NULL, "the method %s is not known here", method);
        r = router_match(s, req, req->path, &allow);
        if (r == -EOPNOTSUPP) {
                (void) http_request_add_header(req, MHD_HTTP_HEADER_ALLOW, strbuf_str(&allow));
                if (req->method == HTTP_OPTIONS)
                        return 0; /* anybody may ask what there is; browsers do before they send */
                return refuse(req, r, NULL, "%s is not for %s, only %s", method, req->path, strbuf_str(&allow));
        }
        if (r < 0)
                return refuse(req, r, NULL, "there is nothing at %s", req->path);
        return 0;
}

static int reply_options(HttpRequest *req) {
        _cleanup_strbuf_ StrBuf none = STRBUF_INIT(1);

        return http_reply(req, 204, "text/plain", &none, 0);
}

static int check_authorized(HttpServer *s, HttpRequest *req) {
        _cleanup_error_ Error error = ERROR_NULL;
        int r;

        if (req->connection->over_limit)
                return refuse(req, -EDQUOT, NULL, "too many connections at once (MaxConnections=, MaxConnectionsPerUser=)");
        if (s->draining && !(req->route && req->route->access == HTTP_ACCESS_PUBLIC))
                return refuse(req, -EAGAIN, NULL, "the server is stopping");
        r = s->config.authorize(req, req->route ? req->route->access : HTTP_ACCESS_PUBLIC, s->config.userdata, &req->identity, &error);
        if (r < 0)
                return http_reply_error(req, r, &error);
        return req->route ? 0 : reply_options(req);
}

static size_t body_max(const HttpServer *s, const HttpRequest *req) {
        return MIN(req->route->body_max, s->config.body_max);
}

static int refuse_body(HttpRequest *req) {
        return refuse(req, -E2BIG, NULL, "the body has more than the %zu bytes that are taken here", body_max(req->server, req));
}

static int check_body_headers(HttpServer *s, HttpRequest *req) {
        const char *length = http_request_header(req, MHD_HTTP_HEADER_CONTENT_LENGTH);
        const char *type = http_request_header(req, MHD_HTTP_HEADER_CONTENT_TYPE);
        bool chunked = http_request_header(req, MHD_HTTP_HEADER_TRANSFER_ENCODING);
        uint64_t n = 0;

        if (length && parse_u64(length, &n) < 0)
                return refuse(req, -EBADMSG, "Content-Length", "Content-Length is not a number of bytes");
        if (n > body_max(s, req))
                return refuse_body(req);
        if (!req->route->json)
                return 0;
        if (!length && !chunked && req->method == HTTP_DELETE)
                return 0; /* its options may all be in the query */
        if (!length && !chunked)
                return refuse(req, -EDESTADDRREQ, "Content-Length", "a body is needed here: give its Content-Length");
        if (type && strncasecmp(type, "application/json", strlen("application/json")) != 0)
                return refuse(req, -EPROTOTYPE, "Content-Type", "the body must be application/json");
        return 0;
}

/* A body that is not there is small, too. */
static bool has_small_body(HttpRequest *req) {
        const char *length = http_request_header(req, MHD_HTTP_HEADER_CONTENT_LENGTH);
        uint64_t n = 0;

        return !http_request_header(req, MHD_HTTP_HEADER_TRANSFER_ENCODING) && (!length || parse_u64(length, &n) >= 0) && n <= DISCARD_MAX;
}

/* The headers are there: decides what can be decided without the body. */
static enum MHD_Result begin_request(Daemon *d, struct MHD_Connection *mhd, const char *url, const char *method, HttpRequest **ret) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        HttpServer *s = d->server;
        HttpRequest *req;

        if (!info || !info->socket_context)
                return MHD_NO;
        req = request_new(s);
        if (!req)
                return MHD_NO;
        *ret = req;
        req->connection = info->socket_context;
        connection_set_fresh(req->connection, false);
        req->mhd = mhd;
        req->path = url;
        req->method = http_method_from_string(method);
        req->head = streq(method, MHD_HTTP_METHOD_HEAD);
        req->begun = now_monotonic();

        if (check_route(s, req, method) < 0)
                return MHD_NO;
        if (!req->response && check_authorized(s, req) < 0)
                return MHD_NO;
        if (!req->response && check_body_headers(s, req) < 0)
                return MHD_NO;
        if (req->response && !has_small_body(req))
                return request_queue_response(req); /* libmicrohttpd closes the connection when a body follows */

        /* A refused request's body is read and thrown away first, so that its client gets to the answer. */
        req->state = req->response ? REQUEST_RESUMED : REQUEST_READING;
        return MHD_YES;
}

static enum MHD_Result take_body(HttpRequest *req, const char *data, size_t *size) {
        size_t max = body_max(req->server, req);

        if (req->body_error == 0 && req->body_size + *size > max)
                req->body_error = -E2BIG;
        if (req->body_error == 0 && !GREEDY_REALLOC(req->body, req->body_allocated, req->body_size + *size + 1))
                req->body_error = -ENOMEM;
        if (req->body_error == 0) {
                memcpy(req->body + req->body_size, data, *size);
                req->body_size += *size;
        }
        *size = 0;
        return MHD_YES;
}

static int handle_request(HttpRequest *req) {
        _cleanup_error_ Error error = ERROR_NULL;
        int r;

        if (req->body_error == -E2BIG)
                return refuse_body(req);
        if (req->body_error < 0)
                return http_reply_error(req, req->body_error, NULL);

        req->state = REQUEST_HANDLING;
        r = req->route->handle(req, req->server->config.userdata, &error);
        if (r < 0 && !req->response)
                return http_reply_error(req, r, &error);
        return 0;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version _unused_, const char *data, size_t *size, void **context) {
        HttpRequest *req = *context;

        if (!req)
                return begin_request(cls, mhd, url, method, (HttpRequest**) context);
        if (req->state == REQUEST_ANSWERED) { /* the body of a refused request */
                *size = 0;
                return MHD_YES;
        }
        if (*size > 0 && !req->response)
                return take_body(req, data, size);
        if (*size > 0) {
                *size = 0;
                return MHD_YES;
        }
        if (req->state == REQUEST_READING && handle_request(req) < 0)
                return MHD_NO;
        if (req->state == REQUEST_HELD || req->state == REQUEST_WAITING)
                return MHD_YES;
        return req->response ? request_queue_response(req) : MHD_NO;
}

static void on_completed(void *cls, struct MHD_Connection *mhd _unused_, void **context,
                         enum MHD_RequestTerminationCode how _unused_) {
        HttpServer *s = ((Daemon*) cls)->server;
        HttpRequest *req = *context;

        if (!req)
                return;
        *context = NULL;
        if (s->config.done)
                s->config.done(req, req->route, req->status, now_monotonic() - req->begun, s->config.userdata);
        request_free(req);
}

/* "%2F" is a slash in a name, not between names: it is kept apart from the others until the path has been cut up. */
static void hide_slashes(char *s) {
        for (char *p = s; (p = strchr(p, '%')); p++)
                if (p[1] == '2' && (p[2] == 'F' || p[2] == 'f')) {
                        *p = HIDDEN_SLASH;
                        memmove(p + 1, p + 3, strlen(p + 3) + 1);
                }
}

/* Every decoded name and value must be text; the "%00" of a path would cut it short. */
static size_t unescape(void *cls _unused_, struct MHD_Connection *mhd _unused_, char *s) {
        size_t n;

        if (strchr(s, HIDDEN_SLASH) || strstr(s, "%01")) {
                (void) strcpy(s, "/");
                return 1;
        }
        hide_slashes(s);
        n = MHD_http_unescape(s);

        if (strlen(s) != n || !utf8_is_valid(s, n)) {
                (void) strcpy(s, "/"); /* a place where nothing is */
                return strlen(s) > n ? n : 1;
        }
        return n;
}

static void ignore_log(void *cls _unused_, const char *format _unused_, va_list ap _unused_) {
}

static int daemon_start(HttpServer *s, Daemon *d, const HttpListener *listener) {
        const HttpTls *tls = listener->tls;
        struct MHD_OptionItem tls_options[] = {
                { MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? (char*) tls->certificate : NULL },
                { MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? (char*) tls->key : NULL },
                { MHD_OPTION_HTTPS_MEM_TRUST, 0, tls ? (char*) tls->authority : NULL },
                { MHD_OPTION_END, 0, NULL },
        }, none[] = { { MHD_OPTION_END, 0, NULL } };
        const union MHD_DaemonInfo *info;
        int r;

        *d = (Daemon) { .server = s, .listener = *listener };
        d->mhd = MHD_start_daemon(
                MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request, d,
                MHD_OPTION_ARRAY, tls ? tls_options : none,
                MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
                MHD_OPTION_LISTEN_SOCKET, listener->fd,
                MHD_OPTION_CONNECTION_LIMIT, s->config.connections_max + 64U, /* those over the limit are told why */
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_MEMORY,
                MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) (s->config.idle_timeout_usec / USEC_PER_SEC),
                MHD_OPTION_NOTIFY_CONNECTION, connection_notify, d,
                MHD_OPTION_NOTIFY_COMPLETED, on_completed, d,
                MHD_OPTION_UNESCAPE_CALLBACK, unescape, d,
                MHD_OPTION_END);
        if (!d->mhd)
                return -EIO;
        info = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
        if (!info)
                return -EIO;
        r = sd_event_add_io(s->event, &d->io, info->epoll_fd, EPOLLIN, on_io, d);
        if (r >= 0)
                (void) sd_event_source_set_description(d->io, listener->name);
        return r;
}

int http_server_new(sd_event *event, const HttpServerConfig *config, const HttpListener *listeners, size_t n_listeners,
                    HttpServer **ret) {
        _cleanup_(http_server_freep) HttpServer *s = NULL;
        int r;

        s = new0(HttpServer, 1);
        if (!s)
                return -ENOMEM;
        s->config = *config;
        s->event = sd_event_ref(event);
        s->timer_at = USEC_INFINITY;
        list_init(&s->waiting);
        list_init(&s->held);
        list_init(&s->streams);
        list_init(&s->free);
        r = sd_event_add_defer(event, &s->pump, on_pump, s);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(s->pump, "http-pump");
        r = sd_event_add_time(event, &s->timer, CLOCK_MONOTONIC, 0, 100 * USEC_PER_MSEC, on_timer, s);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(s->timer, "http-timeout");
        (void) sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);

        s->daemons = new0(Daemon, n_listeners);
        if (!s->daemons)
                return -ENOMEM;
        for (; s->n_daemons < n_listeners; s->n_daemons++) {
                r = daemon_start(s, &s->daemons[s->n_daemons], &listeners[s->n_daemons]);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(s);
        return 0;
}

void http_server_drain(HttpServer *s) {
        HttpRequest *req;

        for (size_t i = 0; i < s->n_daemons && !s->draining; i++)
                (void) MHD_quiesce_daemon(s->daemons[i].mhd); /* the listening socket is the caller's, and may be systemd's */
        s->draining = true;
        LIST_FOREACH(req, &s->streams, HttpRequest, stream_link)
                http_stream_wake(req);
        set_all_due(s);
        pump_soon(s);
}

/* Until a connection has something, or for a moment. */
static void wait_for_input(HttpServer *s) {
        _cleanup_free_ struct pollfd *fds = new0(struct pollfd, s->n_daemons);

        for (size_t i = 0; fds && i < s->n_daemons; i++)
                fds[i] = (struct pollfd) { .fd = sd_event_source_get_io_fd(s->daemons[i].io), .events = POLLIN };
        (void) poll(fds, fds ? s->n_daemons : 0, LAST_WAIT_MSEC);
}

/* Whoever waits for something hears that it will not come. */
static void answer_all(HttpServer *s) {
        HttpRequest *req;

        http_server_fail_held(s, 0, -EAGAIN, "the server is stopping");
        LIST_FOREACH(req, &s->held, HttpRequest, link)
                if (http_reply_error(req, -EAGAIN, NULL) < 0)
                        request_resume(req);
        LIST_FOREACH(req, &s->streams, HttpRequest, stream_link)
                http_stream_wake(req);
}

static bool is_suspended(const HttpServer *s) {
        return !list_is_empty(&s->held) || !list_is_empty(&s->waiting) || s->n_streams > 0;
}

/* libmicrohttpd must not be stopped while anything is suspended: everything is answered and resumed first, again and again, as requests
 * come meanwhile. */
static void end_requests(HttpServer *s) {
        usec_t end = usec_add(now_monotonic(), LAST_REQUESTS_USEC), now;
        bool again;

        http_server_drain(s);
        do {
                answer_all(s);
                set_all_due(s);
                again = run_daemons(s);
                now = now_monotonic();
                if (!again && s->n_busy + s->n_streams + s->n_fresh > 0 && now < end)
                        wait_for_input(s);
        } while ((s->n_busy + s->n_streams + s->n_fresh > 0 && now < end) || (is_suspended(s) && now < usec_add(end, USEC_PER_SEC)));
}

HttpServer *http_server_free(HttpServer *s) {
        ListLink *l;

        if (!s)
                return NULL;
        if (s->n_daemons > 0)
                end_requests(s);
        for (size_t i = 0; i < s->n_daemons; i++) {
                sd_event_source_disable_unref(s->daemons[i].io);
                MHD_stop_daemon(s->daemons[i].mhd);
        }
        while ((l = list_first(&s->free))) {
                HttpRequest *req = container_of(l, HttpRequest, link);

                list_remove(l);
                free(req->body);
                free(req);
        }
        sd_event_source_disable_unref(s->pump);
        sd_event_source_disable_unref(s->timer);
        sd_event_unref(s->event);
        free(s->uid_counts);
        free(s->daemons);
        return mfree(s);
}

unsigned http_server_busy(const HttpServer *s) {
        return s->n_busy;
}

unsigned http_server_connections(const HttpServer *s) {
        return s->n_connections;
}

unsigned http_server_streams(const HttpServer *s) {
        return s->n_streams;
}

void http_server_set_limits(HttpServer *s, unsigned connections_max, unsigned per_uid_max, size_t max) {
        s->config.connections_max = connections_max;
        s->config.connections_per_uid_max = per_uid_max;
        s->config.body_max = max;
}
