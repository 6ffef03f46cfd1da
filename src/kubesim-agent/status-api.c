/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/status-api.h"

#include <microhttpd.h>
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

#define CONNECTIONS_MAX 16
#define CONNECTION_MEMORY 2048
#define CONNECTION_TIMEOUT_SEC 10
#define ANSWER_MAX (8 * MIB)

struct StatusApi {
        struct MHD_Daemon *mhd;
        sd_event_source *io, *timer;
        const StatusRoute *routes;
        void *userdata;
};

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type, StrBuf *b) {
        struct MHD_Response *response;
        enum MHD_Result r;
        size_t size;
        char *text = strbuf_steal(b, &size);

        if (!text)
                return MHD_NO;
        response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                free(text);
                return MHD_NO;
        }
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        r = MHD_queue_response(connection, status, response);
        MHD_destroy_response(response);
        return r;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version _unused_, const char *data _unused_, size_t *size, void **context) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(ANSWER_MAX);
        static int seen;
        StatusApi *s = cls;
        unsigned status;

        if (!*context) {
                *context = &seen; /* wait for the (unwanted) body */
                return MHD_YES;
        }
        if (*size > 0) {
                *size = 0;
                return MHD_YES;
        }
        for (const StatusRoute *r = s->routes; r->method; r++)
                if (streq(r->path, url) && streq(r->method, method)) {
                        status = r->answer(&b, s->userdata);
                        return reply(connection, status, r->content_type, &b);
                }
        strbuf_printf(&b, "there is no %s %s here\n", method, url);
        return reply(connection, 404, "text/plain; charset=utf-8", &b);
}

static void run(StatusApi *s) {
        MHD_UNSIGNED_LONG_LONG ms;

        (void) MHD_run(s->mhd);
        if (MHD_get_timeout(s->mhd, &ms) != MHD_YES) {
                (void) sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_source_set_time_relative(s->timer, (usec_t) ms * USEC_PER_MSEC);
        (void) sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        run(userdata);
        return 0;
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        run(userdata);
        return 0;
}

int status_api_new(sd_event *event, int fd, const StatusRoute *routes, void *userdata, StatusApi **ret) {
        _cleanup_(status_api_freep) StatusApi *s = NULL;
        const union MHD_DaemonInfo *info;
        int r;

        s = new0(StatusApi, 1);
        if (!s)
                return -ENOMEM;
        s->routes = routes;
        s->userdata = userdata;
        s->mhd = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
                                  MHD_OPTION_CONNECTION_LIMIT, (unsigned) CONNECTIONS_MAX,
                                  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_MEMORY,
                                  MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) CONNECTION_TIMEOUT_SEC, MHD_OPTION_END);
        if (!s->mhd)
                return -EIO;
        info = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD);
        r = sd_event_add_io(event, &s->io, info->epoll_fd, EPOLLIN, on_io, s);
        if (r >= 0)
                r = sd_event_add_time(event, &s->timer, CLOCK_MONOTONIC, 0, 100 * USEC_PER_MSEC, on_timer, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

StatusApi *status_api_free(StatusApi *s) {
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->io);
        sd_event_source_disable_unref(s->timer);
        if (s->mhd) {
                (void) MHD_quiesce_daemon(s->mhd); /* the listening socket is systemd's */
                MHD_stop_daemon(s->mhd);
        }
        return mfree(s);
}
