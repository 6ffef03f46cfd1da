/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who set which field: metadata.managedFields. Kubernetes documentation, "Server-Side Apply", field management. Pods are tracked only
 * from their first apply on: there are many, and what is tracked is as large as they are. */

#include "kubesimd/api/kube/write.h"

/* Notes in `object` what the client has changed; old is NULL at creation. What w->managed has is taken instead. */
void managed_fields_update(KubeWrite *w, Json *object, const Json *old);
/* The entry of that manager and operation ("Apply", "Update"), made when it is not there. */
Json *managed_fields_entry(KubeWrite *w, Json *list, const char *manager, const char *operation);
/* The entry is of what it has from now on. */
void managed_fields_set(KubeWrite *w, Json *entry, Json *set);
