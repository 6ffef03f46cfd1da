/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a simulated container: there is no process that writes one, so it tells what happened to the pod, and says so. A
 * container that was restarted begins a new one, and the one before is the previous. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/write.h"
#include "kubesimd/api/streams.h"

#define TEXT_PLAIN "text/plain"
#define FIRST_LINE "[kubesim] a simulated container writes no log; this is the life of its pod"

/* Where a client is in a pod's log. */
typedef struct Reader {
        Cluster *cluster;
        char *key;           /* owned; of the pod */
        Uuid uid;
        usec_t created;
        uint64_t after, end; /* numbers of events: the last that was looked at, and the last that belongs to it */
        uint64_t skip;       /* lines that are left out before the first */
        uint64_t bytes;      /* that may still be sent */
        usec_t since;        /* realtime; lines before are left out */
        bool timestamps, begun, follow;
} Reader;

static Reader *reader_free(Reader *r) {
        if (!r)
                return NULL;
        free(r->key);
        return mfree(r);
}
DEFINE_CLEANUP(Reader*, reader_free)

static void reader_done(void *userdata) {
        reader_free(userdata);
}

/* --- What is asked for: PodLogOptions --- */

static const KubeResource options_kind = { .group = "", .version = "v1", .plural = "pods", .kind = "PodLogOptions", .namespaced = true };

static bool is_true(HttpRequest *req, const char *name) {
        const char *s = http_request_query(req, name);

        return s && !streq(s, "0") && strcasecmp(s, "false") != 0;
}

/* 1 with a number; 0: not given, or too small and then a cause. */
static int read_count(KubeWrite *w, const char *name, bool zero, uint64_t *ret, Error *reterr) {
        const char *s = http_request_query(w->req, name);
        bool negative = s && *s == '-';

        if (isempty(s))
                return 0;
        if (parse_u64_range(s + negative, 0, INT64_MAX, ret) < 0)
                return error_set(reterr, -EINVAL, "strconv.ParseInt: parsing \"%s\": invalid syntax", s);
        if (!(negative && *ret > 0) && (*ret > 0 || zero))
                return 1;
        cause_invalid(w, name, json_new_i64(&w->arena, negative ? -(int64_t) *ret : 0), zero ? "must be greater than or equal to 0" : "must be greater than 0");
        return 0;
}

static int read_since(KubeWrite *w, usec_t *ret, Error *reterr) {
        const char *time = http_request_query(w->req, "sinceTime");
        uint64_t seconds;
        int r;

        r = read_count(w, "sinceSeconds", false, &seconds, reterr);
        if (r > 0)
                *ret = seconds < now_realtime() / USEC_PER_SEC ? now_realtime() - seconds * USEC_PER_SEC : 0;
        if (r < 0 || isempty(time))
                return r;
        if (parse_rfc3339(time, ret) < 0)
                return error_set(reterr, -EINVAL, "parsing time \"%s\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"%s\"", time, time);
        if (r > 0 || !isempty(http_request_query(w->req, "sinceSeconds")))
                cause_forbidden(w, "sinceSeconds", "at most one of `sinceTime` or `sinceSeconds` may be specified");
        return 0;
}

/* 1 when the refusal has been sent. */
static int read_options(KubeWrite *w, Reader *reader, uint64_t *ret_tail, Error *reterr) {
        int r;

        *ret_tail = UINT64_MAX;
        reader->bytes = UINT64_MAX;
        r = read_count(w, "tailLines", true, ret_tail, reterr);
        if (r >= 0)
                r = read_count(w, "limitBytes", false, &reader->bytes, reterr);
        if (r >= 0)
                r = read_since(w, &reader->since, reterr);
        if (r < 0)
                return r;
        reader->timestamps = is_true(w->req, "timestamps");
        reader->follow = is_true(w->req, "follow");
        return write_reply_causes(w);
}

/* --- Of which container --- */

static void put_names(StrBuf *b, const DocContainer *containers, size_t n) {
        strbuf_putc(b, '[');
        for (size_t i = 0; i < n; i++)
                strbuf_printf(b, "%s%s", i > 0 ? " " : "", containers[i].name);
        strbuf_putc(b, ']');
}

