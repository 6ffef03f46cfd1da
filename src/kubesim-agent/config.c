/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/config.h"

#include <stdio.h>
#include <string.h>

#include "basic/error.h"
#include "basic/fd-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/model/object.h"
#include "kubesim-agent/fleet-schedule.h"
#include "shared/daemon-util.h"

#define CONFIG_FILE_MAX (64 * KIB)

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

/* PREFIX:COUNT. The names are the prefix and a number from 0 on. */
static int set_fleet(AgentConfig *c, const char *value, Error *reterr) {
        const char *colon = strrchr(value, ':');
        _cleanup_free_ char *prefix = NULL, *last = NULL;
        uint64_t count;

        if (!colon || colon == value || parse_u64_range(colon + 1, 1, FLEET_NODES_MAX, &count) < 0)
                return error_set_field(reterr, -EINVAL, "KUBESIM_FLEET", value,
                                       "KUBESIM_FLEET=%s: it must be PREFIX:COUNT, COUNT a number from 1 to %d", value, FLEET_NODES_MAX);
        prefix = strndup(value, (size_t) (colon - value));
        if (!prefix || asprintf(&last, "%s%llu", prefix, (unsigned long long) count - 1) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        if (name_validate(last, "PREFIX", NULL) < 0)
                return error_set_field(reterr, -EINVAL, "KUBESIM_FLEET", value, "KUBESIM_FLEET=%s: \"%s\" is no name for a node: PREFIX must be of the "
                                       "letters a-z, 0-9, '-' and '.', and begin with a letter or digit", value, last);
        free(c->fleet);
        c->fleet = TAKE_PTR(prefix);
        c->fleet_size = (unsigned) count;
        return 0;
}

static int set_connections(AgentConfig *c, const char *value, Error *reterr) {
        uint64_t n;

        if (parse_u64_range(value, 1, FLEET_CONNECTIONS_MAX, &n) < 0)
                return error_set_field(reterr, -EINVAL, "FLEET_CONNECTIONS", value, "FLEET_CONNECTIONS=%s: it must be a number from 1 to %d", value,
                                       FLEET_CONNECTIONS_MAX);
        c->connections = (unsigned) n;
        return 0;
}

static int set_fleet_file(AgentConfig *c, const char *value, Error *reterr) {
        return set_string(&c->fleet_file, value, reterr);
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
        { "fleet", "KUBESIM_FLEET", set_fleet },
        { "fleet-file", NULL, set_fleet_file },
        { "connections", "FLEET_CONNECTIONS", set_connections },
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

/* One line; quotes around the value go, as systemd takes them away. */
static int take_line(AgentConfig *c, char *line, Error *reterr) {
        char *value;
        size_t n;

        line = strstrip(line);
        if (*line == '\0' || *line == '#' || *line == ';')
                return 0;
        value = strchr(line, '=');
        if (!value)
                return error_set(reterr, -EINVAL, "a line must be KEY=VALUE");
        *value++ = '\0';
        n = strlen(value);
        if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value) {
                value[n - 1] = '\0';
                value++;
        }
        for (size_t i = 0; i < ELEMENTSOF(settings); i++)
                if (streq_ptr(settings[i].variable, line) && !isempty(value))
                        return settings[i].set(c, value, reterr);
        return 0;
}

int agent_config_load_file(AgentConfig *c, const char *path, Error *reterr) {
        _cleanup_free_ char *text = NULL;
        unsigned number = 0;
        char *rest, *line;
        int r;

        r = read_file(path, CONFIG_FILE_MAX, &text, NULL);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return error_set(reterr, r, "cannot read %s: %s", path, strerror(-r));
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                number++;
                r = take_line(c, line, reterr);
                if (r < 0) {
                        (void) error_prefix(reterr, "%s:%u", path, number);
                        return r;
                }
        }
        return 0;
}

int agent_config_check(const AgentConfig *c, Error *reterr) {
        if (c->fleet_file && !c->fleet)
                return error_set_field(reterr, -EINVAL, "KUBESIM_FLEET", NULL, "KUBESIM_FLEET is not set: write KUBESIM_FLEET=PREFIX:COUNT into %s",
                                       c->fleet_file);
        if (!c->fleet && isempty(c->node))
                return error_set_field(reterr, -EINVAL, "NODE_ID", NULL, "NODE_ID is not set: start kubesim-agent@NAME, or give --node=NAME");
        if (!c->fleet && name_validate(c->node, "NODE_ID", reterr) < 0)
                return -EINVAL;
        if (!startswith(c->server, "unix:/") && !startswith(c->server, "http://") && !startswith(c->server, "https://"))
                return error_set_field(reterr, -EINVAL, "API_SERVER", c->server,
                                       "API_SERVER=%s: it must be unix:/PATH, http://HOST:PORT or https://HOST:PORT", c->server);
        if (!c->fleet && c->network == NETWORK_HOST && isempty(c->interface))
                return error_set_field(reterr, -EINVAL, "INTERFACE", NULL, "NODE_NETWORK=host needs INTERFACE=, the one to watch");
        return 0;
}

void agent_config_done(AgentConfig *c) {
        free(c->node);
        free(c->server);
        free(c->token_file);
        free(c->interface);
        free(c->status_socket);
        free(c->fleet);
        free(c->fleet_file);
        *c = (AgentConfig) {};
}
