/* SPDX-License-Identifier: Apache-2.0 */
/* get, list and watch of any kind in the table. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/api/kube/events.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/path.h"
#include "kubesimd/api/kube/selector.h"
#include "kubesimd/api/kube/view.h"
#include "kubesimd/api/pieces.h"
#include "kubesimd/api/snapshot.h"
#include "kubesimd/api/streams.h"

/* Lists up to here are one reply with a length; longer ones are streamed, so that no turn of the loop is long. */
#define WHOLE_MAX 500
#define CHUNK 1000 /* objects looked at for one that matches, at a time */

/* What a list or a watch is about, kept for as long as it is being sent. */
typedef struct Query {
        View view;
        Selector *selector; /* owned */
        char *namespace;    /* owned; NULL: all */
        Snapshot *snapshot; /* owned, of a list */
        size_t next;
        char token[KUBE_KEY_MAX + 32]; /* metadata.continue; "" = none */
        bool begun, first;
} Query;

static Query *query_free(Query *q) {
        if (!q)
                return NULL;
        selector_free(q->selector);
        snapshot_free(q->snapshot);
        free(q->namespace);
        return mfree(q);
}
DEFINE_CLEANUP(Query*, query_free)

static void query_done(void *userdata) {
        query_free(userdata);
}

/* Kubernetes' rule for booleans of a query: absent, "0" and "false" are false, everything else is true. */
static bool query_bool(HttpRequest *req, const char *name) {
        const char *s = http_request_query(req, name);

        return s && !streq(s, "0") && strcasecmp(s, "false") != 0;
}

/* 1 with a revision, 0 without: absent and "0" leave it to us. */
static int query_revision(HttpRequest *req, uint64_t *ret, Error *reterr) {
        const char *s = http_request_query(req, "resourceVersion");

        if (isempty(s) || streq(s, "0"))
                return 0;
        if (parse_u64(s, ret) < 0)
                return error_set(reterr, -EINVAL, "resourceVersion: Invalid value: \"%s\": it must be a whole number", s);
        return 1;
}

#define INVALID_OPTIONS "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: "

static int check_reached(const Store *s, uint64_t wanted, Error *reterr) {
        uint64_t newest = store_revision(s);

        return wanted <= newest ? 0 : error_set(reterr, -ETIMEDOUT, "Timeout: Too large resource version: %llu, current: %llu", (unsigned long long) wanted,
                                                (unsigned long long) newest);
}

/* Which revision the list is to be of: resourceVersion and resourceVersionMatch. */
static int list_revision(HttpRequest *req, const Store *s, uint64_t *ret, Error *reterr) {
        const char *match = http_request_query(req, "resourceVersionMatch"), *given = http_request_query(req, "resourceVersion");
        uint64_t wanted = 0;
        int r;

        *ret = store_revision(s);
        r = query_revision(req, &wanted, reterr);
        if (r < 0)
                return r;
        if (r > 0 && !isempty(http_request_query(req, "continue")))
                return error_set(reterr, -EINVAL, "specifying resource version is not allowed when using continue");
        if (!isempty(match) && !isempty(http_request_query(req, "continue")))
                return error_set(reterr, -EDOM, INVALID_OPTIONS "Forbidden: resourceVersionMatch is "
                                 "forbidden when continue is provided");
        if (!isempty(match) && !streq(match, "Exact") && !streq(match, "NotOlderThan"))
                return error_set(reterr, -EDOM, INVALID_OPTIONS "Unsupported value: \"%s\": supported values: "
                                 "\"Exact\", \"NotOlderThan\"", match);
        if (!isempty(match) && isempty(given))
                return error_set(reterr, -EDOM, INVALID_OPTIONS "Forbidden: resourceVersionMatch is "
                                 "forbidden unless resourceVersion is provided");
        if (streq_ptr(match, "Exact") && r == 0)
                return error_set(reterr, -EDOM, INVALID_OPTIONS "Forbidden: resourceVersionMatch \"exact\" is "
                                 "forbidden for resourceVersion \"0\"");
        r = check_reached(s, wanted, reterr);
        if (r < 0)
                return r;
        /* The pages of a list that names a revision are of that one. */
        if (streq_ptr(match, "Exact") || (wanted > 0 && isempty(match) && !isempty(http_request_query(req, "limit")) &&
                                          !streq(http_request_query(req, "limit"), "0")))
                *ret = wanted;
        return 0;
}

