/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/workloads.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/prng.h"
#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/definitions.h"
#include "core/control/controllers/workload.h"
#include "core/control/nodes.h"
#include "core/control/objects.h"
#include "core/control/pods.h"
#include "core/control/selectors.h"
#include "core/model/codec.h"
#include "tests/sim/memory.h"
#include "tests/sim/saved.h"

#define STEPS 300
#define NAMES 3
#define EPOCH (UINT64_C(1700000000) * USEC_PER_SEC)

/* A pod of a Job that was seen to have succeeded. */
typedef struct Success {
        Uuid pod, job;
        int64_t index;
        uint64_t revision;
} Success;

/* How a Deployment was before a step. */
typedef struct Before {
        Uuid uid;
        int64_t replicas, available;
} Before;

typedef struct Workloads {
        Prng prng;
        uint64_t seed;
        usec_t now;
        Cluster *cluster;
        bool calm; /* nobody takes anything away */
        bool left; /* memory ran out for a deletion that had let dependents go already: a Deployment may adopt its own again */
        Success successes[4000];
        size_t n_successes;
        Before before[2 * NAMES];
        size_t n_before;
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
                .turn_max = w->seed / 12 % 2 == 0 ? 0 : (uint32_t) (w->seed % 5) + 1,
                .node_loss = w->seed % 2 == 0 ? NODE_LOSS_KUBESIM : NODE_LOSS_KUBERNETES,
        };

        must(cluster_new(&config, w->seed + w->now, secret, &w->cluster) >= 0);
        cluster_set_clock(w->cluster, (int64_t) EPOCH);
}

static void commit(Workloads *w) {
        store_set_durable(cluster_store(w->cluster), store_revision(cluster_store(w->cluster)));
}

/* What was undone has not happened. */
static void forget_undone(Workloads *w) {
        size_t n = 0;

        for (size_t i = 0; i < w->n_successes; i++)
                if (w->successes[i].revision <= store_revision(cluster_store(w->cluster)))
                        w->successes[n++] = w->successes[i];
        w->n_successes = n;
}

/* Dies; what was not durable is gone. */
static void crash(Workloads *w) {
        uint64_t revision, last_id;
        Saved s = {};

        must(cluster_undo(w->cluster, w->now) >= 0);
        forget_undone(w);
        revision = store_revision(cluster_store(w->cluster));
        last_id = store_last_id(cluster_store(w->cluster));
        must(saved_take(cluster_store(w->cluster), &s));
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
        static const char *const amounts[] = { "0", "1", "2", "\"25%\"", "\"100%\"" };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char key[64], strategy[160] = "\"type\":\"Recreate\"";
        unsigned i;

        (void) some_key(w, "d", key);
        i = (unsigned) (key[strlen(key) - 1] - '0');
        if (any(w, 3) != 0)
                (void) snprintf(strategy, sizeof(strategy), "\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":%s,\"maxUnavailable\":%s}",
                                amounts[any(w, ELEMENTSOF(amounts))], amounts[any(w, ELEMENTSOF(amounts))]);
        create(w, KIND_DEPLOYMENT, key, parse(&a, "{\"metadata\":{\"generation\":1,\"labels\":{\"app\":\"a%u\"}},\"spec\":{\"replicas\":%u,"
               "\"minReadySeconds\":%u,\"progressDeadlineSeconds\":%u,\"selector\":{\"matchLabels\":{\"app\":\"a%u\"}},\"strategy\":{%s},"
               TEMPLATE("a%u") "}}", i, any(w, 7), any(w, 2) * any(w, 10), 10 + any(w, 60), i, strategy, i, any(w, 3), 100 * any(w, 5)));
}

