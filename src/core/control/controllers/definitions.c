/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting the names of CustomResourceDefinitions, giving them slots, emptying them before they go. Conditions and their words:
 * kubernetes, apiextensions-apiserver, controllers "status", "establish" and "finalizer". */
#include "core/control/controllers/definitions.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/workload.h"
#include "core/control/objects-internal.h"
#include "core/control/owners.h"

static const uint32_t slots_max[2] = { KIND_CUSTOM_CLUSTER_MAX, KIND_CUSTOM_NAMESPACED_MAX };

static const Definition *definition_of(const StoreEntry *e) {
        return (const Definition*) e->object;
}

const Definition *cluster_definition(const Cluster *c, Kind slot) {
        const StoreEntry *e = kind_is_custom(slot) ? c->definitions[slot - KIND_CUSTOM_NAMESPACED] : NULL;

        return e ? definition_of(e) : NULL;
}

uint64_t cluster_defined_at(const Cluster *c, Kind slot) {
        return kind_is_custom(slot) ? c->defined_at[slot - KIND_CUSTOM_NAMESPACED] : 0;
}

Kind cluster_find_custom(const Cluster *c, const char *api_version, const char *kind) {
        const char *slash = strchr(api_version, '/');

        for (Kind k = KIND_CUSTOM_NAMESPACED; slash && k < _KIND_MAX; k++) {
                const Definition *d = cluster_definition(c, k);

                if (d && streq(d->info->accepted.kind, kind) && strlen(d->info->group) == (size_t) (slash - api_version) &&
                    startswith(api_version, d->info->group) && definition_serves(d, slash + 1))
                        return k;
        }
        return _KIND_INVALID;
}

bool definition_has_room(const Cluster *c, const Json *document, Error *reterr) {
        bool namespaced = !streq_ptr(json_string(json_at(document, "spec", "scope", NULL)), "Cluster");

        if (c->n_definitions[namespaced] < slots_max[namespaced])
                return true;
        (void) error_set(reterr, -EDQUOT, "there are %u CustomResourceDefinitions of scope %s already, which is the most", c->n_definitions[namespaced],
                         namespaced ? "Namespaced" : "Cluster");
        return false;
}

int definition_check_open(const Cluster *c, Kind kind, Error *reterr) {
        const Definition *d;

        if (!kind_is_custom(kind))
                return 0;
        d = cluster_definition(c, kind);
        if (!d)
                return error_set(reterr, -ENOENT, "the server could not find the requested resource");
        if (d->object.doc->deleted > 0)
                return error_set(reterr, -EOPNOTSUPP, "create not allowed while custom resource definition is terminating");
        return 0;
}

/* --- Following --- */

/* Those of the group look again whether their names are free. */
static void mark_group(Cluster *c, const char *group) {
        size_t hint = 0;

        for (StoreEntry *e = NULL; (e = store_next(c->store, KIND_CUSTOM_RESOURCE_DEFINITION, e ? e->object->id : 0, &hint));)
                if (streq(definition_of(e)->info->group, group))
                        object_mark(c, object_state(e));
}

static void set_slot(Cluster *c, Kind slot, StoreEntry *e) {
        c->definitions[slot - KIND_CUSTOM_NAMESPACED] = e;
        c->defined_at[slot - KIND_CUSTOM_NAMESPACED] = store_revision(c->store) + 1; /* of the change being made */
}

void definition_follow(Cluster *c, StoreEntry *e, const Definition *old, const Definition *new) {
        Kind before = old ? old->slot : _KIND_INVALID, slot = new ? new->slot : _KIND_INVALID;

        if (old)
                c->n_definitions[old->info->namespaced]--;
        if (new)
                c->n_definitions[new->info->namespaced]++;
        if (before != slot && kind_is_custom(before))
                set_slot(c, before, NULL);
        if (before != slot && kind_is_custom(slot))
                set_slot(c, slot, e);
        if (!old || !new || old->info != new->info) {
                mark_group(c, (new ?: old)->info->group);
                if (kind_is_custom(slot))
                        adopt_strangers(c);
        }
}

