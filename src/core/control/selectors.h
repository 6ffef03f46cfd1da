/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Label selectors that objects have in their spec, and which of them select pods. Kubernetes API reference, "LabelSelector". */

#include "basic/json-tree.h"
#include "core/cluster.h"
#include "core/model/doc.h"
#include "core/model/pod-class.h"

/* {"matchLabels":{...},"matchExpressions":[...]}: all must hold; an empty one matches everything, NULL nothing. */
bool label_selector_matches(const Json *selector, const Doc *d);
/* {"key":"value",...} of a Service: all must hold; an empty one matches nothing. */
bool label_map_matches(const Json *map, const Doc *d);
/* The object's spec.selector, NULL when it has none; it lives in the arena. -ENOMEM; -E2BIG. */
int selector_of(const Object *o, JsonArena *a, const Json **ret);
/* Does the object's spec.selector match the pod? */
bool selects(const Object *o, const Object *pod);

/* What Services and their controller say together of the pods of a class; for Scheduler.selectors, with the Cluster. */
int pod_selectors_put(const PodClass *class, StrBuf *b, void *cluster);
/* An object has come, changed or gone: what the above says may be another thing now. */
void pod_selectors_follow(Cluster *c, const Object *old, const Object *new);
