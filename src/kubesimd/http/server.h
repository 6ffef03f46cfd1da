/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The HTTP engine: libmicrohttpd on the sd-event loop, one daemon per listening socket, one thread. It knows
 * requests, routes, bodies, replies and streams; nothing of the cluster, of JSON or of durability. The one thing
 * it offers for the latter is a watermark: a reply or a stream's bytes may say "not before the watermark has
 * passed N", and are held until http_server_release(N). */

#include <systemd/sd-event.h>

#include "basic/strbuf.h"

typedef struct HttpServer HttpServer;
typedef struct HttpRequest HttpRequest;

typedef enum HttpMethod {
        HTTP_GET, /* also answers HEAD */
        HTTP_POST,
        HTTP_PUT,
        HTTP_PATCH,
        HTTP_DELETE,
        HTTP_OPTIONS,
        _HTTP_METHOD_MAX,
        _HTTP_METHOD_INVALID = -22,
} HttpMethod;

/* Who may use a route; the zero value refuses everybody, so that a forgotten column fails closed. */
typedef enum HttpAccess {
        HTTP_ACCESS_NONE,
        HTTP_ACCESS_PUBLIC, /* anybody who may connect: health, version */
        HTTP_ACCESS_USER,   /* whoever has shown who they are, whatever they may do: discovery, who am I */
        HTTP_ACCESS_READ,   /* viewer, admin */
        HTTP_ACCESS_NODE,   /* the node itself, admin: heartbeats */
        HTTP_ACCESS_WRITE,  /* admin */
} HttpAccess;

/* Handles a whole request (body read). Must end in exactly one of: a reply, a stream, or http_request_hold().
 * A negative return with nothing replied becomes a problem document from the errno and *reterr. */
typedef int (*http_handler_t)(HttpRequest *req, void *userdata, Error *reterr);

typedef struct HttpRoute {
        HttpMethod method;
        const char *pattern;  /* "/nodes/{id}/stop": a {name} is one non-empty segment, percent-decoded */
        HttpAccess access;
        size_t body_max;      /* bytes; 0 = the request must not have a body (an empty one is fine) */
        bool json;            /* the body must be JSON: other Content-Types are 415 (none given is accepted) */
        http_handler_t handle;
} HttpRoute;

/* What a TLS listener shows and asks for; all PEM, borrowed. */
typedef struct HttpTls {
        const char *certificate, *key;
        const char *authority; /* whose clients' certificates are believed */
} HttpTls;

typedef struct HttpListener {
        int fd;           /* listening socket; owned by the caller, must outlive the server; never shut down */
        const char *name; /* "local", "http": borrowed */
        bool local;       /* a Unix socket: peers have credentials */
        const HttpTls *tls; /* borrowed; NULL: plain */
} HttpListener;

/* Called once per request before its body is read: decides whether this peer may use a route of that access
 * class and answers 0, or a negative errno with *reterr (-ENOKEY: 401, -EACCES: 403, -EDQUOT: 429, ...).
 * It also checks Host and Origin for TCP. *ret_identity is what http_request_identity() will give; it is set as soon as it is known
 * who asks, also when that one is then refused. */
typedef int (*http_authorize_t)(HttpRequest *req, HttpAccess access, void *userdata, void **ret_identity,
                                Error *reterr);
/* The request of that identity is over. */
typedef void (*http_forget_t)(void *identity);
/* Makes the body of an error reply: an RFC 9457 document (or another, by the path). *ret_type is the Content-Type. */
typedef void (*http_problem_t)(HttpRequest *req, unsigned status, const Error *error, StrBuf *body,
                               const char **ret_type, void *userdata);
/* Maps a negative errno to an HTTP status. */
typedef unsigned (*http_status_t)(int code);
/* Called when a request is over, for metrics: route is NULL when none matched. */
typedef void (*http_done_t)(HttpRequest *req, const HttpRoute *route, unsigned status, usec_t took, void *userdata);

typedef struct HttpServerConfig {
        const HttpRoute *routes; /* borrowed, must outlive the server */
        size_t n_routes;
        unsigned connections_max;      /* per server; a further connection is answered 503 or closed */
        unsigned connections_per_uid_max; /* Unix sockets only; 0 = unlimited */
        size_t body_max;               /* over every route's own maximum */
        size_t target_max;             /* longer request targets are 414 */
        usec_t idle_timeout_usec;      /* idle keep-alive connections are closed after this */
        http_authorize_t authorize;
        http_forget_t forget; /* may be NULL */
        http_problem_t problem;
        http_status_t status;
        http_done_t done; /* may be NULL */
        void *userdata;   /* of all the callbacks and handlers; borrowed */
} HttpServerConfig;

int http_server_new(sd_event *event, const HttpServerConfig *config, const HttpListener *listeners,
                    size_t n_listeners, HttpServer **ret);
/* Ends every stream, answers every held request with 503 and gives connections without a request a moment to send it, then
 * stops. Listening sockets stay open. NULL is fine. */
