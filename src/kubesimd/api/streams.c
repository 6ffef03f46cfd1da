/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/streams.h"

#include "basic/alloc-util.h"
#include "basic/list.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/store/reading.h"
#include "kubesimd/api/native/render.h" /* of events */

#define LINE_MAX_BYTES MIB
/* So many objects or changes that it does not want a watch passes over in one turn of the loop. */
#define LOOK_AT_MAX 200
/* A watch that has been silent for so long gets a bookmark: the client sees that it lives, and we that the client does. */
#define BOOKMARK_USEC (20 * USEC_PER_SEC)

/* So many lines that watches share are kept, of changes in a row, and those no longer than this. */
#define LINES_KEPT 64
#define LINE_KEPT_MAX (32 * KIB)

typedef struct Stream Stream;

/* A change as all watches show it that are alike. */
typedef struct Line {
        uint64_t revision;    /* of the change; 0 = none */
        const void *alike;
        const Object *object; /* that is shown, borrowed: only compared */
        const char *type;     /* a literal */
        StrBuf text;
} Line;

struct Stream {
        ListLink link;
        Streams *streams;
        HttpRequest *req;
        bool sleeping;
        usec_t last_sent;
        usec_t ends;      /* monotonic; USEC_INFINITY = never */
        bool ended;       /* the last line has been made */
        /* Appends what comes next to `line`: 1, 0 when there is nothing now, negative at the end. */
        int (*next)(Stream *s);

        StrBuf line;
        size_t sent;

        Kind kind;
        const WatchFormat *format;
        void *userdata;     /* of the format, owned */
        const void *alike;  /* as in WatchOptions */
        bool no_bookmarks;
        Reading *initial;   /* what there was at the beginning, owned; NULL once it is sent */
        uint64_t revision;  /* the last one that was sent, or passed over */

        Reading *sources;   /* what those of them that are made are made of, owned; shown first */
        usec_t round_at;    /* when renewals are due: monotonic; USEC_INFINITY = never */
        usec_t round_began, renewed_since; /* realtime: what was renewed before has been shown */
        uint64_t round_id;  /* of the last object that this round has looked at */
        size_t round_hint;

        uint64_t event;     /* number of the last event sent */
        LineSource lines;   /* of a text; its userdata is the one above */
        char *node, *pod;   /* filters of events, owned, NULL = any */
};

struct Streams {
        ApiContext *api;
        ListLink all;
        unsigned n, max;
        usec_t due;      /* the first due_at() of all; USEC_INFINITY = none */
        usec_t woken_at; /* when streams_wake() last woke one that has not read since; 0 = none */
        Line lines[LINES_KEPT]; /* each at its revision, modulo their number */
};

int streams_new(ApiContext *api, unsigned max, Streams **ret) {
        Streams *s;

        s = new0(Streams, 1);
        if (!s)
                return -ENOMEM;
        s->api = api;
        s->max = max;
        s->due = USEC_INFINITY;
        list_init(&s->all);
        for (size_t i = 0; i < LINES_KEPT; i++)
                s->lines[i].text = STRBUF_INIT(LINE_KEPT_MAX);
        *ret = s;
        return 0;
}