static void create_job(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        bool indexed = any(w, 2), each = indexed && any(w, 3) == 0;
        char key[64], more[200];
        size_t n = 0;

        more[0] = '\0';
        if (any(w, 3) == 0)
                n += (size_t) snprintf(more, sizeof(more), "\"activeDeadlineSeconds\":%u,", 1 + any(w, 60));
        if (any(w, 3) == 0)
                n += (size_t) snprintf(more + n, sizeof(more) - n, "\"ttlSecondsAfterFinished\":%u,", any(w, 30));
        if (each)
                n += (size_t) snprintf(more + n, sizeof(more) - n, "\"backoffLimitPerIndex\":%u,", any(w, 2));
        if (any(w, 5) == 0)
                (void) snprintf(more + n, sizeof(more) - n, "\"podReplacementPolicy\":\"Failed\",");
        create(w, KIND_JOB, some_key(w, "j", key), parse(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"completions\":%u,\"parallelism\":%u,\"suspend\":%s,"
               "\"completionMode\":\"%s\",\"backoffLimit\":%u,%s\"template\":{\"metadata\":{\"annotations\":{\"kubesim.io/duration\":\"%us\","
               "\"kubesim.io/exit-code\":\"%u\"},\"labels\":{\"app\":\"job\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"v1\"}]}}}}", 1 + any(w, 5),
               1 + any(w, 3), any(w, 5) == 0 ? "true" : "false", indexed ? "Indexed" : "NonIndexed", each ? 1000 : any(w, 3), more, 1 + any(w, 5),
               any(w, 4) == 0));
}

static void create_cron_job(Workloads *w) {
        static const char *const policies[] = { "Allow", "Forbid", "Replace" };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char key[64];

        create(w, KIND_CRON_JOB, some_key(w, "c", key), parse(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"schedule\":\"*/%u * * * *\",\"suspend\":%s,"
               "\"concurrencyPolicy\":\"%s\",\"successfulJobsHistoryLimit\":%u,\"failedJobsHistoryLimit\":%u,\"jobTemplate\":{\"spec\":{\"backoffLimit\":0,"
               "\"completions\":1,\"template\":{\"metadata\":{\"annotations\":{\"kubesim.io/duration\":\"%us\",\"kubesim.io/exit-code\":\"%u\"},"
               "\"labels\":{\"app\":\"job\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"v1\"}]}}}}}}", 1 + any(w, 2), any(w, 5) == 0 ? "true" :
               "false", policies[any(w, 3)], any(w, 3), any(w, 2), 1 + any(w, 100), any(w, 3) == 0));
}

static void update(Workloads *w, Edit *edit) {
        Object *o = NULL;

        if (json_arena_error(&edit->arena) == 0 && cluster_update_object(w->cluster, w->now, edit->entry, edit->root, false, &o, NULL) >= 0)
                object_unref(o);
}

/* A new one, or another template for one that is there. */
static void create_daemon_set(Workloads *w) {
        static const char *const strategies[] = { "\"maxUnavailable\":1,\"maxSurge\":0", "\"maxUnavailable\":\"100%\",\"maxSurge\":0", "\"maxUnavailable\":0,\"maxSurge\":1" };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_edit_ Edit edit = {};
        char key[64], image[16];
        StoreEntry *e;
        unsigned i;

        (void) some_key(w, "e", key);
        i = (unsigned) (key[strlen(key) - 1] - '0');
        e = store_find(cluster_store(w->cluster), KIND_DAEMON_SET, key);
        if (!e)
                return create(w, KIND_DAEMON_SET, key, parse(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"minReadySeconds\":%u,"
                              "\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{%s}},"
                              "\"revisionHistoryLimit\":%u,\"selector\":{\"matchLabels\":{\"app\":\"e%u\"}}," TEMPLATE("e%u") "}}",
                              any(w, 2) * any(w, 10), strategies[any(w, ELEMENTSOF(strategies))], any(w, 3), i, i, any(w, 3), 100 * any(w, 20)));
        if (edit_begin(&edit, w->cluster, e) < 0)
                return;
        (void) snprintf(image, sizeof(image), "v%u", any(w, 3));
        json_set_string(&edit.arena, json_item(json_at(edit.root, "spec", "template", "spec", "containers", NULL), 0), "image", image);
        update(w, &edit);
}

