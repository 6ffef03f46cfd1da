/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Label selectors that objects have in their spec, and which of them select pods. Kubernetes API reference, "LabelSelector". */

#include "basic/json-tree.h"
#include "core/control/state.h"
#include "core/model/doc.h"
#include "core/model/pod-class.h"

/* {"matchLabels":{...},"matchExpressions":[...]}: all must hold; an empty one matches everything, NULL nothing. */
bool label_selector_matches(const Json *selector, const Doc *d);
/* {"key":"value",...} of a Service: all must hold; an empty one matches nothing. */
bool label_map_matches(const Json *map, const Doc *d);
/* The object's spec.selector, NULL when it has none; it lives in the arena. -ENOMEM; -E2BIG. */
int selector_of(const Object *o, JsonArena *a, const Json **ret);
/* Appends the selector of an object of that kind (a map of a Service, else a LabelSelector; may be NULL) as it is kept. */
void selector_put(Kind kind, const Json *selector, StrBuf *b);
/* A Service's or a PodDisruptionBudget's, read once: kept beside the object as long as its spec is the same (selector_follow()). NULL: -ENOMEM
 * or -E2BIG. */
const char *selector_kept(ObjectState *s);
bool kept_selector_matches(const char *selector, const Doc *d);
/* Does the object's spec.selector match the pod? It is one of those; true also when memory has run out: whoever looks again will see. */
bool selects(ObjectState *s, const Object *pod);
/* An object has changed or gone (new NULL). */
void selector_follow(ObjectState *s, const Object *old, const Object *new);

/* What Services and their controller say together of the pods of a class; for Scheduler.selectors, with the Cluster. */
int pod_selectors_put(const PodClass *class, StrBuf *b, void *cluster);
/* An object has come, changed or gone: what the above says may be another thing now. */
void pod_selectors_follow(Cluster *c, const Object *old, const Object *new);
