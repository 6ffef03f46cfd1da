/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "kubesimd/http/gzip.h"
#include "kubesimd/http/internal.h"

#define PROBLEM_MAX (64 * KIB)
/* Bodies from here on are compressed for those who want it: kube-apiserver's measure. */
#define GZIP_MIN (128 * KIB)
/* So many answers are compressed at a time, a third of a MiB each; further ones go out as they are. */
#define GZIPS_MAX 64
#define GZIP_BLOCK (32 * KIB)

int http_request_add_header(HttpRequest *req, const char *name, const char *value) {
        Header *h;

        if (req->n_headers >= HEADERS_MAX)
                return -ENOBUFS;
        h = &req->headers[req->n_headers];
        h->name = strdup(name);
        h->value = strdup(value);
        if (!h->name || !h->value) {
                free(h->name);
                free(h->value);
                return -ENOMEM;
        }
        req->n_headers++;
        return 0;
}

Gzip *request_compress(HttpRequest *req, http_stream_read_t read, void (*free_source)(void *userdata), void *userdata) {
        HttpServer *s = req->server;
        Gzip *g;

        if (s->n_gzips >= GZIPS_MAX || !gzip_is_wanted(http_request_header(req, MHD_HTTP_HEADER_ACCEPT_ENCODING)))
                return NULL;
        return gzip_new(read, free_source, userdata, &s->n_gzips, &g) < 0 ? NULL : g;
}

void request_set_response(HttpRequest *req, struct MHD_Response *response, unsigned status, const char *content_type, bool chunked, bool compressed) {
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        if (compressed) {
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
        }
        if (req->head && chunked) /* libmicrohttpd (0.9.75) sends the chunk that ends the body, which a client would take for the next answer */
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        for (size_t i = 0; i < req->n_headers; i++)
                (void) MHD_add_response_header(response, req->headers[i].name, req->headers[i].value);
        if (req->response)
                MHD_destroy_response(req->response);
        req->response = response;
        req->status = status;
}

enum MHD_Result request_queue_response(HttpRequest *req) {
        enum MHD_Result r;

        assert(req->response);
        r = MHD_queue_response(req->mhd, req->status, req->response);
        MHD_destroy_response(req->response);
        req->response = NULL;
        req->state = REQUEST_ANSWERED;
        return r;
}

void request_wait(HttpRequest *req) {
        HttpServer *s = req->server;
        ListLink *at;

        if (req->state != REQUEST_HELD)
                MHD_suspend_connection(req->mhd);
        list_remove(&req->link);
        req->state = REQUEST_WAITING;

        /* Marks nearly always grow, so the search from the end is over at once. */
        for (at = s->waiting.prev; at != &s->waiting; at = at->prev)
                if (container_of(at, HttpRequest, link)->mark <= req->mark)
                        break;
        list_append(at->next, &req->link); /* before what follows */
}

void request_resume(HttpRequest *req) {
        list_remove(&req->link);
        req->state = REQUEST_RESUMED;
        MHD_resume_connection(req->mhd);
        request_pump(req);
}

int request_finish(HttpRequest *req, uint64_t mark) {
        req->mark = mark;
        if (mark > req->server->mark)
                request_wait(req);
        else if (req->state == REQUEST_HELD)
                request_resume(req);
        else
                req->state = REQUEST_RESUMED; /* queued by whoever called the handler */
        return 0;
}

/* A whole body as the source of a stream. */
typedef struct Text {
        char *data; /* owned */
        size_t size, sent;
} Text;

static ssize_t text_read(char *buffer, size_t size, void *userdata) {
        Text *t = userdata;

        size = MIN(size, t->size - t->sent);
        if (size == 0)
                return -ENODATA;
        memcpy(buffer, t->data + t->sent, size);
        t->sent += size;
        return (ssize_t) size;
}

static void text_free(void *userdata) {
        Text *t = userdata;

        free(t->data);
        free(t);
}