static void create_stateful_set(Workloads *w) {
        static const char *const policies[] = { "Retain", "Delete" };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_edit_ Edit edit = {};
        char key[64], image[16];
        StoreEntry *e;
        unsigned i;

        (void) some_key(w, "f", key);
        i = (unsigned) (key[strlen(key) - 1] - '0');
        e = store_find(cluster_store(w->cluster), KIND_STATEFUL_SET, key);
        if (!e)
                return create(w, KIND_STATEFUL_SET, key, parse(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":%u,\"minReadySeconds\":%u,"
                              "\"podManagementPolicy\":\"%s\",\"updateStrategy\":{\"rollingUpdate\":{\"partition\":%u}},\"revisionHistoryLimit\":%u,"
                              "\"persistentVolumeClaimRetentionPolicy\":{\"whenDeleted\":\"%s\",\"whenScaled\":\"%s\"},\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"v\"},\"spec\":{}}],\"selector\":{\"matchLabels\":{\"app\":\"f%u\"}},"
                              TEMPLATE("f%u") "}}", any(w, 4), any(w, 2) * any(w, 10), any(w, 2) == 0 ? "Parallel" : "OrderedReady", any(w, 2) * any(w, 3),
                              any(w, 3), policies[any(w, 2)], policies[any(w, 2)], i, i, any(w, 3), 100 * any(w, 20)));
        if (edit_begin(&edit, w->cluster, e) < 0)
                return;
        (void) snprintf(image, sizeof(image), "v%u", any(w, 3));
        if (any(w, 2) == 0)
                json_set_string(&edit.arena, json_item(json_at(edit.root, "spec", "template", "spec", "containers", NULL), 0), "image", image);
        else
                json_set_i64(&edit.arena, json_get(edit.root, "spec"), "replicas", any(w, 4));
        update(w, &edit);
}

static void create_other(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char key[64];

        switch (any(w, 11)) {
        case 9 ... 10:
                return create_stateful_set(w);
        case 7 ... 8:
                return create_daemon_set(w);
        case 6:
                return create_cron_job(w);
        case 0:
        case 5:
                return create_job(w);
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

static void change_job(Workloads *w) {
        char key[64];
        _cleanup_edit_ Edit edit = {};
        StoreEntry *e = store_find(cluster_store(w->cluster), KIND_JOB, some_key(w, "j", key));

        if (!e || edit_begin(&edit, w->cluster, e) < 0)
                return;
        if (any(w, 2) == 0)
                json_set_bool(&edit.arena, json_get(edit.root, "spec"), "suspend", any(w, 2));
        else
                json_set_i64(&edit.arena, json_get(edit.root, "spec"), "parallelism", any(w, 4));
        update(w, &edit);
}

static void change_deployment(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char key[64], image[16];
        _cleanup_edit_ Edit edit = {};
        StoreEntry *e = store_find(cluster_store(w->cluster), KIND_DEPLOYMENT, some_key(w, "d", key));
        Json *spec;

        if (!e || edit_begin(&edit, w->cluster, e) < 0)
                return;
        spec = json_get(edit.root, "spec");
        if (any(w, 2) == 0)
                json_set_i64(&edit.arena, spec, "replicas", any(w, 7));
        else if (any(w, 4) == 0)
                json_set_bool(&edit.arena, spec, "paused", any(w, 2));
        else {
                (void) snprintf(image, sizeof(image), "v%u", any(w, 3));
                json_set_string(&edit.arena, json_item(json_at(spec, "template", "spec", "containers", NULL), 0), "image", image);
        }
        update(w, &edit);
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
                { KIND_DEPLOYMENT, "d" }, { KIND_JOB, "j" }, { KIND_CRON_JOB, "c" }, { KIND_SERVICE, "s" }, { KIND_POD_DISRUPTION_BUDGET, "b" }, { KIND_NAMESPACE, NULL },
                { KIND_NODE, NULL }, { KIND_POD, NULL }, { KIND_REPLICA_SET, NULL }, { KIND_DAEMON_SET, "e" }, { KIND_STATEFUL_SET, "f" },
                { KIND_CONTROLLER_REVISION, NULL }, { KIND_SERVICE_ACCOUNT, NULL }, { KIND_ENDPOINTS, NULL }, { KIND_PRIORITY_CLASS, NULL },
        };
        const unsigned i = any(w, ELEMENTSOF(all));
        Store *s = cluster_store(w->cluster);
        Propagation propagation;
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
        if (!e)
                return;
        propagation = (Propagation) any(w, 3);
        if (cluster_delete_object(w->cluster, w->now, e, &(DeleteOptions) { .grace_seconds = any(w, 3) == 0 ? 0 : -1,
                                  .propagation = propagation }, NULL) < 0 && propagation == PROPAGATION_ORPHAN)
                w->left = true;
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

/* What an owner knows of its pods is what there is. */
static void check_tally(Workloads *w, ObjectState *s) {
        const PodTally *t = &timed_state(s)->pods;
        uint32_t total = 0, all = 0, ready = 0, ending = 0;
        ObjectState *pod;

        LIST_FOREACH(pod, &s->dependents, ObjectState, in_owner) {
                const Pod *p = (const Pod*) pod->entry.object;

                if (p->object.kind != KIND_POD)
                        continue;
                total++;
                all += pod_is_active(p);
                ready += pod_is_active(p) && pod_is_ready(p);
                ending += p->status == POD_TERMINATING;
        }
        must(t->total == total && t->all == all && t->ready == ready && t->ending == ending);
        must(t->available <= ready);
}

/* What is known of a node is said of its pods, or about to be. */
static void check_pods(Workloads *w) {
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_POD, NULL); e; e = store_following(e)) {
                const NodeState *ns = pod_state(e)->node;

                must(!ns || !pod_is_unsettled(w->cluster, ns, pod_of(pod_state(e))) ||
                     (ns->settle.item.index != PRIOQ_NONE && ns->settle.item.when <= w->now));
        }
}

