/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A third kind of world: where pods go. Pods of a dozen templates (affinity, taints, spread, ports, priorities, gangs) on virtual nodes
 * that come, go and change; what the store's log says of each binding is held against a naive scan of the cluster as it was then. Questions
 * to the scheduler are worked out meanwhile, and change nothing. */

#include "basic/forward.h"

/* As run_workload_world(). */
uint64_t run_scheduling_world(uint64_t seed, void (*broken)(const char *what, int line));
