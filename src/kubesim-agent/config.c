/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/config.h"

#include <string.h>

#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/model/object.h"
#include "shared/daemon-util.h"

static int set_string(char **field, const char *value, Error *reterr) {
        char *copy = strdup(value);

        if (!copy)
                return error_set(reterr, -ENOMEM, "out of memory");
        free(*field);
        *field = copy;
        return 0;
}

static int hex(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes the \xNN in which systemd-escape(1) writes what a unit's name may not have. In place. */
static void unescape(char *s) {
        char *w = s;

        for (; *s; w++)
                if (s[0] == '\\' && s[1] == 'x' && hex(s[2]) >= 0 && hex(s[3]) >= 0) {
                        *w = (char) (hex(s[2]) << 4 | hex(s[3]));
                        s += 4;
                } else
                        *w = *s++;
        *w = '\0';
}

static int set_node(AgentConfig *c, const char *value, Error *reterr) {
        int r = set_string(&c->node, value, reterr);

        if (r >= 0)
                unescape(c->node);
        return r;
}

static int set_cpu(AgentConfig *c, const char *value, Error *reterr) {
        if (parse_milli(value, &c->cpu) < 0 || c->cpu <= 0)
                return error_set_field(reterr, -EINVAL, "CPU_CORES", value, "CPU_CORES=%s: it must be a number of cores such as 4 or 0.5", value);
        return 0;
}

static int set_network(AgentConfig *c, const char *value, Error *reterr) {
        if (streq(value, "private"))
                c->network = NETWORK_PRIVATE;
        else if (streq(value, "host"))
                c->network = NETWORK_HOST;
        else if (streq(value, "none"))
                c->network = NETWORK_NONE;
        else
                return error_set_field(reterr, -EINVAL, "NODE_NETWORK", value, "NODE_NETWORK=%s: it must be private, host or none", value);
        return 0;
}

static int set_server(AgentConfig *c, const char *value, Error *reterr) {
        return set_string(&c->server, value, reterr);
}

static int set_interface(AgentConfig *c, const char *value, Error *reterr) {
        return set_string(&c->interface, value, reterr);
}

static int set_token_file(AgentConfig *c, const char *value, Error *reterr) {
        return set_string(&c->token_file, value, reterr);
}

static int set_status_socket(AgentConfig *c, const char *value, Error *reterr) {
        return set_string(&c->status_socket, value, reterr);
}

static const struct {
        const char *option, *variable;
        int (*set)(AgentConfig *c, const char *value, Error *reterr);
} settings[] = {
        { "node", "NODE_ID", set_node },
        { "server", "API_SERVER", set_server },
        { "cpu", "CPU_CORES", set_cpu },
        { "network", "NODE_NETWORK", set_network },
        { "interface", "INTERFACE", set_interface },
        { "token-file", "TOKEN_FILE", set_token_file },
        { "status-socket", NULL, set_status_socket },
};

int agent_config_from_environment(AgentConfig *c, Error *reterr) {
        int r;

        if (credential_path("kubesim.agent.token", &c->token_file) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                const char *value = settings[i].variable ? getenv(settings[i].variable) : NULL;

                if (isempty(value))
                        continue;
                r = settings[i].set(c, value, reterr);
                if (r < 0)
                        return r;
        }
        return c->server ? 0 : set_server(c, AGENT_SERVER_DEFAULT, reterr);
}

int agent_config_set(AgentConfig *c, const char *name, const char *value, Error *reterr) {
        for (size_t i = 0; i < ELEMENTSOF(settings); i++)
                if (streq(settings[i].option, name))
                        return settings[i].set(c, value, reterr);
        return error_set(reterr, -EINVAL, "there is no option --%s", name);
}

int agent_config_check(const AgentConfig *c, Error *reterr) {
        if (isempty(c->node))
                return error_set_field(reterr, -EINVAL, "NODE_ID", NULL, "NODE_ID is not set: start kubesim-agent@NAME, or give --node=NAME");
        if (name_validate(c->node, "NODE_ID", reterr) < 0)
                return -EINVAL;
        if (!startswith(c->server, "unix:/") && !startswith(c->server, "http://") && !startswith(c->server, "https://"))
                return error_set_field(reterr, -EINVAL, "API_SERVER", c->server,
                                       "API_SERVER=%s: it must be unix:/PATH, http://HOST:PORT or https://HOST:PORT", c->server);
        if (c->network == NETWORK_HOST && isempty(c->interface))
                return error_set_field(reterr, -EINVAL, "INTERFACE", NULL, "NODE_NETWORK=host needs INTERFACE=, the one to watch");
        return 0;
}

void agent_config_done(AgentConfig *c) {
        free(c->node);
        free(c->server);
        free(c->token_file);
        free(c->interface);
        free(c->status_socket);
        *c = (AgentConfig) {};
}
