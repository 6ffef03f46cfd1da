/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is true of the machine that the agent runs on. */

#include "basic/macro.h"

/* How much CPU this process may use, in millicores: the smaller of its affinity and its cgroup's cpu.max. At least 1. */
int64_t facts_cpu(void);
/* "KEY/START": KEY names this machine and node without telling the machine ID, START grows with each start. Owned. */
int facts_instance(const char *node, char **ret);