/* Links between owners and what they own are as their references say, at any time. */
static void check_links(Workloads *w) {
        Store *store = cluster_store(w->cluster);
        char uid[UUID_STRING_MAX];

        check_slots(w);
        check_pods(w);
        for (StoreEntry *e = store_find_from(store, KIND_NODE, NULL); e; e = store_following(e))
                must(!e->object->doc || e->object->doc->deleted == 0 || e->object->doc->n_finalizers > 0);
        for (Kind k = 0; k < _KIND_MAX; k++)
                for (StoreEntry *e = kind_is_document(k) || k == KIND_POD ? store_find_from(store, k, NULL) : NULL; e; e = store_following(e)) {
                        const ObjectState *s = object_state(e);
                        const Doc *d = e->object->doc;

                        must(!startswith(e->object->name, "team/") || store_find(store, KIND_NAMESPACE, "team"));
                        if (controller_keeps_time(k))
                                check_tally(w, object_state(e));
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
                has += count_pods(w->cluster, rs, 0).all;
        must(json_i64(json_get(status, "observedGeneration"), 0) == s->entry.object->doc->generation);
        if (!json_is_true(json_at(root, "spec", "paused", NULL)) && store_count(cluster_store(w->cluster), KIND_NODE) > 0 &&
            status_has_condition(status, "Available"))
                must(has >= wanted);
        if (!json_is_true(json_at(root, "spec", "paused", NULL)) && json_i64(json_get(status, "readyReplicas"), 0) == has)
                must(has == wanted); /* nothing that it waits for */
}

/* Counted here on its own: those that have run for as long as the ReplicaSet asks for. */
static int64_t count_available_of(Workloads *w, const ObjectState *rs) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        usec_t span = (usec_t) json_i64(json_at(tree(w, &a, rs->entry.object), "spec", "minReadySeconds", NULL), 0) * USEC_PER_SEC;
        ObjectState *pod;
        int64_t n = 0;

        LIST_FOREACH(pod, &rs->dependents, ObjectState, in_owner) {
                const Pod *p = (const Pod*) pod->entry.object;

                n += p->object.kind == KIND_POD && pod_is_ready(p) && p->deleted == 0 && pod_ready_since(p) + span <= cluster_realtime(w->cluster, w->now);
        }
        return n;
}

static int64_t count_available(Workloads *w, const ObjectState *deployment) {
        ObjectState *rs;
        int64_t n = 0;

        LIST_FOREACH(rs, &deployment->dependents, ObjectState, in_owner)
                n += count_available_of(w, rs);
        return n;
}

/* maxSurge or maxUnavailable, resolved as Kubernetes documents it. */
static int64_t amount(const Json *root, const char *key, int64_t replicas, bool up) {
        const Json *v = json_at(root, "spec", "strategy", "rollingUpdate", key, NULL);
        const char *s = json_string(v);

        if (!s)
                return json_i64(v, 0);
        return streq(s, "100%") ? replicas : (replicas + (up ? 3 : 0)) / 4;
}

/* -1 when it has no least number of pods. */
static int64_t least_available(const Json *root, int64_t replicas) {
        int64_t surge = amount(root, "maxSurge", replicas, true), unavailable = MIN(amount(root, "maxUnavailable", replicas, false), replicas);

        if (!json_at(root, "spec", "strategy", "rollingUpdate", NULL))
                return -1;
        return replicas - (surge == 0 && unavailable == 0 ? 1 : unavailable);
}

