/* SPDX-License-Identifier: Apache-2.0 */
/* get, list and watch of any kind in the table. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/store/reading.h"
#include "kubesimd/api/kube/events.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/path.h"
#include "kubesimd/api/kube/selector.h"
#include "kubesimd/api/kube/view.h"
#include "kubesimd/api/pieces.h"
#include "kubesimd/api/streams.h"

/* Lists up to here are one reply with a length; longer ones are streamed, so that no turn of the loop is long. */
#define WHOLE_MAX 500
#define LAG_MAX 4000 /* of a longer ago, too: there is much to be taken back first */
#define LOOK_AT_MAX 200 /* objects looked at for one that matches, before others get their turn */

/* What a list or a watch is about, kept for as long as it is being sent. */
typedef struct Query {
        View view;
        Selector *selector; /* owned */
        char *namespace;    /* owned; NULL: all */
        Reading *reading;   /* owned, of a list */
        uint64_t limit;     /* how many more objects, UINT64_MAX: all */
        char token[KUBE_KEY_MAX + 32]; /* metadata.continue: after the last object that was put */
        bool begun, first;
        bool more;          /* there is one after that */
} Query;

static Query *query_free(Query *q) {
        if (!q)
                return NULL;
        selector_free(q->selector);
        reading_free(q->reading);
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

/* Which revision the list is to be of: resourceVersion and resourceVersionMatch. */
static int list_revision(HttpRequest *req, const Store *s, uint64_t *ret, Error *reterr) {
        const char *match = http_request_query(req, "resourceVersionMatch"), *given = http_request_query(req, "resourceVersion");
        uint64_t wanted = 0, newest = store_revision(s);
        int r;

        *ret = newest;
        r = query_revision(req, &wanted, reterr);
        if (r < 0)
                return r;
        if (!isempty(match) && !streq(match, "Exact") && !streq(match, "NotOlderThan"))
                return error_set(reterr, -EDOM, "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Unsupported value: \"%s\": supported values: "
                                 "\"Exact\", \"NotOlderThan\"", match);
        if (!isempty(match) && isempty(given))
                return error_set(reterr, -EDOM, "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is "
                                 "forbidden unless resourceVersion is provided");
        if (streq_ptr(match, "Exact") && r == 0)
                return error_set(reterr, -EDOM, "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is "
                                 "forbidden for resourceVersion \"0\"");
        if (wanted > newest)
                return error_set(reterr, -ETIMEDOUT, "Timeout: Too large resource version: %llu, current: %llu", (unsigned long long) wanted,
                                 (unsigned long long) newest);
        if (streq_ptr(match, "Exact"))
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

static int reply_query_watch(HttpRequest *req, ApiContext *api, Query *q, Error *reterr) {
        const char *timeout = http_request_query(req, "timeoutSeconds");
        uint64_t since, seconds = 0;
        int r;

        r = query_revision(req, &since, reterr);
        if (r >= 0 && !isempty(timeout) && parse_u64_range(timeout, 0, 1000000, &seconds) < 0)
                r = error_set(reterr, -EINVAL, "timeoutSeconds: Invalid value: \"%s\": it must be a whole number", timeout);
        if (r < 0) {
                query_free(q);
                return r;
        }
        return reply_watch(req, api, &(WatchOptions) {
                .kind = q->view.resource->store_kind, .since = r > 0 ? &since : NULL,
                .no_bookmarks = !query_bool(req, "allowWatchBookmarks") && !query_bool(req, "sendInitialEvents"),
                .timeout = seconds * USEC_PER_SEC, .format = q->view.resource->made_watch ? &events_format : &watch_format, .userdata = q }, reterr);
}

static void put_head(Query *q, StrBuf *b) {
        view_put_list_head(&q->view, reading_revision(q->reading), &(ListRest) { .token = q->more ? q->token : NULL }, b);
        q->begun = q->first = true;
}

static void put_item(Query *q, const Object *o, StrBuf *b) {
        view_put_item(&q->view, o, q->first, b);
        q->first = false;
        if (q->limit == UINT64_MAX)
                return;
        q->limit--;
        (void) snprintf(q->token, sizeof(q->token), "%llu.%s", (unsigned long long) reading_revision(q->reading), o->name);
}

/* Puts the next object that matches: 1, also when none of those looked at does; 0 at the end of all, or of the page. */
static int next_item(Query *q, StrBuf *b) {
        Object *o;
        int r = 1;

        for (unsigned i = 0; i < LOOK_AT_MAX && (r = reading_next(q->reading, &o)) > 0; i++) {
                if (!wants(q, o))
                        continue;
                q->more = q->limit == 0;
                if (!q->more)
                        put_item(q, o, b);
                return !q->more;
        }
        return r == -EAGAIN ? 1 : r;
}

static int next_piece(void *userdata, StrBuf *b) {
        Query *q = userdata;
        int r;

        if (!q->begun) {
                put_head(q, b);
                return 1;
        }
        r = next_item(q, b);
        if (r == 0)
                view_put_list_tail(&q->view, reading_revision(q->reading), &(ListRest) { .token = q->more ? q->token : NULL }, b);
        return r;
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
        int r = 0;

        put_head(q, &b);
        q->view.resource->each(api->cluster, visit_item, &(Visit) { .query = q, .b = &b });
        while (!q->view.resource->only_made && (r = next_item(q, &b)) > 0)
                ;
        view_put_list_tail(&q->view, 0, NULL, &b);
        return r < 0 ? r : http_reply(req, 200, KUBE_JSON, &b, reading_revision(q->reading));
}

/* The items are made first: the head tells whether more follow. */
static int reply_whole_list(HttpRequest *req, Query *q) {
        _cleanup_strbuf_ StrBuf items = STRBUF_INIT(256 * MIB), b = STRBUF_INIT(256 * MIB);
        int r;

        q->first = true;
        while ((r = next_item(q, &items)) > 0)
                ;
        if (r < 0 || strbuf_error(&items) < 0)
                return r < 0 ? r : strbuf_error(&items);
        put_head(q, &b);
        strbuf_append(&b, items.data, items.size);
        view_put_list_tail(&q->view, 0, NULL, &b);
        return http_reply(req, 200, KUBE_JSON, &b, reading_revision(q->reading));
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
        q->limit = limit > 0 && !q->view.resource->each ? limit : UINT64_MAX;
        r = reading_by_key(s, q->view.resource->store_kind, q->namespace, after, revision, &q->reading);
        return r == -ERANGE ? too_old(req, reterr) : r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

/* May it be made in one turn? */
static bool is_short(const Store *s, const Query *q) {
        return reading_lag(q->reading) <= LAG_MAX &&
               (store_count(s, q->view.resource->store_kind) <= WHOLE_MAX || (q->limit <= WHOLE_MAX && !q->selector));
}

static int reply_query_list(HttpRequest *req, ApiContext *api, Query *query, Error *reterr) {
        _cleanup_(query_freep) Query *q = query;
        Store *s = cluster_store(api->cluster);
        uint64_t revision;
        int r;

        r = take_list(req, s, q, reterr);
        if (r < 0)
                return r;
        revision = reading_revision(q->reading);
        if (q->view.resource->each)
                return reply_made_list(req, api, q);
        if (is_short(s, q))
                return reply_whole_list(req, q);
        q->view.metadata_last = q->limit != UINT64_MAX;
        return reply_pieces(req, KUBE_JSON, revision, next_piece, query_done, TAKE_PTR(q));
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
        StoreEntry *entry;
        int e;

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