Streams *streams_free(Streams *s) {
        if (!s)
                return NULL;
        assert(list_is_empty(&s->all));
        for (size_t i = 0; i < LINES_KEPT; i++)
                strbuf_done(&s->lines[i].text);
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

usec_t streams_deadline(const Streams *s) {
        return s->due;
}

/* When it has something to do by itself: to look for renewals, or to end. */
static usec_t due_at(const Stream *s) {
        return MIN(s->round_at, s->ends);
}

void streams_wake_due(Streams *s, usec_t now) {
        Stream *stream;

        if (now < s->due)
                return;
        s->due = USEC_INFINITY;
        LIST_FOREACH(stream, &s->all, Stream, link) {
                if (due_at(stream) > now)
                        s->due = MIN(s->due, due_at(stream));
                else if (stream->sleeping) {
                        stream->sleeping = false;
                        http_stream_wake(stream->req);
                }
        }
}

usec_t streams_waiting_since(const Streams *s) {
        return s->woken_at;
}

/* Shows what has become of o at that revision: with what the first that is alike has made of it, if that is still there. */
static void put_shared(Stream *s, const char *type, uint64_t revision, const Object *o) {
        Line *l = &s->streams->lines[revision % LINES_KEPT];

        if (l->revision != revision || l->alike != s->alike || l->object != o || !streq(l->type, type)) {
                strbuf_clear(&l->text);
                *l = (Line) { .revision = revision, .alike = s->alike, .object = o, .type = type, .text = l->text };
                s->format->put(s->userdata, type, revision, o, false, &l->text);
        }
        if (strbuf_error(&l->text) == 0)
                strbuf_append(&s->line, l->text.data, l->text.size);
        else /* too long to be kept */
                s->format->put(s->userdata, type, revision, o, false, &s->line);
}

static bool wants(const Stream *s, const Object *o) {
        return !s->format->wants || s->format->wants(s->userdata, o);
}

/* The next event of the cluster's log up to that revision that this watch wants: 1, or 0. */
static int put_next_event(Stream *s, uint64_t revision) {
        const Event *e;

        while ((e = event_log_next(cluster_events(s->streams->api->cluster), s->event)) && e->revision <= revision) {
                s->event = e->number;
                s->format->put_event(s->userdata, e, &s->line);
                if (s->line.size > 0)
                        return 1;
        }
        return 0;
}

/* Shows what is made of that object, at that revision (0: its own). Out of memory is an error, everything else that cannot be is not. */
static int put_made(Stream *s, const char *type, uint64_t revision, const Object *of) {
        _cleanup_(object_unrefp) Object *o = NULL;
        int r;

        r = s->format->make(s->userdata, of, &o);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (wants(s, o))
                s->format->put(s->userdata, type, revision > 0 ? revision : o->revision, o, false, &s->line);
        return 0;
}

static int end_expired(Stream *s);

/* Shows the next object of the reading that is wanted, or what is made of it: 1, also when none of those looked at is; 0 at the end. */
static int put_next_read(Stream *s, Reading *reading) {
        Object *o;
        int r = 1, k;

        for (unsigned i = 0; i < LOOK_AT_MAX && s->line.size == 0 && (r = reading_next(reading, &o)) > 0; i++) {
                if (reading != s->sources) {
                        if (wants(s, o))
                                s->format->put(s->userdata, "ADDED", o->revision, o, false, &s->line);
                        continue;
                }
                k = put_made(s, "ADDED", 0, o);
                if (k < 0)
                        return k;
        }
        return r == -EAGAIN ? 1 : r;
}

/* 1 with an empty line when nothing of what was looked at is wanted. */
static int next_of_initial(Stream *s) {
        int r = 0;

        if (reading_revision(s->initial) > store_durable(cluster_store(s->streams->api->cluster)))
                return 0;
        if (s->sources)
                r = put_next_read(s, s->sources);
        if (r == 0) {
                s->sources = reading_free(s->sources);
                r = put_next_read(s, s->initial);
        }
        if (r == -ENOBUFS && s->format->put_expired)
                return end_expired(s);
        if (r != 0)
                return r;
        if (s->format->put_event && put_next_event(s, s->revision) > 0)
                return 1;
        if (!s->no_bookmarks)
                s->format->put(s->userdata, "BOOKMARK", s->revision, NULL, true, &s->line);
        s->initial = reading_free(s->initial);
        return 1;
}

/* Appends the change as this watch sees it; nothing when it does not. */
static void put_change(Stream *s, const StoreChange *c) {
        bool before = c->old && wants(s, c->old), after = c->type != CHANGE_DELETED && wants(s, c->object);
        const char *type = before && after ? "MODIFIED" : after ? "ADDED" : "DELETED";
        const Object *shown = after || c->type == CHANGE_DELETED ? c->object : c->old; /* one that has ceased to be wanted, as it was */

        if (c->type == CHANGE_DELETED)
                before = wants(s, c->object);
        if (!before && !after)
                return;
        if (s->alike)
                put_shared(s, type, c->revision, shown);
        else
                s->format->put(s->userdata, type, c->revision, shown, false, &s->line);
}

/* The next change has left the log: the client has to list again. */
static int end_expired(Stream *s) {
        if (!s->format->put_expired)
                return -ERANGE;
        s->format->put_expired(s->userdata, s->revision, &s->line);
        s->ended = true;
        return 1;
}

/* Passes over the events that were known at that revision. */
static void skip_events(Stream *s, uint64_t revision) {
        const Event *e;

        while ((e = event_log_next(cluster_events(s->streams->api->cluster), s->event)) && e->revision <= revision)
                s->event = e->number;
}

/* Goes on with the round that is due: 1 with the next renewal, 0 when it is over or none is due. Only what has been shown is. */
static int put_next_renewal(Stream *s) {
        Store *store = cluster_store(s->streams->api->cluster);
        usec_t now = now_monotonic();
        StoreEntry *e;
        int r;

        if (now < s->round_at)
                return 0;
        if (s->round_began == 0)
                s->round_began = now_realtime();
        while ((e = store_next(store, s->format->made_of, s->round_id, &s->round_hint))) {
                s->round_id = e->object->id;
                if (e->object->revision > s->revision || s->format->renewed(s->userdata, e->object) <= s->renewed_since)
                        continue;
                r = put_made(s, "MODIFIED", s->revision, e->object);
                if (r < 0 || s->line.size > 0)
                        return r < 0 ? r : 1;
        }
        s->renewed_since = s->round_began;
        s->round_began = 0;
        s->round_id = s->round_hint = 0;
        s->round_at = usec_add(now, STREAMS_RENEWAL_USEC);
        s->streams->due = MIN(s->streams->due, due_at(s));
        return 0;
}

static int next_change(Stream *s) {
        Store *store = cluster_store(s->streams->api->cluster);
        const StoreChange *c;
        int r;

        if (s->ended)
                return -ERANGE;
        if (s->initial)
                return next_of_initial(s);
        if (s->format->put_event && put_next_event(s, store_durable(store)) > 0)
                return 1;
        for (unsigned i = 0; s->revision < store_durable(store); i++) {
                if (i >= LOOK_AT_MAX)
                        return 1;
                r = store_log_get(store, s->revision + 1, &c);
                if (r <= 0)
                        return r < 0 ? end_expired(s) : 0;
                s->revision++;
                r = 0;
                if (s->format->make && c->object->kind == s->format->made_of && (!c->old || c->type == CHANGE_DELETED))
                        r = put_made(s, change_type_to_string(c->type), c->revision, c->object);
                else if (c->object->kind == s->kind)
                        put_change(s, c);
                if (r < 0 || s->line.size > 0)
                        return r < 0 ? r : 1;
        }
        if (now_monotonic() >= s->ends || (s->format->is_over && s->format->is_over(s->userdata, s->revision)))
                return -ERANGE;
        if (s->format->make) {
                r = put_next_renewal(s);
                if (r != 0)
                        return r;
        }
        if (s->no_bookmarks || now_monotonic() < usec_add(s->last_sent, BOOKMARK_USEC))
                return 0;
        s->format->put(s->userdata, "BOOKMARK", s->revision, NULL, false, &s->line);
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
                        if (s->line.size == 0) /* it has looked at enough for this turn */
                                return n > 0 ? (ssize_t) n : -EAGAIN;
                }
                size_t part = MIN(size - n, s->line.size - s->sent);

                memcpy(buffer + n, s->line.data + s->sent, part);
                n += part;
                s->sent += part;
        }
        if (n > 0)
                s->last_sent = now_monotonic();
        s->sleeping = n == 0;
        if (s->sleeping)
                http_stream_wake_by(s->req, now_monotonic() < s->ends ? s->ends : USEC_INFINITY);
        return (ssize_t) n;
}

