/* SPDX-License-Identifier: Apache-2.0 */
/* get, list and watch of any kind in the table. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/controllers/definitions.h"
#include "core/store/reading.h"
#include "kubesimd/api/kube/body/yaml.h"
#include "kubesimd/api/kube/custom/custom.h"
#include "kubesimd/api/kube/kinds/events.h"
#include "kubesimd/api/kube/kinds/made.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/path.h"
#include "kubesimd/api/kube/selector.h"
#include "kubesimd/api/kube/status.h"
#include "kubesimd/api/kube/view.h"
#include "kubesimd/api/pieces.h"
#include "kubesimd/api/streams.h"

#define TIMEOUT_MAX ((uint64_t) 1000000) /* seconds */
/* Lists up to here are one reply with a length; longer ones are streamed, so that no turn of the loop is long. */
#define WHOLE_MAX 500
#define LAG_MAX 4000 /* of a longer ago, too: there is much to be taken back first */
#define LOOK_AT_MAX 200 /* objects looked at for one that matches, before others get their turn */

#define KUBE_TOKEN_MAX 600 /* a revision and the longest key: of events that are made */

/* What a list or a watch is about, kept for as long as it is being sent. */
typedef struct Query {
        View view;
        Selector *selector; /* owned */
        char *namespace;    /* owned; NULL: all */
        char *name;         /* owned: of the one that is watched; NULL: all */
        Reading *reading;   /* owned, of a list */
        uint64_t limit;     /* how many more objects, UINT64_MAX: all */
        Made *made;         /* owned: the list in place of a reading, of kinds with objects that are made when asked for */
        size_t next;        /* of those */
        char token[KUBE_TOKEN_MAX]; /* metadata.continue: after the last object that was put */
        uint64_t remaining; /* objects that have yet to be put, of this page and all after it; 0: nobody knows */
        bool begun, first;
        bool more;          /* there is one after that */
        bool yaml;          /* of a list */
        uint64_t defined_at; /* of custom kinds: what is older is of another definition */
} Query;

static Query *query_free(Query *q) {
        if (!q)
                return NULL;
        selector_free(q->selector);
        reading_free(q->reading);
        made_free(q->made);
        kube_resource_unref(q->view.resource);
        free(q->namespace);
        free(q->name);
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
        if (r > 0 && !isempty(http_request_query(req, "continue")))
                return error_set(reterr, -EINVAL, "specifying resource version is not allowed when using continue");
        if (!isempty(match) && !isempty(http_request_query(req, "continue")))
                return kube_refuse_option(req, "ListOptions", "resourceVersionMatch", "FieldValueForbidden",
                                          "Forbidden: resourceVersionMatch is forbidden when continue is provided");
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
        /* The pages of a list that names a revision are of that one. */
        if (streq_ptr(match, "Exact") || (wanted > 0 && isempty(match) && !isempty(http_request_query(req, "limit")) &&
                                          !streq(http_request_query(req, "limit"), "0")))
                *ret = wanted;
        return 0;
}

static bool wants(const Query *q, const Object *o) {
        return (!q->namespace || object_is_in(o, q->namespace)) && (!q->name || streq(object_name(o), q->name)) && selector_matches(q->selector, o);
}

/* Objects of a definition that has come to the slot after this one are none of ours. */
static bool watch_wants(void *userdata, const Object *o) {
        const Query *q = userdata;
        uint64_t at = cluster_defined_at(q->view.cluster, q->view.resource->store_kind);

        return (at == q->defined_at || o->revision < at) && wants(q, o);
}

static bool watch_is_over(void *userdata, uint64_t revision) {
        const Query *q = userdata;
        uint64_t at = cluster_defined_at(q->view.cluster, q->view.resource->store_kind);

        return at != q->defined_at ? revision + 1 >= at : !custom_is_served(q->view.cluster, q->view.resource);
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
        Query *q = userdata;

        for (unsigned part = 0; part < kube_event_parts(e); part++) {
                _cleanup_(object_unrefp) Object *o = NULL;

                if (kube_make_event(q->view.cluster, e, part, &o) >= 0 && wants(q, o))
                        watch_put(q, "ADDED", e->revision, o, false, b);
        }
}

static int watch_make(void *userdata, const Object *of, Object **ret) {
        Query *q = userdata;

        return q->view.resource->make(q->view.cluster, of, 0, ret);
}

