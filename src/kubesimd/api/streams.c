/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/streams.h"

#include "basic/alloc-util.h"
#include "basic/list.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/api/native/render.h"
#include "kubesimd/api/snapshot.h"

#define LINE_MAX_BYTES MIB
/* A watch that has been silent for so long gets a bookmark: the client sees that it lives, and we that the client does. */
#define BOOKMARK_USEC (20 * USEC_PER_SEC)

typedef struct Stream Stream;

struct Stream {
        ListLink link;
        Streams *streams;
        HttpRequest *req;
        bool sleeping;
        usec_t last_sent;
        /* Appends what comes next to `line`: 1, 0 when there is nothing now, negative at the end. */
        int (*next)(Stream *s);

        StrBuf line;
        size_t sent;

        Kind kind;
        Snapshot *snapshot; /* what there was at the beginning; NULL once it is sent */
        size_t snapshot_next;
        uint64_t revision;  /* the last one that was sent, or passed over */

        uint64_t event;     /* number of the last event sent */
        char *node, *pod;   /* filters of events, owned, NULL = any */
};

struct Streams {
        ApiContext *api;
        ListLink all;
        unsigned n, max;
        usec_t woken_at; /* when streams_wake() last woke one that has not read since; 0 = none */
};

int streams_new(ApiContext *api, unsigned max, Streams **ret) {
        Streams *s;

        s = new0(Streams, 1);
        if (!s)
                return -ENOMEM;
        s->api = api;
        s->max = max;
        list_init(&s->all);
        *ret = s;
        return 0;
}

Streams *streams_free(Streams *s) {
        if (!s)
                return NULL;
        assert(list_is_empty(&s->all));
        return mfree(s);
}

void streams_set_max(Streams *s, unsigned max) {
        s->max = max;
}

unsigned streams_count(const Streams *s) {
        return s->n;
}

void streams_wake(Streams *s) {
        Stream *stream;

        LIST_FOREACH(stream, &s->all, Stream, link)
                if (stream->sleeping) {
                        stream->sleeping = false;
                        if (s->woken_at == 0)
                                s->woken_at = now_monotonic();
                        http_stream_wake(stream->req);
                }
}

usec_t streams_waiting_since(const Streams *s) {
        return s->woken_at;
}

void streams_free_cache(void *cache) {
        StrBuf *b = cache;

        strbuf_done(b);
        free(b);
}

/* The change as a line, rendered by the first who asks. */
static const StrBuf *render_change(Cluster *c, LogEntry *e) {
        StrBuf *b;

        if (e->cache)
                return e->cache;
        b = new0(StrBuf, 1);
        if (!b)
                return NULL;
        *b = STRBUF_INIT(LINE_MAX_BYTES);
        render_watch_line(c, change_type_to_string(e->change.type), e->change.revision, e->change.object, b);
        if (strbuf_error(b) < 0) {
                streams_free_cache(b);
                return NULL;
        }
        return e->cache = b;
}

static int next_of_snapshot(Stream *s) {
        Cluster *c = s->streams->api->cluster;

        if (s->snapshot->revision > store_durable(cluster_store(c)))
                return 0;
        if (s->snapshot_next < s->snapshot->n_objects) {
                const Object *o = s->snapshot->objects[s->snapshot_next++];

                render_watch_line(c, "ADDED", o->revision, o, &s->line);
                return 1;
        }
        render_watch_line(c, "BOOKMARK", s->snapshot->revision, NULL, &s->line);
        s->snapshot = snapshot_free(s->snapshot);
        return 1;
}

static int next_change(Stream *s) {
        Cluster *c = s->streams->api->cluster;
        Store *store = cluster_store(c);
        LogEntry *e;
        int r;

        if (s->snapshot)
                return next_of_snapshot(s);
        while (s->revision < store_durable(store)) {
                const StrBuf *line;

                r = store_log_get(store, s->revision + 1, &e);
                if (r <= 0)
                        return r < 0 ? r : 0; /* fallen off the log: the client lists again */
                s->revision++;
                if (e->change.object->kind != s->kind)
                        continue;
                line = render_change(c, e);
                if (!line)
                        return -ENOMEM;
                strbuf_append(&s->line, line->data, line->size);
                return 1;
        }
        if (now_monotonic() < usec_add(s->last_sent, BOOKMARK_USEC))
                return 0;
        render_watch_line(c, "BOOKMARK", s->revision, NULL, &s->line);
        return 1;
}