/* Has a ReplicaSet pods that it has yet to take away? They may have become available since that was decided. */
static bool takes_away(Workloads *w, const ObjectState *deployment) {
        ObjectState *rs;

        LIST_FOREACH(rs, &deployment->dependents, ObjectState, in_owner) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);

                if (rs->entry.object->kind == KIND_REPLICA_SET &&
                    timed_state(rs)->pods.all > json_i64(json_at(tree(w, &a, rs->entry.object), "spec", "replicas", NULL), 1))
                        return true;
        }
        return false;
}

/* One whose controller has yet to see a new number of replicas will take pods away for that. */
static void note_deployments(Workloads *w) {
        w->n_before = 0;
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_DEPLOYMENT, NULL); e; e = store_following(e)) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
                const Json *root = tree(w, &a, e->object);

                if (json_i64(json_at(root, "status", "observedGeneration", NULL), 0) != e->object->doc->generation || takes_away(w, object_state(e)))
                        continue;
                must(w->n_before < ELEMENTSOF(w->before));
                w->before[w->n_before++] = (Before) { .uid = e->object->uid, .available = count_available(w, object_state(e)),
                        .replicas = json_i64(json_at(root, "spec", "replicas", NULL), 1) };
        }
}

/* Never more pods than maxSurge allows, but for those of ReplicaSets that an earlier Deployment has left behind and this one has
 * adopted: they are older than it; and where nobody takes pods away, never fewer available than maxUnavailable allows. */
static void check_rollout(Workloads *w, const ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object);
        int64_t replicas = json_i64(json_at(root, "spec", "replicas", NULL), 1), wanted = 0, least = least_available(root, replicas);
        ObjectState *rs;

        if (least < 0 || s->entry.object->doc->deleted > 0)
                return;
        LIST_FOREACH(rs, &s->dependents, ObjectState, in_owner)
                if (rs->entry.object->doc->deleted == 0 && rs->entry.object->id > s->entry.object->id)
                        wanted += json_i64(json_at(tree(w, &a, rs->entry.object), "spec", "replicas", NULL), 1);
        if (!controllers_wait(w->cluster) && !w->left)
                must(wanted <= replicas + amount(root, "maxSurge", replicas, true));
        for (size_t i = 0; w->calm && i < w->n_before; i++)
                if (memcmp(&w->before[i].uid, &s->entry.object->uid, sizeof(Uuid)) == 0 && w->before[i].replicas == replicas && w->before[i].available >= least)
                        must(count_available(w, s) >= least);
}

/* --- Jobs: what has succeeded is kept beside, to compare --- */

static void note_successes(Workloads *w) {
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_POD, NULL); e; e = store_following(e)) {
                const ObjectState *owner = object_state(e)->owner;
                Success s = { .pod = e->object->uid, .index = -1, .revision = e->object->revision };
                const char *index = doc_annotation(e->object->doc, "batch.kubernetes.io/job-completion-index");
                bool known = false;

                if (((const Pod*) e->object)->status != POD_SUCCEEDED || !owner || owner->entry.object->kind != KIND_JOB)
                        continue;
                for (size_t i = 0; i < w->n_successes && !known; i++)
                        known = memcmp(&w->successes[i].pod, &s.pod, sizeof(Uuid)) == 0;
                if (known)
                        continue;
                must(w->n_successes < ELEMENTSOF(w->successes));
                s.job = owner->entry.object->uid;
                if (index)
                        s.index = *index - '0';
                w->successes[w->n_successes++] = s;
        }
}

static void check_job(Workloads *w, ObjectState *s, bool rest) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object), *status = json_get(root, "status"), *spec = json_get(root, "spec");
        int64_t succeeded = json_i64(json_get(status, "succeeded"), 0), seen = 0, indexes = 0;
        bool over = status_has_condition(status, "Complete") || status_has_condition(status, "Failed");

        for (size_t i = 0; i < w->n_successes; i++)
                if (memcmp(&w->successes[i].job, &s->entry.object->uid, sizeof(Uuid)) == 0) {
                        seen++;
                        must(w->successes[i].index < 0 || !(indexes & 1 << w->successes[i].index)); /* each completed once */
                        if (w->successes[i].index >= 0)
                                indexes |= 1 << w->successes[i].index;
                }
        must(succeeded <= seen && succeeded <= json_i64(json_get(spec, "completions"), 0));
        must(!status_has_condition(status, "Complete") || succeeded == json_i64(json_get(spec, "completions"), 0));
        if (!rest || s->entry.object->doc->deleted > 0)
                return;
        must(succeeded == seen);
        must(!over || (count_pods(w->cluster, s, 0).all == 0 && !json_get(spec, "ttlSecondsAfterFinished")));
        must(over || json_is_true(json_get(spec, "suspend")) || !json_get(spec, "activeDeadlineSeconds") || count_pods(w->cluster, s, 0).ending > 0);
        must(!json_at(status, "uncountedTerminatedPods", "succeeded", NULL) && !json_at(status, "uncountedTerminatedPods", "failed", NULL));
}