static usec_t watch_renewed(void *userdata, const Object *of) {
        Query *q = userdata;

        return q->view.resource->renewed(q->view.cluster, of);
}

static const WatchFormat watch_format = {
        .content_type = KUBE_JSON, .put = watch_put, .wants = watch_wants, .put_expired = watch_put_expired, .free_userdata = query_done,
        .is_over = watch_is_over,
};
static const WatchFormat leases_format = {
        .content_type = KUBE_JSON, .put = watch_put, .wants = watch_wants, .put_expired = watch_put_expired, .free_userdata = query_done,
        .made_of = KIND_NODE, .make = watch_make, .renewed = watch_renewed,
};
static const WatchFormat events_format = {
        .content_type = KUBE_JSON, .put = watch_put, .wants = watch_wants, .put_expired = watch_put_expired, .put_event = watch_put_event,
        .free_userdata = query_done,
};

/* From which revision: 1; 0 when it begins with all that there is, which a client may ask for together with a revision that it is to reach. */
static int watch_revision(HttpRequest *req, const Store *s, uint64_t *ret, Error *reterr) {
        const char *match = http_request_query(req, "resourceVersionMatch");
        uint64_t newest = store_revision(s);
        int r;

        if (!isempty(match) && !http_request_query(req, "sendInitialEvents"))
                return kube_refuse_option(req, "ListOptions", "resourceVersionMatch", "FieldValueForbidden",
                                          "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        if (http_request_query(req, "sendInitialEvents") && !streq_ptr(match, "NotOlderThan"))
                return kube_refuse_option(req, "ListOptions", "resourceVersionMatch", "FieldValueForbidden",
                                          "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        r = query_revision(req, ret, reterr);
        if (r > 0 && *ret > newest)
                return kube_refuse_future(req, *ret, newest);
        return r > 0 && query_bool(req, "sendInitialEvents") ? 0 : r;
}

static int reply_query_watch(HttpRequest *req, ApiContext *api, Query *q, Error *reterr) {
        uint64_t since = 0, seconds = 0;
        int r, from;

        r = from = watch_revision(req, cluster_store(api->cluster), &since, reterr);
        if (r >= 0)
                r = query_number(req, "timeoutSeconds", &seconds, reterr);
        since = MAX(since, q->defined_at);
        if (r < 0) {
                query_free(q);
                return r;
        }
        return reply_watch(req, api, &(WatchOptions) {
                .kind = q->view.resource->store_kind, .since = from > 0 ? &since : NULL,
                .no_bookmarks = !query_bool(req, "allowWatchBookmarks") && !query_bool(req, "sendInitialEvents"),
                .timeout = MIN(seconds, TIMEOUT_MAX) * USEC_PER_SEC,
                .format = q->view.resource->made_watch ? &events_format : q->view.resource->renewed ? &leases_format : &watch_format, .userdata = q,
                .alike = q->view.form == VIEW_OBJECT && !q->view.resource->custom ? q->view.resource : NULL }, reterr); /* rows of definitions come and go */
}

static uint64_t list_is_of(const Query *q) {
        return q->made ? q->made->revision : reading_revision(q->reading);
}

static ListRest rest_of(const Query *q) {
        return (ListRest) { .token = q->more ? q->token : NULL, .remaining = q->remaining };
}

/* The list without its items, which come behind it. */
static void put_yaml_head(Query *q, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf json = STRBUF_INIT(MIB);
        const ListRest rest = rest_of(q);
        Json *list, *items;

        view_put_list_head(&q->view, list_is_of(q), &rest, &json);
        strbuf_puts(&json, "]}"); /* they are its last member */
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
        const ListRest rest = rest_of(q);

        if (q->yaml)
                put_yaml_head(q, b);
        else
                view_put_list_head(&q->view, list_is_of(q), &rest, b);
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

/* What is known only at the end of the list is a member behind its items. */
static void put_yaml_tail(Query *q, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf json = STRBUF_INIT(MIB);
        const ListRest rest = rest_of(q);
        Json *tail;

        if (q->first)
                strbuf_puts(b, " []\n");
        if (!q->view.metadata_last)
                return;
        strbuf_puts(&json, "{\"items\":[");
        view_put_list_tail(&q->view, list_is_of(q), &rest, &json);
        if (strbuf_error(&json) < 0 || json_tree_parse(&a, json.data, json.size, &tail, NULL) < 0) {
                b->error = -ENOMEM;
                return;
        }
        json_detach(json_get(tail, "items"));
        yaml_put(b, tail);
}

static void put_tail(Query *q, StrBuf *b) {
        const ListRest rest = rest_of(q);

        if (q->yaml)
                put_yaml_tail(q, b);
        else
                view_put_list_tail(&q->view, list_is_of(q), &rest, b);
}

static const char *list_type(const Query *q) {
        return q->yaml ? KUBE_YAML : KUBE_JSON;
}

static void put_token(Query *q, uint64_t revision, const Object *last) {
        (void) snprintf(q->token, sizeof(q->token), "%llu.%llu.%s", (unsigned long long) revision, (unsigned long long) q->remaining, last->name);
}

static void put_page_item(Query *q, const Object *o, StrBuf *b) {
        put_item(q, o, b);
        if (q->limit == UINT64_MAX)
                return;
        q->limit--;
        q->remaining -= q->remaining > 0;
        put_token(q, reading_revision(q->reading), o);
}

/* Puts the next object that matches: 1, also when none of those looked at does; 0 at the end of all, or of the page. */
static int next_item(Query *q, StrBuf *b) {
        Object *o;
        int r = 1;

        if (q->made) {
                if (q->next >= q->made->n_objects)
                        return 0;
                put_item(q, q->made->objects[q->next++], b);
                return 1;
        }
        for (unsigned i = 0; i < LOOK_AT_MAX && (r = reading_next(q->reading, &o)) > 0; i++) {
                if (!wants(q, o))
                        continue;
                q->more = q->limit == 0;
                if (!q->more)
                        put_page_item(q, o, b);
                return !q->more;
        }
        return r == -EAGAIN ? 1 : r;
}

static int next_piece(void *userdata, StrBuf *b) {
        Query *q = userdata;
        int r;

        if (!q->begun) {
                put_head(q, b);
                q->begun = q->first = true;
                return 1;
        }
        r = next_item(q, b);
        if (r == 0)
                put_tail(q, b);
        return r;
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
        put_tail(q, &b);
        return http_reply(req, 200, list_type(q), &b, list_is_of(q));
}

/* --- Pages --- */

static int take_number(const char **s, uint64_t *ret, Error *reterr) {
        const char *dot = strchr(*s, '.');
        char digits[24] = "";

        if (dot && (size_t) (dot - *s) < sizeof(digits))
                memcpy(digits, *s, (size_t) (dot - *s));
        if (parse_u64(digits, ret) < 0)
                return error_set(reterr, -EINVAL, "continue key is not valid: it was not made by this server");
        *s = dot + 1;
        return 0;
}

/* "REVISION.REMAINING.KEY": after which object, as of when, and how many there were after it. */
static int parse_token(const char *s, uint64_t *ret_revision, uint64_t *ret_remaining, const char **ret_key, Error *reterr) {
        int r;

        r = take_number(&s, ret_revision, reterr);
        if (r >= 0)
                r = take_number(&s, ret_remaining, reterr);
        *ret_key = s;
        return r;
}

static bool wants_made(const Object *o, void *userdata) {
        return wants(userdata, o);
}

/* What is left after this page, as far as that is known: nobody counts what matches a selector, or what an older revision had. */
static uint64_t count_rest(const Store *s, const Query *q, const char *after, uint64_t revision) {
        const KubeResource *k = q->view.resource;
        uint64_t n = q->remaining;

        if (q->selector || q->name)
                return 0;
        if (!after && revision == store_revision(s))
                n = q->made->n_made + (k->only_made ? 0 : q->namespace ? store_count_in(s, k->store_kind, q->namespace) : store_count(s, k->store_kind));
        return n - MIN(n, (uint64_t) q->made->n_objects);
}

/* A list of a kind that has objects which are made when they are asked for. */
static int take_made(Store *s, Query *q, const char *after, size_t limit, uint64_t revision) {
        _cleanup_(reading_freep) Reading *stored = NULL;
        const KubeResource *k = q->view.resource;
        int r = 0;

        q->limit = UINT64_MAX; /* the page is as long as it is to be */
        if (!k->only_made)
                r = reading_by_key(s, k->store_kind, q->namespace, after, revision, &stored);
        if (r >= 0)
                r = made_take(q->view.cluster, k, q->namespace, after, limit, revision, stored, wants_made, q, &q->made);
        if (r < 0 || !q->made->more)
                return r;
        q->more = true;
        q->remaining = count_rest(s, q, after, revision);
        put_token(q, revision, q->made->objects[q->made->n_objects - 1]);
        return 0;
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
                r = parse_token(token, &revision, &q->remaining, &after, reterr);
        if (r < 0)
                return r;
        if (revision < q->defined_at)
                return too_old(req, reterr);
        if (revision > store_revision(s))
                return error_set(reterr, -EINVAL, "continue key is not valid: it is ahead of the newest revision");
        if (q->view.resource->each_made)
                r = take_made(s, q, after, limit > 0 ? limit : SIZE_MAX, revision);
        else {
                q->limit = limit > 0 ? limit : UINT64_MAX;
                if (q->selector)
                        q->remaining = 0;
                else if (!after && revision == store_revision(s))
                        q->remaining = q->namespace ? store_count_in(s, q->view.resource->store_kind, q->namespace)
                                                    : store_count(s, q->view.resource->store_kind);
                r = reading_by_key(s, q->view.resource->store_kind, q->namespace, after, revision, &q->reading);
        }
        return r == -ERANGE ? too_old(req, reterr) : r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

/* May it be made in one turn? */
static bool is_short(const Store *s, const Query *q) {
        if (q->made)
                return q->made->n_objects <= WHOLE_MAX;
        return reading_lag(q->reading) <= LAG_MAX &&
               (store_count(s, q->view.resource->store_kind) <= WHOLE_MAX || (q->limit <= WHOLE_MAX && !q->selector));
}

static int reply_query_list(HttpRequest *req, ApiContext *api, Query *query, Error *reterr) {
        _cleanup_(query_freep) Query *q = query;
        Store *s = cluster_store(api->cluster);
        uint64_t revision;
        const char *type;
        int r;

        r = take_list(req, s, q, reterr);
        if (r < 0)
                return r;
        if (is_short(s, q))
                return reply_whole_list(req, q);
        q->view.metadata_last = q->limit != UINT64_MAX;
        revision = list_is_of(q);
        type = list_type(q);
        return reply_pieces(req, type, revision, next_piece, query_done, TAKE_PTR(q));
}

static int query_new(const KubePath *path, Query **ret) {
        _cleanup_(query_freep) Query *q = new0(Query, 1);

        if (!q)
                return -ENOMEM;
        q->namespace = path->namespace ? strdup(path->namespace) : NULL;
        q->name = path->name ? strdup(path->name) : NULL;
        if ((path->namespace && !q->namespace) || (path->name && !q->name))
                return -ENOMEM;
        *ret = TAKE_PTR(q);
        return 0;
}

int kube_list(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        bool watch = path->watch || query_bool(req, "watch");
        const KubeResource *r = path->resource;
        _cleanup_(query_freep) Query *q = NULL;
        int e;

        if (query_new(path, &q) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        e = view_from_request(req, api->cluster, r, &q->view, reterr);
        q->view.resource = kube_resource_ref(r);
        q->defined_at = cluster_defined_at(api->cluster, r->store_kind);
        if (e >= 0)
                e = selector_parse(r, http_request_query(req, "labelSelector"), http_request_query(req, "fieldSelector"), &q->selector, reterr);
        if (e < 0)
                return e;
        if (watch && r->only_made)
                return error_set(reterr, -EOPNOTSUPP, "%s cannot be watched here", r->plural);
        if (watch)
                return reply_query_watch(req, api, TAKE_PTR(q), reterr);
        if (http_request_query(req, "sendInitialEvents"))
                return kube_refuse_option(req, "ListOptions", "sendInitialEvents", "FieldValueForbidden", "Forbidden: sendInitialEvents is forbidden for list");
        q->yaml = kube_wants_yaml(req);
        return reply_query_list(req, api, TAKE_PTR(q), reterr);
}

int kube_get(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_(object_unrefp) Object *made = NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * MIB);
        const KubeResource *r = path->resource;
        const Object *o = NULL;
        uint64_t wanted = 0;
        StoreEntry *entry;
        View view;
        int e;

        e = query_revision(req, &wanted, reterr);
        if (e > 0 && wanted > store_revision(cluster_store(api->cluster)))
                e = kube_refuse_future(req, wanted, store_revision(cluster_store(api->cluster)));
        if (e >= 0)
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