static int next_event(Stream *s) {
        Cluster *c = s->streams->api->cluster;
        const Event *e;

        while ((e = event_log_next(cluster_events(c), s->event)) && e->revision <= store_durable(cluster_store(c))) {
                s->event = e->number;
                if ((s->node && !streq_ptr(s->node, e->node)) || (s->pod && !streq_ptr(s->pod, e->pod)))
                        continue;
                render_event(e, &s->line);
                strbuf_putc(&s->line, '\n');
                return 1;
        }
        if (now_monotonic() < usec_add(s->last_sent, BOOKMARK_USEC))
                return 0;
        strbuf_putc(&s->line, '\n'); /* an empty line: a sign of life that JSON readers skip */
        return 1;
}

static ssize_t stream_read(char *buffer, size_t size, void *userdata) {
        Stream *s = userdata;
        size_t n = 0;
        int r;

        s->streams->woken_at = 0;
        while (n < size) {
                if (s->sent == s->line.size) {
                        strbuf_clear(&s->line);
                        s->sent = 0;
                        r = s->next(s);
                        if (r >= 0 && strbuf_error(&s->line) < 0)
                                r = strbuf_error(&s->line);
                        if (r < 0)
                                return n > 0 ? (ssize_t) n : r == -ERANGE ? -ENODATA : r;
                        if (r == 0)
                                break;
                }
                size_t part = MIN(size - n, s->line.size - s->sent);

                memcpy(buffer + n, s->line.data + s->sent, part);
                n += part;
                s->sent += part;
        }
        if (n > 0)
                s->last_sent = now_monotonic();
        s->sleeping = n == 0;
        return (ssize_t) n;
}

static void stream_free(void *userdata) {
        Stream *s = userdata;

        list_remove(&s->link);
        s->streams->n--;
        snapshot_free(s->snapshot);
        strbuf_done(&s->line);
        free(s->node);
        free(s->pod);
        free(s);
}

static int stream_new(HttpRequest *req, ApiContext *api, int (*next)(Stream *s), Stream **ret, Error *reterr) {
        Streams *streams = api->streams;
        Stream *s;

        if (streams->n >= streams->max)
                return error_set(reterr, -EDQUOT, "there are %u watches already, which is the most (MaxWatchers=)", streams->max);
        s = new0(Stream, 1);
        if (!s)
                return error_set(reterr, -ENOMEM, "out of memory");
        *s = (Stream) {
                .streams = streams, .req = req, .next = next, .line = STRBUF_INIT(LINE_MAX_BYTES), .last_sent = now_monotonic(),
        };
        list_append(&streams->all, &s->link);
        streams->n++;
        *ret = s;
        return 0;
}

/* Where a watch begins when the client says since when, or with everything. */
static int stream_begin(Stream *s, Store *store, const uint64_t *since, Error *reterr) {
        if (!since) {
                s->revision = store_revision(store);
                return snapshot_take(store, s->kind, 0, NULL, SIZE_MAX, &s->snapshot);
        }
        if (*since > store_revision(store))
                return error_set_field(reterr, -EINVAL, "since", NULL, "since= is ahead of the newest revision, %llu",
                                       (unsigned long long) store_revision(store));
        if (*since + 1 < store_log_first(store))
                return error_set_field(reterr, -ERANGE, "since", NULL,
                                       "revision %llu is no longer in the log, which begins at %llu: list again and watch from there",
                                       (unsigned long long) *since, (unsigned long long) store_log_first(store));
        s->revision = *since;
        return 0;
}

int reply_watch(HttpRequest *req, ApiContext *api, Kind kind, const uint64_t *since, Error *reterr) {
        Stream *s;
        int r;

        r = stream_new(req, api, next_change, &s, reterr);
        if (r < 0)
                return r;
        s->kind = kind;
        r = stream_begin(s, cluster_store(api->cluster), since, reterr);
        if (r < 0) {
                stream_free(s);
                return r;
        }
        return http_reply_stream(req, NATIVE_LINES, stream_read, stream_free, s);
}

int reply_watch_events(HttpRequest *req, ApiContext *api, uint64_t after, const char *node, const char *pod, Error *reterr) {
        Stream *s;
        int r;

        r = stream_new(req, api, next_event, &s, reterr);
        if (r < 0)
                return r;
        s->event = after;
        s->node = node ? strdup(node) : NULL;
        s->pod = pod ? strdup(pod) : NULL;
        if ((node && !s->node) || (pod && !s->pod)) {
                stream_free(s);
                return error_set(reterr, -ENOMEM, "out of memory");
        }
        return http_reply_stream(req, NATIVE_LINES, stream_read, stream_free, s);
}
