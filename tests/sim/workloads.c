/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/workloads.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/prng.h"
#include "basic/string-util.h"
#include "core/control/controllers.h"
#include "core/control/definitions.h"
#include "core/control/nodes.h"
#include "core/control/objects.h"
#include "core/control/pods.h"
#include "core/control/selectors.h"
#include "core/control/workload.h"
#include "core/model/codec.h"
#include "tests/sim/memory.h"

#define STEPS 300
#define NAMES 3
#define EPOCH (UINT64_C(1700000000) * USEC_PER_SEC)

typedef struct Workloads {
        Prng prng;
        uint64_t seed;
        usec_t now;
        Cluster *cluster;
        void (*broken)(const char *what, int line);
} Workloads;

#define must(condition) \
        do { \
                if (!(condition)) \
                        w->broken(#condition, __LINE__); \
        } while (false)

static unsigned any(Workloads *w, unsigned n) {
        return (unsigned) prng_below(&w->prng, n);
}

/* --- The server --- */

static void start(Workloads *w) {
        static const uint64_t secret[2] = { 3, 4 };
        const ClusterConfig config = {
                .node_timeout_usec = 15 * USEC_PER_SEC, .remove_after_usec = 30 * USEC_PER_SEC, .heartbeat_interval_usec = 5 * USEC_PER_SEC,
                .stop_grace_usec = 5 * USEC_PER_SEC, .nodes_max = 20, .objects_max = 10000, .pods_max = 500, .pods_per_node_max = 100,
                .node_cpu_max = 64000, .watch_log_max = 1000, .event_log_max = 30, .algorithm = "first-fit",
                .node_loss = w->seed % 2 == 0 ? NODE_LOSS_KUBESIM : NODE_LOSS_KUBERNETES,
        };

        must(cluster_new(&config, w->seed + w->now, secret, &w->cluster) >= 0);
        cluster_set_clock(w->cluster, (int64_t) EPOCH);
}

typedef struct Saved {
        Object *objects[4096];
        size_t n;
} Saved;

static int compare_ids(const void *a, const void *b) {
        const Object *x = *(Object *const*) a, *y = *(Object *const*) b;

        return x->id < y->id ? -1 : x->id > y->id;
}

/* Everything that is durable, written and read again. */
static void save(Workloads *w, Saved *s) {
        Store *store = cluster_store(w->cluster);
        size_t hint;

        for (Kind k = 0; k < _KIND_MAX; k++) {
                hint = 0;
                for (StoreEntry *e = NULL; (e = store_next(store, k, e ? e->object->id : 0, &hint));) {
                        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
                        Object *o;

                        object_encode(e->object, &b);
                        must(strbuf_error(&b) == 0 && s->n < ELEMENTSOF(s->objects));
                        must(object_decode(k, b.data, b.size, &o, NULL) >= 0);
                        o->id = e->object->id;
                        o->revision = e->object->revision;
                        s->objects[s->n++] = o;
                }
        }
        qsort(s->objects, s->n, sizeof(s->objects[0]), compare_ids);
}

static void commit(Workloads *w) {
        store_set_durable(cluster_store(w->cluster), store_revision(cluster_store(w->cluster)));
}

/* Dies; what was not durable is gone. */
static void crash(Workloads *w) {
        uint64_t revision, last_id;
        Saved s = {};

        must(cluster_undo(w->cluster, w->now) >= 0);
        revision = store_revision(cluster_store(w->cluster));
        last_id = store_last_id(cluster_store(w->cluster));
        save(w, &s);
        w->cluster = cluster_free(w->cluster);
        start(w);
        for (size_t i = 0; i < s.n; i++) {
                must(cluster_load(w->cluster, s.objects[i]) >= 0);
                object_unref(s.objects[i]);
        }
        must(cluster_loaded(w->cluster, w->now, revision, last_id) >= 0);
}

/* --- Clients --- */

static Json *parse(JsonArena *a, const char *format, ...) _printf_(2, 3);
static Json *parse(JsonArena *a, const char *format, ...) {
        char text[2048];
        Json *root = NULL;
        char *copy;
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        copy = json_arena_copy(a, text, strlen(text));
        if (copy)
                (void) json_tree_parse(a, copy, strlen(copy), &root, NULL);
        return root;
}

static const char *some_key(Workloads *w, const char *prefix, char *buf) {
        (void) snprintf(buf, 64, "%s%s%u", any(w, 4) == 0 ? "team/" : "", prefix, any(w, NAMES));
        return buf;
}

static void create(Workloads *w, Kind kind, const char *key, Json *root) {
        Object *o = NULL;

        if (root && cluster_create_object(w->cluster, w->now, kind, key, root, false, &o, NULL) >= 0)
                object_unref(o);
}

#define TEMPLATE(app) "\"template\":{\"metadata\":{\"labels\":{\"app\":\"" app "\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"v%u\"," \
        "\"resources\":{\"requests\":{\"cpu\":\"%um\"}}}]}}"

static void create_deployment(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char key[64];
        unsigned i;

        (void) some_key(w, "d", key);
        i = (unsigned) (key[strlen(key) - 1] - '0');
        create(w, KIND_DEPLOYMENT, key, parse(&a, "{\"metadata\":{\"generation\":1,\"labels\":{\"app\":\"a%u\"}},\"spec\":{\"replicas\":%u,"
               "\"selector\":{\"matchLabels\":{\"app\":\"a%u\"}},\"strategy\":{\"type\":\"%s\"}," TEMPLATE("a%u") "}}", i, any(w, 5), i,
               any(w, 3) == 0 ? "Recreate" : "RollingUpdate", i, any(w, 3), 100 * any(w, 5)));
}

static void create_other(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char key[64];

        switch (any(w, 5)) {
        case 0:
                return create(w, KIND_JOB, some_key(w, "j", key), parse(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"completions\":%u,\"parallelism\":%u,"
                              "\"backoffLimit\":1," TEMPLATE("job") "}}", 1 + any(w, 3), 1 + any(w, 2), 1, 100));
        case 1:
                return create(w, KIND_SERVICE, some_key(w, "s", key), parse(&a, any(w, 3) == 0 ?
                              "{\"metadata\":{},\"spec\":{\"selector\":{\"app\":\"job\"},\"ports\":[{\"port\":80}]}}" :
                              "{\"metadata\":{},\"spec\":{\"selector\":{\"app\":\"a%u\"},\"ports\":[{\"port\":80}]}}", any(w, NAMES)));
        case 2:
                return create(w, KIND_POD_DISRUPTION_BUDGET, some_key(w, "b", key), parse(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"minAvailable\":"
                              "\"50%%\",\"selector\":{\"matchLabels\":{\"app\":\"a%u\"}}}}", any(w, NAMES)));
        case 3:
                return create(w, KIND_NAMESPACE, "team", parse(&a, "{\"metadata\":{},\"spec\":{\"finalizers\":[\"kubernetes\"]},\"status\":{\"phase\":\"Active\"}}"));
        default:
                return create(w, KIND_NODE, any(w, 2) == 0 ? "n0" : "n1", parse(&a, "{\"metadata\":{%s},\"spec\":{},\"status\":{\"capacity\":{\"cpu\":\"%u\"}}}",
                              any(w, 3) == 0 ? "\"finalizers\":[\"a/b\"]" : "", 1 + any(w, 8)));
        }
}

/* Definitions of which some want the names of others, or have no namespace. */
static void create_definition(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        unsigned i = any(w, NAMES), kind = any(w, 3) == 0 ? 0 : i;
        char key[64];

        (void) snprintf(key, sizeof(key), "things%u.example.com", i);
        create(w, KIND_CUSTOM_RESOURCE_DEFINITION, key, parse(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"group\":\"example.com\",\"scope\":\"%s\","
               "\"names\":{\"plural\":\"things%u\",\"singular\":\"thing%u\",\"kind\":\"Thing%u\",\"listKind\":\"Thing%uList\"},\"versions\":[{\"name\":\"v1\","
               "\"served\":true,\"storage\":true}]}}", i == 0 ? "Cluster" : "Namespaced", i, i, kind, kind));
}

/* Any object that a definition defines, or NULL; with `slot` any definition's slot. */
static Kind some_slot(Workloads *w) {
        char key[64];
        StoreEntry *e;

        (void) snprintf(key, sizeof(key), "things%u.example.com", any(w, NAMES));
        e = store_find(cluster_store(w->cluster), KIND_CUSTOM_RESOURCE_DEFINITION, key);
        return e ? ((const Definition*) e->object)->slot : _KIND_INVALID;
}

/* Some have a finalizer, some are owned by others of such a kind, which may not be there, or not be defined. */
static void create_custom(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Kind slot = some_slot(w), other = some_slot(w);
        StoreEntry *owner = kind_is_custom(other) && !kind_is_namespaced(other) ? store_find_from(cluster_store(w->cluster), other, NULL) : NULL;
        char key[64], uid[UUID_STRING_MAX];

        if (!kind_is_custom(slot))
                return;
        if (owner && any(w, 2) == 0)
                return create(w, kind_is_namespaced(slot) ? slot : KIND_CONFIG_MAP, some_key(w, "o", key), parse(&a, "{\"metadata\":{\"ownerReferences\":[{"
                              "\"apiVersion\":\"example.com/v1\",\"kind\":\"%s\",\"name\":\"%s\",\"uid\":\"%s\"}]}}",
                              cluster_definition(w->cluster, other)->info->accepted.kind, owner->object->name, uuid_to_string(owner->object->uid, uid)));
        (void) some_key(w, "o", key);
        create(w, slot, kind_is_namespaced(slot) ? key : key + strcspn(key, "o"), parse(&a, any(w, 4) == 0 ?
               "{\"metadata\":{\"generation\":1,\"finalizers\":[\"example.com/hold\"]},\"spec\":{\"n\":%u}}" :
               "{\"metadata\":{\"generation\":1},\"spec\":{\"n\":%u}}", any(w, 5)));
}

/* Whoever holds an object lets it go. */
static void release_custom(Workloads *w) {
        _cleanup_edit_ Edit edit = {};
        Kind slot = some_slot(w);
        Object *o = NULL;
        StoreEntry *e;

        for (e = kind_is_custom(slot) ? store_find_from(cluster_store(w->cluster), slot, NULL) : NULL; e; e = store_following(e))
                if (e->object->doc->n_finalizers > 0)
                        break;
        if (!e || edit_begin(&edit, w->cluster, e) < 0)
                return;
        json_remove(json_get(edit.root, "metadata"), "finalizers");
        if (json_arena_error(&edit.arena) == 0 && cluster_update_object(w->cluster, w->now, e, edit.root, false, &o, NULL) >= 0)
                object_unref(o);
}

static void act_on_definitions(Workloads *w) {
        Kind slot = some_slot(w);
        StoreEntry *e;
        char key[64];

        switch (any(w, 8)) {
        case 0 ... 1:
                return create_definition(w);
        case 2 ... 4:
                return create_custom(w);
        case 5:
                return release_custom(w);
        case 6:
                e = kind_is_custom(slot) ? store_find_from(cluster_store(w->cluster), slot, NULL) : NULL;
                break;
        default:
                (void) snprintf(key, sizeof(key), "things%u.example.com", any(w, NAMES));
                e = store_find(cluster_store(w->cluster), KIND_CUSTOM_RESOURCE_DEFINITION, key);
        }
        if (e)
                (void) cluster_delete_object(w->cluster, w->now, e, &(DeleteOptions) { .grace_seconds = -1, .propagation = (Propagation) any(w, 3) }, NULL);
}

static void change_deployment(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char key[64], image[16];
        _cleanup_edit_ Edit edit = {};
        StoreEntry *e = store_find(cluster_store(w->cluster), KIND_DEPLOYMENT, some_key(w, "d", key));
        Object *o = NULL;
        Json *spec;

        if (!e || edit_begin(&edit, w->cluster, e) < 0)
                return;
        spec = json_get(edit.root, "spec");
        if (any(w, 2) == 0)
                json_set_i64(&edit.arena, spec, "replicas", any(w, 5));
        else if (any(w, 4) == 0)
                json_set_bool(&edit.arena, spec, "paused", any(w, 2));
        else {
                (void) snprintf(image, sizeof(image), "v%u", any(w, 3));
                json_set_string(&edit.arena, json_item(json_at(spec, "template", "spec", "containers", NULL), 0), "image", image);
        }
        if (json_arena_error(&edit.arena) == 0 && cluster_update_object(w->cluster, w->now, e, edit.root, false, &o, NULL) >= 0)
                object_unref(o);
}

/* The end of a node that finalizers hold. */
static void release_node(Workloads *w, StoreEntry *e) {
        _cleanup_edit_ Edit edit = {};
        Object *o = NULL;

        if (edit_begin(&edit, w->cluster, e) < 0)
                return;
        json_remove(json_get(edit.root, "metadata"), "finalizers");
        if (cluster_update_object(w->cluster, w->now, e, edit.root, false, &o, NULL) >= 0)
                object_unref(o);
}

static void delete_something(Workloads *w) {
        static const struct {
                Kind kind;
                const char *prefix;
        } all[] = {
                { KIND_DEPLOYMENT, "d" }, { KIND_JOB, "j" }, { KIND_SERVICE, "s" }, { KIND_POD_DISRUPTION_BUDGET, "b" }, { KIND_NAMESPACE, NULL },
                { KIND_NODE, NULL }, { KIND_POD, NULL }, { KIND_REPLICA_SET, NULL },
        };
        const unsigned i = any(w, ELEMENTSOF(all));
        Store *s = cluster_store(w->cluster);
        StoreEntry *e;
        char key[64];

        if (all[i].prefix)
                e = store_find(s, all[i].kind, some_key(w, all[i].prefix, key));
        else if (all[i].kind == KIND_NAMESPACE)
                e = store_find(s, KIND_NAMESPACE, "team");
        else
                e = store_find_from(s, all[i].kind, NULL);
        if (e && e->object->kind == KIND_NODE && e->object->doc && e->object->doc->deleted > 0)
                return release_node(w, e);
        if (e)
                (void) cluster_delete_object(w->cluster, w->now, e, &(DeleteOptions) { .grace_seconds = any(w, 3) == 0 ? 0 : -1,
                                             .propagation = (Propagation) any(w, 3) }, NULL);
}

/* --- What must hold --- */

/* Every slot has the definition that says so, and no object is of one that nobody has. */
static void check_slots(Workloads *w) {
        Store *store = cluster_store(w->cluster);
        size_t n = 0, established = 0;

        for (StoreEntry *e = store_find_from(store, KIND_CUSTOM_RESOURCE_DEFINITION, NULL); e; e = store_following(e)) {
                const Definition *d = (const Definition*) e->object;

                established += kind_is_custom(d->slot);
                if (kind_is_custom(d->slot))
                        must(cluster_definition(w->cluster, d->slot) == d && kind_is_namespaced(d->slot) == d->info->namespaced);
        }
        for (Kind k = KIND_CUSTOM_NAMESPACED; k < _KIND_MAX; k++) {
                n += cluster_definition(w->cluster, k) != NULL;
                must(store_count(store, k) == 0 || cluster_definition(w->cluster, k));
        }
        must(n == established);
}

/* Links between owners and what they own are as their references say, at any time. */
static void check_links(Workloads *w) {
        Store *store = cluster_store(w->cluster);
        char uid[UUID_STRING_MAX];

        check_slots(w);
        for (StoreEntry *e = store_find_from(store, KIND_NODE, NULL); e; e = store_following(e))
                must(!e->object->doc || e->object->doc->deleted == 0 || e->object->doc->n_finalizers > 0);
        for (Kind k = 0; k < _KIND_MAX; k++)
                for (StoreEntry *e = kind_is_document(k) || k == KIND_POD ? store_find_from(store, k, NULL) : NULL; e; e = store_following(e)) {
                        const ObjectState *s = object_state(e);
                        const Doc *d = e->object->doc;

                        must(!startswith(e->object->name, "team/") || store_find(store, KIND_NAMESPACE, "team"));
                        must(!s->owner || (d && d->n_owners > 0));
                        must(!s->owner || store_find(store, s->owner->entry.object->kind, s->owner->entry.object->name) == &s->owner->entry);
                        if (s->owner && d->n_owners == 1)
                                must(streq(d->owners[0].uid, uuid_to_string(s->owner->entry.object->uid, uid)));
                }
}

/* Pods that say the same share what they say. */
static void check_documents(Workloads *w) {
        Store *store = cluster_store(w->cluster);

        for (StoreEntry *e = store_find_from(store, KIND_POD, NULL); e; e = store_following(e)) {
                must(!e->object->doc || e->object->doc->pool == cluster_documents(w->cluster));
                for (StoreEntry *f = store_following(e); f; f = store_following(f))
                        must(!e->object->doc || !f->object->doc || (e->object->doc == f->object->doc) == doc_equal(e->object->doc, f->object->doc));
        }
}

/* Names are accepted once each; what is ending waits for an object that somebody holds. */
static void check_definitions(Workloads *w) {
        Store *store = cluster_store(w->cluster);

        for (StoreEntry *e = store_find_from(store, KIND_CUSTOM_RESOURCE_DEFINITION, NULL); e; e = store_following(e)) {
                const Definition *d = (const Definition*) e->object;
                bool taken = false;

                for (StoreEntry *f = store_find_from(store, KIND_CUSTOM_RESOURCE_DEFINITION, NULL); f; f = store_following(f)) {
                        const Definition *other = (const Definition*) f->object;

                        must(f == e || !*d->info->accepted.kind || !streq(d->info->accepted.kind, other->info->accepted.kind));
                        taken |= f != e && streq(d->info->wanted.kind, other->info->accepted.kind);
                }
                if (d->object.doc->deleted > 0)
                        must(kind_is_custom(d->slot) && store_count(store, d->slot) > 0);
                else
                        must(kind_is_custom(d->slot) || taken);
                for (StoreEntry *o = kind_is_custom(d->slot) ? store_find_from(store, d->slot, NULL) : NULL; o; o = store_following(o))
                        must(d->object.doc->deleted == 0 || (o->object->doc->deleted > 0 && o->object->doc->n_finalizers > 0));
        }
}

static Json *tree(Workloads *w, JsonArena *a, const Object *o) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Json *root = NULL;

        doc_put(o->doc, &b);
        must(json_tree_parse(a, json_arena_copy(a, b.data, b.size), b.size, &root, NULL) >= 0);
        return root;
}

