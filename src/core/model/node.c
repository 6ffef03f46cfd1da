/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/node.h"

#include "basic/error.h"
#include "core/model/object-util.h"
#include "core/model/quantity.h"

static const char *const backing_names[_NODE_BACKING_MAX] = { [NODE_AGENT] = "agent", [NODE_VIRTUAL] = "virtual" };
static const char *const health_names[_NODE_HEALTH_MAX] = {
        [NODE_STARTING] = "Starting", [NODE_HEALTHY] = "Healthy",
        [NODE_UNHEALTHY] = "Unhealthy", [NODE_STOPPED] = "Stopped",
};

DEFINE_STRING_TABLE(node_backing, NodeBacking, backing_names, _NODE_BACKING_MAX)
DEFINE_STRING_TABLE(node_health, NodeHealth, health_names, _NODE_HEALTH_MAX)

int node_new(const char *name, Node **ret) {
        return object_new(KIND_NODE, sizeof(Node), name, (Object**) ret);
}

int node_copy(const Node *n, Node **ret) {
        _cleanup_(node_unrefp) Node *copy = NULL;
        int r;

        r = object_new_like(&n->object, sizeof(Node), (Object**) &copy);
        if (r < 0)
                return r;
        copy->backing = n->backing;
        copy->health = n->health;
        copy->stop_requested = n->stop_requested;
        copy->unschedulable = n->unschedulable;
        copy->tainted = n->tainted;
        copy->cpu = n->cpu;
        copy->health_since = n->health_since;
        r = node_set_reason(copy, n->reason);
        if (r >= 0)
                r = node_set_instance(copy, n->instance);
        if (r >= 0)
                r = node_set_version(copy, n->version);
        if (r >= 0)
                r = node_set_addresses(copy, n->addresses, n->n_addresses);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(copy);
        return 0;
}

static bool keeps_pods_away(const Json *taints) {
        JSON_FOREACH(taint, taints) {
                const char *effect = json_string(json_get(taint, "effect"));

                if (streq_ptr(effect, "NoSchedule") || streq_ptr(effect, "NoExecute"))
                        return true;
        }
        return false;
}

int node_read_document(Node *n, const Json *document, Error *reterr) {
        const Json *spec = json_get(document, "spec");
        const char *cpu = json_string(json_at(document, "status", "capacity", "cpu", NULL));

        n->unschedulable = json_is_true(json_get(spec, "unschedulable"));
        n->tainted = keeps_pods_away(json_get(spec, "taints"));
        if (cpu && (quantity_parse_milli(cpu, &n->cpu) < 0 || n->cpu <= 0))
                return error_set_field(reterr, -EDOM, "status.capacity.cpu", cpu, "\"%s\" is not an amount of CPU", cpu);
        return 0;
}

int node_set_reason(Node *n, const char *reason) {
        return object_set_string(&n->reason, reason);
}

int node_set_instance(Node *n, const char *instance) {
        return object_set_string(&n->instance, instance);
}

int node_set_version(Node *n, const char *version) {
        return object_set_string(&n->version, version);
}

static void free_addresses(char **addresses, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(addresses[i]);
        free(addresses);
}

int node_set_addresses(Node *n, char *const *addresses, size_t n_addresses) {
        char **copy = NULL;

        assert(n_addresses <= NODE_ADDRESSES_MAX);
        if (n_addresses > 0) {
                copy = new0(char*, n_addresses);
                if (!copy)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < n_addresses; i++) {
                copy[i] = strdup(addresses[i]);
                if (!copy[i]) {
                        free_addresses(copy, i);
                        return -ENOMEM;
                }
        }
        free_addresses(n->addresses, n->n_addresses);
        n->addresses = copy;
        n->n_addresses = n_addresses;
        return 0;
}

void node_done(Node *n) {
        free((char*) n->reason);
        free((char*) n->instance);
        free((char*) n->version);
        free_addresses(n->addresses, n->n_addresses);
}
