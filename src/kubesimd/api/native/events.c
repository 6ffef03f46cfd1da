/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/string-util.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"
#include "kubesimd/api/streams.h"

/* The number of the last event that tells of revision `since` or of an older one. */
static uint64_t event_before(EventLog *log, uint64_t since) {
        uint64_t after = 0;
        const Event *e;

        while ((e = event_log_next(log, after)) && e->revision <= since)
                after = e->number;
        return after;
}

int handle_events(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * MIB);
        const char *node = http_request_query(req, "node"), *pod = http_request_query(req, "pod");
        ApiContext *api = userdata;
        EventLog *log = cluster_events(api->cluster);
        uint64_t since = 0, after;
        bool first = true;
        const Event *e;
        int r;

        r = query_u64(req, "since", 0, UINT64_MAX - 1, &since, reterr);
        if (r < 0)
                return r;
        after = event_before(log, since);
        if (query_watch(req))
                return reply_watch_events(req, api, after, node, pod, reterr);

        strbuf_puts(&b, "{\"events\":[");
        for (; (e = event_log_next(log, after)); after = e->number) {
                if ((node && !streq_ptr(node, e->node)) || (pod && !streq_ptr(pod, e->pod)))
                        continue;
                if (!first)
                        strbuf_putc(&b, ',');
                first = false;
                render_event(e, &b);
        }
        strbuf_puts(&b, "]}\n");
        return http_reply(req, 200, NATIVE_JSON, &b, api_mark(api));
}
