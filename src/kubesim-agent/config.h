/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What an agent is told: by its environment (of the unit and /etc/kubesim/agent.conf, agent.d/NODE.conf) and options. */

#include "basic/macro.h"

typedef enum NodeNetwork {
        NETWORK_PRIVATE, /* a cable of its own, laid in the namespace that the unit gives */
        NETWORK_HOST,    /* an interface of the host is watched */
        NETWORK_NONE,    /* nothing is watched */
} NodeNetwork;

typedef struct AgentConfig {
        char *node;          /* owned; systemd's \xNN are undone */
        char *server;        /* owned; "unix:/PATH" or "http(s)://HOST:PORT" */
        char *token_file;    /* owned, NULL: none */
        char *interface;     /* owned, NULL unless the host's is watched */
        char *status_socket; /* owned, NULL: only what systemd passes */
        NodeNetwork network;
        int64_t cpu;         /* millicores, 0: to be found out */
        char *fleet;         /* owned, NULL: one node; what the names of its nodes begin with */
        unsigned fleet_size;
        char *fleet_file;    /* owned, NULL: none; KEY=VALUE lines that are read again on a reload */
        unsigned connections; /* of a fleet; 0: by its size */
} AgentConfig;

#define AGENT_SERVER_DEFAULT "unix:/run/kubesim/kubesimd.sock"

#define FLEET_CONNECTIONS_MAX 256

/* NODE_ID, API_SERVER, CPU_CORES, NODE_NETWORK, INTERFACE, TOKEN_FILE, KUBESIM_FLEET, FLEET_CONNECTIONS, the credential kubesim.agent.token. */
int agent_config_from_environment(AgentConfig *c, Error *reterr);
/* One "name=value" of the options: node, server, cpu, network, interface, token-file, status-socket, fleet, connections. */
int agent_config_set(AgentConfig *c, const char *name, const char *value, Error *reterr);
/* Reads a file in the form of systemd's EnvironmentFile= over what there is; one that is not there says nothing. Keys that an
 * agent does not know are left to others. Errors name the file and the line. */
int agent_config_load_file(AgentConfig *c, const char *path, Error *reterr);
/* Is everything there, and does it fit together? */
int agent_config_check(const AgentConfig *c, Error *reterr);
void agent_config_done(AgentConfig *c);
