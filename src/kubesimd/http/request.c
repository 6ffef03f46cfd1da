/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/alloc-util.h"
#include "kubesimd/http/internal.h"

#define FREE_MAX 256
#define BODY_KEPT_MAX (16 * KIB)

HttpRequest *request_new(HttpServer *s) {
        ListLink *l = list_first(&s->free);
        HttpRequest *req;

        if (l) {
                list_remove(l);
                s->n_free--;
                req = container_of(l, HttpRequest, link);
        } else {
                req = new0(HttpRequest, 1);
                if (!req)
                        return NULL;
        }
        req->server = s;
        s->n_busy++;
        return req;
}

static void drop_headers(HttpRequest *req) {
        for (size_t i = 0; i < req->n_headers; i++) {
                free(req->headers[i].name);
                free(req->headers[i].value);
        }
        req->n_headers = 0;
}

/* The request is over. Its memory, and a small body's, serves the next one. */
void request_free(HttpRequest *req) {
        HttpServer *s = req->server;
        char *body;
        size_t allocated;

        list_remove(&req->link);
        if (req->gone)
                req->gone(req, req->gone_userdata);
        stream_end(req);
        if (s->config.forget && req->identity)
                s->config.forget(req->identity);
        drop_headers(req);
        free(req->path_copy);
        if (req->response)
                MHD_destroy_response(req->response);
        s->n_busy--;

        if (req->body_allocated > BODY_KEPT_MAX) {
                req->body = mfree(req->body);
                req->body_allocated = 0;
        }
        body = req->body;
        allocated = req->body_allocated;
        *req = (HttpRequest) { .server = s, .body = body, .body_allocated = allocated };
        if (s->n_free >= FREE_MAX) {
                free(body);
                free(req);
                return;
        }
        list_append(&s->free, &req->link);
        s->n_free++;
}

HttpMethod http_request_method(const HttpRequest *req) {
        return req->method;
}

const char *http_request_path(const HttpRequest *req) {
        return req->path;
}

const char *http_request_param(const HttpRequest *req, unsigned i) {
        assert(i < PARAMS_MAX && req->params[i]);
        return req->params[i];
}

const char *http_request_query(HttpRequest *req, const char *name) {
        const char *value = NULL;
        size_t size;

        if (MHD_lookup_connection_value_n(req->mhd, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, &size) != MHD_YES)
                return NULL;
        return value ? show_slashes((char*) value) : ""; /* in the connection's own memory */
}

const char *http_request_header(HttpRequest *req, const char *name) {
        return MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name);
}

typedef struct Visit {
        void (*visit)(const char *name, const char *value, void *userdata);
        void *userdata;
} Visit;

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind _unused_, const char *name, const char *value) {
        const Visit *v = cls;

        v->visit(name, value ?: "", v->userdata);
        return MHD_YES;
}

void http_request_each_header(HttpRequest *req, void (*visit)(const char *name, const char *value, void *userdata), void *userdata) {
        (void) MHD_get_connection_values(req->mhd, MHD_HEADER_KIND, on_header, &(Visit) { .visit = visit, .userdata = userdata });
}

bool http_request_is_head(const HttpRequest *req) {
        return req->head;
}

char *http_request_body(HttpRequest *req, size_t *ret_size) {
        static char empty[1];

        *ret_size = req->body_size;
        if (!req->body)
                return empty;
        req->body[req->body_size] = '\0';
        return req->body;
}

bool http_request_is_local(const HttpRequest *req) {
        return req->connection->daemon->listener.local;
}

void http_request_peer(const HttpRequest *req, pid_t *ret_pid, uid_t *ret_uid, gid_t *ret_gid) {
        *ret_pid = req->connection->pid;
        *ret_uid = req->connection->uid;
        *ret_gid = req->connection->gid;
}

const char *http_request_peer_name(HttpRequest *req) {
        return req->connection->peer_name;
}

void *http_request_identity(const HttpRequest *req) {
        return req->identity;
}

const HttpRoute *http_request_route(const HttpRequest *req) {
        return req->route;
}
