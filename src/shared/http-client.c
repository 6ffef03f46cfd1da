/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/http-client.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

#define ANSWER_MAX (16 * MIB)


struct HttpClient {
        sd_event *event;
        CURLM *multi;
        CURL *easy;
        struct curl_slist *headers;
        unsigned headers_wait; /* seconds of the Prefer: among them */
        bool headers_stale;    /* they have a token of before, for the request under way */
        sd_event_source *timer;
        sd_event_source *finished; /* hands the answer over outside of libcurl's own calls */
        bool busy;
        char *base;   /* "http://localhost" for Unix sockets */
        char *socket; /* NULL for TCP */
        char *token;
        char *body;
        StrBuf answer;
        CURLcode code;
        http_client_done_t done;
        http_client_data_t data; /* of the stream under way; NULL: it is none */
        void *userdata;
};

static void check_finished(HttpClient *c) {
        CURLMsg *msg;
        int left;

        while ((msg = curl_multi_info_read(c->multi, &left)))
                if (msg->msg == CURLMSG_DONE) {
                        c->code = msg->data.result;
                        (void) sd_event_source_set_enabled(c->finished, SD_EVENT_ONESHOT);
                }
}

static int on_socket(sd_event_source *source _unused_, int fd, uint32_t revents, void *userdata) {
        HttpClient *c = userdata;
        int action = (revents & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) | (revents & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                     (revents & EPOLLERR ? CURL_CSELECT_ERR : 0);
        int running;

        (void) curl_multi_socket_action(c->multi, fd, action, &running);
        check_finished(c);
        return 0;
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        HttpClient *c = userdata;
        int running;

        (void) curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        check_finished(c);
        return 0;
}

static int want_socket(CURL *easy _unused_, curl_socket_t fd, int what, void *userdata, void *per_socket) {
        uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
        sd_event_source *source = per_socket;
        HttpClient *c = userdata;

        if (what == CURL_POLL_REMOVE) {
                sd_event_source_disable_unref(source);
                (void) curl_multi_assign(c->multi, fd, NULL);
                return 0;
        }
        if (source)
                return sd_event_source_set_io_events(source, events) < 0 ? -1 : 0;
        if (sd_event_add_io(c->event, &source, fd, events, on_socket, c) < 0)
                return -1;
        (void) sd_event_source_set_description(source, "http-client");
        (void) curl_multi_assign(c->multi, fd, source);
        return 0;
}

static int want_timer(CURLM *multi _unused_, long ms, void *userdata) {
        HttpClient *c = userdata;

        if (ms < 0)
                return sd_event_source_set_enabled(c->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        if (sd_event_source_set_time_relative(c->timer, (usec_t) ms * USEC_PER_MSEC) < 0)
                return -1;
        return sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

static size_t take_data(char *data, size_t one _unused_, size_t size, void *userdata) {
        HttpClient *c = userdata;

        if (c->data) {
                long status = 0;

                (void) curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
                if (status == 200) {
                        c->data(data, size, c->userdata);
                        return size;
                }
        }
        strbuf_append(&c->answer, data, size);
        return strbuf_error(&c->answer) < 0 ? 0 : size;
}

static int error_from_curl(CURLcode code) {
        switch (code) {
        case CURLE_OK:
                return 0;
        case CURLE_COULDNT_CONNECT:
                return -ECONNREFUSED;
        case CURLE_OPERATION_TIMEDOUT:
                return -ETIMEDOUT;
        case CURLE_WRITE_ERROR:
                return -E2BIG;
        case CURLE_OUT_OF_MEMORY:
                return -ENOMEM;
        default:
                return -ECONNRESET;
        }
}

static void end_request(HttpClient *c) {
        (void) curl_multi_remove_handle(c->multi, c->easy);
        c->body = mfree(c->body);
        c->busy = false;
        (void) sd_event_source_set_enabled(c->finished, SD_EVENT_OFF);
}

static int on_finished(sd_event_source *source _unused_, void *userdata) {
        HttpClient *c = userdata;
        HttpResult result = { .error = error_from_curl(c->code) };
        long status = 0;

        (void) curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
        result.status = (unsigned) status;
        if (result.error < 0)
                result.detail = curl_easy_strerror(c->code);
        end_request(c);
        (void) strbuf_str(&c->answer);
        result.body = c->answer.data;
        result.body_size = c->answer.size;
        c->done(&result, c->userdata);
        return 0;
}

static int set_base(HttpClient *c, const char *server) {
        const char *path = startswith(server, "unix:");

        c->base = strdup(path ? "http://localhost" : server);
        if (path)
                c->socket = strdup(path);
        if (!c->base || (path && !c->socket))
                return -ENOMEM;
        while (endswith(c->base, "/"))
                c->base[strlen(c->base) - 1] = '\0';
        return 0;
}

static int set_up_curl(HttpClient *c) {
        /* TLS costs megabytes: only for those who use it. */
        if (curl_global_init(startswith(c->base, "https:") ? CURL_GLOBAL_DEFAULT : CURL_GLOBAL_NOTHING) != CURLE_OK)
                return -ENOMEM;
        c->multi = curl_multi_init();
        c->easy = curl_easy_init();
        if (!c->multi || !c->easy)
                return -ENOMEM;
        (void) curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
        (void) curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
        (void) curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, want_timer);
        (void) curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
        (void) curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L);
        (void) curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, take_data);
        (void) curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
        (void) curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
        (void) curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, 16384L);
        (void) curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
        (void) curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, 1L);
        (void) curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "*");
        if (c->socket)
                (void) curl_easy_setopt(c->easy, CURLOPT_UNIX_SOCKET_PATH, c->socket);
        return 0;
}