void mark_ending_definition(Cluster *c, const Object *o) {
        StoreEntry *e = kind_is_custom(o->kind) ? c->definitions[o->kind - KIND_CUSTOM_NAMESPACED] : NULL;

        if (e && e->object->doc->deleted > 0)
                object_mark(c, object_state(e));
}

/* --- Names --- */

static bool names_have(const DefinitionNames *n, const char *word) {
        if (streq(n->plural, word) || streq(n->singular, word))
                return true;
        for (size_t i = 0; i < n->n_short_names; i++)
                if (streq(n->short_names[i], word))
                        return true;
        return false;
}

/* Has somebody else of the group that name? kind: is it one for the kind, or for the resource? */
static bool is_taken(const Cluster *c, const Definition *d, const char *word, bool kind) {
        size_t hint = 0;

        if (c->config.is_reserved && c->config.is_reserved(d->info->group, word))
                return true;
        for (StoreEntry *e = NULL; (e = store_next(c->store, KIND_CUSTOM_RESOURCE_DEFINITION, e ? e->object->id : 0, &hint));) {
                const Definition *other = definition_of(e);
                const DefinitionNames *n = &other->info->accepted;

                if (other != d && streq(other->info->group, d->info->group) &&
                    (kind ? streq(n->kind, word) || streq(n->list_kind, word) : names_have(n, word)))
                        return true;
        }
        return false;
}

/* The names that are free are accepted; of the others the last one's reason is told. */
typedef struct Acceptance {
        Edit *edit;
        const Definition *definition;
        Json *accepted;
        const char *reason;
        char message[320];
} Acceptance;

static bool try_name(Acceptance *a, const char *word, const char *now, bool kind, const char *reason) {
        if (streq(word, now) || !is_taken(a->edit->cluster, a->definition, word, kind))
                return true;
        a->reason = reason;
        (void) snprintf(a->message, sizeof(a->message), "\"%s\" is already in use", word);
        return false;
}

static void accept_name(Acceptance *a, const char *key, const char *word, const char *now, bool kind, const char *reason) {
        if (try_name(a, word, now, kind, reason) && *word)
                json_set_string(&a->edit->arena, a->accepted, key, word);
}

static void accept_short_names(Acceptance *a, const Json *names) {
        const DefinitionInfo *i = a->definition->info;
        bool all = true;

        for (size_t k = 0; k < i->wanted.n_short_names; k++)
                all &= try_name(a, i->wanted.short_names[k], names_have(&i->accepted, i->wanted.short_names[k]) ? i->wanted.short_names[k] : "", false,
                                "ShortNamesConflict");
        if (!all)
                return;
        json_remove(a->accepted, "shortNames");
        if (i->wanted.n_short_names > 0)
                json_set(&a->edit->arena, a->accepted, "shortNames", json_copy(&a->edit->arena, json_get(names, "shortNames")));
}

static void accept_names(Acceptance *a) {
        const DefinitionNames *wanted = &a->definition->info->wanted, *now = &a->definition->info->accepted;
        Json *names = json_at(a->edit->root, "spec", "names", NULL), *categories = json_get(names, "categories");

        accept_name(a, "plural", wanted->plural, now->plural, false, "PluralConflict");
        accept_name(a, "singular", wanted->singular, now->singular, false, "SingularConflict");
        accept_short_names(a, names);
        accept_name(a, "kind", wanted->kind, now->kind, true, "KindConflict");
        accept_name(a, "listKind", wanted->list_kind, now->list_kind, true, "ListKindConflict");
        json_remove(a->accepted, "categories");
        if (categories)
                json_set(&a->edit->arena, a->accepted, "categories", json_copy(&a->edit->arena, categories));
}

/* One that nobody has and of which nothing is left; not the same again soon, as logs and watches may still speak of it. */
static Kind find_slot(Cluster *c, bool namespaced) {
        Kind first = namespaced ? KIND_CUSTOM_NAMESPACED : KIND_CUSTOM_CLUSTER;

        for (uint32_t i = 0; i < slots_max[namespaced]; i++) {
                uint32_t at = (c->next_slot[namespaced] + i) % slots_max[namespaced];
                Kind k = first + at;

                if (!cluster_definition(c, k) && store_count(c->store, k) == 0) {
                        c->next_slot[namespaced] = at + 1;
                        return k;
                }
        }
        return _KIND_INVALID;
}

