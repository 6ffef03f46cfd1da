/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The agent put together: heartbeats, pods, the network and the status API on one loop. */

#include "kubesim-agent/config.h"

typedef struct Agent Agent;

/* config is borrowed for as long as the agent lives. Errors are logged. */
int agent_new(const AgentConfig *config, Agent **ret);
Agent *agent_free(Agent *a);
DEFINE_CLEANUP(Agent*, agent_free)
/* Runs until told to stop, by a signal or by the server. */
int agent_run(Agent *a);