static bool wants(const Query *q, const Object *o) {
        return (!q->namespace || object_is_in(o, q->namespace)) && selector_matches(q->selector, o);
}

static bool watch_wants(void *userdata, const Object *o) {
        return wants(userdata, o);
}

static void watch_put(void *userdata, const char *type, uint64_t revision, const Object *o, bool initial_end, StrBuf *b) {
        Query *q = userdata;

        strbuf_printf(b, "{\"type\":\"%s\",\"object\":", type);
        if (o)
                view_put_one(&q->view, o, revision, b);
        else
                view_put_bookmark(&q->view, revision, initial_end, b);
        strbuf_puts(b, "}\n");
}

static void watch_put_expired(void *userdata _unused_, uint64_t revision, StrBuf *b) {
        strbuf_printf(b, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
                      "\"message\":\"too old resource version: %llu\",\"reason\":\"Expired\",\"code\":410}}\n", (unsigned long long) revision);
}

static void watch_put_event(void *userdata, const Event *e, StrBuf *b) {
        _cleanup_(object_unrefp) Object *o = NULL;
        Query *q = userdata;

        if (kube_make_event(q->view.cluster, e, &o) >= 0 && wants(q, o))
                watch_put(q, "ADDED", e->revision, o, false, b);
}

static const WatchFormat watch_format = {
        .content_type = KUBE_JSON, .put = watch_put, .wants = watch_wants, .put_expired = watch_put_expired, .free_userdata = query_done,
};
static const WatchFormat events_format = {
        .content_type = KUBE_JSON, .put = watch_put, .wants = watch_wants, .put_expired = watch_put_expired, .put_event = watch_put_event,
        .free_userdata = query_done,
};