/* --- Storing --- */

/* Like edit_commit(), with the slot and the names that the document has now. */
static int commit(Edit *e, Kind slot) {
        _cleanup_(object_unrefp) Object *copy = NULL;
        Definition *d;
        Doc *doc;
        int r;

        r = document_replace(e->cluster, &e->arena, e->root, e->entry->object, &doc);
        if (r < 0 || (r == 0 && slot == definition_of(e->entry)->slot))
                return r;
        if (r == 0)
                doc = doc_ref(e->entry->object->doc);
        r = object_copy(e->entry->object, &copy);
        if (r < 0) {
                doc_unref(doc);
                return r;
        }
        doc_unref(copy->doc);
        copy->doc = doc;
        d = (Definition*) copy;
        d->slot = slot;
        r = definition_read_document(d, e->root);
        return r < 0 ? r : store_put(e->cluster->store, copy);
}

static int establish(Cluster *c, ObjectState *s) {
        const Definition *d = definition_of(&s->entry);
        _cleanup_edit_ Edit e = {};
        Acceptance a = { .edit = &e, .definition = d };
        Kind slot = d->slot;
        Json *status;
        int r;

        r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                return r;
        status = json_ensure(&e.arena, e.root, "status", JSON_OBJECT);
        a.accepted = json_ensure(&e.arena, status, "acceptedNames", JSON_OBJECT);
        accept_names(&a);
        status_set_condition(&e, status, "NamesAccepted", a.reason ? "False" : "True", a.reason ?: "NoConflicts", a.reason ? a.message : "no conflicts found");
        if (!kind_is_custom(slot) && !a.reason)
                slot = find_slot(c, d->info->namespaced);
        if (kind_is_custom(slot))
                status_set_condition(&e, status, "Established", "True", "InitialNamesAccepted", "the initial names have been accepted");
        else
                status_set_condition(&e, status, "Established", "False", a.reason ? "NotAccepted" : "NoRoom",
                                     a.reason ? "not all names are accepted" : "there are as many definitions of that scope as there may be");
        return commit(&e, slot);
}

/* --- Going --- */

static int empty_slot(Cluster *c, Kind slot, size_t *left) {
        StoreEntry *e, *next;
        int r;

        for (e = kind_is_custom(slot) ? store_find_from(c->store, slot, NULL) : NULL; e; e = next) {
                next = store_following(e);
                r = object_delete(c, e, &(DeleteOptions) { .grace_seconds = -1 });
                if (r < 0)
                        return r;
                *left += r == 0;
        }
        return 0;
}

static int say_ending(Cluster *c, ObjectState *s) {
        _cleanup_edit_ Edit e = {};
        int r;

        r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                return r;
        status_set_condition(&e, json_ensure(&e.arena, e.root, "status", JSON_OBJECT), "Terminating", "True", "InstanceDeletionInProgress",
                             "CustomResource deletion is in progress");
        return edit_commit(&e);
}

/* Nothing is left of its objects: takes our finalizer away, and it with the last one. */
static int finish(Cluster *c, ObjectState *s) {
        _cleanup_edit_ Edit e = {};
        int r;

        r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                return r;
        (void) edit_remove_finalizer(&e, FOREGROUND_FINALIZER);
        if (edit_remove_finalizer(&e, DEFINITION_FINALIZER) == 0)
                return store_delete(c->store, &s->entry);
        status_set_condition(&e, json_ensure(&e.arena, e.root, "status", JSON_OBJECT), "Terminating", "False", "InstanceDeletionCompleted",
                             "removed all instances");
        return edit_commit(&e);
}

static int end(Cluster *c, ObjectState *s) {
        Kind slot = definition_of(&s->entry)->slot;
        size_t left = 0;
        int r = 0;

        if (kind_is_custom(slot) && store_count(c->store, slot) > 0)
                r = say_ending(c, s);
        if (r >= 0)
                r = empty_slot(c, slot, &left);
        return r < 0 || left > 0 ? MIN(r, 0) : finish(c, s);
}

int reconcile_definition(Cluster *c, ObjectState *s) {
        return MIN(s->entry.object->doc->deleted > 0 ? end(c, s) : establish(c, s), 0);
}
