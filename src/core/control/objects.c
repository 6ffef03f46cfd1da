/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/objects.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/controllers/builtins.h"
#include "core/control/controllers/definitions.h"
#include "core/control/controllers/jobs.h"
#include "core/control/heartbeat.h"
#include "core/control/nodes.h"
#include "core/control/objects-internal.h"
#include "core/control/owners.h"
#include "core/control/placement.h"
#include "core/control/pods.h"
#include "core/control/turn.h"
#include "core/model/object-util.h"

static int out_of_memory(Error *reterr, int r) {
        return error_set(reterr, r, r == -E2BIG ? "the object is too large" : "out of memory");
}

/* May something be created in the namespace of that key? */
static int check_namespace(Cluster *c, Kind kind, const char *key, Error *reterr) {
        const char *slash = strchr(key, '/');
        char name[NAMESPACE_SIZE] = NAMESPACE_DEFAULT;
        StoreEntry *e;

        if (!kind_is_namespaced(kind))
                return 0;
        if (slash)
                (void) snprintf(name, sizeof(name), "%.*s", (int) (slash - key), key);
        e = store_find(c->store, KIND_NAMESPACE, name);
        if (!e)
                return error_set_field(reterr, -ENOENT, "namespaces", name, "namespaces \"%s\" not found", name);
        if (e->object->doc->deleted > 0)
                return error_set_field(reterr, -EACCES, "metadata.namespace", name,
                                       "unable to create new content in namespace %s because it is being terminated", name);
        return 0;
}

static int check_room(Cluster *c, Kind kind, const Json *document, Error *reterr) {
        if (kind == KIND_NODE)
                return check_node_room(c, reterr);
        if (kind == KIND_POD)
                return check_pod_room(c, 1, reterr);
        if (kind == KIND_CUSTOM_RESOURCE_DEFINITION && !definition_has_room(c, document, reterr))
                return -EDQUOT;
        if (c->n_documents >= c->config.objects_max)
                return error_set(reterr, -EDQUOT, "there are %u objects beside nodes and pods already, which is the most (MaxObjects=)",
                                 c->config.objects_max);
        return 0;
}

static int new_object(Cluster *c, Kind kind, const char *key, Object **ret) {
        static const size_t sizes[] = {
                [KIND_NODE] = sizeof(Node), [KIND_POD] = sizeof(Pod), [KIND_CUSTOM_RESOURCE_DEFINITION] = sizeof(Definition),
        };
        int r;

        r = object_new(kind, kind_is_document(kind) ? sizeof(Object) : sizes[kind], key, ret);
        if (r < 0)
                return r;
        (*ret)->uid = uuid_random(&c->prng);
        (*ret)->created = cluster_now_realtime(c);
        return 0;
}

/* The typed view of what the document says. */
static int read_view(Cluster *c, Object *o, const Json *document, Error *reterr) {
        int r;

        if (o->kind == KIND_POD)
                return pod_read_document((Pod*) o, &c->scheduler.classes, document, reterr);
        if (o->kind == KIND_CUSTOM_RESOURCE_DEFINITION) {
                r = definition_read_document((Definition*) o, document);
                return r < 0 ? out_of_memory(reterr, r) : 0;
        }
        if (o->kind != KIND_NODE)
                return 0;
        r = node_class_check(document, reterr);
        if (r < 0)
                return r;
        r = node_read_document((Node*) o, document, reterr);
        return r < 0 ? r : check_node_cpu(c, ((Node*) o)->cpu, reterr);
}

/* The first of a node's life, as cluster_add_node() makes it. */
static void init_view(Cluster *c, Object *o) {
        Node *n = (Node*) o;

        if (o->kind == KIND_CUSTOM_RESOURCE_DEFINITION)
                ((Definition*) o)->slot = _KIND_INVALID;
        if (o->kind != KIND_NODE)
                return;
        n->backing = NODE_VIRTUAL;
        n->health = NODE_HEALTHY;
        n->cpu = NODE_CPU_DEFAULT;
        n->health_since = cluster_now_realtime(c);
}

