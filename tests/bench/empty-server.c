/* SPDX-License-Identifier: Apache-2.0 */
/* The limit that kubesimd is measured against: libmicrohttpd on the sd-event loop with a handler that does nothing but
 * answer each request with the same small JSON. Usage: empty-server unix:/PATH|HOST:PORT... */
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "basic/error.h"
#include "shared/daemon-util.h"

static enum MHD_Result on_request(void *cls _unused_, struct MHD_Connection *connection, const char *url _unused_,
                                  const char *method _unused_, const char *version _unused_, const char *data _unused_, size_t *size,
                                  void **context) {
        static const char answer[] = "{\"pods\":[],\"revision\":12345,\"interval\":5}\n";
        struct MHD_Response *response;
        enum MHD_Result r;
        static int seen;

        if (!*context) {
                *context = &seen;
                return MHD_YES;
        }
        if (*size > 0) {
                *size = 0;
                return MHD_YES;
        }
        response = MHD_create_response_from_buffer(sizeof(answer) - 1, (void*) answer, MHD_RESPMEM_PERSISTENT);
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
        r = MHD_queue_response(connection, 200, response);
        MHD_destroy_response(response);
        return r;
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        (void) MHD_run(userdata);
        return 0;
}

int main(int argc, char *argv[]) {
        sd_event *event;

        if (sd_event_new(&event) < 0)
                return 1;
        for (int i = 1; i < argc; i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                const union MHD_DaemonInfo *info;
                struct MHD_Daemon *mhd;
                bool local;
                int fd;

                if (listen_on(argv[i], &fd, &local, &error) < 0) {
                        fprintf(stderr, "%s\n", error_message(&error));
                        return 1;
                }
                mhd = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) 8192, MHD_OPTION_END);
                info = mhd ? MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
                if (!info || sd_event_add_io(event, NULL, info->epoll_fd, EPOLLIN, on_io, mhd) < 0)
                        return 1;
        }
        return sd_event_loop(event) < 0;
}