/* Of those that are ephemeral nothing is decoded; NULL: there are none. The tree lives in the arena. */
static const Json *ephemeral_containers(JsonArena *a, const Doc *d) {
        char *text = NULL;
        Json *spec = NULL;

        if (d && strstr(d->spec, "\"ephemeralContainers\":[{")) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB);

                strbuf_printf(&b, "{%s}", d->spec);
                text = strbuf_error(&b) < 0 ? NULL : json_arena_copy(a, b.data, b.size);
                if (text)
                        (void) json_tree_parse(a, text, b.size, &spec, NULL);
        }
        return json_get(spec, "ephemeralContainers");
}

static bool is_ephemeral(const Doc *d, const char *name) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);

        JSON_FOREACH(container, ephemeral_containers(&a, d))
                if (streq_ptr(json_string(json_get(container, "name")), name))
                        return true;
        return false;
}

static int ask_for_name(const Pod *p, Error *reterr) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * KIB);
        const Doc *d = p->object.doc;

        put_names(&b, d->containers, d->n_containers);
        if (d->n_init_containers > 0) {
                strbuf_puts(&b, " or one of the init containers: ");
                put_names(&b, d->init_containers, d->n_init_containers);
        }
        JSON_FOREACH(container, ephemeral_containers(&a, d))
                strbuf_printf(&b, "%s%s%s", container->prev ? " " : " or one of the ephemeral containers: [", json_string(json_get(container, "name")),
                              container->next ? "" : "]");
        return error_set(reterr, -EINVAL, "a container name must be specified for pod %s, choose one of: %s", object_name(&p->object), strbuf_str(&b));
}

static int find_container(HttpRequest *req, const Pod *p, const char **ret, Error *reterr) {
        const char *container = http_request_query(req, "container");
        const Doc *d = p->object.doc;

        if (isempty(container) && d && d->n_containers != 1)
                return ask_for_name(p, reterr);
        *ret = isempty(container) ? d ? d->containers[0].name : POD_CONTAINER_NATIVE : container;
        for (size_t i = 0; d && i < d->n_containers + d->n_init_containers; i++)
                if (streq(*ret, i < d->n_containers ? d->containers[i].name : d->init_containers[i - d->n_containers].name))
                        return 0;
        if ((!d && streq(*ret, POD_CONTAINER_NATIVE)) || is_ephemeral(d, *ret))
                return 0;
        return error_set(reterr, -EINVAL, "container %s is not valid for pod %s", container, object_name(&p->object));
}

/* --- Reading --- */

static bool is_about(const Reader *r, const Event *e) {
        return streq_ptr(e->pod, r->key) && e->realtime >= r->created;
}

/* Where the present container's log begins, or the previous one's begins and ends. -ENOENT: there is no previous one. */
static int find_part(Reader *r, bool previous) {
        uint64_t last = 0, before = 0;
        const Event *e;

        for (uint64_t after = 0; (e = event_log_next(cluster_events(r->cluster), after)); after = e->number)
                if (is_about(r, e) && (e->reason == EVENT_POD_RESTARTING || e->reason == EVENT_POD_BACKOFF)) {
                        before = last;
                        last = e->number;
                }
        r->after = previous ? before : last;
        r->end = previous ? last : UINT64_MAX;
        return previous && last == 0 ? -ENOENT : 0;
}

static void put_line(Reader *r, usec_t at, const Event *e, StrBuf *b) {
        size_t begin = b->size;
        char time[RFC3339_MAX];

        if (r->skip > 0) {
                r->skip--;
                return;
        }
        if (r->timestamps)
                strbuf_printf(b, "%s ", format_rfc3339(time, at));
        if (e)
                event_message(e, b);
        else
                strbuf_puts(b, FIRST_LINE);
        strbuf_putc(b, '\n');
        if (strbuf_error(b) == 0 && b->size - begin > r->bytes)
                b->size = begin + (size_t) r->bytes;
        r->bytes -= MIN(r->bytes, (uint64_t) (b->size - begin));
}

