/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A second kind of world: controllers. Clients create, change and delete Deployments, Jobs, Services, budgets and namespaces on
 * virtual nodes; the server dies, disks refuse, memory runs out; in some of them nodes and containers fail as well, with either
 * NodeLossPolicy=. Whenever things have come to rest, what is there is what was asked for. */

#include "basic/forward.h"

/* Runs one world; `must` is told of what does not hold, and does not return. How many changes it made. */
uint64_t run_workload_world(uint64_t seed, bool fails, void (*broken)(const char *what, int line));
