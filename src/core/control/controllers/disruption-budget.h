/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a PodDisruptionBudget says now. */

#include "basic/json-tree.h"
#include "core/control/state.h"

/* A budget knows how many of its namespace's pods it selects: a pod or a budget has come, changed or gone. */
void budgets_follow(Cluster *c, const Object *old, const Object *new);
/* Its status; it lives in the arena. -ENOMEM; -E2BIG. */
int budget_read_status(const Object *budget, JsonArena *a, Json **ret);
/* The first budget that lets go of none of its pods now, this one among them, and its status; NULL: none. *ret is set when 0 is returned. */
int find_blocking_budget(Cluster *c, const Object *pod, JsonArena *a, const Object **ret, const Json **ret_status);
