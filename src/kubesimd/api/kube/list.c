/* SPDX-License-Identifier: Apache-2.0 */
/* get, list and watch of any kind in the table. */
#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/selector.h"
#include "kubesimd/api/kube/view.h"
#include "kubesimd/api/pieces.h"
#include "kubesimd/api/snapshot.h"
#include "kubesimd/api/streams.h"

/* What a list or a watch is about, kept for as long as it is being sent. */
typedef struct Query {
        View view;
        Selector *selector; /* owned */
        bool nothing;       /* a namespace without objects */
        Snapshot *snapshot; /* owned, of a list */
        size_t next;
        bool begun, first;
} Query;

static Query *query_free(Query *q) {
        if (!q)
                return NULL;
        selector_free(q->selector);
        snapshot_free(q->snapshot);
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

static int no_such_resource(Error *reterr) {
        return error_set(reterr, -ENOENT, "the server could not find the requested resource");
}

/* What the path names. ret_name: NULL when it is of a collection. 1 when the kind is there, but nothing of it in that namespace. */
static int find_resource(HttpRequest *req, bool in_namespace, const KubeResource **ret, const char **ret_name, Error *reterr) {
        bool grouped = startswith(http_request_path(req), "/apis/");
        unsigned i = grouped ? 2 : 0;
        const char *namespace = in_namespace ? http_request_param(req, i++) : NULL;

        *ret = kube_resource_find(grouped ? http_request_param(req, 0) : "", grouped ? http_request_param(req, 1) : "v1", http_request_param(req, i));
        if (!*ret || (in_namespace && !(*ret)->namespace))
                return no_such_resource(reterr);
        if (ret_name)
                *ret_name = http_request_param(req, i + 1);
        return namespace && !streq(namespace, (*ret)->namespace);
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

/* Is the list that we can give, the newest one, what resourceVersion and resourceVersionMatch ask for? */
static int check_revision(HttpRequest *req, const Store *s, Error *reterr) {
        const char *match = http_request_query(req, "resourceVersionMatch");
        uint64_t wanted, newest = store_revision(s);
        int r;

        r = query_revision(req, &wanted, reterr);
        if (r < 0)
                return r;
        if (!isempty(match) && !streq(match, "Exact") && !streq(match, "NotOlderThan"))
                return error_set(reterr, -EINVAL, "resourceVersionMatch: Unsupported value: \"%s\": supported values: \"Exact\", \"NotOlderThan\"", match);
        if (r == 0)
                return isempty(match) || http_request_query(req, "resourceVersion") ? 0 :
                        error_set(reterr, -EINVAL, "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided");
        if (wanted > newest)
                return error_set(reterr, -ETIMEDOUT, "Timeout: Too large resource version: %llu, current: %llu", (unsigned long long) wanted,
                                 (unsigned long long) newest);
        if (streq_ptr(match, "Exact") && wanted != newest)
                return error_set(reterr, -ERANGE, "The resourceVersion for the provided list is too old.");
        return 0;
}

static bool watch_wants(void *userdata, const Object *o) {
        const Query *q = userdata;

        return !q->nothing && selector_matches(q->selector, o);
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

static const WatchFormat watch_format = {
        .content_type = KUBE_JSON, .put = watch_put, .wants = watch_wants, .put_expired = watch_put_expired, .free_userdata = query_done,
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
                .timeout = seconds * USEC_PER_SEC, .format = &watch_format, .userdata = q }, reterr);
}

static int next_piece(void *userdata, StrBuf *b) {
        Query *q = userdata;

        if (!q->begun) {
                view_put_list_head(&q->view, q->snapshot->revision, b);
                q->begun = q->first = true;
                return 1;
        }
        while (!q->nothing && q->next < q->snapshot->n_objects) {
                const Object *o = q->snapshot->objects[q->next++];

                if (!selector_matches(q->selector, o))
                        continue;
                view_put_item(&q->view, o, q->first, b);
                q->first = false;
                return 1;
        }
        view_put_list_tail(&q->view, b);
        return 0;
}

/* One object of a kind that is made on demand, into a list that is being written. */
typedef struct Visit {
        Query *query;
        StrBuf *b;
        const char *name; /* of the one that is looked for; NULL: all */
        bool found;
} Visit;

static void visit_item(const Object *o, void *userdata) {
        Visit *v = userdata;
        Query *q = v->query;

        if (q->nothing || !selector_matches(q->selector, o))
                return;
        view_put_item(&q->view, o, q->first, v->b);
        q->first = false;
}

static int reply_made_list(HttpRequest *req, ApiContext *api, Query *q) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(256 * MIB);
        uint64_t revision = api_mark(api);

        q->first = true;
        view_put_list_head(&q->view, revision, &b);
        q->view.resource->each(api->cluster, visit_item, &(Visit) { .query = q, .b = &b });
        view_put_list_tail(&q->view, &b);
        return http_reply(req, 200, KUBE_JSON, &b, revision);
}