int http_client_new(sd_event *event, const char *server, http_client_done_t done, void *userdata, HttpClient **ret) {
        _cleanup_(http_client_freep) HttpClient *c = NULL;
        int r;

        c = new0(HttpClient, 1);
        if (!c)
                return -ENOMEM;
        c->event = sd_event_ref(event);
        c->done = done;
        c->userdata = userdata;
        c->answer = STRBUF_INIT(ANSWER_MAX);
        r = set_base(c, server);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &c->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(event, &c->finished, on_finished, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->finished, SD_EVENT_OFF);
        if (r >= 0)
                r = set_up_curl(c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

static void forget_headers(HttpClient *c) {
        curl_slist_free_all(c->headers);
        c->headers = NULL;
}

HttpClient *http_client_free(HttpClient *c) {
        if (!c)
                return NULL;
        if (c->busy)
                end_request(c);
        if (c->easy)
                curl_easy_cleanup(c->easy);
        if (c->multi)
                (void) curl_multi_cleanup(c->multi);
        forget_headers(c);
        sd_event_source_disable_unref(c->timer);
        sd_event_source_disable_unref(c->finished);
        sd_event_unref(c->event);
        strbuf_done(&c->answer);
        free(c->base);
        free(c->socket);
        free(c->token);
        curl_global_cleanup();
        return mfree(c);
}

int http_client_set_token(HttpClient *c, const char *token) {
        char *copy = token ? strdup(token) : NULL;

        if (token && !copy)
                return -ENOMEM;
        free(c->token);
        c->token = copy;
        if (!c->busy)
                forget_headers(c);
        c->headers_stale = c->busy;
        return 0;
}

static int add_header(HttpClient *c, const char *format, ...) _printf_(2, 3);

static int add_header(HttpClient *c, const char *format, ...) {
        struct curl_slist *list;
        char line[1024];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);
        list = curl_slist_append(c->headers, line);
        if (!list)
                return -ENOMEM;
        c->headers = list;
        return 0;
}

/* The headers of most requests are those of the one before. */
static int set_headers(HttpClient *c, unsigned prefer_wait) {
        int r;

        if (c->headers && c->headers_wait == prefer_wait && !c->headers_stale)
                return 0;
        forget_headers(c);
        c->headers_wait = prefer_wait;
        c->headers_stale = false;
        r = add_header(c, "Content-Type: application/json");
        if (r >= 0)
                r = add_header(c, "Expect:");
        if (r >= 0 && prefer_wait > 0)
                r = add_header(c, "Prefer: wait=%u", prefer_wait);
        if (r >= 0 && c->token)
                r = add_header(c, "Authorization: Bearer %s", c->token);
        if (r < 0)
                forget_headers(c); /* half of them would be taken for all */
        return r;
}

static int begin_request(HttpClient *c, const char *path, unsigned prefer_wait, usec_t timeout) {
        char url[1024];
        int r;

        if (c->busy)
                return -EBUSY;
        if ((size_t) snprintf(url, sizeof(url), "%s%s", c->base, path) >= sizeof(url))
                return -ENAMETOOLONG;
        r = set_headers(c, prefer_wait);
        if (r < 0)
                return r;
        strbuf_clear(&c->answer);
        (void) curl_easy_setopt(c->easy, CURLOPT_URL, url);
        (void) curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
        (void) curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long) (timeout / USEC_PER_MSEC));
        return 0;
}

static int send_request(HttpClient *c) {
        int running;

        c->busy = true;
        if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK) {
                end_request(c);
                return -ENOMEM;
        }
        /* It goes out now, not when libcurl's timer of no milliseconds has come round the loop. */
        (void) curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        check_finished(c);
        return 0;
}

int http_client_post(HttpClient *c, const char *path, const char *body, size_t size, unsigned prefer_wait, usec_t timeout) {
        int r;

        r = begin_request(c, path, prefer_wait, timeout);
        if (r < 0)
                return r;
        c->body = malloc(size + 1);
        if (!c->body)
                return -ENOMEM;
        memcpy(c->body, body, size);
        c->data = NULL;
        (void) curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_TIME, 0L);
        (void) curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE, (long) size);
        (void) curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body);
        return send_request(c);
}

int http_client_stream(HttpClient *c, const char *path, http_client_data_t data, usec_t silence) {
        int r;

        r = begin_request(c, path, 0, 0);
        if (r < 0)
                return r;
        c->data = data;
        (void) curl_easy_setopt(c->easy, CURLOPT_HTTPGET, 1L);
        (void) curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        (void) curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_TIME, (long) (silence / USEC_PER_SEC));
        return send_request(c);
}

void http_client_cancel(HttpClient *c) {
        if (c->busy)
                end_request(c);
}
