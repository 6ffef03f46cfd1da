/* SPDX-License-Identifier: Apache-2.0 */
/* StatefulSets: pods with numbers for names, made in order, each with its claims. Kubernetes documentation, "StatefulSets"; the order of
 * steps is that of its controller. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/admission.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/revisions.h"
#include "core/control/owners.h"

#define COMPONENT "statefulset-controller"
#define REPLICAS_MAX 100000
#define BURST 250 /* pods made in one look, where they need not wait for each other */

/* A StatefulSet as one look at it finds it. */
typedef struct Stateful {
        Cluster *cluster;
        ObjectState *state;
        Edit edit;           /* of its document, only read */
        Json *spec;
        bool alive, parallel, on_delete;
        int64_t start, replicas;
        int64_t partition;   /* the first ordinal that is to be of the present template */
        char update[REVISION_NAME_MAX];  /* the revision of the template */
        char current[REVISION_NAME_MAX]; /* the one that all pods had last */
        char hash[TEMPLATE_HASH_MAX];
        PodState **pods;     /* by ordinal, from `start` on; owned; NULL: it is not there */
        PodState **condemned; /* those beyond, the highest ordinal first; owned */
        size_t n_condemned, condemned_allocated;
        usec_t min_ready;
        Error error;         /* why a pod could not be made; code 0: none failed */
        usec_t look_at;      /* realtime */
} Stateful;

static void stateful_done(Stateful *s) {
        free(s->pods);
        free(s->condemned);
        error_done(&s->error);
        edit_done(&s->edit);
}

/* -1: it is none of its pods' names. */
static int64_t ordinal_of(const Stateful *s, const Object *pod) {
        const char *digits = startswith(object_name(pod), object_name(s->state->entry.object));
        uint64_t n;

        return digits && *digits == '-' && parse_u64_range(digits + 1, 0, INT32_MAX, &n) >= 0 ? (int64_t) n : -1;
}

static void read_spec(Stateful *s) {
        const Json *strategy = json_get(s->spec, "updateStrategy");
        const char *before = json_string(json_at(s->edit.root, "status", "currentRevision", NULL));
        usec_t min_ready = spec_seconds(s->spec, "minReadySeconds");

        s->replicas = MIN(json_i64(json_get(s->spec, "replicas"), 1), (int64_t) REPLICAS_MAX);
        s->start = json_i64(json_at(s->spec, "ordinals", "start", NULL), 0);
        s->parallel = streq_ptr(json_string(json_get(s->spec, "podManagementPolicy")), "Parallel");
        s->on_delete = streq_ptr(json_string(json_get(strategy, "type")), "OnDelete");
        s->partition = s->on_delete ? 0 : s->start + json_i64(json_at(strategy, "rollingUpdate", "partition", NULL), 0);
        s->min_ready = min_ready == USEC_INFINITY ? 0 : min_ready;
        hash_template(json_get(s->spec, "template"), 0, s->hash);
        revision_name(s->state, s->hash, s->update);
        (void) snprintf(s->current, sizeof(s->current), "%s", before && revision_find(s->cluster, s->state, before) ? before : s->update);
}

static int compare_ordinals(const void *a, const void *b) {
        const Object *x = (*(PodState *const*) a)->entry.object, *y = (*(PodState *const*) b)->entry.object;
        size_t n = strlen(x->name), k = strlen(y->name);

        return n != k ? CMP(k, n) : strcmp(y->name, x->name); /* they differ in the number at their end */
}

static int find_pods(Stateful *s) {
        ObjectState *d;

        s->pods = new0(PodState*, (size_t) s->replicas + 1);
        if (!s->pods)
                return -ENOMEM;
        LIST_FOREACH(d, &s->state->dependents, ObjectState, in_owner) {
                int64_t i = d->entry.object->kind == KIND_POD ? ordinal_of(s, d->entry.object) : -1;

                if (i < 0)
                        continue;
                if (i >= s->start && i < s->start + s->replicas) {
                        s->pods[i - s->start] = (PodState*) d;
                        continue;
                }
                if (!GREEDY_REALLOC(s->condemned, s->condemned_allocated, s->n_condemned + 1))
                        return -ENOMEM;
                s->condemned[s->n_condemned++] = (PodState*) d;
        }
        if (s->n_condemned > 0)
                qsort(s->condemned, s->n_condemned, sizeof(s->condemned[0]), compare_ordinals);
        return 0;
}

static bool is_of(const Pod *p, const char *revision) {
        return streq_ptr(doc_label(p->object.doc, REVISION_HASH_LABEL), revision);
}

static bool is_ready(const Pod *p) {
        return pod_is_active(p) && pod_is_ready(p);
}