/* Every time of its schedule had its turn, and what has ended is forgotten. */
static void check_cron_job(Workloads *w, const ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object), *spec = json_get(root, "spec"), *status = json_get(root, "status");
        usec_t now = cluster_realtime(w->cluster, w->now), period = (usec_t) (json_string(json_get(spec, "schedule"))[2] - '0') * USEC_PER_MINUTE;
        int64_t complete = 0, failed = 0, active = 0;
        ObjectState *job;

        LIST_FOREACH(job, &s->dependents, ObjectState, in_owner) {
                const Json *of = json_get(tree(w, &a, job->entry.object), "status");

                complete += status_has_condition(of, "Complete");
                failed += status_has_condition(of, "Failed");
                active += !status_has_condition(of, "Complete") && !status_has_condition(of, "Failed") && job->entry.object->doc->deleted == 0;
        }
        must(complete <= json_i64(json_get(spec, "successfulJobsHistoryLimit"), -1));
        must(failed <= json_i64(json_get(spec, "failedJobsHistoryLimit"), -1));
        must(active == (json_get(status, "active") ? (int64_t) json_get(status, "active")->size : 0));
        must(active <= 1 || streq(json_string(json_get(spec, "concurrencyPolicy")), "Allow"));
        if (!json_is_true(json_get(spec, "suspend")) && !(active > 0 && streq(json_string(json_get(spec, "concurrencyPolicy")), "Forbid")))
                must(status_time(status, "lastScheduleTime") + period > now);
}

/* Of each DaemonSet a node has one pod, or, with maxSurge, one of each of two templates, which no more nodes have than that. */
static void check_daemons(Workloads *w, ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object);
        bool surges = json_i64(json_at(root, "spec", "updateStrategy", "rollingUpdate", "maxSurge", NULL), 0) > 0;
        const ObjectState *d;

        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_NODE, NULL); e; e = store_following(e)) {
                unsigned pods = 0;

                LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                        pods += d->entry.object->kind == KIND_POD && ((const PodState*) d)->node == node_state(e) && pod_is_active((const Pod*) d->entry.object);
                must(pods <= 1u + surges);
        }
}

static void check_each(Workloads *w) {
        Store *store = cluster_store(w->cluster);

        for (StoreEntry *e = store_find_from(store, KIND_DEPLOYMENT, NULL); e; e = store_following(e))
                check_rollout(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_JOB, NULL); e; e = store_following(e))
                check_job(w, object_state(e), false);
        for (StoreEntry *e = store_find_from(store, KIND_DAEMON_SET, NULL); e; e = store_following(e))
                check_daemons(w, object_state(e));
}

static void check_service(Workloads *w, const ObjectState *s) {
        const Object *service = s->entry.object;
        size_t pods = 0, listed = 0, ready = 0, listed_ready = 0;
        ObjectState *slice;

        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_POD, NULL); e; e = store_following(e)) {
                const Pod *p = (const Pod*) e->object;

                if (!object_shares_namespace(e->object, service) || p->ip == 0 || p->status == POD_SUCCEEDED || p->status == POD_FAILED ||
                    !selects(service, e->object))
                        continue;
                pods++;
                ready += pod_is_ready(p);
        }
        LIST_FOREACH(slice, &s->dependents, ObjectState, in_owner)
                if (slice->entry.object->kind == KIND_ENDPOINT_SLICE) {
                        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
                        const Json *endpoints = json_get(tree(w, &a, slice->entry.object), "endpoints");

                        listed += endpoints ? endpoints->size : 0;
                        JSON_FOREACH(endpoint, endpoints)
                                listed_ready += json_is_true(json_at(endpoint, "conditions", "ready", NULL));
                }
        must(pods == listed && ready == listed_ready);
}

/* Each node that lives has one pod of the present template, or no room for it (or has come to have some just now); no more old versions
 * of it are kept than it wants. */
