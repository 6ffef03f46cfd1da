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
#include "kubesimd/api/kube/made.h"
#include "kubesimd/api/kube/path.h"
#include "kubesimd/api/kube/selector.h"
#include "kubesimd/api/kube/status.h"
#include "kubesimd/api/kube/view.h"
#include "kubesimd/api/kube/yaml.h"
#include "kubesimd/api/pieces.h"
#include "kubesimd/api/snapshot.h"
#include "kubesimd/api/streams.h"

#define TIMEOUT_MAX ((uint64_t) 1000000) /* seconds */
/* Lists up to here are one reply with a length; longer ones are streamed, so that no turn of the loop is long. */
#define WHOLE_MAX 500
#define CHUNK 1000 /* objects looked at for one that matches, at a time */

#define KUBE_TOKEN_MAX 600 /* a revision and the longest key: of events that are made */

/* What a list or a watch is about, kept for as long as it is being sent. */
typedef struct Query {
        View view;
        Selector *selector; /* owned */
        char *namespace;    /* owned; NULL: all */
        Snapshot *snapshot; /* owned, of a list */
        size_t next;
        char token[KUBE_TOKEN_MAX]; /* metadata.continue; "" = none */
        bool begun, first;
        bool yaml; /* of a list */
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

/* A number of a query: absent, empty and negative ones are 0. */
static int query_number(HttpRequest *req, const char *name, uint64_t *ret, Error *reterr) {
        const char *s = http_request_query(req, name);
        bool negative = s && *s == '-';

        *ret = 0;
        if (isempty(s))
                return 0;
        if (parse_u64_range(s + negative, 0, INT64_MAX, ret) < 0)
                return error_set(reterr, -EINVAL, "strconv.ParseInt: parsing \"%s\": invalid syntax", s);
        if (negative)
                *ret = 0;
        return 0;
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
                return kube_refuse_option(req, "ListOptions", "resourceVersionMatch", "FieldValueNotSupported",
                                          "Unsupported value: \"%s\": supported values: \"Exact\", \"NotOlderThan\"", match);
        if (!isempty(match) && isempty(given))
                return kube_refuse_option(req, "ListOptions", "resourceVersionMatch", "FieldValueForbidden",
                                          "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided");
        if (streq_ptr(match, "Exact") && r == 0)
                return kube_refuse_option(req, "ListOptions", "resourceVersionMatch", "FieldValueForbidden",
                                          "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
        if (wanted > newest)
                return kube_refuse_future(req, wanted, newest);
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

static int watch_make(void *userdata, const Object *of, Object **ret) {
        Query *q = userdata;

        return q->view.resource->make(q->view.cluster, of, ret);
}

static usec_t watch_renewed(void *userdata, const Object *of) {
        Query *q = userdata;

        return q->view.resource->renewed(q->view.cluster, of);
}

static const WatchFormat watch_format = {
        .content_type = KUBE_JSON, .put = watch_put, .wants = watch_wants, .put_expired = watch_put_expired, .free_userdata = query_done,
};
static const WatchFormat leases_format = {
        .content_type = KUBE_JSON, .put = watch_put, .wants = watch_wants, .put_expired = watch_put_expired, .free_userdata = query_done,
        .made_of = KIND_NODE, .make = watch_make, .renewed = watch_renewed,
};
static const WatchFormat events_format = {
        .content_type = KUBE_JSON, .put = watch_put, .wants = watch_wants, .put_expired = watch_put_expired, .put_event = watch_put_event,
        .free_userdata = query_done,
};

static int reply_query_watch(HttpRequest *req, ApiContext *api, Query *q, Error *reterr) {
        uint64_t since, seconds = 0, newest = store_revision(cluster_store(api->cluster));
        int r;

        r = query_revision(req, &since, reterr);
        if (r > 0 && since > newest)
                r = kube_refuse_future(req, since, newest);
        if (r >= 0) {
                int e = query_number(req, "timeoutSeconds", &seconds, reterr);

                r = e < 0 ? e : r;
        }
        if (r < 0) {
                query_free(q);
                return r;
        }
        return reply_watch(req, api, &(WatchOptions) {
                .kind = q->view.resource->store_kind, .since = r > 0 ? &since : NULL,
                .no_bookmarks = !query_bool(req, "allowWatchBookmarks") && !query_bool(req, "sendInitialEvents"),
                .timeout = MIN(seconds, TIMEOUT_MAX) * USEC_PER_SEC,
                .format = q->view.resource->made_watch ? &events_format : q->view.resource->renewed ? &leases_format : &watch_format, .userdata = q }, reterr);
}

static void put_json_head(Query *q, StrBuf *b) {
        view_put_list_head(&q->view, q->snapshot->revision, &(ListRest) { .token = *q->token ? q->token : NULL }, b);
}

/* The list without its items, which come behind it: they are its last member. */
static void put_yaml_head(Query *q, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf json = STRBUF_INIT(MIB);
        Json *list, *items;

        put_json_head(q, &json);
        view_put_list_tail(&q->view, &json);
        if (strbuf_error(&json) < 0 || json_tree_parse(&a, json.data, json.size, &list, NULL) < 0) {
                b->error = -ENOMEM;
                return;
        }
        items = json_detach(list->last);
        yaml_put(b, list);
        yaml_put_string(b, items->key);
        strbuf_putc(b, ':');
}

static void put_head(Query *q, StrBuf *b) {
        if (q->yaml)
                put_yaml_head(q, b);
        else
                put_json_head(q, b);
        q->begun = q->first = true;
}

static void put_yaml_item(Query *q, const Object *o, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(64 * MIB);
        _cleanup_strbuf_ StrBuf json = STRBUF_INIT(16 * MIB);
        Json *item;

        view_put_item(&q->view, o, true, &json);
        if (strbuf_error(&json) < 0 || json_tree_parse(&a, json.data, json.size, &item, NULL) < 0) {
                b->error = -ENOMEM;
                return;
        }
        if (q->first)
                strbuf_putc(b, '\n');
        yaml_put_item(b, item);
}

static void put_item(Query *q, const Object *o, StrBuf *b) {
        if (q->yaml)
                put_yaml_item(q, o, b);
        else
                view_put_item(&q->view, o, q->first, b);
        q->first = false;
}

static void put_tail(Query *q, StrBuf *b) {
        if (!q->yaml)
                view_put_list_tail(&q->view, b);
        else if (q->first)
                strbuf_puts(b, " []\n");
}

static int next_piece(void *userdata, StrBuf *b) {
        Query *q = userdata;

        if (!q->begun) {
                put_head(q, b);
                return 1;
        }
        while (q->next < q->snapshot->n_objects) {
                const Object *o = q->snapshot->objects[q->next++];

                if (!wants(q, o))
                        continue;
                put_item(q, o, b);
                return 1;
        }
        put_tail(q, b);
        return 0;
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

static bool wants_made(const Object *o, void *userdata) {
        return wants(userdata, o);
}

/* The same of a kind that has objects which are made on demand. */
static int take_made(Store *s, Query *q, const char *after, size_t limit, uint64_t revision) {
        _cleanup_(snapshot_freep) Snapshot *stored = NULL;
        const KubeResource *k = q->view.resource;
        int r;

        r = snapshot_take_at(s, k->store_kind, q->namespace, after, k->only_made ? 0 : SIZE_MAX, revision, &stored);
        if (r >= 0)
                r = made_take(q->view.cluster, k, q->namespace, after, limit, stored, wants_made, q, &q->snapshot);
        if (r >= 0 && q->snapshot->more)
                (void) snprintf(q->token, sizeof(q->token), "%llu.%s", (unsigned long long) revision, q->snapshot->objects[q->snapshot->n_objects - 1]->name);
        return r;
}

static int too_old(HttpRequest *req, Error *reterr) {
        return error_set(reterr, -ERANGE, isempty(http_request_query(req, "continue")) ? "The resourceVersion for the provided list is too old." :
                         "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
                         "continue parameter.");
}

static int take_list(HttpRequest *req, Store *s, Query *q, Error *reterr) {
        const char *token = http_request_query(req, "continue"), *given = http_request_query(req, "resourceVersion"), *after = NULL;
        uint64_t limit = 0, revision;
        int r;

        r = list_revision(req, s, &revision, reterr);
        if (r >= 0)
                r = query_number(req, "limit", &limit, reterr);
        if (r >= 0 && !isempty(token) && !isempty(given) && !streq(given, "0"))
                r = error_set(reterr, -EINVAL, "specifying resource version is not allowed when using continue");
        if (r >= 0 && !isempty(token))
                r = parse_token(token, &revision, &after, reterr);
        if (r < 0)
                return r;
        if (revision > store_revision(s))
                return error_set(reterr, -EINVAL, "continue key is not valid: it is ahead of the newest revision");
        if (q->view.resource->each_made)
                r = take_made(s, q, after, limit > 0 ? limit : SIZE_MAX, revision);
        else if (limit > 0)
                r = take_page(s, q, after, limit, revision);
        else
                r = snapshot_take_at(s, q->view.resource->store_kind, q->namespace, after, SIZE_MAX, revision, &q->snapshot);
        return r == -ERANGE ? too_old(req, reterr) : r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

/* What is durable may be streamed; a list that tells of more waits as a whole. */
static int reply_query_list(HttpRequest *req, ApiContext *api, Query *query, Error *reterr) {
        _cleanup_(query_freep) Query *q = query;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(256 * MIB);
        const char *type = q->yaml ? KUBE_YAML : KUBE_JSON;
        Store *s = cluster_store(api->cluster);
        int r;

        r = take_list(req, s, q, reterr);
        if (r < 0)
                return r;
        if (q->snapshot->n_objects > WHOLE_MAX && q->snapshot->revision <= store_durable(s))
                return reply_pieces(req, type, next_piece, query_done, TAKE_PTR(q));
        while (next_piece(q, &b) > 0)
                ;
        return http_reply(req, 200, type, &b, q->snapshot->revision);
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
        q->yaml = kube_wants_yaml(req);
        return reply_query_list(req, api, TAKE_PTR(q), reterr);
}

int kube_get(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_(object_unrefp) Object *made = NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * MIB);
        const KubeResource *r = path->resource;
        const Object *o = NULL;
        StoreEntry *entry;
        View view;
        int e;

        e = view_from_request(req, api->cluster, r, &view, reterr);
        if (e < 0)
                return e;
        entry = r->only_made ? NULL : store_find(cluster_store(api->cluster), r->store_kind, path->key);
        if (entry)
                o = entry->object;
        else if (r->each_made && made_find(api->cluster, r, path->key, &made) >= 0)
                o = made;
        if (!o)
                return kube_not_found(r, path->name, reterr);
        view_put_one(&view, o, o->revision, &b);
        strbuf_putc(&b, '\n');
        return kube_reply(req, 200, &b, api_mark(api));
}
