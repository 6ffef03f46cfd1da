/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a simulated container: there is no process that writes one, so it tells what happened to the pod, and says so. */
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/kube.h"

#define TEXT_PLAIN "text/plain"

static int check_container(HttpRequest *req, const Pod *p, Error *reterr) {
        const char *container = http_request_query(req, "container");
        const Doc *d = p->object.doc;

        for (size_t i = 0; d && !isempty(container) && i < d->n_containers + d->n_init_containers; i++)
                if (streq(container, i < d->n_containers ? d->containers[i].key : d->init_containers[i - d->n_containers].key))
                        return 0;
        if (isempty(container) ? !d || d->n_containers == 1 : !d && streq(container, "main"))
                return 0;
        if (isempty(container))
                return error_set(reterr, -EINVAL, "a container name must be specified for pod %s", object_name(&p->object));
        return error_set(reterr, -EINVAL, "container %s is not valid for pod %s", container, object_name(&p->object));
}

static void put_line(HttpRequest *req, const Event *e, StrBuf *b) {
        const char *timestamps = http_request_query(req, "timestamps");
        char time[RFC3339_MAX];

        if (streq_ptr(timestamps, "true"))
                strbuf_printf(b, "%s ", format_rfc3339(time, e->realtime));
        event_message(e, b);
        strbuf_putc(b, '\n');
}

/* The last n lines. */
static const char *tail(const char *text, uint64_t n) {
        const char *p = text + strlen(text);

        while (p > text && n > 0) {
                for (p--; p > text && p[-1] != '\n'; p--)
                        ;
                n--;
        }
        return p;
}

int kube_log(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB), reply = STRBUF_INIT(4 * MIB);
        const char *lines = http_request_query(req, "tailLines");
        uint64_t n = UINT64_MAX;
        const Event *e;
        StoreEntry *entry;
        int r;

        r = kube_find(api, path, &entry, reterr);
        if (r >= 0)
                r = check_container(req, (const Pod*) entry->object, reterr);
        if (r >= 0 && !isempty(lines) && parse_u64(lines, &n) < 0)
                r = error_set(reterr, -EINVAL, "tailLines: Invalid value: \"%s\": it must be a whole number", lines);
        if (r < 0)
                return r;
        strbuf_puts(&b, "[kubesim] a simulated container writes no log; this is the life of its pod\n");
        for (uint64_t after = 0; (e = event_log_next(cluster_events(api->cluster), after)); after = e->number)
                if (streq_ptr(e->pod, path->key) && e->realtime >= entry->object->created)
                        put_line(req, e, &b);
        strbuf_puts(&reply, tail(strbuf_str(&b), n));
        return http_reply(req, 200, TEXT_PLAIN, &reply, api_mark(api));
}
