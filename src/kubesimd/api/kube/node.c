/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/resource.h"

/* What a node says it is; nothing of it is real. */
#define ARCH "amd64"
#define OS "linux"
#define GIB_PER_CPU 4

static const char *ready_status(const Node *n) {
        switch (n->health) {
        case NODE_HEALTHY:
                return "True";
        case NODE_STARTING:
                return "False";
        default:
                return "Unknown"; /* as the node lifecycle controller writes it of a node that is silent */
        }
}

static const char *label(const Object *o, const char *key) {
        if (streq(key, "kubernetes.io/hostname"))
                return o->name;
        if (streq(key, "kubernetes.io/os"))
                return OS;
        if (streq(key, "kubernetes.io/arch"))
                return ARCH;
        if (streq(key, "kubesim.io/backing"))
                return node_backing_to_string(((const Node*) o)->backing);
        return NULL;
}

static const char *field_name(const Object *o) {
        return o->name;
}

static const char *field_unschedulable(const Object *o) {
        return ((const Node*) o)->stop_requested ? "true" : "false";
}

static const KubeField fields[] = { { "metadata.name", field_name }, { "spec.unschedulable", field_unschedulable }, {} };

static void put_metadata(Cluster *c _unused_, const Object *o, uint64_t revision, StrBuf *b) {
        static const char *const keys[] = { "kubernetes.io/arch", "kubernetes.io/hostname", "kubernetes.io/os", "kubesim.io/backing" };

        kube_put_metadata_head(o, revision, b);
        strbuf_puts(b, ",\"labels\":{");
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                strbuf_printf(b, "%s\"%s\":", i > 0 ? "," : "", keys[i]);
                json_put_string(b, label(o, keys[i]));
        }
        strbuf_puts(b, "}}");
}

static void put_capacity(const Cluster *c, const Node *n, StrBuf *b) {
        strbuf_puts(b, "{\"cpu\":");
        kube_put_cpu(b, n->cpu);
        /* Memory is not simulated; kubectl describe divides by it. */
        strbuf_printf(b, ",\"memory\":\"%lldGi\",\"pods\":\"%u\"}", (long long) MAX(n->cpu * GIB_PER_CPU / 1000, (int64_t) 1),
                      c->config.pods_per_node_max);
}

static void put_addresses(const Node *n, StrBuf *b) {
        strbuf_puts(b, ",\"addresses\":[");
        for (size_t i = 0; i < n->n_addresses; i++) {
                strbuf_puts(b, "{\"type\":\"InternalIP\",\"address\":");
                json_put_string(b, n->addresses[i]);
                strbuf_puts(b, "},");
        }
        strbuf_puts(b, "{\"type\":\"Hostname\",\"address\":");
        json_put_string(b, n->object.name);
        strbuf_puts(b, "}]");
}

static void put_ready(Cluster *c, const Node *n, StrBuf *b) {
        const NodeState *ns = find_node(c, n->object.name); /* NULL: this tells of its end */
        bool healthy = n->health == NODE_HEALTHY;

        strbuf_puts(b, ",\"conditions\":[{\"type\":\"Ready\",\"status\":\"");
        strbuf_puts(b, ready_status(n));
        strbuf_puts(b, "\",\"lastHeartbeatTime\":");
        kube_put_time(b, ns ? ns->last_beat_realtime : n->health_since);
        strbuf_puts(b, ",\"lastTransitionTime\":");
        kube_put_time(b, n->health_since);
        strbuf_puts(b, healthy ? ",\"reason\":\"KubeletReady\",\"message\":" : ",\"reason\":\"NodeStatusUnknown\",\"message\":");
        json_put_string(b, healthy ? "the node sends its heartbeats" : n->reason ?: "no heartbeat");
        strbuf_puts(b, "}]");
}

static void put_rest(Cluster *c, const Object *o, StrBuf *b) {
        const Node *n = (const Node*) o;

        strbuf_puts(b, ",\"spec\":{");
        if (n->stop_requested)
                strbuf_puts(b, "\"unschedulable\":true");
        if (n->health != NODE_HEALTHY)
                strbuf_printf(b, "%s\"taints\":[{\"key\":\"node.kubernetes.io/%s\",\"effect\":\"NoSchedule\"}]", n->stop_requested ? "," : "",
                              n->health == NODE_STARTING ? "not-ready" : "unreachable");
        strbuf_puts(b, "},\"status\":{\"capacity\":");
        put_capacity(c, n, b);
        strbuf_puts(b, ",\"allocatable\":");
        put_capacity(c, n, b);
        put_ready(c, n, b);
        put_addresses(n, b);
        strbuf_puts(b, ",\"nodeInfo\":{\"machineID\":\"\",\"systemUUID\":\"\",\"bootID\":\"\",\"kernelVersion\":\"simulated\","
                       "\"osImage\":\"kubesim\",\"containerRuntimeVersion\":\"kubesim://" KUBESIM_VERSION "\",\"kubeletVersion\":");
        json_put_string(b, n->version ?: KUBESIM_VERSION);
        strbuf_puts(b, ",\"kubeProxyVersion\":\"\",\"operatingSystem\":\"" OS "\",\"architecture\":\"" ARCH "\"}}");
}

static void put_cells(Cluster *c _unused_, const Object *o, usec_t now, StrBuf *b) {
        const Node *n = (const Node*) o;

        json_put_string(b, o->name);
        strbuf_printf(b, ",\"%s%s\",\"<none>\",", n->health == NODE_HEALTHY ? "Ready" : "NotReady", n->stop_requested ? ",SchedulingDisabled" : "");
        kube_put_age(b, o->created, now);
        strbuf_putc(b, ',');
        json_put_string(b, n->version ?: KUBESIM_VERSION);
        strbuf_putc(b, ',');
        json_put_string(b, n->n_addresses > 0 ? n->addresses[0] : "<none>");
        strbuf_puts(b, ",\"<none>\",\"kubesim\",\"simulated\",\"kubesim://" KUBESIM_VERSION "\"");
}

static const KubeColumn columns[] = {
        { .name = "Name", .is_name = true },   { .name = "Status" },
        { .name = "Roles" },                   { .name = "Age" },
        { .name = "Version" },                 { .name = "Internal-IP", .wide = true },
        { .name = "External-IP", .wide = true }, { .name = "OS-Image", .wide = true },
        { .name = "Kernel-Version", .wide = true }, { .name = "Container-Runtime", .wide = true },
        {},
};

const KubeResource kube_nodes = {
        .group = "", .api_version = "v1",
        .plural = "nodes", .singular = "node", .short_name = "no", .kind = "Node", .list_kind = "NodeList",
        .store_kind = KIND_NODE, .columns = columns,
        .put_metadata = put_metadata, .put_rest = put_rest, .put_cells = put_cells, .label = label, .fields = fields,
};