static void check_deployment(Workloads *w, const ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object), *status = json_get(root, "status");
        int64_t wanted = json_i64(json_at(root, "spec", "replicas", NULL), 1), has = 0;
        ObjectState *rs;

        LIST_FOREACH(rs, &s->dependents, ObjectState, in_owner)
                has += count_pods(rs).all;
        must(json_i64(json_get(status, "observedGeneration"), 0) == s->entry.object->doc->generation);
        if (!json_is_true(json_at(root, "spec", "paused", NULL)) && store_count(cluster_store(w->cluster), KIND_NODE) > 0 &&
            status_has_condition(status, "Available"))
                must(has >= wanted);
        if (!json_is_true(json_at(root, "spec", "paused", NULL)) && json_i64(json_get(status, "readyReplicas"), 0) == has)
                must(has == wanted); /* nothing that it waits for */
}

static void check_service(Workloads *w, const ObjectState *s) {
        const Object *service = s->entry.object;
        size_t pods = 0, listed = 0;
        ObjectState *slice;

        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_POD, NULL); e; e = store_following(e)) {
                const Pod *p = (const Pod*) e->object;

                pods += object_shares_namespace(e->object, service) && p->ip != 0 && p->status != POD_SUCCEEDED && p->status != POD_FAILED &&
                        selects(service, e->object);
        }
        LIST_FOREACH(slice, &s->dependents, ObjectState, in_owner)
                if (slice->entry.object->kind == KIND_ENDPOINT_SLICE) {
                        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
                        const Json *endpoints = json_get(tree(w, &a, slice->entry.object), "endpoints");

                        listed += endpoints ? endpoints->size : 0;
                }
        must(pods == listed);
}

