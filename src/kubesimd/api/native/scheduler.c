/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-reader.h"
#include "basic/json-writer.h"
#include "core/control/nodes.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"

typedef struct SchedulerBody {
        const char *algorithm;
} SchedulerBody;

static const JsonField scheduler_fields[] = {
        { .name = "algorithm", .type = JSON_FIELD_STRING, .offset = offsetof(SchedulerBody, algorithm), .mandatory = true },
};

int handle_scheduler_get(HttpRequest *req, void *userdata, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(8 * KIB);
        ApiContext *api = userdata;
        ClusterStats stats;

        cluster_stats(api->cluster, &stats);
        strbuf_puts(&b, "{\"algorithm\":");
        json_put_string(&b, cluster_algorithm(api->cluster)->name);
        strbuf_puts(&b, ",\"algorithms\":[");
        for (size_t i = 0; i < sched_algorithm_count(); i++) {
                if (i > 0)
                        strbuf_putc(&b, ',');
                json_put_string(&b, sched_algorithm_get(i)->name);
        }
        strbuf_puts(&b, "],\"descriptions\":{");
        for (size_t i = 0; i < sched_algorithm_count(); i++) {
                strbuf_puts(&b, i > 0 ? "," : "");
                json_put_string(&b, sched_algorithm_get(i)->name);
                strbuf_putc(&b, ':');
                json_put_string(&b, sched_algorithm_get(i)->description);
        }
        strbuf_printf(&b, "},\"pending\":%u}\n", stats.n_pending);
        return http_reply(req, 200, NATIVE_JSON, &b, api_mark(api));
}

int handle_scheduler_set(HttpRequest *req, void *userdata, Error *reterr) {
        ApiContext *api = userdata;
        SchedulerBody body = {};
        size_t size;
        char *text;
        int r;

        text = http_request_body(req, &size);
        r = json_parse_object(text, size, scheduler_fields, ELEMENTSOF(scheduler_fields), true, &body, reterr);
        if (r < 0)
                return r;
        r = cluster_set_algorithm(api->cluster, api_now(), body.algorithm, reterr);
        if (r < 0)
                return r;
        return reply_message(req, api, 200, "algorithm", body.algorithm, NULL, "Scheduler algorithm set to %s", body.algorithm);
}