/* Clients' own events are as many as ours: the oldest goes first. */
static int make_room_for_event(Cluster *c) {
        size_t hint = 0;

        if (store_count(c->store, KIND_EVENT) < c->config.event_log_max)
                return 0;
        return store_delete(c->store, store_next(c->store, KIND_EVENT, 0, &hint));
}

static int store_new_object(Cluster *c, Object *o, const char *node) {
        int r = 0;

        if (o->kind == KIND_POD)
                return pod_launch(c, (Pod*) o, node);
        if (o->kind == KIND_EVENT)
                r = make_room_for_event(c);
        if (r >= 0)
                r = store_put(c->store, o);
        if (r >= 0 && o->kind == KIND_NAMESPACE)
                (void) service_account_ensure(c, o); /* at once, or its first pod would be too early; else its controller will */
        if (r >= 0 && o->kind == KIND_NODE) {
                cluster_event(c, EVENT_NODE_REGISTERED, o->name, NULL, "virtual");
                pods_schedule_or_retry(c);
        }
        return r;
}

/* The arena that it makes is gone when it returns; what it adds is copied by then. */
static int create_document(Cluster *c, const Object *o, Json *document, Doc **ret) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        int r;

        if (o->kind == KIND_JOB)
                job_assign_selector(o, &a, document);
        r = json_arena_error(&a);
        if (r >= 0)
                r = doc_new(document, ret);
        if (r >= 0)
                *ret = document_share(c, o->kind, *ret);
        return r;
}

/* Where a pod goes is not for its document to say, which is that of all pods of its template and shows it no second time; it keeps the
 * name of a node that does not take it. */
static int take_node_name(Cluster *c, Object *o, Json *document, const char **node) {
        Json *spec = json_get(document, "spec"), *name = json_get(spec, "nodeName");
        const NodeState *ns;

        *node = *node ?: json_string(name);
        ns = *node ? find_node(c, *node) : NULL;
        if (!name || !ns || !placement_has_room(c, ns, (const Pod*) o))
                return 0;
        json_remove(spec, "nodeName");
        o->doc = doc_unref(o->doc);
        return create_document(c, o, document, &o->doc);
}

/* What a new object is made of. A pod's document comes first: one of a template has its class from those before it. */
static int read_new(Cluster *c, Object *o, Json *document, Error *reterr) {
        Pod *p = (Pod*) o;
        int r;

        r = create_document(c, o, document, &o->doc);
        if (r < 0)
                return out_of_memory(reterr, r);
        if (o->kind != KIND_POD)
                return read_view(c, o, document, reterr);
        r = pod_share_class(p) ? 0 : pod_read_class(p, &c->scheduler.classes, document, reterr);
        if (r < 0)
                return r;
        pod_lend_class(p);
        return pod_read_rest(p, &c->scheduler.classes, document, reterr);
}

/* node: where a pod is to be, whatever its document says; NULL: that decides. */
static int create(Cluster *c, Kind kind, const char *key, const char *node, Json *document, bool dry, Object **ret, Error *reterr) {
        _cleanup_(object_unrefp) Object *o = NULL;
        int r;

        r = check_namespace(c, kind, key, reterr);
        if (r >= 0)
                r = definition_check_open(c, kind, reterr);
        if (r < 0)
                return r;
        if (store_find(c->store, kind, key))
                return error_set(reterr, -EEXIST, "\"%s\" already exists", key);
        r = check_room(c, kind, document, reterr);
        if (r < 0)
                return r;
        r = new_object(c, kind, key, &o);
        if (r < 0)
                return out_of_memory(reterr, r);
        init_view(c, o);
        r = read_new(c, o, document, reterr);
        if (r < 0)
                return r;
        if (kind == KIND_POD && !dry)
                r = take_node_name(c, o, document, &node);
        if (r >= 0 && !dry)
                r = store_new_object(c, o, node);
        if (r < 0)
                return out_of_memory(reterr, r);
        *ret = TAKE_PTR(o);
        return 0;
}