static ssize_t read_compressed(void *cls, uint64_t position _unused_, char *buffer, size_t max) {
        ssize_t n = gzip_read(buffer, max, cls);

        return n > 0 ? n : n == -ENODATA ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The text as a body that is compressed while it is being sent: takes it over. NULL when that is not wanted, or not possible. */
static struct MHD_Response *make_compressed(HttpRequest *req, char *text, size_t size) {
        struct MHD_Response *response;
        Text *t;
        Gzip *g;

        if (size < GZIP_MIN)
                return NULL;
        t = new0(Text, 1);
        if (!t)
                return NULL;
        *t = (Text) { .size = size };
        g = request_compress(req, text_read, text_free, t);
        if (!g) {
                text_free(t);
                return NULL;
        }
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, GZIP_BLOCK, read_compressed, g, gzip_free);
        if (!response) {
                gzip_free(g);
                return NULL;
        }
        t->data = text;
        return response;
}

int http_reply(HttpRequest *req, unsigned status, const char *content_type, StrBuf *body, uint64_t mark) {
        struct MHD_Response *response, *compressed;
        size_t size;
        char *text;

        if (strbuf_error(body) < 0)
                return strbuf_error(body);
        text = strbuf_steal(body, &size);
        if (!text)
                return -ENOMEM;
        compressed = make_compressed(req, text, size);
        response = compressed ?: MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                free(text);
                return -ENOMEM;
        }
        request_set_response(req, response, status, content_type, compressed, compressed);
        return request_finish(req, mark);
}

int request_reply_problem(HttpRequest *req, int code, unsigned status, const Error *error) {
        _cleanup_strbuf_ StrBuf body = STRBUF_INIT(PROBLEM_MAX);
        const char *type = "application/problem+json";
        Error plain = { .code = code };

        req->server->config.problem(req, status, error && error->code != 0 ? error : &plain, &body, &type,
                                    req->server->config.userdata);
        if (status == 429 || status == 503)
                (void) http_request_add_header(req, MHD_HTTP_HEADER_RETRY_AFTER, "1");
        if (status == 401)
                (void) http_request_add_header(req, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"kubesim\"");
        return http_reply(req, status, type, &body, 0);
}

int http_reply_error(HttpRequest *req, int code, const Error *error) {
        return request_reply_problem(req, code, req->server->config.status(code), error);
}

void http_request_hold(HttpRequest *req, void (*gone)(HttpRequest *req, void *userdata), void *userdata) {
        assert(req->state == REQUEST_HANDLING);
        req->gone = gone;
        req->gone_userdata = userdata;
        req->state = REQUEST_HELD;
        MHD_suspend_connection(req->mhd);
        list_append(&req->server->held, &req->link);
}

void http_request_drop(HttpRequest *req) {
        assert(req->state == REQUEST_HELD);
        request_resume(req); /* without an answer libmicrohttpd closes the connection */
}

void http_server_release(HttpServer *s, uint64_t mark) {
        ListLink *l;

        if (mark > s->mark)
                s->mark = mark;
        while ((l = list_first(&s->waiting))) {
                HttpRequest *req = container_of(l, HttpRequest, link);

                if (req->mark > s->mark)
                        break;
                request_resume(req);
        }
}

void http_server_fail_held(HttpServer *s, uint64_t mark, int code, const char *message) {
        _cleanup_error_ Error error = ERROR_NULL;
        HttpRequest *req;

        (void) error_set(&error, code, "%s", message);
        LIST_FOREACH(req, &s->waiting, HttpRequest, link) {
                if (req->mark <= mark)
                        continue;
                stream_end(req);
                req->state = REQUEST_HELD; /* it is suspended, and gets another answer, or none */
                list_remove(&req->link);
                MHD_destroy_response(req->response); /* what it says never came to be */
                req->response = NULL;
                if (http_reply_error(req, code, &error) < 0)
                        request_resume(req);
        }
}
