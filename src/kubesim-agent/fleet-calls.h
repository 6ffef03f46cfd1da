/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The stream by which the server calls nodes of a fleet (GET /heartbeat): opened again, after a while, whenever it ends. */

#include <systemd/sd-event.h>

#include "basic/macro.h"

typedef struct FleetCalls FleetCalls;

/* on_call: node PREFIX<number> is called. on_any: something came; begun: it is the first of a stream. Neither may use an HTTP client. */
int fleet_calls_new(sd_event *event, const char *server, const char *prefix, void (*on_call)(uint32_t number, void *userdata),
                    void (*on_any)(bool begun, void *userdata), void *userdata, FleetCalls **ret);
FleetCalls *fleet_calls_free(FleetCalls *c);
DEFINE_CLEANUP(FleetCalls*, fleet_calls_free)
int fleet_calls_set_token(FleetCalls *c, const char *token);
void fleet_calls_start(FleetCalls *c);
void fleet_calls_stop(FleetCalls *c);