int cluster_create_object(Cluster *c, usec_t now, Kind kind, const char *key, Json *document, bool dry, Object **ret, Error *reterr) {
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        return r < 0 ? r : create(c, kind, key, NULL, document, dry, ret, reterr);
}

static int create_owned(Cluster *c, JsonArena *a, StoreEntry *owner, Kind kind, const char *name, const char *node, Json *document, Error *reterr) {
        _cleanup_(object_unrefp) Object *o = NULL;
        _cleanup_free_ char *key = NULL;
        const Object *by = owner->object;
        char uid[UUID_STRING_MAX];
        Json *metadata = json_ensure(a, document, "metadata", JSON_OBJECT), *ref = json_new(a, JSON_OBJECT), *refs = json_new(a, JSON_ARRAY);
        const char *slash = strchr(by->name, '/');

        json_set_string(a, ref, "apiVersion", kind_api_version(by->kind));
        json_set_string(a, ref, "kind", kind_to_string(by->kind));
        json_set_string(a, ref, "name", object_name(by));
        json_set_string(a, ref, "uid", uuid_to_string(by->uid, uid));
        json_set_bool(a, ref, "controller", true);
        json_set_bool(a, ref, "blockOwnerDeletion", true);
        json_append(refs, ref);
        json_set(a, metadata, "ownerReferences", refs);
        if (json_arena_error(a) < 0)
                return json_arena_error(a);
        if (asprintf(&key, "%.*s%s", slash ? (int) (slash - by->name + 1) : 0, by->name, name) < 0) {
                key = NULL;
                return -ENOMEM;
        }
        return create(c, kind, key, node, document, false, &o, reterr);
}

int object_create_owned(Cluster *c, JsonArena *a, StoreEntry *owner, Kind kind, const char *name, Json *document, Error *reterr) {
        return create_owned(c, a, owner, kind, name, NULL, document, reterr);
}

int object_create_pod(Cluster *c, JsonArena *a, StoreEntry *owner, const char *name, const char *node, Json *document, Error *reterr) {
        return create_owned(c, a, owner, KIND_POD, name, node, document, reterr);
}

bool object_view_differs(const Object *a, const Object *b) {
        if (a->kind == KIND_POD) {
                const Pod *x = (const Pod*) a, *y = (const Pod*) b;

                return x->held != y->held || x->class != y->class || x->duration != y->duration || x->exit_code != y->exit_code || x->status != y->status ||
                       x->restart != y->restart || x->deadline_seconds != y->deadline_seconds;
        }
        if (a->kind == KIND_NODE) {
                const Node *x = (const Node*) a, *y = (const Node*) b;

                return x->unschedulable != y->unschedulable || x->tainted != y->tainted || x->cpu != y->cpu;
        }
        return false;
}

int cluster_update_object(Cluster *c, usec_t now, StoreEntry *e, Json *document, bool dry, Object **ret, Error *reterr) {
        _cleanup_json_arena_ JsonArena arena = JSON_ARENA_INIT(64 * MIB); /* of what is added to the document */
        _cleanup_(object_unrefp) Object *copy = NULL;
        Doc *d;
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        r = object_copy(e->object, &copy);
        if (r < 0)
                return out_of_memory(reterr, r);
        r = read_view(c, copy, document, reterr);
        if (r < 0)
                return r;
        r = document_replace(c, &arena, document, e->object, &d);
        if (r < 0)
                return out_of_memory(reterr, r);
        if (r == 0 && !object_view_differs(e->object, copy)) {
                *ret = object_ref(e->object);
                return 0;
        }
        if (r > 0) {
                doc_unref(copy->doc);
                copy->doc = d;
        }
        if (!dry) {
                r = object_store_update(c, e, copy);
                if (r < 0)
                        return out_of_memory(reterr, r);
        }
        *ret = TAKE_PTR(copy);
        return 0;
}