/* From which revision: 1; 0 when it begins with all that there is, which a client may ask for together with a revision that it is to reach. */
static int watch_revision(HttpRequest *req, const Store *s, uint64_t *ret, Error *reterr) {
        const char *match = http_request_query(req, "resourceVersionMatch");
        bool initial = query_bool(req, "sendInitialEvents");
        int r;

        if (!isempty(match) && !http_request_query(req, "sendInitialEvents"))
                return error_set(reterr, -EDOM, INVALID_OPTIONS "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        if (http_request_query(req, "sendInitialEvents") && !streq_ptr(match, "NotOlderThan"))
                return error_set(reterr, -EDOM, INVALID_OPTIONS "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        r = query_revision(req, ret, reterr);
        if (r <= 0 || !initial)
                return r;
        return check_reached(s, *ret, reterr);
}

static int reply_query_watch(HttpRequest *req, ApiContext *api, Query *q, Error *reterr) {
        const char *timeout = http_request_query(req, "timeoutSeconds");
        uint64_t since = 0, seconds = 0;
        int r, from;

        r = from = watch_revision(req, cluster_store(api->cluster), &since, reterr);
        if (r >= 0 && !isempty(timeout) && parse_u64_range(timeout, 0, 1000000, &seconds) < 0)
                r = error_set(reterr, -EINVAL, "timeoutSeconds: Invalid value: \"%s\": it must be a whole number", timeout);
        if (r < 0) {
                query_free(q);
                return r;
        }
        return reply_watch(req, api, &(WatchOptions) {
                .kind = q->view.resource->store_kind, .since = from > 0 ? &since : NULL,
                .no_bookmarks = !query_bool(req, "allowWatchBookmarks") && !query_bool(req, "sendInitialEvents"),
                .timeout = seconds * USEC_PER_SEC, .format = q->view.resource->made_watch ? &events_format : &watch_format, .userdata = q }, reterr);
}

static void put_head(Query *q, StrBuf *b) {
        view_put_list_head(&q->view, q->snapshot->revision, &(ListRest) { .token = *q->token ? q->token : NULL }, b);
}

static int next_piece(void *userdata, StrBuf *b) {
        Query *q = userdata;

        if (!q->begun) {
                put_head(q, b);
                q->begun = q->first = true;
                return 1;
        }
        while (q->next < q->snapshot->n_objects) {
                const Object *o = q->snapshot->objects[q->next++];

                if (!wants(q, o))
                        continue;
                view_put_item(&q->view, o, q->first, b);
                q->first = false;
                return 1;
        }
        view_put_list_tail(&q->view, b);
        return 0;
}

/* One object that is made on demand, into a list that is being written. */
typedef struct Visit {
        Query *query;
        StrBuf *b;
        const char *name, *namespace; /* of the one that is looked for; NULL: all */
        bool found;
} Visit;

static void visit_item(const Object *o, void *userdata) {
        Visit *v = userdata;
        Query *q = v->query;

        if (!wants(q, o))
                return;
        view_put_item(&q->view, o, q->first, v->b);
        q->first = false;
}

/* Objects made on demand first, then those of the store. */
static int reply_made_list(HttpRequest *req, ApiContext *api, Query *q) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(256 * MIB);

        q->begun = q->first = true;
        put_head(q, &b);
        q->view.resource->each(api->cluster, visit_item, &(Visit) { .query = q, .b = &b });
        while (next_piece(q, &b) > 0)
                ;
        return http_reply(req, 200, KUBE_JSON, &b, q->snapshot->revision);
}

/* --- Pages --- */

/* "REVISION.KEY": after which object, as of when. */
static int parse_token(const char *s, uint64_t *ret_revision, const char **ret_key, Error *reterr) {
        const char *dot = strchr(s, '.');
        char digits[24];

        if (!dot || (size_t) (dot - s) >= sizeof(digits))
                return error_set(reterr, -EINVAL, "continue key is not valid: it was not made by this server");
        memcpy(digits, s, (size_t) (dot - s));
        digits[dot - s] = '\0';
        if (parse_u64(digits, ret_revision) < 0)
                return error_set(reterr, -EINVAL, "continue key is not valid: it was not made by this server");
        *ret_key = dot + 1;
        return 0;
}

/* Up to `limit` objects that match. */
static int take_page(Store *s, Query *q, const char *after, uint64_t limit, uint64_t revision) {
        _cleanup_(snapshot_freep) Snapshot *chunk = NULL;
        Snapshot *page;
        size_t n = 0;
        int r;

        page = q->snapshot = new0(Snapshot, 1);
        if (!page)
                return -ENOMEM;
        page->revision = revision;
        do {
                chunk = snapshot_free(chunk);
                r = snapshot_take_at(s, q->view.resource->store_kind, q->namespace, after, MAX(limit, (uint64_t) CHUNK), revision, &chunk);
                for (size_t i = 0; r >= 0 && i < chunk->n_objects && page->n_objects < limit; i++) {
                        n = i + 1;
                        after = chunk->objects[i]->name;
                        if (!wants(q, chunk->objects[i]))
                                continue;
                        if (!GREEDY_REALLOC(page->objects, page->allocated, page->n_objects + 1))
                                return -ENOMEM;
                        page->objects[page->n_objects++] = object_ref(chunk->objects[i]);
                        (void) snprintf(q->token, sizeof(q->token), "%llu.%s", (unsigned long long) revision, after);
                }
                if (r < 0)
                        return r;
        } while (page->n_objects < limit && chunk->more);
        if (page->n_objects < limit || (n == chunk->n_objects && !chunk->more))
                q->token[0] = '\0';
        return 0;
}

static int too_old(HttpRequest *req, Error *reterr) {
        return error_set(reterr, -ERANGE, isempty(http_request_query(req, "continue")) ? "The resourceVersion for the provided list is too old." :
                         "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
                         "continue parameter.");
}

static int take_list(HttpRequest *req, Store *s, Query *q, Error *reterr) {
        const char *token = http_request_query(req, "continue"), *limit_text = http_request_query(req, "limit"), *after = NULL;
        uint64_t limit = 0, revision;
        int r;

        r = list_revision(req, s, &revision, reterr);
        if (r >= 0 && !isempty(limit_text) && parse_u64(limit_text, &limit) < 0)
                r = error_set(reterr, -EINVAL, "limit: Invalid value: \"%s\": it must be a whole number", limit_text);
        if (r >= 0 && !isempty(token))
                r = parse_token(token, &revision, &after, reterr);
        if (r < 0)
                return r;
        if (revision > store_revision(s))
                return error_set(reterr, -EINVAL, "continue key is not valid: it is ahead of the newest revision");
        if (limit > 0 && !q->view.resource->each)
                r = take_page(s, q, after, limit, revision);
        else
                r = snapshot_take_at(s, q->view.resource->store_kind, q->namespace, after, q->view.resource->only_made ? 0 : SIZE_MAX, revision,
                                     &q->snapshot);
        return r == -ERANGE ? too_old(req, reterr) : r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

/* What is durable may be streamed; a list that tells of more waits as a whole. */
static int reply_query_list(HttpRequest *req, ApiContext *api, Query *query, Error *reterr) {
        _cleanup_(query_freep) Query *q = query;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(256 * MIB);
        Store *s = cluster_store(api->cluster);
        int r;

        r = take_list(req, s, q, reterr);
        if (r < 0)
                return r;
        if (q->view.resource->each)
                return reply_made_list(req, api, q);
        if (q->snapshot->n_objects > WHOLE_MAX && q->snapshot->revision <= store_durable(s))
                return reply_pieces(req, KUBE_JSON, next_piece, query_done, TAKE_PTR(q));
        while (next_piece(q, &b) > 0)
                ;
        return http_reply(req, 200, KUBE_JSON, &b, q->snapshot->revision);
}

int kube_list(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_(query_freep) Query *q = new0(Query, 1);
        const KubeResource *r = path->resource;
        int e;

        if (q && path->namespace)
                q->namespace = strdup(path->namespace);
        if (!q || (path->namespace && !q->namespace))
                return error_set(reterr, -ENOMEM, "out of memory");
        e = view_from_request(req, api->cluster, r, &q->view, reterr);
        if (e >= 0)
                e = selector_parse(r, http_request_query(req, "labelSelector"), http_request_query(req, "fieldSelector"), &q->selector, reterr);
        if (e < 0)
                return e;
        if (query_bool(req, "watch") && r->only_made)
                return error_set(reterr, -EOPNOTSUPP, "%s cannot be watched here", r->plural);
        if (query_bool(req, "watch"))
                return reply_query_watch(req, api, TAKE_PTR(q), reterr);
        return reply_query_list(req, api, TAKE_PTR(q), reterr);
}

static void visit_named(const Object *o, void *userdata) {
        Visit *v = userdata;

        if (v->found || !streq(object_name(o), v->name) || (v->namespace && !object_is_in(o, v->namespace)))
                return;
        view_put_one(&v->query->view, o, o->revision, v->b);
        v->found = true;
}

int kube_get(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * MIB);
        const KubeResource *r = path->resource;
        Query q = {};
        Visit visit = { .query = &q, .b = &b, .name = path->name, .namespace = path->namespace };
        uint64_t wanted = 0;
        StoreEntry *entry;
        int e;

        e = query_revision(req, &wanted, reterr);
        if (e >= 0)
                e = check_reached(cluster_store(api->cluster), wanted, reterr);
        if (e >= 0)
                e = view_from_request(req, api->cluster, r, &q.view, reterr);
        if (e < 0)
                return e;
        if (!r->only_made && (entry = store_find(cluster_store(api->cluster), r->store_kind, path->key)))
                visit_named(entry->object, &visit);
        else if (r->each)
                r->each(api->cluster, visit_named, &visit);
        if (!visit.found)
                return kube_not_found(r, path->name, reterr);
        strbuf_putc(&b, '\n');
        return http_reply(req, 200, KUBE_JSON, &b, api_mark(api));
}
