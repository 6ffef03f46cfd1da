/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/definitions.h"
#include "core/control/controllers/workload.h"
#include "tests/sim/workloads-internal.h"

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

/* Links between owners and what they own are as their references say, at any time. */
void check_links(Workloads *w) {
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

/* No pod is there whose owner is gone. */
static void check_owners(Workloads *w) {
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_POD, NULL); e; e = store_following(e))
                if (e->object->doc && e->object->doc->n_owners > 0)
                        must(object_state(e)->owner || ((const Pod*) e->object)->deleted > cluster_realtime(w->cluster, w->now)); /* or it is going just now */
}

static void check_namespaces(Workloads *w) {
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_NAMESPACE, NULL); e; e = store_following(e))
                if (e->object->doc->deleted > 0)
                        must(has_something_in(w, "team/", "team"));
}

void check_settled(Workloads *w) {
        must(list_is_empty(&w->cluster->orphans) && list_is_empty(&w->cluster->dirty));
        check_owners(w);
        check_namespaces(w);
        check_builtins(w);
        check_definitions(w);
        check_links(w);
        check_documents(w);
}