/* Pods that have yet to end, and custom objects that somebody holds. */
static bool has_something_in(Workloads *w, const char *from, const char *namespace) {
        for (Kind k = 0; k < _KIND_MAX; k++) {
                StoreEntry *e = k == KIND_POD || (kind_is_custom(k) && kind_is_namespaced(k)) ? store_find_from(cluster_store(w->cluster), k, from) : NULL;

                if (e && object_is_in(e->object, namespace))
                        return true;
        }
        return false;
}

/* No pod is there whose owner is gone; every controller has what it wants. */
static void check_rest(Workloads *w) {
        Store *store = cluster_store(w->cluster);

        must(list_is_empty(&w->cluster->orphans) && list_is_empty(&w->cluster->dirty));
        for (StoreEntry *e = store_find_from(store, KIND_DEPLOYMENT, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0)
                        check_deployment(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_SERVICE, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0)
                        check_service(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_POD, NULL); e; e = store_following(e))
                if (e->object->doc && e->object->doc->n_owners > 0)
                        must(object_state(e)->owner);
        for (StoreEntry *e = store_find_from(store, KIND_NAMESPACE, NULL); e; e = store_following(e))
                if (e->object->doc->deleted > 0)
                        must(has_something_in(w, "team/", "team"));
        check_definitions(w);
        check_slots(w);
        check_links(w);
        check_documents(w);
}

