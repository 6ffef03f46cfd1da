/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimctl/output.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "basic/string-util.h"

void output_long(const Ctl *ctl, StrBuf *b) {
        size_t lines = 0;

        for (const char *p = strbuf_str(b); *p; p++)
                lines += *p == '\n';
        if (ctl->pager && lines >= terminal_lines())
                pager_open();
        (void) fputs(strbuf_str(b), stdout);
}

int output_json(const Ctl *ctl, json_object *o) {
        int flags = ctl->json == JSON_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN;

        (void) puts(json_object_to_json_string_ext(o, flags | JSON_C_TO_STRING_NOSLASHESCAPE));
        return CTL_OK;
}

Colour colour_of_status(const char *status) {
        static const struct {
                const char *status;
                Colour colour;
        } colours[] = {
                { "Healthy", COLOUR_GOOD },      { "Running", COLOUR_GOOD },  { "Unhealthy", COLOUR_BAD }, { "Failed", COLOUR_BAD },
                { "Rescheduling", COLOUR_WARN }, { "Pending", COLOUR_WARN },  { "Starting", COLOUR_WARN }, { "Restarting", COLOUR_WARN },
                { "CrashLoopBackOff", COLOUR_BAD },
                { "Terminating", COLOUR_DIM },   { "Succeeded", COLOUR_DIM }, { "Stopped", COLOUR_DIM },
        };

        for (size_t i = 0; i < ELEMENTSOF(colours); i++)
                if (streq(colours[i].status, status))
                        return colours[i].colour;
        return COLOUR_NONE;
}

char *format_ago(char *buf, size_t size, const char *rfc3339, usec_t now) {
        char span[64];
        usec_t t;

        if (parse_rfc3339(rfc3339, &t) < 0)
                (void) snprintf(buf, size, "-");
        else if (t > now || now - t < USEC_PER_SEC)
                (void) snprintf(buf, size, "just now");
        else {
                usec_t age = now - t;

                age -= age % USEC_PER_SEC;
                (void) snprintf(buf, size, "%s ago", format_timespan(span, sizeof(span), age));
        }
        return buf;
}

int table_of_nodes(json_object *nodes, usec_t now, Table **ret) {
        static const TableColumn columns[] = { { "NODE", false }, { "STATUS", false },          { "CPU", true },   { "FREE", true },
                                               { "PODS", true },  { "LAST HEARTBEAT", false },  { "COUNT", true }, {} };
        _cleanup_(table_freep) Table *t = NULL;
        char ago[64];

        if (table_new(columns, &t) < 0)
                return -ENOMEM;
        json_object_object_foreach(nodes, id, node) {
                const char *status = member_string(node, "HealthStatus");

                if (table_add(t, COLOUR_NONE, "%s", id) < 0 || table_add(t, colour_of_status(status), "%s", status) < 0 ||
                    table_add(t, COLOUR_NONE, "%.10g", member_number(node, "CPUCores")) < 0 ||
                    table_add(t, COLOUR_NONE, "%.10g", member_number(node, "AvailableCPU")) < 0 ||
                    table_add(t, COLOUR_NONE, "%zu", member_count(node, "Pods")) < 0 ||
                    table_add(t, COLOUR_NONE, "%s", format_ago(ago, sizeof(ago), member_string(node, "LastHeartbeat"), now)) < 0 ||
                    table_add(t, COLOUR_NONE, "%llu", (unsigned long long) member_u64(node, "HeartbeatCount")) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(t);
        return 0;
}

int table_of_pods(json_object *pods, usec_t now, Table **ret) {
        static const TableColumn columns[] = { { "POD", false }, { "STATUS", false },  { "CPU", true },    { "NODE", false },
                                               { "AGE", false }, { "RESTARTS", true }, { "REASON", false }, {} };
        _cleanup_(table_freep) Table *t = NULL;
        char ago[64];

        if (table_new(columns, &t) < 0)
                return -ENOMEM;
        json_object_object_foreach(pods, id, pod) {
                const char *status = member_string(pod, "Status"), *node = member_string(pod, "NodeID");

                if (table_add(t, COLOUR_NONE, "%s", id) < 0 || table_add(t, colour_of_status(status), "%s", status) < 0 ||
                    table_add(t, COLOUR_NONE, "%.10g", member_number(pod, "CPURequired")) < 0 ||
                    table_add(t, COLOUR_NONE, "%s", isempty(node) ? "-" : node) < 0 ||
                    table_add(t, COLOUR_NONE, "%s", format_ago(ago, sizeof(ago), member_string(pod, "CreatedAt"), now)) < 0 ||
                    table_add(t, COLOUR_NONE, "%llu", (unsigned long long) member_u64(pod, "Restarts")) < 0 ||
                    table_add(t, COLOUR_NONE, "%s", member_string(pod, "Reason")) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(t);
        return 0;
}

void output_progress(const Ctl *ctl, const char *what, uint64_t n, uint64_t all, uint64_t short_work) {
        if (ctl->quiet || all <= short_work || !isatty(STDERR_FILENO))
                return;
        fprintf(stderr, "\r%s: %3u%% (%llu of %llu)%s", what, (unsigned) (n * 100 / all), (unsigned long long) n, (unsigned long long) all,
                n >= all ? "\n" : "");
}
