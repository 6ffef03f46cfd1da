/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/native/list.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/state.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"
#include "kubesimd/api/pieces.h"
#include "kubesimd/api/snapshot.h"
#include "kubesimd/api/streams.h"

#define PAGE_MAX 100000
/* Lists up to here are one reply with a length; longer ones are streamed, so that no turn of the loop is long. */
#define WHOLE_MAX 500

/* A list on its way out: what is left of a snapshot, as members of one JSON object. */
typedef struct ListStream {
        ApiContext *api;
        Snapshot *snapshot;
        size_t next;
} ListStream;

static void put_member(Cluster *c, const Object *o, bool first, StrBuf *b) {
        strbuf_putc(b, first ? '{' : ',');
        json_put_string(b, o->name);
        strbuf_putc(b, ':');
        render_object(c, o, b);
}

static int next_member(void *userdata, StrBuf *b) {
        ListStream *s = userdata;

        if (s->next < s->snapshot->n_objects) {
                put_member(s->api->cluster, s->snapshot->objects[s->next], s->next == 0, b);
                s->next++;
                return 1;
        }
        strbuf_puts(b, s->next == 0 ? "{}\n" : "}\n");
        return 0;
}

static void list_stream_free(void *userdata) {
        ListStream *s = userdata;

        snapshot_free(s->snapshot);
        free(s);
}

static int reply_stream(HttpRequest *req, ApiContext *api, Snapshot *snapshot) {
        ListStream *s;

        s = new0(ListStream, 1);
        if (!s) {
                snapshot_free(snapshot);
                return -ENOMEM;
        }
        *s = (ListStream) { .api = api, .snapshot = snapshot };
        return reply_pieces(req, NATIVE_JSON, next_member, list_stream_free, s);
}

static int reply_whole(HttpRequest *req, ApiContext *api, const Snapshot *snapshot) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * MIB);

        for (size_t i = 0; i < snapshot->n_objects; i++)
                put_member(api->cluster, snapshot->objects[i], i == 0, &b);
        strbuf_puts(&b, snapshot->n_objects == 0 ? "{}\n" : "}\n");
        return http_reply(req, 200, NATIVE_JSON, &b, snapshot->revision);
}

static void put_watch_line(void *userdata, const char *type, uint64_t revision, const Object *o, bool initial_end _unused_, StrBuf *b) {
        render_watch_line(userdata, type, revision, o, b);
}

static const WatchFormat watch_format = { .content_type = NATIVE_LINES, .put = put_watch_line, .shared = true };

static int add_number_header(HttpRequest *req, const char *name, uint64_t value) {
        char digits[24];

        (void) snprintf(digits, sizeof(digits), "%llu", (unsigned long long) value);
        return http_request_add_header(req, name, digits);
}

int reply_list(HttpRequest *req, ApiContext *api, Kind kind, Error *reterr) {
        _cleanup_(snapshot_freep) Snapshot *snapshot = NULL;
        uint64_t limit = PAGE_MAX, after = 0, since;
        const char *prefix = http_request_query(req, "prefix");
        int r, limited, given;

        limited = query_u64(req, "limit", 1, PAGE_MAX, &limit, reterr);
        if (limited < 0)
                return limited;
        r = query_u64(req, "continue", 0, UINT64_MAX - 1, &after, reterr);
        if (r < 0)
                return r;
        given = query_u64(req, "since", 0, UINT64_MAX - 1, &since, reterr);
        if (given < 0)
                return given;
        if (query_watch(req))
                return reply_watch(req, api, &(WatchOptions) { .kind = kind, .since = given > 0 ? &since : NULL, .format = &watch_format,
                                                              .userdata = api->cluster }, reterr);

        r = snapshot_take(cluster_store(api->cluster), kind, after, prefix, limited > 0 ? limit : SIZE_MAX, &snapshot);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        r = add_number_header(req, "X-Revision", snapshot->revision);
        if (r >= 0 && snapshot->more)
                r = add_number_header(req, "X-Continue", snapshot->objects[snapshot->n_objects - 1]->id);
        if (r < 0)
                return error_set(reterr, r, "out of memory");

        /* What is already durable may be streamed; the rest is short, or waits as a whole. */
        if (snapshot->n_objects > WHOLE_MAX && snapshot->revision <= store_durable(cluster_store(api->cluster)))
                return reply_stream(req, api, TAKE_PTR(snapshot));
        return reply_whole(req, api, snapshot);
}
