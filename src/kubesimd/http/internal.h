/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the engine's files share. Nobody outside http/ includes this, nor <microhttpd.h>. */

#include <microhttpd.h>
#include <string.h>

#include "basic/error.h"
#include "basic/list.h"
#include "basic/time-util.h"
#include "kubesimd/http/server.h"

#define PARAMS_MAX 6
#define HIDDEN_SLASH '\x01' /* what "%2F" is while a path is being cut up */
#define HEADERS_MAX 24

typedef struct Daemon Daemon;
typedef struct Connection Connection;

/* One listening socket and libmicrohttpd's daemon on it. */
struct Daemon {
        HttpServer *server;
        HttpListener listener;
        struct MHD_Daemon *mhd;
        unsigned n_connections; /* after its last run */
        bool due;               /* it has something to do: each run of one that has not is a system call for nothing */
        sd_event_source *io;
};

/* One connection: lives as long as libmicrohttpd keeps it. */
struct Connection {
        Daemon *daemon;
        int fd;
        pid_t pid;
        uid_t uid;
        gid_t gid;
        char peer_name[64];
        struct UidCount *uid_count; /* whose connections it counts among, Unix sockets only */
        bool over_limit;            /* its first request is answered with an error */
        bool fresh;                 /* its first request has not come yet */
};

typedef enum RequestState {
        REQUEST_READING,
        REQUEST_HANDLING,
        REQUEST_HELD,      /* suspended; somebody will reply */
        REQUEST_WAITING,   /* replied, suspended until the watermark has passed */
        REQUEST_RESUMED,   /* the reply is to be queued when libmicrohttpd calls again */
        REQUEST_ANSWERED,
} RequestState;

typedef struct Header {
        char *name, *value; /* owned */
} Header;

/* Makes hidden slashes slashes, in place. Returns s. */
static inline char *show_slashes(char *s) {
        for (char *p = s; (p = strchr(p, HIDDEN_SLASH)); p++)
                *p = '/';
        return s;
}

struct HttpRequest {
        HttpServer *server;
        Connection *connection;
        struct MHD_Connection *mhd;
        RequestState state;
        HttpMethod method;
        bool head; /* a GET without the body: HEAD */
        const char *path;
        const HttpRoute *route; /* NULL when none matched */
        char *params[PARAMS_MAX];
        char *path_copy; /* owned; params point into it; NULL when there are none */
        void *identity;
        usec_t begun;

        char *body; /* owned */
        size_t body_size, body_allocated;
        int body_error; /* what is wrong with the body while it is still being read */

        Header headers[HEADERS_MAX];
        size_t n_headers;
        struct MHD_Response *response; /* ready to be queued */
        unsigned status;
        uint64_t mark;
        ListLink link; /* in HttpServer.held (REQUEST_HELD) or .waiting (REQUEST_WAITING), or .free */

        void (*gone)(HttpRequest *req, void *userdata);
        void *gone_userdata;

        http_stream_read_t read;
        void (*free_stream)(void *userdata);
        void *stream_userdata;
        bool stream_asleep, stream_ended;
        bool stream_yielded; /* it sleeps until the next turn */
        usec_t wake_by; /* monotonic, of a stream; USEC_INFINITY = it need not be */
        ListLink stream_link; /* in HttpServer.streams */
};

struct HttpServer {
        sd_event *event;
        HttpServerConfig config;
        Daemon *daemons;
        size_t n_daemons;
        struct UidCount *uid_counts;
        size_t n_uid_counts;

        uint64_t mark;
        ListLink waiting; /* by mark, ascending */
        ListLink held;
        ListLink streams;
        ListLink free;
        unsigned n_free, n_busy, n_streams, n_yielded, n_connections, n_fresh;
        unsigned n_gzips; /* answers that are being compressed, or wait to be */
        bool draining;

        sd_event_source *pump;  /* runs libmicrohttpd at the end of the loop's turn */
        sd_event_source *timer; /* its timeouts, and a look at sleeping streams */
        usec_t timer_at;        /* USEC_INFINITY when off */
        usec_t looked_at;       /* when all sleeping streams were woken last */
};

/* server.c: lets the request's daemon go on, at the end of the loop's turn. */
void request_pump(HttpRequest *req);
/* request.c */
HttpRequest *request_new(HttpServer *s);
void request_free(HttpRequest *req);
/* reply.c: queues what is ready; call only from within libmicrohttpd's handler. */
enum MHD_Result request_queue_response(HttpRequest *req);
/* The response that will be queued, with its headers. */
void request_set_response(HttpRequest *req, struct MHD_Response *response, unsigned status, const char *content_type, bool chunked, bool compressed);
/* A compressor that has taken over the source; NULL when the client wants none, or there cannot be one. */
struct Gzip *request_compress(HttpRequest *req, http_stream_read_t read, void (*free_source)(void *userdata), void *userdata);
/* Suspends the request until the watermark has passed its mark. */
void request_wait(HttpRequest *req);
void request_resume(HttpRequest *req);
/* The reply is complete: it is sent now, or when the watermark has passed `mark`. */
int request_finish(HttpRequest *req, uint64_t mark);
int request_reply_problem(HttpRequest *req, int code, unsigned status, const Error *error);
/* stream.c */
void stream_end(HttpRequest *req);
/* Asks those again that have yielded. */
void streams_go_on(HttpServer *s);
/* router.c: 0, -ENOENT, or -EOPNOTSUPP with the allowed methods in `allow`. */
int router_match(HttpServer *s, HttpRequest *req, const char *path, StrBuf *allow);
HttpMethod http_method_from_string(const char *s);
/* connection.c */
/* Counts those whose first request has not come yet. */
void connection_set_fresh(Connection *c, bool fresh);
void connection_notify(void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code);