/* Time passes with memory and disk in order, until nothing is left to be done but heartbeats. */
static void rest(Workloads *w) {
        usec_t end = w->now + 10 * USEC_PER_MINUTE, next;

        memory_fail(0, 0);
        cluster_thaw(w->cluster, w->now);
        while (w->now < end) {
                next = MIN(cluster_deadline(w->cluster), end);
                w->now = MAX(w->now + 1, next);
                must(cluster_step(w->cluster, w->now) >= 0);
                commit(w);
        }
        for (unsigned i = 0; i < 1000 && controllers_wait(w->cluster); i++)
                must(cluster_step(w->cluster, w->now) >= 0);
        commit(w);
        check_rest(w);
}

static void act(Workloads *w) {
        switch (any(w, 13)) {
        case 10 ... 12:
                return act_on_definitions(w);
        case 0 ... 2:
                return create_deployment(w);
        case 3 ... 4:
                return create_other(w);
        case 5 ... 7:
                return change_deployment(w);
        default:
                return delete_something(w);
        }
}

static void go_on(Workloads *w) {
        usec_t next;

        if (any(w, 3) == 0)
                memory_fail(1 + any(w, 60), any(w, 2) == 0 ? 0 : any(w, 20));
        act(w);
        next = MIN(cluster_deadline(w->cluster), w->now + any(w, 3000) * USEC_PER_MSEC);
        w->now = MAX(w->now + 1, next);
        (void) cluster_step(w->cluster, w->now);
        memory_fail(0, 0);
        if (any(w, 4) != 0)
                commit(w);
        switch (any(w, 40)) {
        case 0:
                crash(w);
                break;
        case 1: /* the disk refuses, and takes things again */
                cluster_freeze(w->cluster);
                must(cluster_undo(w->cluster, w->now) >= 0);
                check_links(w);
                cluster_thaw(w->cluster, w->now);
                break;
        case 2:
                rest(w);
        }
        check_links(w);
}

uint64_t run_workload_world(uint64_t seed, void (*broken)(const char *what, int line)) {
        Workloads w = { .seed = seed, .now = USEC_PER_SEC, .broken = broken };
        uint64_t n;

        prng_init(&w.prng, seed);
        start(&w);
        if (cluster_loaded(w.cluster, w.now, 0, 0) < 0)
                broken("an empty cluster starts", __LINE__);
        for (unsigned i = 0; i < STEPS; i++)
                go_on(&w);
        rest(&w);
        n = store_revision(cluster_store(w.cluster));
        cluster_free(w.cluster);
        return n;
}
