/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/owners.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/daemon-nodes.h"
#include "core/control/controllers/definitions.h"
#include "core/control/controllers/job-tally.h"
#include "core/control/controllers/stateful-pods.h"
#include "core/control/controllers/workload.h"
#include "core/control/objects-internal.h"
#include "core/control/selectors.h"
#include "core/model/doc.h"

#define KEY_MAX 320

/* The object that a reference names: -ENOENT when it is not there (any more), -ENOTSUP when we cannot know of such. */
static int find_owner(Cluster *c, const Object *o, const DocOwner *ref, ObjectState **ret) {
        Kind kind = kind_find(ref->api_version, ref->kind);
        char key[KEY_MAX], uid[UUID_STRING_MAX];
        StoreEntry *e;

        if (kind < 0)
                kind = cluster_find_custom(c, ref->api_version, ref->kind);
        if (kind < 0)
                return -ENOTSUP;
        if (kind_is_namespaced(kind) && strchr(o->name, '/'))
                (void) snprintf(key, sizeof(key), "%.*s/%s", (int) (strchr(o->name, '/') - o->name), o->name, ref->name);
        else
                (void) snprintf(key, sizeof(key), "%s", ref->name);
        e = store_find(c->store, kind, key);
        if (!e || !streq(uuid_to_string(e->object->uid, uid), ref->uid))
                return -ENOENT;
        *ret = object_state(e);
        return 0;
}

/* The controller if it lives, else any owner. *ret_unknown: it names one that we cannot know of. */
static ObjectState *choose_owner(Cluster *c, const Object *o, bool *ret_unknown) {
        const DocOwner *controller = doc_controller(o->doc);
        ObjectState *owner = NULL;

        *ret_unknown = false;
        if (controller && find_owner(c, o, controller, &owner) >= 0)
                return owner;
        for (size_t i = 0; i < o->doc->n_owners; i++) {
                int r = find_owner(c, o, &o->doc->owners[i], &owner);

                if (r >= 0)
                        return owner;
                *ret_unknown |= r == -ENOTSUP;
        }
        return NULL;
}

/* --- What owners know of their pods --- */

static bool is_ready(const Pod *p) {
        return pod_is_active(p) && pod_is_ready(p);
}

static void tally(ObjectState *owner, const Object *o, bool add) {
        const Pod *p = (const Pod*) o;
        PodTally *t;

        if (o->kind != KIND_POD || !controller_keeps_time(owner->entry.object->kind))
                return;
        t = &timed_state(owner)->pods;
        t->total += add ? 1 : -1u;
        t->all += add ? pod_is_active(p) : -(uint32_t) pod_is_active(p);
        t->ready += add ? is_ready(p) : -(uint32_t) is_ready(p);
        t->ending += add ? p->status == POD_TERMINATING : -(uint32_t) (p->status == POD_TERMINATING);
        t->failed += add ? p->status == POD_FAILED : -(uint32_t) (p->status == POD_FAILED);
        t->succeeded += add ? p->status == POD_SUCCEEDED : -(uint32_t) (p->status == POD_SUCCEEDED);
        if (pod_is_active(p))
                t->restarts += add ? p->restarts : -(uint64_t) p->restarts;
        if (!add && is_ready(p) && t->available > 0)
                t->available--;
        job_tally_pod(owner, p, add);
}

/* A pod that stays with its owner has changed. */
static void tally_again(ObjectState *owner, const Object *old, const Object *new) {
        const Pod *x = (const Pod*) old, *y = (const Pod*) new;

        if (new->kind != KIND_POD || (x->status == y->status && pod_is_active(x) == pod_is_active(y) && x->restarts == y->restarts &&
                                       is_ready(x) == is_ready(y) && pod_ready_since(x) == pod_ready_since(y)))
                return;
        tally(owner, old, false);
        tally(owner, new, true);
}

static ListLink *following(const ObjectState *owner, const ListLink *l) {
        return l->next == &owner->dependents ? NULL : l->next;
}

/* Those that are to go before their owner go first. */
static void link_owner(ObjectState *s, ObjectState *owner) {
        bool first = object_waits_for_dependents(owner->entry.object);

        s->owner = owner;
        if (first)
                list_prepend(&owner->dependents, &s->in_owner);
        else
                list_append(&owner->dependents, &s->in_owner);
        tally(owner, s->entry.object, true);
        if (controller_keeps_time(owner->entry.object->kind) && (first || !timed_state(owner)->unchecked))
                timed_state(owner)->unchecked = &s->in_owner;
}

/* was: what its owner knew it as. */
static void unlink_owner(ObjectState *s, const Object *was) {
        ObjectState *owner = s->owner;

        if (owner)
                tally(owner, was, false);
        if (owner && controller_keeps_time(owner->entry.object->kind) && timed_state(owner)->unchecked == &s->in_owner)
                timed_state(owner)->unchecked = following(owner, &s->in_owner);
        list_remove(&s->in_owner);
        s->owner = NULL;
}

void object_put_last(ObjectState *dependent) {
        ObjectState *owner = dependent->owner;

        list_remove(&dependent->in_owner);
        list_append(&owner->dependents, &dependent->in_owner);
        if (controller_keeps_time(owner->entry.object->kind))
                timed_state(owner)->unchecked = list_first(&owner->dependents);
}