/* Marks it as being deleted and holds it by that finalizer (NULL: by those that it has). */
static int mark_deleted(Cluster *c, StoreEntry *entry, const char *finalizer) {
        _cleanup_edit_ Edit e = {};
        Json *metadata;
        int r;

        r = edit_begin(&e, c, entry);
        if (r < 0)
                return r;
        metadata = json_ensure(&e.arena, e.root, "metadata", JSON_OBJECT);
        json_set(&e.arena, metadata, "deletionTimestamp", json_new_time(&e.arena, cluster_now_realtime(c)));
        if (entry->object->kind != KIND_NAMESPACE) /* which Kubernetes marks in a way of their own */
                json_set_i64(&e.arena, metadata, "deletionGracePeriodSeconds", 0);
        if (finalizer && !doc_has_finalizer(entry->object->doc, finalizer))
                json_append(json_ensure(&e.arena, metadata, "finalizers", JSON_ARRAY), json_new_string(&e.arena, finalizer));
        if (entry->object->kind == KIND_NAMESPACE)
                json_set_string(&e.arena, json_ensure(&e.arena, e.root, "status", JSON_OBJECT), "phase", "Terminating");
        return edit_commit(&e);
}

/* Takes the owner's references out of what it owns. */
static int release_dependents(Cluster *c, ObjectState *s) {
        char uid[UUID_STRING_MAX];
        ListLink *l;
        int r;

        (void) uuid_to_string(s->entry.object->uid, uid);
        while ((l = list_first(&s->dependents))) {
                ObjectState *dependent = container_of(l, ObjectState, in_owner);
                _cleanup_edit_ Edit e = {};
                Json *metadata, *refs;

                r = edit_begin(&e, c, &dependent->entry);
                if (r < 0)
                        return r;
                metadata = json_get(e.root, "metadata");
                refs = json_get(metadata, "ownerReferences");
                JSON_FOREACH(ref, refs)
                        if (streq_ptr(json_string(json_get(ref, "uid")), uid))
                                json_detach(ref);
                if (refs && refs->size == 0)
                        json_remove(metadata, "ownerReferences");
                r = edit_commit(&e);
                if (r >= 0 && dependent->entry.object->kind == KIND_POD && doc_has_finalizer(dependent->entry.object->doc, JOB_TRACKING_FINALIZER))
                        r = pod_release(c, (PodState*) dependent, JOB_TRACKING_FINALIZER); /* no Job counts it any more */
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Namespaces and definitions are emptied before they go. */
static bool ends_by_controller(const Object *o) {
        return o->kind == KIND_NAMESPACE || o->kind == KIND_CUSTOM_RESOURCE_DEFINITION;
}

int object_delete(Cluster *c, StoreEntry *e, const DeleteOptions *options) {
        const Doc *d = e->object->doc;
        bool foreground = options->propagation == PROPAGATION_FOREGROUND && !list_is_empty(&object_state(e)->dependents) &&
                          e->object->kind != KIND_CUSTOM_RESOURCE_DEFINITION; /* what one defines always goes first */
        int r = 0;

        if (options->propagation == PROPAGATION_ORPHAN)
                r = release_dependents(c, object_state(e));
        if (r < 0)
                return r;
        if (e->object->kind == KIND_POD)
                return pod_remove(c, (PodState*) e, options->grace_seconds, options->disruption);
        if (e->object->kind == KIND_NODE && (!d || d->n_finalizers == 0))
                return node_remove(c, (NodeState*) e);
        if (d->deleted > 0)
                return 0;
        if (!ends_by_controller(e->object) && d->n_finalizers == 0 && !foreground) {
                r = store_delete(c->store, e);
                return r < 0 ? r : 1;
        }
        r = mark_deleted(c, e, foreground ? FOREGROUND_FINALIZER : e->object->kind == KIND_CUSTOM_RESOURCE_DEFINITION ? DEFINITION_FINALIZER : NULL);
        return r < 0 ? r : 0;
}

int cluster_delete_object(Cluster *c, usec_t now, StoreEntry *e, const DeleteOptions *options, Error *reterr) {
        const char *held = builtin_is_held(e->object);
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        if (held)
                return error_set(reterr, -EACCES, "%s", held);
        if (options->dry)
                return 0;
        r = object_delete(c, e, options);
        if (r < 0)
                return out_of_memory(reterr, r);
        pods_schedule_or_retry(c);
        return r;
}

int object_collect(Cluster *c, ObjectState *s) {
        int r;

        if (object_adopt(c, s))
                return 0;
        list_remove(&s->in_owner);
        r = object_delete(c, &s->entry, &(DeleteOptions) { .grace_seconds = -1 });
        if (r < 0)
                list_append(&c->orphans, &s->in_owner);
        return r;
}

/* Deletes some of what it owns. Those that stay for a while go to the end of its list, so that the next look begins with others.
 * 1: something has changed by that, and there are more. */
static int delete_dependents(Cluster *c, ObjectState *s) {
        uint64_t before = store_revision(c->store);
        ListLink *l;
        int r;

        for (size_t n = 0; n < LOOK_MAX && store_revision(c->store) - before < turn_max(c) && (l = list_first(&s->dependents)); n++) {
                ObjectState *d = container_of(l, ObjectState, in_owner);

                r = object_delete(c, &d->entry, &(DeleteOptions) { .grace_seconds = -1, .propagation = PROPAGATION_FOREGROUND });
                if (r < 0)
                        return r;
                if (r == 0)
                        object_put_last(d);
        }
        return store_revision(c->store) != before && !list_is_empty(&s->dependents);
}

int object_finish_foreground(Cluster *c, ObjectState *s) {
        _cleanup_edit_ Edit e = {};
        int r;

        r = delete_dependents(c, s);
        if (r > 0)
                object_mark(c, s);
        if (r < 0 || !list_is_empty(&s->dependents))
                return MIN(r, 0);
        r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                return r;
        if (edit_remove_finalizer(&e, FOREGROUND_FINALIZER) > 0)
                return edit_commit(&e);
        return store_delete(c->store, &s->entry);
}

bool object_waits_for_dependents(const Object *o) {
        return o->doc && o->doc->deleted > 0 && doc_has_finalizer(o->doc, FOREGROUND_FINALIZER) && o->kind != KIND_CUSTOM_RESOURCE_DEFINITION;
}

/* An update of an object that is being deleted and that nothing holds any more is its end. */
int object_store_update(Cluster *c, StoreEntry *e, Object *copy) {
        const Doc *d = copy->doc;
        bool was_unschedulable;
        int r;

        if (copy->kind == KIND_POD)
                return pod_store_update(c, (PodState*) e, (Pod*) copy);
        if (d && d->deleted > 0 && d->n_finalizers == 0 && copy->kind == KIND_NODE)
                return node_remove(c, (NodeState*) e);
        if (d && d->deleted > 0 && d->n_finalizers == 0 && kind_is_document(copy->kind) && !ends_by_controller(copy))
                return store_delete(c->store, e);
        if (copy->kind == KIND_NODE && ((Node*) copy)->cpu < ((NodeState*) e)->sched.used.cpu) {
                r = pods_shrink(c, (NodeState*) e, ((Node*) copy)->cpu);
                if (r < 0)
                        return r;
        }
        was_unschedulable = copy->kind == KIND_NODE && ((const Node*) e->object)->unschedulable;
        r = store_put(c->store, copy);
        if (r < 0 || copy->kind != KIND_NODE)
                return r;
        if (((Node*) copy)->unschedulable != was_unschedulable)
                cluster_event(c, was_unschedulable ? EVENT_NODE_UNCORDONED : EVENT_NODE_CORDONED, copy->name, NULL, NULL);
        pods_schedule_or_retry(c);
        return r;
}

void object_generate_name(Cluster *c, const char *prefix, char *buf) {
        static const char letters[] = "bcdfghjklmnpqrstvwxz2456789"; /* k8s.io/apimachinery/pkg/util/rand */
        size_t n = MIN(strlen(prefix), (size_t) 248);

        memcpy(buf, prefix, n);
        for (unsigned i = 0; i < 5; i++)
                buf[n++] = letters[prng_below(&c->prng, sizeof(letters) - 1)];
        buf[n] = '\0';
}
