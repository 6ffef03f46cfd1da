/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Server-side apply: a manager says which fields it wants to have which values. */

#include "kubesimd/api/kube/write.h"

/* Applies a configuration and answers: 201 when that creates the object, 409 for fields of others that would change. */
int kube_apply(KubeWrite *w, Json *applied, Error *reterr);
