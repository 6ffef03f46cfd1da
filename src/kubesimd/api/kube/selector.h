/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Label and field selectors: "a=b,c!=d,e in (f,g),!h". All requirements must hold.
 * Kubernetes documentation: "Labels and Selectors", "Field Selectors". */

#include "kubesimd/api/kube/types/resource.h"

typedef struct Selector Selector;

/* Either text may be NULL. *ret is NULL when neither says anything. -EINVAL with what is wrong. */
int selector_parse(const KubeResource *r, const char *labels, const char *fields, Selector **ret, Error *reterr);
Selector *selector_free(Selector *s);
DEFINE_CLEANUP(Selector*, selector_free)
/* NULL matches everything. */
bool selector_matches(const Selector *s, const Object *o);
