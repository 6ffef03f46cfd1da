/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/http/gzip.h"
#include "kubesimd/http/internal.h"

#define BLOCK (32 * KIB)

/* libmicrohttpd asks for more of the body. */
static ssize_t read_block(void *cls, uint64_t position _unused_, char *buffer, size_t max) {
        HttpRequest *req = cls;
        ssize_t n;

        if (req->stream_ended || req->server->draining)
                return MHD_CONTENT_READER_END_OF_STREAM;
        n = req->read(buffer, max, req->stream_userdata);
        if (n > 0)
                return n;
        if (n < 0 && n != -EAGAIN) {
                req->stream_ended = true;
                return n == -ENODATA ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
        }
        if (n == -EAGAIN) {
                req->stream_yielded = true;
                req->server->n_yielded++;
                request_pump(req);
        }
        req->stream_asleep = true;
        MHD_suspend_connection(req->mhd);
        return 0;
}

void streams_go_on(HttpServer *s) {
        HttpRequest *req;

        if (s->n_yielded == 0)
                return;
        LIST_FOREACH(req, &s->streams, HttpRequest, stream_link)
                if (req->stream_yielded)
                        http_stream_wake(req);
}

void stream_end(HttpRequest *req) {
        if (!req->free_stream)
                return;
        req->server->n_yielded -= req->stream_yielded;
        req->stream_yielded = false;
        req->stream_ended = true;
        req->free_stream(req->stream_userdata);
        req->free_stream = NULL;
        list_remove(&req->stream_link);
        req->server->n_streams--;
        req->server->n_busy++; /* streams are not counted as busy, and request_free() takes it back */
}

int http_reply_stream(HttpRequest *req, const char *content_type, uint64_t mark, bool compress, http_stream_read_t read,
                      void (*free_stream)(void *userdata), void *userdata) {
        struct MHD_Response *response;
        Gzip *gzip = NULL;

        assert(req->state == REQUEST_HANDLING);

        if (compress)
                gzip = request_compress(req, read, free_stream, userdata);
        if (gzip) {
                read = gzip_read;
                free_stream = gzip_free;
                userdata = gzip;
        }
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_block, req, NULL);
        if (!response) {
                free_stream(userdata);
                return -ENOMEM;
        }
        request_set_response(req, response, 200, content_type, true, gzip);
        req->read = read;
        req->wake_by = USEC_INFINITY;
        req->free_stream = free_stream;
        req->stream_userdata = userdata;
        list_append(&req->server->streams, &req->stream_link);
        req->server->n_streams++;
        req->server->n_busy--;
        return request_finish(req, mark);
}

void http_stream_wake(HttpRequest *req) {
        if (!req->stream_asleep)
                return;
        req->stream_asleep = false;
        req->server->n_yielded -= req->stream_yielded;
        req->stream_yielded = false;
        MHD_resume_connection(req->mhd);
        request_pump(req);
}
