/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What every cluster has from the start, and has again when somebody deletes it: namespaces, their ServiceAccounts, the classes of
 * system pods, and the Service of the API server. Kubernetes documentation, "Initial namespaces", "Service accounts", "Pod Priority and
 * Preemption"; pkg/controlplane for the Service. */

#include "core/control/state.h"

/* Makes what is missing, and puts right what says where the API server is. 0 or -ENOMEM, and it will be asked again. */
int builtins_ensure(Cluster *c);
/* The namespace's ServiceAccount "default", without which it has no pods. 0 or -ENOMEM. */
int service_account_ensure(Cluster *c, const Object *namespace);
/* For the store's hook: one of them may have gone, also by an undo. */
void builtins_follow(Cluster *c, const Object *old, const Object *new);
/* Why it may not be deleted; NULL: it may. */
const char *builtin_is_held(const Object *o);