static void stream_free(void *userdata) {
        Stream *s = userdata;

        list_remove(&s->link);
        s->streams->n--;
        reading_free(s->initial);
        reading_free(s->sources);
        if (s->format && s->format->free_userdata)
                s->format->free_userdata(s->userdata);
        if (s->lines.free_userdata)
                s->lines.free_userdata(s->userdata);
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
                .ends = USEC_INFINITY, .round_at = USEC_INFINITY,
        };
        list_append(&streams->all, &s->link);
        streams->n++;
        *ret = s;
        return 0;
}

/* Where a watch begins when the client says since when, or with everything. */
static int stream_begin(Stream *s, Store *store, const uint64_t *since, Error *reterr) {
        int r;

        if (s->format->make) {
                s->renewed_since = now_realtime();
                s->round_at = usec_add(now_monotonic(), STREAMS_RENEWAL_USEC);
                s->streams->due = MIN(s->streams->due, s->round_at);
        }
        if (!since) {
                s->revision = store_revision(store);
                r = s->format->make ? reading_by_id(store, s->format->made_of, 0, UINT64_MAX, &s->sources) : 0;
                return r < 0 ? r : reading_by_id(store, s->kind, 0, UINT64_MAX, &s->initial);
        }
        if (*since > store_revision(store))
                return error_set_field(reterr, -EINVAL, "since", NULL, "since= is ahead of the newest revision, %llu",
                                       (unsigned long long) store_revision(store));
        if (*since + 1 < store_log_first(store) && !s->format->put_expired) /* else that is its first and last word */
                return error_set_field(reterr, -ERANGE, "since", NULL,
                                       "revision %llu is no longer in the log, which begins at %llu: list again and watch from there",
                                       (unsigned long long) *since, (unsigned long long) store_log_first(store));
        s->revision = *since;
        skip_events(s, *since);
        return 0;
}

int reply_watch(HttpRequest *req, ApiContext *api, const WatchOptions *options, Error *reterr) {
        Stream *s;
        int r;

        r = stream_new(req, api, next_change, &s, reterr);
        if (r < 0) {
                if (options->format->free_userdata)
                        options->format->free_userdata(options->userdata);
                return r;
        }
        s->kind = options->kind;
        s->format = options->format;
        s->userdata = options->userdata;
        s->alike = options->alike;
        s->no_bookmarks = options->no_bookmarks;
        s->ends = options->timeout > 0 ? usec_add(now_monotonic(), options->timeout) : USEC_INFINITY;
        s->streams->due = MIN(s->streams->due, s->ends);
        r = stream_begin(s, cluster_store(api->cluster), options->since, reterr);
        if (r < 0) {
                stream_free(s);
                return r;
        }
        return http_reply_stream(req, s->format->content_type, 0, false, stream_read, stream_free, s);
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
        return http_reply_stream(req, NATIVE_LINES, 0, false, stream_read, stream_free, s);
}

static int next_lines(Stream *s) {
        return s->lines.next(s->userdata, &s->line);
}

int reply_lines(HttpRequest *req, ApiContext *api, const LineSource *source, void *userdata, Error *reterr) {
        Stream *s;
        int r;

        r = stream_new(req, api, next_lines, &s, reterr);
        if (r < 0) {
                source->free_userdata(userdata);
                return r;
        }
        s->lines = *source;
        s->userdata = userdata;
        return http_reply_stream(req, source->content_type, 0, false, stream_read, stream_free, s);
}
