/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is true of the machine that the agent runs on. */

#include "basic/time-util.h"

/* How much CPU this process may use, in millicores: the smaller of its affinity and its cgroup's cpu.max. At least 1. */
int64_t facts_cpu(void);
#define FACTS_MACHINE_MAX 17
/* A name of this machine that does not tell its machine ID; buf holds FACTS_MACHINE_MAX bytes. */
void facts_machine(char *buf);
#define FACTS_INSTANCE_MAX 64
/* "KEY/START": KEY names that machine and node, START (realtime) grows with each start; buf holds FACTS_INSTANCE_MAX bytes. */
void facts_instance(const char *machine, const char *node, usec_t started, char *buf);