/* Has it been ready for long enough? If it will be by time alone, looks again then. */
static bool is_available(Stateful *s, const Pod *p) {
        usec_t at = usec_add(pod_ready_since(p), s->min_ready);

        if (!is_ready(p))
                return false;
        if (at > cluster_now_realtime(s->cluster))
                s->look_at = MIN(s->look_at, at);
        return at <= cluster_now_realtime(s->cluster);
}

/* --- Making --- */

/* The template of a pod, from the revision that it is to be of. */
static int find_template(Stateful *s, JsonArena *a, const char *revision, Json **ret) {
        StoreEntry *entry = streq(revision, s->update) ? NULL : revision_find(s->cluster, s->state, revision);
        _cleanup_edit_ Edit e = {}; /* only read */
        int r;

        *ret = json_get(s->spec, "template");
        if (!entry)
                return 0;
        r = edit_begin(&e, s->cluster, entry);
        if (r < 0)
                return r;
        *ret = json_copy(a, json_at(e.root, "data", "spec", "template", NULL));
        json_remove(*ret, "$patch");
        return 0;
}

/* The claim of that template for a pod, by name; it outlives the pod. */
static int ensure_claim(Stateful *s, JsonArena *a, const Json *template, const char *claim) {
        const char *key = s->state->entry.object->name, *slash = strchr(key, '/');
        Json *copy = json_copy(a, template), *metadata = json_ensure(a, copy, "metadata", JSON_OBJECT);
        _cleanup_(object_unrefp) Object *o = NULL;
        char name[900];
        int r;

        (void) snprintf(name, sizeof(name), "%.*s%s", slash ? (int) (slash - key + 1) : 0, key, claim);
        if (store_find(s->cluster->store, KIND_PERSISTENT_VOLUME_CLAIM, name))
                return 0;
        if (json_at(s->spec, "selector", "matchLabels", NULL))
                json_set(a, metadata, "labels", json_copy(a, json_at(s->spec, "selector", "matchLabels", NULL)));
        json_set_string(a, json_ensure(a, copy, "status", JSON_OBJECT), "phase", "Pending");
        if (json_arena_error(a) < 0)
                return json_arena_error(a);
        r = cluster_create_object(s->cluster, s->cluster->now, KIND_PERSISTENT_VOLUME_CLAIM, name, copy, false, &o, NULL);
        return r == -ENOMEM ? r : 0;
}

/* Each claim is a volume of the name of its template, in place of one that the pod's template has. */
static int add_claims(Stateful *s, JsonArena *a, Json *pod, const char *name) {
        Json *volumes = json_get(s->spec, "volumeClaimTemplates") ? json_ensure(a, json_get(pod, "spec"), "volumes", JSON_ARRAY) : NULL;
        int r;

        JSON_FOREACH(template, json_get(s->spec, "volumeClaimTemplates")) {
                const char *of = strempty(json_string(json_at(template, "metadata", "name", NULL)));
                Json *volume = json_new(a, JSON_OBJECT);
                char claim[600];

                (void) snprintf(claim, sizeof(claim), "%.250s-%s", of, name);
                r = ensure_claim(s, a, template, claim);
                if (r < 0)
                        return r;
                JSON_FOREACH(v, volumes)
                        if (streq_ptr(json_string(json_get(v, "name")), of))
                                json_detach(v);
                json_set_string(a, volume, "name", of);
                json_set_string(a, json_ensure(a, volume, "persistentVolumeClaim", JSON_OBJECT), "claimName", claim);
                json_append(volumes, volume);
        }
        return 0;
}

/* Whose claim it is. A claim goes with its owner: with all of them, with a pod that is one too many, or with nobody. One that somebody else
 * controls stays theirs. */
static int set_claim_owner(Stateful *s, StoreEntry *claim, const Object *pod, const Object *wanted) {
        const Object *known[] = { s->state->entry.object, pod };
        const DocOwner *controller = doc_controller(claim->object->doc);
        const Object *present = NULL;
        int r = 0;

        for (size_t i = 0; controller && i < ELEMENTSOF(known); i++) {
                char uid[UUID_STRING_MAX];

                if (streq(controller->uid, uuid_to_string(known[i]->uid, uid)))
                        present = known[i];
        }
        if (present == wanted || (controller && !present))
                return 0;
        if (present)
                r = set_controller(s->cluster, claim, present, false);
        if (r >= 0 && wanted)
                r = set_controller(s->cluster, claim, wanted, true);
        return MIN(r, 0);
}

