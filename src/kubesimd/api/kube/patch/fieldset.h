/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sets of fields of an object, in the form in which managedFields has them (FieldsV1): {"f:spec":{"f:replicas":{}}}. "f:" is a
 * member, "k:" an item of a list by its keys, "v:" an item of a set; "." and an empty object are the thing itself.
 * Kubernetes documentation, "Server-Side Apply"; sigs.k8s.io/structured-merge-diff, fieldpath. */

#include "kubesimd/api/kube/types/schema.h"

/* All fields that the object has. schema may be NULL: lists are then single values. */
Json *fieldset_of(JsonArena *a, const SchemaMessage *schema, const Json *object);
/* Those whose values are other than in `old`, or that old has not. */
Json *fieldset_changed(JsonArena *a, const SchemaMessage *schema, const Json *object, const Json *old);
/* x gains what is in y. */
void fieldset_add(JsonArena *a, Json *x, const Json *y);
/* x loses what is in y; what is empty then goes. */
void fieldset_subtract(Json *x, const Json *y);
/* What is in both, as a new set. */
Json *fieldset_common(JsonArena *a, const Json *x, const Json *y);
/* Is it a set at all? Clients may write them. */
bool fieldset_is_valid(const Json *x);
static inline bool fieldset_is_empty(const Json *x) {
        return !x || x->size == 0;
}
/* Calls visit for each member with its path: '.spec.containers[name="c"].image'. */
void fieldset_each(const Json *x, void (*visit)(const char *path, void *userdata), void *userdata);

/* The first item of a list that is there twice by its keys (or as a value of a set): '.spec.containers: duplicate entries for key [name="c"]'
 * is appended to b. False when there is none. */
bool fieldset_find_duplicate(JsonArena *a, const SchemaMessage *schema, const Json *object, StrBuf *b);
/* Merges an applied configuration into an object: maps and keyed lists item by item, sets united, everything else replaced. */
void fieldset_merge(JsonArena *a, const SchemaMessage *schema, Json *object, const Json *applied);
/* Takes the fields of the set out of the object. */
void fieldset_remove(JsonArena *a, const SchemaMessage *schema, Json *object, const Json *set);
