/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/native/list.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/state.h"
#include "core/store/reading.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"
#include "kubesimd/api/pieces.h"
#include "kubesimd/api/streams.h"

#define PAGE_MAX 100000
/* Lists up to here are one reply with a length; longer ones are streamed, so that no turn of the loop is long. */
#define WHOLE_MAX 500
/* So many objects are looked at for one whose name fits before others get their turn; and so many for a page, which is short then. */
#define LOOK_AT_MAX 500
#define PAGE_LOOK_AT_MAX 20000

/* A list on its way out, as members of one JSON object. */
typedef struct ListStream {
        Cluster *cluster;
        Reading *reading; /* owned */
        char *prefix;     /* owned, NULL: all */
        bool begun;
} ListStream;

static void list_stream_free(void *userdata) {
        ListStream *s = userdata;

        reading_free(s->reading);
        free(s->prefix);
        free(s);
}

static ListStream *list_stream_unref(ListStream *s) {
        if (s)
                list_stream_free(s);
        return NULL;
}
DEFINE_CLEANUP(ListStream*, list_stream_unref)

static void put_member(ListStream *s, const Object *o, StrBuf *b) {
        strbuf_putc(b, s->begun ? ',' : '{');
        json_put_string(b, o->name);
        strbuf_putc(b, ':');
        render_object(s->cluster, o, b);
        s->begun = true;
}

static int next_member(void *userdata, StrBuf *b) {
        ListStream *s = userdata;
        Object *o;
        int r = 1;

        for (unsigned i = 0; i < LOOK_AT_MAX && (r = reading_next(s->reading, &o)) > 0; i++)
                if (!s->prefix || startswith(o->name, s->prefix)) {
                        put_member(s, o, b);
                        return 1;
                }
        if (r == 0)
                strbuf_puts(b, s->begun ? "}\n" : "{}\n");
        return r == -EAGAIN ? 1 : r;
}

static int list_stream_new(ApiContext *api, Kind kind, uint64_t after, uint64_t last, const char *prefix, ListStream **ret) {
        _cleanup_(list_stream_unrefp) ListStream *s = new0(ListStream, 1);
        int r;

        if (!s)
                return -ENOMEM;
        s->cluster = api->cluster;
        s->prefix = prefix ? strdup(prefix) : NULL;
        if (prefix && !s->prefix)
                return -ENOMEM;
        r = reading_by_id(cluster_store(api->cluster), kind, after, last, &s->reading);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static int reply_whole(HttpRequest *req, ListStream *s) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * MIB);
        int r;

        while ((r = next_member(s, &b)) > 0)
                ;
        return r < 0 ? r : http_reply(req, 200, NATIVE_JSON, &b, reading_revision(s->reading));
}

/* Where a page ends: with its limit, or before that when it has been looked for long enough. */
static uint64_t find_page_end(const Store *s, Kind kind, uint64_t after, const char *prefix, uint64_t limit) {
        size_t hint = 0;
        StoreEntry *e;

        if (!prefix)
                return store_nth_id(s, kind, after, limit);
        for (unsigned i = 0; i < PAGE_LOOK_AT_MAX && limit > 0 && (e = store_next(s, kind, after, &hint)); i++) {
                after = e->object->id;
                limit -= startswith(e->object->name, prefix) != NULL;
        }
        return after;
}

/* Is there anything to go on to? */
static bool is_followed(const Store *s, Kind kind, uint64_t after, const char *prefix) {
        size_t hint = 0;
        StoreEntry *e;

        for (unsigned i = 0; (e = store_next(s, kind, after, &hint)); i++) {
                if (!prefix || i >= PAGE_LOOK_AT_MAX || startswith(e->object->name, prefix))
                        return true;
                after = e->object->id;
        }
        return false;
}

static void put_watch_line(void *userdata, const char *type, uint64_t revision, const Object *o, bool initial_end _unused_, StrBuf *b) {
        render_watch_line(userdata, type, revision, o, b);
}

static const WatchFormat watch_format = { .content_type = NATIVE_LINES, .put = put_watch_line };

static int add_number_header(HttpRequest *req, const char *name, uint64_t value) {
        char digits[24];

        (void) snprintf(digits, sizeof(digits), "%llu", (unsigned long long) value);
        return http_request_add_header(req, name, digits);
}

typedef struct Page {
        bool limited;
        uint64_t limit, after;
        const char *prefix;
} Page;

static int reply_page(HttpRequest *req, ApiContext *api, Kind kind, const Page *page, Error *reterr) {
        _cleanup_(list_stream_unrefp) ListStream *list = NULL;
        const Store *s = cluster_store(api->cluster);
        uint64_t last = page->limited ? find_page_end(s, kind, page->after, page->prefix, page->limit) : UINT64_MAX;
        int r;

        r = add_number_header(req, "X-Revision", store_revision(s));
        if (r >= 0 && page->limited && is_followed(s, kind, last, page->prefix))
                r = add_number_header(req, "X-Continue", last);
        if (r >= 0)
                r = list_stream_new(api, kind, page->after, last, page->prefix, &list);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        if (store_count(s, kind) > WHOLE_MAX && !(page->limited && page->limit <= WHOLE_MAX && !page->prefix))
                return reply_pieces(req, NATIVE_JSON, store_revision(s), next_member, list_stream_free, TAKE_PTR(list));
        return reply_whole(req, list);
}

int reply_list(HttpRequest *req, ApiContext *api, Kind kind, Error *reterr) {
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
                                                              .userdata = api->cluster, .alike = &watch_format }, reterr);

        return reply_page(req, api, kind, &(Page) { .limited = limited > 0, .limit = limit, .after = after, .prefix = prefix }, reterr);
}
