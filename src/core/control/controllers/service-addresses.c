/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/services.h"

#include <stdio.h>
#include <string.h>

#include "core/model/object-util.h"

/* --- Addresses --- */

/* Documents are compact, and a quote within a text is escaped: only a member of it looks so. Of two that came to have the same one before
 * that was refused, the first to go frees it. */
static void note_address(Cluster *c, const Object *o, bool taken) {
        static const char member[] = "\"clusterIP\":\"";
        const char *p = o && o->doc ? strstr(o->doc->spec, member) : NULL;
        char text[ADDRESS_STRING_MAX];
        uint32_t ip;

        if (!p)
                return;
        p += strlen(member);
        (void) snprintf(text, sizeof(text), "%.*s", (int) strcspn(p, "\""), p);
        if (address_from_string(text, &ip) < 0 || !service_address_is_valid(ip))
                return;
        ip -= SERVICE_NETWORK;
        if (taken)
                c->service_addresses[ip / 64] |= UINT64_C(1) << (ip & 63);
        else
                c->service_addresses[ip / 64] &= ~(UINT64_C(1) << (ip & 63));
}

bool service_address_is_taken(const Cluster *c, uint32_t ip) {
        return ip == SERVICE_NETWORK + 1 || c->service_addresses[(ip - SERVICE_NETWORK) / 64] & UINT64_C(1) << (ip & 63);
}

/* By its id, which is another one for each; from a million objects on others may have it, and the next one is taken. */
int service_assign_address(Cluster *c, JsonArena *a, Json *spec, Error *reterr) {
        uint64_t first = store_last_id(c->store) + 1;

        for (uint64_t i = 0; i < SERVICE_N_ADDRESSES; i++) {
                uint32_t ip = SERVICE_NETWORK + (uint32_t) ((first + i) % SERVICE_N_ADDRESSES);
                char text[ADDRESS_STRING_MAX];
                Json *all;

                if (!service_address_is_valid(ip) || service_address_is_taken(c, ip))
                        continue;
                json_set_string(a, spec, "clusterIP", address_to_string(ip, text));
                all = json_new(a, JSON_ARRAY);
                json_append(all, json_new_string(a, text));
                json_set(a, spec, "clusterIPs", all);
                return 0;
        }
        return error_set(reterr, -EDQUOT, "failed to allocate a serviceIP: range is full");
}

/* --- Ports on the nodes --- */

#define N_NODE_PORTS (NODE_PORT_LAST - NODE_PORT_FIRST + 1)

/* The same of documents counts here. */
static void count_ports(Cluster *c, const Object *o, const char *member, int by) {
        for (const char *p = o && o->doc ? strstr(o->doc->spec, member) : NULL; p; p = strstr(p, member)) {
                uint32_t number = 0;

                for (p += strlen(member); *p >= '0' && *p <= '9'; p++)
                        number = number * 10 + (uint32_t) (*p - '0');
                if (number >= NODE_PORT_FIRST && number <= NODE_PORT_LAST)
                        c->node_ports[number - NODE_PORT_FIRST] += by;
        }
}

void service_follow(Cluster *c, const Object *old, const Object *new) {
        static const char *const members[] = { "\"nodePort\":", "\"healthCheckNodePort\":" };

        note_address(c, old, false);
        note_address(c, new, true);
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                count_ports(c, old, members[i], -1);
                count_ports(c, new, members[i], 1);
        }
}

bool service_port_is_taken(const Cluster *c, uint32_t number) {
        return c->node_ports[number - NODE_PORT_FIRST] > 0;
}

static bool is_among(const Json *ports, int64_t number) {
        JSON_FOREACH(p, ports)
                if (json_i64(json_get(p, "nodePort"), 0) == number)
                        return true;
        return false;
}

/* Scattered, as those of Kubernetes are: nobody should count on which it is. */
int service_assign_port(Cluster *c, JsonArena *a, const Json *ports, Json *object, const char *key, Error *reterr) {
        uint64_t first = (store_last_id(c->store) + 1) * 1103;

        for (uint64_t i = 0; i < N_NODE_PORTS; i++) {
                uint32_t number = NODE_PORT_FIRST + (uint32_t) ((first + i) % N_NODE_PORTS);

                if (service_port_is_taken(c, number) || is_among(ports, number))
                        continue;
                json_set_i64(a, object, key, number);
                return 0;
        }
        return error_set(reterr, -EDQUOT, "failed to allocate a nodePort: range is full");
}