static int keep_claims_of(Stateful *s, const PodState *ps, const Object *wanted) {
        const Object *pod = ps->entry.object;
        const char *slash = strchr(pod->name, '/');
        int r = 0;

        JSON_FOREACH(template, json_get(s->spec, "volumeClaimTemplates")) {
                char key[900];
                StoreEntry *e;

                (void) snprintf(key, sizeof(key), "%.*s%.250s-%s", slash ? (int) (slash - pod->name + 1) : 0, pod->name,
                                strempty(json_string(json_at(template, "metadata", "name", NULL))), object_name(pod));
                e = r >= 0 ? store_find(s->cluster->store, KIND_PERSISTENT_VOLUME_CLAIM, key) : NULL;
                if (e)
                        r = set_claim_owner(s, e, pod, wanted);
        }
        return r;
}

/* persistentVolumeClaimRetentionPolicy, before a pod that is too much goes. */
static int keep_claims(Stateful *s) {
        const Json *policy = json_get(s->spec, "persistentVolumeClaimRetentionPolicy");
        bool deleted = streq_ptr(json_string(json_get(policy, "whenDeleted")), "Delete");
        bool scaled = streq_ptr(json_string(json_get(policy, "whenScaled")), "Delete");
        const Object *all = deleted ? s->state->entry.object : NULL;
        int r = 0;

        for (int64_t i = 0; i < s->replicas && r >= 0; i++)
                r = s->pods[i] ? keep_claims_of(s, s->pods[i], all) : 0;
        for (size_t i = 0; i < s->n_condemned && r >= 0; i++)
                r = keep_claims_of(s, s->condemned[i], scaled ? s->condemned[i]->entry.object : all);
        return r;
}

/* What tells it from the others, whatever the template says. */
static void set_identity(Stateful *s, JsonArena *a, Json *pod, const char *name, const char *index, const char *revision) {
        Json *labels = json_ensure(a, json_get(pod, "metadata"), "labels", JSON_OBJECT), *spec = json_get(pod, "spec");
        const char *service = json_string(json_get(s->spec, "serviceName"));

        json_set_string(a, labels, "statefulset.kubernetes.io/pod-name", name);
        json_set_string(a, labels, "apps.kubernetes.io/pod-index", index);
        json_set_string(a, labels, REVISION_HASH_LABEL, revision);
        json_set_string(a, spec, "hostname", name);
        if (service)
                json_set_string(a, spec, "subdomain", service);
}

static int create_pod(Stateful *s, int64_t ordinal) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        const char *of = object_name(s->state->entry.object), *revision = ordinal < s->partition ? s->current : s->update;
        char name[300], index[24], namespace[NAMESPACE_SIZE];
        Json *template, *pod;
        int r;

        r = find_template(s, &a, revision, &template);
        if (r < 0)
                return r;
        (void) snprintf(index, sizeof(index), "%lld", (long long) ordinal);
        (void) snprintf(name, sizeof(name), "%.240s-%s", of, index);
        pod = make_pod_from(&a, template, of);
        set_identity(s, &a, pod, name, index, revision);
        r = add_claims(s, &a, pod, name);
        if (r >= 0)
                r = pod_admit(s->cluster, object_copy_namespace(s->state->entry.object, namespace), &a, pod, &s->error);
        if (r >= 0)
                r = object_create_pod(s->cluster, &a, &s->state->entry, name, NULL, pod, &s->error);
        if (r == -ENOMEM || r == -E2BIG)
                return r;
        if (r >= 0)
                record_event(s->cluster, &s->state->entry, "Normal", "SuccessfulCreate", COMPONENT, "create Pod %s in StatefulSet %s successful", name, of);
        else
                record_event(s->cluster, &s->state->entry, "Warning", "FailedCreate", COMPONENT, "create Pod %s in StatefulSet %s failed error: %s", name,
                             of, error_message(&s->error));
        return 0;
}

/* --- Step by step --- */

static int delete_pod(Stateful *s, PodState *ps) {
        int r;

        record_event(s->cluster, &s->state->entry, "Normal", "SuccessfulDelete", COMPONENT, "delete Pod %s in StatefulSet %s successful",
                     object_name(ps->entry.object), object_name(s->state->entry.object));
        r = object_delete(s->cluster, &ps->entry, &(DeleteOptions) { .grace_seconds = -1 });
        return r < 0 ? r : 1;
}

/* From the lowest number on: makes what is missing. 1 when the others have to wait for that, in order. */
static int fill_up(Stateful *s) {
        int64_t n_made = 0;
        int r;

        for (int64_t i = 0; i < s->replicas && s->error.code == 0; i++) {
                const Pod *p = s->pods[i] ? pod_of(s->pods[i]) : NULL;

                if (p && (p->status == POD_FAILED || p->status == POD_SUCCEEDED)) { /* it is made anew once it is gone */
                        r = p->deleted > 0 ? 1 : delete_pod(s, s->pods[i]);
                        s->pods[i] = NULL;
                        if (r < 0 || !s->parallel)
                                return r;
                        continue;
                }
                if (p && (s->parallel || is_available(s, p)))
                        continue;
                if (p)
                        return 1;
                r = create_pod(s, s->start + i);
                if (r < 0 || !s->parallel)
                        return r < 0 ? r : 1;
                if (++n_made >= BURST) {
                        object_mark(s->cluster, s->state);
                        return 1;
                }
        }
        return s->error.code < 0;
}