/* What is durable may be streamed; a list that tells of more waits as a whole. */
static int reply_query_list(HttpRequest *req, ApiContext *api, Query *query, Error *reterr) {
        _cleanup_(query_freep) Query *q = query;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(256 * MIB);
        Store *s = cluster_store(api->cluster);
        int r;

        r = check_revision(req, s, reterr);
        if (r < 0)
                return r;
        if (q->view.resource->each)
                return reply_made_list(req, api, q);
        r = snapshot_take(s, q->view.resource->store_kind, 0, NULL, SIZE_MAX, &q->snapshot);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        if (q->snapshot->n_objects > 500 && q->snapshot->revision <= store_durable(s))
                return reply_pieces(req, KUBE_JSON, next_piece, query_done, TAKE_PTR(q));
        while (next_piece(q, &b) > 0)
                ;
        return http_reply(req, 200, KUBE_JSON, &b, q->snapshot->revision);
}

static int reply_query(HttpRequest *req, ApiContext *api, const KubeResource *r, bool nothing, Error *reterr) {
        _cleanup_(query_freep) Query *q = NULL;
        int e;

        q = new0(Query, 1);
        if (!q)
                return error_set(reterr, -ENOMEM, "out of memory");
        q->nothing = nothing;
        e = view_from_request(req, api->cluster, r, &q->view, reterr);
        if (e >= 0)
                e = selector_parse(r, http_request_query(req, "labelSelector"), http_request_query(req, "fieldSelector"), &q->selector, reterr);
        if (e < 0)
                return e;
        if (query_bool(req, "watch") && r->each)
                return error_set(reterr, -EOPNOTSUPP, "%s cannot be watched here", r->plural);
        if (query_bool(req, "watch"))
                return reply_query_watch(req, api, TAKE_PTR(q), reterr);
        return reply_query_list(req, api, TAKE_PTR(q), reterr);
}

static void visit_named(const Object *o, void *userdata) {
        Visit *v = userdata;

        if (v->found || !streq(o->name, v->name))
                return;
        view_put_one(&v->query->view, o, o->revision, v->b);
        v->found = true;
}

static int reply_object(HttpRequest *req, ApiContext *api, const KubeResource *r, const char *name, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Query q = {};
        Visit visit = { .query = &q, .b = &b, .name = name };
        StoreEntry *entry;
        int e;

        e = view_from_request(req, api->cluster, r, &q.view, reterr);
        if (e < 0)
                return e;
        if (r->each)
                r->each(api->cluster, visit_named, &visit);
        else if ((entry = store_find(cluster_store(api->cluster), r->store_kind, name)))
                visit_named(entry->object, &visit);
        if (!visit.found)
                return error_set_field(reterr, -ENOENT, r->plural, name, "%s \"%s\" not found", r->plural, name);
        strbuf_putc(&b, '\n');
        return http_reply(req, 200, KUBE_JSON, &b, api_mark(api));
}

int handle_kube_list(HttpRequest *req, void *userdata, Error *reterr) {
        const KubeResource *r;
        int e;

        e = find_resource(req, false, &r, NULL, reterr);
        return e < 0 ? e : reply_query(req, userdata, r, false, reterr);
}

int handle_kube_list_in(HttpRequest *req, void *userdata, Error *reterr) {
        const KubeResource *r;
        int e;

        e = find_resource(req, true, &r, NULL, reterr);
        return e < 0 ? e : reply_query(req, userdata, r, e > 0, reterr);
}

int handle_kube_get(HttpRequest *req, void *userdata, Error *reterr) {
        const KubeResource *r;
        const char *name;
        int e;

        e = find_resource(req, false, &r, &name, reterr);
        if (e >= 0 && r->namespace)
                e = no_such_resource(reterr);
        return e < 0 ? e : reply_object(req, userdata, r, name, reterr);
}

int handle_kube_get_in(HttpRequest *req, void *userdata, Error *reterr) {
        const KubeResource *r;
        const char *name;
        int e;

        e = find_resource(req, true, &r, &name, reterr);
        if (e > 0)
                return error_set_field(reterr, -ENOENT, r->plural, name, "%s \"%s\" not found", r->plural, name);
        return e < 0 ? e : reply_object(req, userdata, r, name, reterr);
}
