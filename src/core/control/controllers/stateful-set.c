/* SPDX-License-Identifier: Apache-2.0 */
/* StatefulSets: pods with numbers for names, made in order, each with its claims. Kubernetes documentation, "StatefulSets"; the order of
 * steps is that of its controller. A look at one has three parts: what is so of each pod that has changed (stateful-pods.h); what is to be
 * done about it, by flags; and the status, from their numbers. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/admission.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/revisions.h"
#include "core/control/controllers/stateful-pods.h"
#include "core/control/owners.h"
#include "core/control/turn.h"

#define COMPONENT "statefulset-controller"
#define REPLICAS_MAX 100000

/* A StatefulSet as one look at it finds it. */
typedef struct Stateful {
        Cluster *cluster;
        ObjectState *state;
        Edit edit;           /* of its document, only read */
        Json *spec;
        bool alive, parallel, on_delete;
        int64_t partition;   /* the first ordinal that is to be of the present template */
        char current[REVISION_NAME_MAX]; /* the revision that all pods had last */
        char hash[TEMPLATE_HASH_MAX];
        StatefulWish wish;
        StatefulPods *pods;  /* weak */
        size_t n_done;       /* pods made or removed */
        Error error;         /* why a pod could not be made; code 0: none failed */
        usec_t look_at;      /* realtime */
} Stateful;

static void stateful_done(Stateful *s) {
        error_done(&s->error);
        edit_done(&s->edit);
}

static void read_spec(Stateful *s) {
        const Json *strategy = json_get(s->spec, "updateStrategy"), *policy = json_get(s->spec, "persistentVolumeClaimRetentionPolicy");
        const char *before = json_string(json_at(s->edit.root, "status", "currentRevision", NULL));
        usec_t min_ready = spec_seconds(s->spec, "minReadySeconds");
        StatefulWish *w = &s->wish;

        w->replicas = MIN(json_i64(json_get(s->spec, "replicas"), 1), (int64_t) REPLICAS_MAX);
        w->start = json_i64(json_at(s->spec, "ordinals", "start", NULL), 0);
        w->min_ready = min_ready == USEC_INFINITY ? 0 : min_ready;
        w->claims_go = streq_ptr(json_string(json_get(policy, "whenDeleted")), "Delete");
        w->claims_go_early = streq_ptr(json_string(json_get(policy, "whenScaled")), "Delete");
        s->parallel = streq_ptr(json_string(json_get(s->spec, "podManagementPolicy")), "Parallel");
        s->on_delete = streq_ptr(json_string(json_get(strategy, "type")), "OnDelete");
        s->partition = s->on_delete ? 0 : w->start + json_i64(json_at(strategy, "rollingUpdate", "partition", NULL), 0);
        hash_template(json_get(s->spec, "template"), 0, s->hash);
        revision_name(s->state, s->hash, w->update);
        (void) snprintf(s->current, sizeof(s->current), "%s", before && revision_find(s->cluster, s->state, before) ? before : w->update);
        if (!streq(s->current, w->update))
                memcpy(w->current, s->current, sizeof(w->current));
}

static bool is_of(const Pod *p, const char *revision) {
        return streq_ptr(doc_label(p->object.doc, REVISION_HASH_LABEL), revision);
}

static bool is_ready(const Pod *p) {
        return pod_is_active(p) && pod_is_ready(p);
}

/* Has it been ready for long enough? If it will be by time alone, looks again then. */
static bool is_available(Stateful *s, const Pod *p) {
        usec_t at = usec_add(pod_ready_since(p), s->wish.min_ready), now = cluster_now_realtime(s->cluster);

        if (is_ready(p) && at > now)
                s->pods->look_at = MIN(s->pods->look_at, at);
        return is_ready(p) && at <= now;
}

static void put_name(const Stateful *s, int64_t ordinal, char name[300]) {
        (void) snprintf(name, 300, "%.240s-%lld", object_name(s->state->entry.object), (long long) ordinal);
}

/* Its pod of that slot, or NULL. */
static PodState *find_pod_in(const Stateful *s, size_t slot) {
        const char *key = s->state->entry.object->name, *slash = strchr(key, '/');
        char name[300], pod[600];
        StoreEntry *e;

        put_name(s, s->pods->base + (int64_t) slot, name);
        (void) snprintf(pod, sizeof(pod), "%.*s%s", slash ? (int) (slash - key + 1) : 0, key, name);
        e = store_find(s->cluster->store, KIND_POD, pod);
        return e && object_state(e)->owner == s->state ? pod_state(e) : NULL;
}

