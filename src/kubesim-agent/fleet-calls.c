/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/fleet-calls.h"

#include <stdio.h>
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/log.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/http-client.h"

#define LINE_MAX_BYTES 256
#define SILENCE_USEC (60 * USEC_PER_SEC) /* the server gives three signs of life in that */
#define RETRY_USEC USEC_PER_SEC
#define RETRY_REFUSED_USEC (30 * USEC_PER_SEC)

struct FleetCalls {
        sd_event_source *retry;
        HttpClient *client;
        const char *prefix; /* borrowed */
        char path[512];
        char line[LINE_MAX_BYTES]; /* what has come of one */
        size_t line_size;
        bool begun, refusal_told;
        void (*on_call)(uint32_t number, void *userdata);
        void (*on_any)(bool begun, void *userdata);
        void *userdata;
};

static void take_line(FleetCalls *c) {
        const char *digits = startswith(c->line, c->prefix);
        uint64_t number;

        if (digits && parse_u64_range(digits, 0, UINT32_MAX, &number) >= 0)
                c->on_call((uint32_t) number, c->userdata);
}

static void on_data(const char *data, size_t size, void *userdata) {
        FleetCalls *c = userdata;
        bool begun = !c->begun;

        c->begun = true;
        for (size_t i = 0; i < size; i++)
                if (data[i] == '\n') {
                        c->line[c->line_size] = '\0';
                        take_line(c);
                        c->line_size = 0;
                } else if (c->line_size < sizeof(c->line) - 1)
                        c->line[c->line_size++] = data[i];
        c->on_any(begun, c->userdata);
}

static void retry_in(FleetCalls *c, usec_t span) {
        (void) sd_event_source_set_time_relative(c->retry, span);
        (void) sd_event_source_set_enabled(c->retry, SD_EVENT_ONESHOT);
}

static void on_done(const HttpResult *result, void *userdata) {
        FleetCalls *c = userdata;
        bool refused = result->error >= 0 && result->status != 200;

        if (refused && !c->refusal_told)
                log_warning("The server does not call the nodes of this fleet (status %u): new pods start with the next heartbeat", result->status);
        c->refusal_told |= refused;
        retry_in(c, refused ? RETRY_REFUSED_USEC : RETRY_USEC);
}

void fleet_calls_start(FleetCalls *c) {
        c->begun = false;
        c->line_size = 0;
        if (http_client_stream(c->client, c->path, on_data, SILENCE_USEC) < 0)
                retry_in(c, RETRY_USEC);
}

void fleet_calls_stop(FleetCalls *c) {
        http_client_cancel(c->client);
        (void) sd_event_source_set_enabled(c->retry, SD_EVENT_OFF);
}

static int on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        fleet_calls_start(userdata);
        return 0;
}

int fleet_calls_new(sd_event *event, const char *server, const char *prefix, void (*on_call)(uint32_t number, void *userdata),
                    void (*on_any)(bool begun, void *userdata), void *userdata, FleetCalls **ret) {
        _cleanup_(fleet_calls_freep) FleetCalls *c = NULL;
        int r;

        c = new0(FleetCalls, 1);
        if (!c)
                return -ENOMEM;
        c->prefix = prefix;
        c->on_call = on_call;
        c->on_any = on_any;
        c->userdata = userdata;
        (void) snprintf(c->path, sizeof(c->path), "/heartbeat?prefix=%s", prefix); /* a part of a node's name needs no escaping */
        r = http_client_new(event, server, on_done, c, &c->client);
        if (r >= 0)
                r = sd_event_add_time(event, &c->retry, CLOCK_MONOTONIC, 0, 100 * USEC_PER_MSEC, on_retry, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->retry, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

FleetCalls *fleet_calls_free(FleetCalls *c) {
        if (!c)
                return NULL;
        http_client_free(c->client);
        sd_event_source_disable_unref(c->retry);
        return mfree(c);
}

int fleet_calls_set_token(FleetCalls *c, const char *token) {
        return http_client_set_token(c->client, token);
}