static void check_daemon_set(Workloads *w, ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object), *template = json_at(root, "spec", "template", NULL);
        bool waits = timed_state(s)->look.item.index != PRIOQ_NONE;
        int64_t nodes = 0, revisions = 0, current = 0, ready = 0;
        char hash[TEMPLATE_HASH_MAX];
        ObjectState *d;

        hash_template(template, 0, hash);
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_NODE, NULL); e; e = store_following(e), nodes++) {
                const NodeState *ns = node_state(e);
                int64_t pods = 0;

                LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                        if (d->entry.object->kind == KIND_POD && ((PodState*) d)->node == ns) {
                                pods++;
                                ready += pod_is_ready((const Pod*) d->entry.object);
                                must(!ns->sched.open || waits || streq(doc_label(d->entry.object->doc, "controller-revision-hash"), hash));
                        }
                current += pods > 0;
                must(pods <= 1 && (pods == 1 || !ns->sched.open || waits));
        }
        must(json_i64(json_at(root, "status", "desiredNumberScheduled", NULL), -1) == nodes);
        must(json_i64(json_at(root, "status", "currentNumberScheduled", NULL), -1) == current && json_i64(json_at(root, "status", "numberReady", NULL), -1) == ready);
        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                revisions += d->entry.object->kind == KIND_CONTROLLER_REVISION;
        must(waits || revisions >= 1);
        must(revisions <= 1 + json_i64(json_at(root, "spec", "revisionHistoryLimit", NULL), 0) || waits ||
             json_i64(json_at(root, "status", "updatedNumberScheduled", NULL), 0) < nodes);
}

