/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The node's network, by netlink: lays the cable of a private one, watches an interface's carrier and addresses. The
 * only place with <netlink/...>. */

#include <systemd/sd-event.h>

#include "basic/macro.h"

#define NETWORK_ADDRESSES_MAX 8
#define NETWORK_INTERFACE "eth0" /* of a private network; its far end is wire0 */
#define NETWORK_FAR_END "wire0"

typedef struct Network Network;

typedef struct NetworkState {
        bool up; /* the interface has a carrier and an address */
        char addresses[NETWORK_ADDRESSES_MAX][64];
        size_t n_addresses;
        const char *problem; /* what is wrong when it is not up: a literal */
} NetworkState;

/* Watches the interface; on_change is called from the loop whenever something about it may have changed. */
int network_new(sd_event *event, const char *interface, void (*on_change)(void *userdata), void *userdata, Network **ret);
Network *network_free(Network *n);
DEFINE_CLEANUP(Network*, network_free)
/* Lays the cable eth0 - wire0 in this namespace when it is not there, and brings it up. eth0's address is made of the
 * node's name: 10.(64...127).x.y/10, of the range that RFC 6598 leaves alone, by a hash. Needs CAP_NET_ADMIN there. */
int network_lay_cable(const char *node, Error *reterr);
/* How it stands now. */
int network_state(Network *n, NetworkState *ret);
/* Takes the far end down (unplugged) or up. */
int network_plug(bool plugged, Error *reterr);