/* --- Making --- */

/* The template of a pod, from the revision that it is to be of. */
static int find_template(Stateful *s, JsonArena *a, const char *revision, Json **ret) {
        StoreEntry *entry = streq(revision, s->wish.update) ? NULL : revision_find(s->cluster, s->state, revision);
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
static int keep_claims(Stateful *s, const PodState *ps, bool wanted) {
        const Object *all = s->wish.claims_go ? s->state->entry.object : NULL;

        return keep_claims_of(s, ps, !wanted && s->wish.claims_go_early ? ps->entry.object : all);
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
        const char *of = object_name(s->state->entry.object), *revision = ordinal < s->partition ? s->current : s->wish.update;
        char name[300], index[24], namespace[NAMESPACE_SIZE];
        Json *template, *pod;
        int r;

        r = find_template(s, &a, revision, &template);
        if (r < 0)
                return r;
        (void) snprintf(index, sizeof(index), "%lld", (long long) ordinal);
        put_name(s, ordinal, name);
        pod = make_pod_from(&a, template, of);
        set_identity(s, &a, pod, name, index, revision);
        r = add_claims(s, &a, pod, name);
        if (r >= 0)
                r = pod_admit(s->cluster, object_copy_namespace(s->state->entry.object, namespace), &a, pod, &s->error);
        if (r >= 0)
                r = object_create_pod(s->cluster, &a, &s->state->entry, name, NULL, pod, &s->error);
        if (r == -ENOMEM || r == -E2BIG)
                return r;
        s->n_done++;
        if (r >= 0)
                record_event(s->cluster, &s->state->entry, "Normal", "SuccessfulCreate", COMPONENT, "create Pod %s in StatefulSet %s successful", name, of);
        else
                record_event(s->cluster, &s->state->entry, "Warning", "FailedCreate", COMPONENT, "create Pod %s in StatefulSet %s failed error: %s", name,
                             of, error_message(&s->error));
        return 0;
}

/* --- What is so of a pod --- */

static uint16_t look_at_pod(Stateful *s, const Pod *p, bool wanted) {
        bool ready = is_ready(p), available = is_available(s, p), updated = is_of(p, s->wish.update), active = pod_is_active(p);
        uint16_t flags = FLAG_BIT(STATEFUL_PRESENT);

        flags |= ready ? FLAG_BIT(STATEFUL_READY) : 0;
        flags |= available ? FLAG_BIT(STATEFUL_AVAILABLE) : 0;
        flags |= ready && !available ? FLAG_BIT(STATEFUL_WAITING) : 0;
        flags |= updated && active ? FLAG_BIT(STATEFUL_UPDATED) : 0;
        flags |= *s->wish.current && is_of(p, s->wish.current) && active ? FLAG_BIT(STATEFUL_CURRENT) : 0;
        if (!wanted)
                return flags | (p->deleted == 0 ? FLAG_BIT(STATEFUL_CONDEMNED) | FLAG_BIT(STATEFUL_SUPERFLUOUS) : FLAG_BIT(STATEFUL_CONDEMNED));
        flags |= p->status == POD_FAILED || p->status == POD_SUCCEEDED ? FLAG_BIT(STATEFUL_ENDED) : 0;
        flags |= available ? 0 : FLAG_BIT(STATEFUL_UNAVAILABLE);
        return flags | (available && updated ? 0 : FLAG_BIT(STATEFUL_STALE));
}

static int look_at_slot(Stateful *s, size_t slot) {
        int64_t i = s->pods->base + (int64_t) slot;
        bool wanted = i >= s->wish.start && i < s->wish.start + s->wish.replicas;
        PodState *ps = find_pod_in(s, slot);
        uint16_t flags = wanted ? FLAG_BIT(STATEFUL_MISSING) | FLAG_BIT(STATEFUL_UNAVAILABLE) | FLAG_BIT(STATEFUL_STALE) : 0;
        int r = 0;

        if (ps && s->alive && json_get(s->spec, "volumeClaimTemplates"))
                r = keep_claims(s, ps, wanted);
        if (r >= 0)
                flag_table_set(&s->pods->table, slot, ps ? look_at_pod(s, pod_of(ps), wanted) : flags);
        return r;
}

/* Looks at the pods that have changed, or that time has changed. 1: there are more of them. */
static int look_at_pods(Stateful *s) {
        usec_t now = cluster_now_realtime(s->cluster);
        size_t left = look_max(s->cluster);
        FlagTable *t = &s->pods->table;
        int r = 0;

        if (stateful_pods_due(s->pods) <= now) {
                s->pods->look_at = USEC_INFINITY;
                s->pods->looked_at = now;
                flag_table_doubt(t, STATEFUL_WAITING);
        }
        for (size_t i = flag_table_find(t, FLAG_DIRTY, 0); i != SIZE_MAX && r >= 0; i = flag_table_find(t, FLAG_DIRTY, i + 1)) {
                if (left-- == 0)
                        return 1;
                r = look_at_slot(s, i);
        }
        return r;
}

/* --- Step by step --- */

static int delete_pod(Stateful *s, PodState *ps) {
        int r;

        record_event(s->cluster, &s->state->entry, "Normal", "SuccessfulDelete", COMPONENT, "delete Pod %s in StatefulSet %s successful",
                     object_name(ps->entry.object), object_name(s->state->entry.object));
        r = object_delete(s->cluster, &ps->entry, &(DeleteOptions) { .grace_seconds = -1 });
        s->n_done++;
        return r < 0 ? r : 1;
}

/* What is beyond a turn is for the next look. */
static bool has_done_enough(Stateful *s) {
        if (s->n_done < look_changes(s->cluster))
                return false;
        object_mark(s->cluster, s->state);
        return true;
}

/* One that has ended is made anew once it is gone. */
static int remove_ended(Stateful *s, size_t slot) {
        PodState *ps = find_pod_in(s, slot);

        return ps && pod_of(ps)->deleted == 0 ? delete_pod(s, ps) : 1;
}

/* In order: the lowest ordinal that is not available is what the others wait for. 1: they do. */
static int fill_in_order(Stateful *s) {
        FlagTable *t = &s->pods->table;
        size_t i = flag_table_find(t, STATEFUL_UNAVAILABLE, 0);
        int r = 0;

        if (i == SIZE_MAX)
                return 0;
        if (flag_table_has(t, i, STATEFUL_ENDED))
                return remove_ended(s, i);
        if (flag_table_has(t, i, STATEFUL_MISSING))
                r = create_pod(s, s->pods->base + (int64_t) i);
        return r < 0 ? r : 1;
}

/* All at once, from the lowest ordinal on. 1: some could not be made, or are for the next look. */
static int fill_at_once(Stateful *s) {
        FlagTable *t = &s->pods->table;
        int r = 0;

        for (size_t i = flag_table_find(t, STATEFUL_ENDED, 0); i != SIZE_MAX && r >= 0; i = flag_table_find(t, STATEFUL_ENDED, i + 1)) {
                if (has_done_enough(s))
                        return 1;
                r = remove_ended(s, i);
        }
        for (size_t i = flag_table_find(t, STATEFUL_MISSING, 0); i != SIZE_MAX && r >= 0 && s->error.code == 0; i = flag_table_find(t, STATEFUL_MISSING, i + 1)) {
                if (has_done_enough(s))
                        return 1;
                r = create_pod(s, s->pods->base + (int64_t) i);
        }
        return r < 0 ? r : s->error.code < 0;
}

/* From the highest ordinal on: removes what is too much, in order one after the other. 1 when there is something. */
static int cut_down(Stateful *s) {
        FlagTable *t = &s->pods->table;
        size_t i = flag_table_find_last(t, STATEFUL_CONDEMNED, SIZE_MAX);
        int r = 1;

        if (i == SIZE_MAX)
                return 0;
        if (!s->parallel)
                return flag_table_has(t, i, STATEFUL_SUPERFLUOUS) ? delete_pod(s, find_pod_in(s, i)) : 1;
        for (i = flag_table_find_last(t, STATEFUL_SUPERFLUOUS, SIZE_MAX); i != SIZE_MAX && r >= 0 && !has_done_enough(s);
             i = flag_table_find_last(t, STATEFUL_SUPERFLUOUS, i))
                r = delete_pod(s, find_pod_in(s, i));
        return r;
}

/* From the highest ordinal on: replaces what is of another version, each when those after it are available again. */
static int roll(Stateful *s) {
        size_t i = s->on_delete ? SIZE_MAX : flag_table_find_last(&s->pods->table, STATEFUL_STALE, SIZE_MAX);
        PodState *ps;

        /* A dirty one has been changed in this look: the next one sees how it is. */
        if (i == SIZE_MAX || s->pods->base + (int64_t) i < s->partition || flag_table_has(&s->pods->table, i, FLAG_DIRTY))
                return 0;
        ps = find_pod_in(s, i);
        return ps && !is_of(pod_of(ps), s->wish.update) && pod_is_active(pod_of(ps)) ? delete_pod(s, ps) : 0;
}

static int advance(Stateful *s) {
        int r;

        r = s->parallel ? fill_at_once(s) : fill_in_order(s);
        if (r == 0)
                r = cut_down(s);
        return r == 0 ? roll(s) : r;
}

/* What is to be known before anything is done. 1: it goes on with that in the next look. */
static int prepare(Stateful *s) {
        int r = 0;

        if (s->alive)
                r = revisions_keep(s->cluster, s->state, s->edit.root, s->hash);
        if (r >= 0 && s->alive)
                r = release_pods(s->cluster, s->state, json_get(s->spec, "selector"), NULL);
        if (r == 0)
                r = stateful_pods_prepare(s->state, &s->wish);
        s->pods = timed_state(s->state)->ordinals;
        return r == 0 ? look_at_pods(s) : r;
}

/* --- Telling of it --- */

static int update_status(Stateful *s) {
        const int64_t *n = s->pods->table.counts, all = n[STATEFUL_PRESENT], ready = n[STATEFUL_READY], updated = n[STATEFUL_UPDATED];
        _cleanup_edit_ Edit e = {};
        Json *status;
        int r;

        /* The way to it is over; one that replaces nothing by itself has none. */
        if (!s->on_delete && updated == s->wish.replicas && ready == s->wish.replicas && all == s->wish.replicas)
                memcpy(s->current, s->wish.update, sizeof(s->current));
        r = edit_begin(&e, s->cluster, &s->state->entry);
        if (r < 0)
                return r;
        status = json_ensure(&e.arena, e.root, "status", JSON_OBJECT);
        status_set_count(&e, status, "observedGeneration", s->state->entry.object->doc->generation);
        json_set_i64(&e.arena, status, "replicas", all);
        status_set_count(&e, status, "readyReplicas", ready);
        status_set_count(&e, status, "currentReplicas", streq(s->current, s->wish.update) ? updated : n[STATEFUL_CURRENT]);
        status_set_count(&e, status, "updatedReplicas", updated);
        json_set_string(&e.arena, status, "currentRevision", s->current);
        json_set_string(&e.arena, status, "updateRevision", s->wish.update);
        json_set_i64(&e.arena, status, "collisionCount", 0);
        json_set_i64(&e.arena, status, "availableReplicas", n[STATEFUL_AVAILABLE]);
        return edit_commit(&e);
}

static int reconcile(Stateful *s) {
        int r;

        r = edit_begin(&s->edit, s->cluster, &s->state->entry);
        if (r < 0)
                return r;
        s->spec = json_get(s->edit.root, "spec");
        read_spec(s);
        r = prepare(s);
        if (r == 0 && s->alive) {
                r = advance(s);
                if (r >= 0)
                        r = look_at_pods(s); /* at those that this has changed */
        }
        if (r > 0)
                object_mark(s->cluster, s->state);
        if (r != 0)
                return r;
        r = update_status(s);
        if (r >= 0 && s->alive && s->pods->table.counts[STATEFUL_UPDATED] == s->pods->table.counts[STATEFUL_PRESENT])
                r = revisions_forget(s->cluster, s->state, s->edit.root, s->hash, s->current);
        if (r < 0)
                return r;
        if (s->error.code < 0)
                s->look_at = MIN(s->look_at, controller_retry_time(s->cluster, timed_state(s->state)));
        else
                timed_state(s->state)->n_failures = 0;
        return controller_look_at(s->cluster, s->state, MIN(s->look_at, stateful_pods_due(s->pods)));
}

int reconcile_stateful_set(Cluster *c, ObjectState *state) {
        Stateful s = { .cluster = c, .state = state, .alive = state->entry.object->doc->deleted == 0, .look_at = USEC_INFINITY };
        int r;

        r = reconcile(&s);
        stateful_done(&s);
        return r;
}