bool object_adopt(Cluster *c, ObjectState *s) {
        const Object *o = s->entry.object;
        bool unknown = false;
        ObjectState *owner;

        unlink_owner(s, o);
        if (!o->doc || o->doc->n_owners == 0)
                return true;
        owner = choose_owner(c, o, &unknown);
        if (owner)
                link_owner(s, owner);
        else
                list_append(unknown ? &c->strangers : &c->orphans, &s->in_owner);
        return s->owner || unknown;
}

void adopt_strangers(Cluster *c) {
        ListLink *last = c->strangers.prev, *l;

        if (list_is_empty(&c->strangers))
                return;
        do { /* those that stay strangers go to the end again */
                l = list_first(&c->strangers);
                (void) object_adopt(c, container_of(l, ObjectState, in_owner));
        } while (l != last);
}

/* An owner has come (back): those that wait for it may stay. */
static void adopt_orphans(Cluster *c) {
        ListLink *last = c->orphans.prev, *l;

        do { /* those that stay orphans go to the end again */
                l = list_first(&c->orphans);
                (void) object_adopt(c, container_of(l, ObjectState, in_owner));
        } while (l != last);
}

static void orphan_dependents(Cluster *c, ObjectState *s) {
        ListLink *l;

        while ((l = list_first(&s->dependents))) {
                ObjectState *dependent = container_of(l, ObjectState, in_owner);

                unlink_owner(dependent, dependent->entry.object);
                list_append(&c->orphans, &dependent->in_owner);
        }
}

void object_mark(Cluster *c, ObjectState *s) {
        if (!list_is_linked(&s->dirty) && controller_exists(s->entry.object))
                list_append(&c->dirty, &s->dirty);
}

/* Its owner has to look at it, and, if that is a DaemonSet, at its node, or, if it is a StatefulSet, at its ordinal. */
static void mark_owner(Cluster *c, const ObjectState *s, const Object *old, const Object *new) {
        if (!s->owner)
                return;
        object_mark(c, s->owner);
        daemon_set_see_pod(c, s->owner, old);
        daemon_set_see_pod(c, s->owner, new);
        stateful_set_see(s->owner, old);
        stateful_set_see(s->owner, new);
}

/* Is it one that its owner has to look at as at those that have come? A DaemonSet at a pod that is on no node, or has ended, a Job at one
 * that has come to its end. */
static bool is_to_be_checked(const Object *owner, const Pod *old, const Pod *new) {
        if (owner->kind == KIND_JOB)
                return !pod_is_active(new) && (pod_is_active(old) || old->status != new->status);
        return owner->kind == KIND_DAEMON_SET && !pod_holds_capacity(new);
}

static void check_again(ObjectState *s, const Object *old, const Object *new) {
        ObjectState *owner = s->owner;

        if (new->kind != KIND_POD || !is_to_be_checked(owner->entry.object, (const Pod*) old, (const Pod*) new))
                return;
        unlink_owner(s, new);
        link_owner(s, owner);
}

/* A namespace that is being emptied waits for the last of its objects, and has to begin again with one whose deletion is undone. */
static void mark_ending_namespace(Cluster *c, const Object *o) {
        char name[KEY_MAX];
        StoreEntry *e;
        size_t size;
        const char *ns;

        if (c->n_ending_namespaces == 0 || !kind_is_namespaced(o->kind))
                return;
        ns = object_namespace(o, &size);
        (void) snprintf(name, sizeof(name), "%.*s", (int) size, ns);
        e = store_find(c->store, KIND_NAMESPACE, name);
        if (e)
                object_mark(c, object_state(e));
}

static void count_ending(Cluster *c, const Object *old, const Object *new) {
        if (old && old->kind == KIND_NAMESPACE && old->doc->deleted > 0)
                c->n_ending_namespaces--;
        if (new && new->kind == KIND_NAMESPACE && new->doc->deleted > 0)
                c->n_ending_namespaces++;
}

void object_follow(Cluster *c, ObjectState *s, const Object *old, const Object *new) {
        const Doc *doc = new ? new->doc : NULL, *before = old ? old->doc : NULL;

        if (!old)
                list_init(&s->dependents);
        count_ending(c, old, new);
        selector_follow(s, old, new);
        mark_owner(c, s, old, new);
        controllers_see(c, old, new);
        mark_ending_namespace(c, new ?: old);
        mark_ending_definition(c, new ?: old);
        if (!new) {
                unlink_owner(s, old);
                orphan_dependents(c, s);
                list_remove(&s->dirty);
                return;
        }
        /* One that was being collected is in no list; should that have been undone, it waits for it again. */
        if (doc != before || (doc && doc->n_owners > 0 && !list_is_linked(&s->in_owner))) {
                unlink_owner(s, old);
                (void) object_adopt(c, s);
                mark_owner(c, s, NULL, new);
                job_see_document(s->owner, old, new);
        } else if (s->owner) {
                tally_again(s->owner, old, new);
                check_again(s, old, new);
        }
        if (!old && !list_is_empty(&c->orphans))
                adopt_orphans(c);
        object_mark(c, s);
}
