/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An HTTP client on the sd-event loop: libcurl's multi interface, one request at a time, its connection kept. */

#include <systemd/sd-event.h>

#include "basic/strbuf.h"

typedef struct HttpClient HttpClient;

typedef struct HttpResult {
        int error;          /* 0: there is an answer; else a negative errno: -ETIMEDOUT, -ECONNREFUSED, ... */
        const char *detail; /* what libcurl says of the error, or NULL */
        unsigned status;
        char *body;         /* writable, with one writable byte after it; the callee may overwrite it */
        size_t body_size;
} HttpResult;

typedef void (*http_client_done_t)(const HttpResult *result, void *userdata);

/* Takes what a stream brings, as it comes. It must not call the client. */
typedef void (*http_client_data_t)(const char *data, size_t size, void *userdata);

/* server: "unix:/PATH" or "http(s)://HOST:PORT". done is called once per request, from the loop. */
int http_client_new(sd_event *event, const char *server, http_client_done_t done, void *userdata, HttpClient **ret);
HttpClient *http_client_free(HttpClient *c);
DEFINE_CLEANUP(HttpClient*, http_client_free)
/* Sets the bearer token (NULL: none); copied. */
int http_client_set_token(HttpClient *c, const char *token);
/* POSTs body (copied) to path; prefer_wait: seconds of "Prefer: wait=", 0 for none. -EBUSY while one is under way. */
int http_client_post(HttpClient *c, const char *path, const char *body, size_t size, unsigned prefer_wait, usec_t timeout);
/* GETs path, whose answer comes piece by piece and goes to data when its status is 200; done is called when it has ended, for which
 * a silence longer than that (whole seconds) counts. -EBUSY while a request is under way. */
int http_client_stream(HttpClient *c, const char *path, http_client_data_t data, usec_t silence);
/* Gives the request under way up; done is not called for it. */
void http_client_cancel(HttpClient *c);