/* Each pod has its claim, which is the StatefulSet's if it is to go with it, and else nobody's. */
static void check_claims(Workloads *w, ObjectState *s, const Json *root) {
        bool goes = streq(json_string(json_at(root, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted", NULL)), "Delete");
        ObjectState *d;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                const char *slash = strchr(d->entry.object->name, '/');
                StoreEntry *claim;
                char key[128];

                (void) snprintf(key, sizeof(key), "%.*sv-%s", slash ? (int) (slash - d->entry.object->name + 1) : 0, d->entry.object->name, object_name(d->entry.object));
                claim = d->entry.object->kind == KIND_POD ? store_find(cluster_store(w->cluster), KIND_PERSISTENT_VOLUME_CLAIM, key) : NULL;
                must(d->entry.object->kind != KIND_POD || (claim && object_state(claim)->owner == (goes ? s : NULL)));
        }
}

/* Numbers from 0 on, all of them unless one waits; and then those that the partition does not hold back are of the present
 * template, and the status says so. */
static void check_stateful_set(Workloads *w, ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object), *status = json_get(root, "status");
        int64_t replicas = json_i64(json_at(root, "spec", "replicas", NULL), 1), ordinals = 0, pods = 0, ready = 0;
        int64_t partition = json_i64(json_at(root, "spec", "updateStrategy", "rollingUpdate", "partition", NULL), 0);
        bool parallel = streq(json_string(json_at(root, "spec", "podManagementPolicy", NULL)), "Parallel");
        const char *revision = strempty(json_string(json_get(status, "updateRevision")));
        ObjectState *d;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                if (d->entry.object->kind == KIND_POD) {
                        ordinals |= INT64_C(1) << (d->entry.object->name[strlen(d->entry.object->name) - 1] - '0');
                        pods++;
                        ready += pod_is_ready((const Pod*) d->entry.object);
                }
        ordinals &= (INT64_C(1) << replicas) - 1; /* of those beyond, which are to go, any may have gone */
        /* It tries again to make one, or, in order, waits for one before that. */
        must(timed_state(s)->look.item.index != PRIOQ_NONE || (ordinals & (ordinals + 1)) == 0 || (ready < pods && !parallel));
        must(pods == json_i64(json_get(status, "replicas"), -1) && ready == json_i64(json_get(status, "readyReplicas"), 0));
        must(pods == replicas || ready < pods || timed_state(s)->look.item.index != PRIOQ_NONE);
        if (pods != replicas || ready < pods)
                return;
        check_claims(w, s, root);
        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                if (d->entry.object->kind == KIND_POD && d->entry.object->name[strlen(d->entry.object->name) - 1] - '0' >= partition)
                        must(streq(doc_label(d->entry.object->doc, "controller-revision-hash"), revision));
        if (partition == 0 || json_i64(json_get(status, "updatedReplicas"), 0) == replicas)
                must(streq_ptr(json_string(json_get(status, "currentRevision")), revision));
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

/* What every cluster has is there, whatever was deleted, undone, or could not be made for want of memory. */
static void check_builtins(Workloads *w) {
        static const struct {
                Kind kind;
                const char *key;
        } all[] = {
                { KIND_NAMESPACE, "default" }, { KIND_NAMESPACE, "kube-system" }, { KIND_SERVICE, "kubernetes" }, { KIND_ENDPOINTS, "kubernetes" },
                { KIND_ENDPOINT_SLICE, "kubernetes" }, { KIND_PRIORITY_CLASS, "system-cluster-critical" }, { KIND_PRIORITY_CLASS, "system-node-critical" },
        };
        Store *store = cluster_store(w->cluster);

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                must(store_find(store, all[i].kind, all[i].key));
        for (StoreEntry *e = store_find_from(store, KIND_NAMESPACE, NULL); e; e = store_following(e)) {
                char key[64];

                (void) snprintf(key, sizeof(key), "%s%sdefault", streq(e->object->name, "default") ? "" : e->object->name, streq(e->object->name, "default") ? "" : "/");
                must(e->object->doc->deleted > 0 || store_find(store, KIND_SERVICE_ACCOUNT, key));
        }
}

/* No pod is there whose owner is gone; every controller has what it wants. */
static void check_rest(Workloads *w) {
        Store *store = cluster_store(w->cluster);

        must(list_is_empty(&w->cluster->orphans) && list_is_empty(&w->cluster->dirty));
        for (StoreEntry *e = store_find_from(store, KIND_DEPLOYMENT, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0)
                        check_deployment(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_JOB, NULL); e; e = store_following(e))
                check_job(w, object_state(e), true);
        for (StoreEntry *e = store_find_from(store, KIND_CRON_JOB, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0)
                        check_cron_job(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_DAEMON_SET, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0)
                        check_daemon_set(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_STATEFUL_SET, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0)
                        check_stateful_set(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_SERVICE, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0 && !streq(e->object->name, "kubernetes"))
                        check_service(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_POD, NULL); e; e = store_following(e))
                if (e->object->doc && e->object->doc->n_owners > 0)
                        must(object_state(e)->owner || ((const Pod*) e->object)->deleted > cluster_realtime(w->cluster, w->now)); /* or it is going just now */
        for (StoreEntry *e = store_find_from(store, KIND_NAMESPACE, NULL); e; e = store_following(e))
                if (e->object->doc->deleted > 0)
                        must(has_something_in(w, "team/", "team"));
        check_builtins(w);
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
                note_successes(w);
                commit(w);
        }
        for (unsigned i = 0; i < 1000 && (controllers_wait(w->cluster) || cluster_deadline(w->cluster) <= w->now); i++)
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
        case 5 ... 6:
                return change_deployment(w);
        case 7:
                return change_job(w);
        default:
                if (!w->calm)
                        delete_something(w);
        }
}

static void go_on(Workloads *w) {
        usec_t next;

        note_deployments(w);
        if (any(w, 3) == 0)
                memory_fail(1 + any(w, 60), any(w, 2) == 0 ? 0 : any(w, 20));
        act(w);
        next = MIN(cluster_deadline(w->cluster), w->now + any(w, 3000) * USEC_PER_MSEC);
        w->now = MAX(w->now + 1, next);
        (void) cluster_step(w->cluster, w->now);
        memory_fail(0, 0);
        note_successes(w);
        check_each(w);
        if (any(w, 4) != 0)
                commit(w);
        switch (any(w, 40)) {
        case 0:
                crash(w);
                break;
        case 1: /* the disk refuses, and takes things again */
                cluster_freeze(w->cluster);
                must(cluster_undo(w->cluster, w->now) >= 0);
                forget_undone(w);
                check_links(w);
                cluster_thaw(w->cluster, w->now);
                break;
        case 2:
                rest(w);
        }
        check_links(w);
}

uint64_t run_workload_world(uint64_t seed, void (*broken)(const char *what, int line)) {
        static Workloads w; /* too large for the stack */
        uint64_t n;

        w = (Workloads) { .seed = seed, .now = USEC_PER_SEC, .calm = seed % 3 == 0, .broken = broken };

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
