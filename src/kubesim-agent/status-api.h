/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The node's own little API on its socket: GET /healthz, /pods, /metrics; POST /unplug, /plug. */

#include <systemd/sd-event.h>

#include "basic/strbuf.h"

typedef struct StatusApi StatusApi;

typedef struct StatusRoute {
        const char *method, *path, *content_type;
        /* Writes the answer and returns the HTTP status. */
        unsigned (*answer)(StrBuf *b, void *userdata);
} StatusRoute;

/* Serves the routes (ended by one without method) on the listening socket, which stays the caller's. */
int status_api_new(sd_event *event, int fd, const StatusRoute *routes, void *userdata, StatusApi **ret);
StatusApi *status_api_free(StatusApi *s);
DEFINE_CLEANUP(StatusApi*, status_api_free)
