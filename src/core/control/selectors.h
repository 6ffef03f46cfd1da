/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Label selectors that objects have in their spec. Kubernetes API reference, "LabelSelector". */

#include "basic/json-tree.h"
#include "core/model/doc.h"

/* {"matchLabels":{...},"matchExpressions":[...]}: all must hold; an empty one matches everything, NULL nothing. */
bool label_selector_matches(const Json *selector, const Doc *d);
/* {"key":"value",...} of a Service: all must hold; an empty one matches nothing. */
bool label_map_matches(const Json *map, const Doc *d);
/* Does the object's spec.selector match the pod? */
bool selects(const Object *o, const Object *pod);