HttpServer *http_server_free(HttpServer *s);
DEFINE_CLEANUP(HttpServer*, http_server_free)
/* From now on new connections are left to whoever has the listening sockets next; requests of those that are there are
 * answered 503 with Retry-After (GET of public routes goes on). Streams end. */
void http_server_drain(HttpServer *s);
/* How many requests are being answered or held (streams not counted). */
unsigned http_server_busy(const HttpServer *s);
unsigned http_server_connections(const HttpServer *s);
unsigned http_server_streams(const HttpServer *s);
/* Changes what may change while running; borrowed pointers as above. */
void http_server_set_limits(HttpServer *s, unsigned connections_max, unsigned per_uid_max, size_t body_max);

/* The watermark has reached `mark`: what waits for it or for less goes out. */
void http_server_release(HttpServer *s, uint64_t mark);
/* What waits for more than `mark` is answered with this error instead, and will never be released. */
void http_server_fail_held(HttpServer *s, uint64_t mark, int code, const char *message);

/* --- A request. All strings are borrowed from it. --- */
HttpMethod http_request_method(const HttpRequest *req);
const char *http_request_path(const HttpRequest *req);          /* without the query */
const char *http_request_param(const HttpRequest *req, unsigned i); /* the i-th {name} of the pattern */
const char *http_request_query(HttpRequest *req, const char *name); /* decoded; NULL when absent, "" when bare */
const char *http_request_header(HttpRequest *req, const char *name); /* NULL when absent */
/* Calls visit with each header, in the order in which they came. */
void http_request_each_header(HttpRequest *req, void (*visit)(const char *name, const char *value, void *userdata), void *userdata);
bool http_request_is_head(const HttpRequest *req);
/* The route of that method and path (without the query), or NULL. */
const HttpRoute *http_find_route(HttpRequest *req, HttpMethod method, const char *path);
/* "GET" */
const char *http_method_to_string(HttpMethod m);
char *http_request_body(HttpRequest *req, size_t *ret_size);    /* writable, with one writable byte after it */
bool http_request_is_local(const HttpRequest *req);
/* Credentials of a Unix peer (-1 for TCP), asked once per connection. */
void http_request_peer(const HttpRequest *req, pid_t *ret_pid, uid_t *ret_uid, gid_t *ret_gid);
/* The common name and the organization of a TLS client's certificate: 1; 0 when it has shown none; -EKEYREJECTED when it is not
 * one of our authority's. */
int http_request_subject(const HttpRequest *req, char *user, size_t user_size, char *group, size_t group_size);
/* "10.0.0.1" of a TCP peer, "uid 1000" of a Unix one: for logs and rate limits. */
const char *http_request_peer_name(HttpRequest *req);
void *http_request_identity(const HttpRequest *req); /* what authorize gave */
const HttpRoute *http_request_route(const HttpRequest *req);

/* --- Answering --- */
/* Adds a header to the answer to come; both are copied. */
int http_request_add_header(HttpRequest *req, const char *name, const char *value);
/* Answers with the text of body (stolen; body is empty after), once the watermark has reached `mark` (0: at once).
 * content_type is a string literal. A long body is compressed for clients that accept gzip. */
int http_reply(HttpRequest *req, unsigned status, const char *content_type, StrBuf *body, uint64_t mark);
/* Answers with a problem document. */
int http_reply_error(HttpRequest *req, int code, const Error *error);
/* Lets the handler return without an answer: the request is suspended until http_reply*() is called for it from
 * elsewhere, or it is gone: then `gone` is called (also at shutdown, and after the answer was sent). */
void http_request_hold(HttpRequest *req, void (*gone)(HttpRequest *req, void *userdata), void *userdata);
/* For one that is held and cannot be answered: its connection is closed. */
void http_request_drop(HttpRequest *req);

/* A stream fills `buffer` with up to `size` bytes and returns how many, 0 = nothing now (it sleeps until
 * http_stream_wake()), -EAGAIN = there is more, but this has taken long enough: it is asked again in the next turn of the loop;
 * negative = the end (-ENODATA: a clean end, else the connection is cut). */
typedef ssize_t (*http_stream_read_t)(char *buffer, size_t size, void *userdata);
/* Answers 200 with a chunked stream once the watermark has reached `mark` (0: at once). `free_stream` is called exactly once, when
 * it is over. `compress`: it may be compressed for clients that accept gzip; not for what is to be seen as soon as it happens. */
int http_reply_stream(HttpRequest *req, const char *content_type, uint64_t mark, bool compress, http_stream_read_t read,
                      void (*free_stream)(void *userdata), void *userdata);
/* A sleeping stream has something to say again. Safe to call at any time. */
void http_stream_wake(HttpRequest *req);
/* The stream has something to say at that time (monotonic), if it is not woken before; USEC_INFINITY takes that back. */
void http_stream_wake_by(HttpRequest *req, usec_t at);
