/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Many nodes in one process: their heartbeats over a few kept connections, and one stream by which the server calls those that
 * have something new to hear. */

#include "kubesim-agent/config.h"

typedef struct Fleet Fleet;

/* config is borrowed for as long as the fleet lives; a reload changes its size. Errors are logged. */
int fleet_new(AgentConfig *config, Fleet **ret);
Fleet *fleet_free(Fleet *f);
DEFINE_CLEANUP(Fleet*, fleet_free)
/* Runs until a signal tells it to stop. */
int fleet_run(Fleet *f);