static bool is_over(const Reader *r) {
        const StoreEntry *e = store_find(cluster_store(r->cluster), KIND_POD, r->key);
        PodStatus status = e ? ((const Pod*) e->object)->status : POD_FAILED;

        return !e || memcmp(&e->object->uid, &r->uid, sizeof(r->uid)) != 0 || status == POD_SUCCEEDED || status == POD_FAILED;
}

/* Appends the next line, up to that revision: 1; 0 when there is none yet; -ERANGE at the end. */
static int next_line(Reader *r, uint64_t revision, StrBuf *b) {
        const Event *e = NULL;

        if (r->bytes == 0)
                return -ERANGE;
        if (!r->begun) {
                r->begun = true;
                if (r->created >= r->since)
                        put_line(r, r->created, NULL, b);
                return 1;
        }
        while ((e = event_log_next(cluster_events(r->cluster), r->after)) && e->revision <= revision && e->number <= r->end) {
                r->after = e->number;
                if (!is_about(r, e) || e->realtime < r->since)
                        continue;
                put_line(r, e->realtime, e, b);
                return 1;
        }
        if (r->follow && e && e->number <= r->end)
                return 0; /* it becomes durable in a moment */
        return r->follow && r->end == UINT64_MAX && !is_over(r) ? 0 : -ERANGE;
}

static int next_durable_line(void *userdata, StrBuf *b) {
        Reader *r = userdata;

        return next_line(r, store_durable(cluster_store(r->cluster)), b);
}

/* Leaves out all but the last `lines`. */
static void skip_to_tail(const Reader *r, uint64_t lines, uint64_t revision, uint64_t *ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);
        Reader all = *r;
        uint64_t n = 0;

        all.bytes = UINT64_MAX;
        all.follow = false;
        while (next_line(&all, revision, &b) > 0) {
                n += b.size > 0;
                strbuf_clear(&b);
        }
        *ret = n > lines ? n - lines : 0;
}

static int reply(HttpRequest *req, ApiContext *api, Reader *reader, uint64_t tail, Error *reterr) {
        _cleanup_(reader_freep) Reader *r = reader;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * MIB);

        if (tail != UINT64_MAX)
                skip_to_tail(r, tail, r->follow ? store_durable(cluster_store(r->cluster)) : UINT64_MAX, &r->skip);
        if (r->follow)
                return reply_lines(req, api, &(LineSource) { .content_type = TEXT_PLAIN, .next = next_durable_line, .free_userdata = reader_done },
                                   TAKE_PTR(r), reterr);
        while (next_line(r, UINT64_MAX, &b) > 0)
                ;
        return http_reply(req, 200, TEXT_PLAIN, &b, api_mark(api));
}

static int new_reader(ApiContext *api, const StoreEntry *e, Reader *options, Reader **ret) {
        _cleanup_(reader_freep) Reader *r = new0(Reader, 1);

        if (!r)
                return -ENOMEM;
        *r = *options;
        r->cluster = api->cluster;
        r->key = strdup(e->object->name);
        r->uid = e->object->uid;
        r->created = e->object->created;
        if (!r->key)
                return -ENOMEM;
        *ret = TAKE_PTR(r);
        return 0;
}

int kube_log(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_(reader_freep) Reader *reader = NULL;
        _cleanup_write_ KubeWrite w = {};
        Reader options = {};
        const char *container = NULL;
        StoreEntry *e;
        uint64_t tail;
        int r;

        r = write_begin(&w, req, api, path, reterr);
        w.resource = &options_kind;
        if (r >= 0)
                r = read_options(&w, &options, &tail, reterr);
        if (r != 0)
                return MIN(r, 0);
        r = kube_find(api, path, &e, reterr);
        if (r >= 0)
                r = find_container(req, (const Pod*) e->object, &container, reterr);
        if (r < 0)
                return r;
        r = new_reader(api, e, &options, &reader);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        if (find_part(reader, is_true(req, "previous")) < 0)
                return error_set(reterr, -EINVAL, "previous terminated container \"%s\" in pod \"%s\" not found", container, path->name);
        return reply(req, api, TAKE_PTR(reader), tail, reterr);
}
