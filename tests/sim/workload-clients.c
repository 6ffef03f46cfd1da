/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/controllers/definitions.h"
#include "tests/sim/workloads-internal.h"

Json *parse_text(JsonArena *a, const char *format, ...) {
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

const char *some_key(Workloads *w, const char *prefix, char *buf) {
        (void) snprintf(buf, 64, "%s%s%u", any(w, 4) == 0 ? "team/" : "", prefix, any(w, WORKLOAD_NAMES));
        return buf;
}

void create(Workloads *w, Kind kind, const char *key, Json *root) {
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
        create(w, KIND_DEPLOYMENT, key, parse_text(&a, "{\"metadata\":{\"generation\":1,\"labels\":{\"app\":\"a%u\"}},\"spec\":{\"replicas\":%u,"
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
        create(w, KIND_JOB, some_key(w, "j", key), parse_text(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"completions\":%u,\"parallelism\":%u,\"suspend\":%s,"
               "\"completionMode\":\"%s\",\"backoffLimit\":%u,%s\"template\":{\"metadata\":{\"annotations\":{\"kubesim.io/duration\":\"%us\","
               "\"kubesim.io/exit-code\":\"%u\"},\"labels\":{\"app\":\"job\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"v1\"}]}}}}", 1 + any(w, 5),
               1 + any(w, 3), any(w, 5) == 0 ? "true" : "false", indexed ? "Indexed" : "NonIndexed", each ? 1000 : any(w, 3), more, 1 + any(w, 5),
               any(w, 4) == 0));
}

static void create_cron_job(Workloads *w) {
        static const char *const policies[] = { "Allow", "Forbid", "Replace" };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char key[64];

        create(w, KIND_CRON_JOB, some_key(w, "c", key), parse_text(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"schedule\":\"*/%u * * * *\",\"suspend\":%s,"
               "\"concurrencyPolicy\":\"%s\",\"successfulJobsHistoryLimit\":%u,\"failedJobsHistoryLimit\":%u,\"jobTemplate\":{\"spec\":{\"backoffLimit\":0,"
               "\"completions\":1,\"template\":{\"metadata\":{\"annotations\":{\"kubesim.io/duration\":\"%us\",\"kubesim.io/exit-code\":\"%u\"},"
               "\"labels\":{\"app\":\"job\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"v1\"}]}}}}}}", 1 + any(w, 2), any(w, 5) == 0 ? "true" :
               "false", policies[any(w, 3)], any(w, 3), any(w, 2), 1 + any(w, 100), any(w, 3) == 0));
}

void update(Workloads *w, Edit *edit) {
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
                return create(w, KIND_DAEMON_SET, key, parse_text(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"minReadySeconds\":%u,"
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
                return create(w, KIND_STATEFUL_SET, key, parse_text(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":%u,\"minReadySeconds\":%u,"
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
                return create(w, KIND_SERVICE, some_key(w, "s", key), parse_text(&a, any(w, 3) == 0 ?
                              "{\"metadata\":{},\"spec\":{\"selector\":{\"app\":\"job\"},\"ports\":[{\"port\":80}]}}" :
                              "{\"metadata\":{},\"spec\":{\"selector\":{\"app\":\"a%u\"},\"ports\":[{\"port\":80}]}}", any(w, WORKLOAD_NAMES)));
        case 2:
                return create(w, KIND_POD_DISRUPTION_BUDGET, some_key(w, "b", key), parse_text(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"minAvailable\":"
                              "\"50%%\",\"selector\":{\"matchLabels\":{\"app\":\"a%u\"}}}}", any(w, WORKLOAD_NAMES)));
        case 3:
                return create(w, KIND_NAMESPACE, "team", parse_text(&a, "{\"metadata\":{},\"spec\":{\"finalizers\":[\"kubernetes\"]},\"status\":{\"phase\":\"Active\"}}"));
        default:
                return create(w, KIND_NODE, any(w, 2) == 0 ? "n0" : "n1", parse_text(&a, "{\"metadata\":{%s},\"spec\":{},\"status\":{\"capacity\":{\"cpu\":\"%u\"}}}",
                              any(w, 3) == 0 ? "\"finalizers\":[\"a/b\"]" : "", 1 + any(w, 8)));
        }
}

/* Definitions of which some want the names of others, or have no namespace. */
static void create_definition(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        unsigned i = any(w, WORKLOAD_NAMES), kind = any(w, 3) == 0 ? 0 : i;
        char key[64];

        (void) snprintf(key, sizeof(key), "things%u.example.com", i);
        create(w, KIND_CUSTOM_RESOURCE_DEFINITION, key, parse_text(&a, "{\"metadata\":{\"generation\":1},\"spec\":{\"group\":\"example.com\",\"scope\":\"%s\","
               "\"names\":{\"plural\":\"things%u\",\"singular\":\"thing%u\",\"kind\":\"Thing%u\",\"listKind\":\"Thing%uList\"},\"versions\":[{\"name\":\"v1\","
               "\"served\":true,\"storage\":true}]}}", i == 0 ? "Cluster" : "Namespaced", i, i, kind, kind));
}

/* Any object that a definition defines, or NULL; with `slot` any definition's slot. */
static Kind some_slot(Workloads *w) {
        char key[64];
        StoreEntry *e;

        (void) snprintf(key, sizeof(key), "things%u.example.com", any(w, WORKLOAD_NAMES));
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
                return create(w, kind_is_namespaced(slot) ? slot : KIND_CONFIG_MAP, some_key(w, "o", key), parse_text(&a, "{\"metadata\":{\"ownerReferences\":[{"
                              "\"apiVersion\":\"example.com/v1\",\"kind\":\"%s\",\"name\":\"%s\",\"uid\":\"%s\"}]}}",
                              cluster_definition(w->cluster, other)->info->accepted.kind, owner->object->name, uuid_to_string(owner->object->uid, uid)));
        (void) some_key(w, "o", key);
        create(w, slot, kind_is_namespaced(slot) ? key : key + strcspn(key, "o"), parse_text(&a, any(w, 4) == 0 ?
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
                (void) snprintf(key, sizeof(key), "things%u.example.com", any(w, WORKLOAD_NAMES));
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

        w->by_force = true;
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
        bool at_once;

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
        at_once = any(w, 3) == 0;
        w->by_force = at_once || e->object->kind == KIND_NODE;
        if (cluster_delete_object(w->cluster, w->now, e, &(DeleteOptions) { .grace_seconds = at_once ? 0 : -1, .propagation = propagation }, NULL) < 0 &&
            propagation == PROPAGATION_ORPHAN)
                w->left = true;
}
void clients_act(Workloads *w) {
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