/* From the highest number on: removes what is too much. 1 when there is something. */
static int cut_down(Stateful *s) {
        int r = 0;

        for (size_t i = 0; i < s->n_condemned; i++) {
                r = pod_of(s->condemned[i])->deleted > 0 ? 1 : delete_pod(s, s->condemned[i]);
                if (r < 0 || !s->parallel)
                        return r;
        }
        return s->n_condemned > 0;
}

/* From the highest number on: replaces what is of another version, each when those after it are ready again. */
static int roll(Stateful *s) {
        for (int64_t i = s->replicas - 1; i >= 0 && s->start + i >= s->partition && !s->on_delete; i--) {
                PodState *ps = s->pods[i];

                if (!ps)
                        return 0;
                if (!is_of(pod_of(ps), s->update))
                        return pod_is_active(pod_of(ps)) ? delete_pod(s, ps) : 0;
                if (!is_available(s, pod_of(ps)))
                        return 0;
        }
        return 0;
}

static int advance(Stateful *s) {
        int r;

        r = revisions_keep(s->cluster, s->state, s->edit.root, s->hash);
        if (r >= 0)
                r = release_pods(s->cluster, s->state, json_get(s->spec, "selector"), NULL);
        if (r == 0)
                r = find_pods(s);
        if (r == 0 && json_get(s->spec, "volumeClaimTemplates"))
                r = keep_claims(s);
        if (r == 0)
                r = fill_up(s);
        if (r == 0)
                r = cut_down(s);
        return r == 0 ? roll(s) : r;
}

/* --- Telling of it --- */

static int update_status(Stateful *s) {
        int64_t all = 0, ready = 0, available = 0, current = 0, updated = 0;
        _cleanup_edit_ Edit e = {};
        ObjectState *d;
        Json *status;
        int r;

        LIST_FOREACH(d, &s->state->dependents, ObjectState, in_owner) {
                const Pod *p = (const Pod*) d->entry.object;

                if (p->object.kind != KIND_POD || ordinal_of(s, &p->object) < 0)
                        continue;
                all++;
                ready += is_ready(p);
                available += is_available(s, p);
                current += is_of(p, s->current) && pod_is_active(p);
                updated += is_of(p, s->update) && pod_is_active(p);
        }
        if (updated == s->replicas && ready == s->replicas && all == s->replicas) { /* the way to it is over */
                (void) snprintf(s->current, sizeof(s->current), "%s", s->update);
                current = updated;
        }
        r = edit_begin(&e, s->cluster, &s->state->entry);
        if (r < 0)
                return r;
        status = json_ensure(&e.arena, e.root, "status", JSON_OBJECT);
        status_set_count(&e, status, "observedGeneration", s->state->entry.object->doc->generation);
        json_set_i64(&e.arena, status, "replicas", all);
        status_set_count(&e, status, "readyReplicas", ready);
        status_set_count(&e, status, "currentReplicas", current);
        status_set_count(&e, status, "updatedReplicas", updated);
        json_set_string(&e.arena, status, "currentRevision", s->current);
        json_set_string(&e.arena, status, "updateRevision", s->update);
        json_set_i64(&e.arena, status, "collisionCount", 0);
        json_set_i64(&e.arena, status, "availableReplicas", available);
        return edit_commit(&e);
}

static int reconcile(Stateful *s) {
        int r;

        r = edit_begin(&s->edit, s->cluster, &s->state->entry);
        if (r < 0)
                return r;
        s->spec = json_get(s->edit.root, "spec");
        read_spec(s);
        r = s->alive ? advance(s) : 0;
        if (r >= 0)
                r = update_status(s);
        if (r >= 0 && s->alive && streq(s->current, s->update))
                r = revisions_forget(s->cluster, s->state, s->edit.root, s->hash);
        if (r < 0)
                return r;
        if (s->error.code < 0)
                s->look_at = MIN(s->look_at, controller_retry_time(s->cluster, timed_state(s->state)));
        else
                timed_state(s->state)->n_failures = 0;
        return controller_look_at(s->cluster, s->state, s->look_at);
}

int reconcile_stateful_set(Cluster *c, ObjectState *state) {
        Stateful s = { .cluster = c, .state = state, .alive = state->entry.object->doc->deleted == 0, .look_at = USEC_INFINITY };
        int r;

        r = reconcile(&s);
        stateful_done(&s);
        return r < 0 ? r : 0;
}
