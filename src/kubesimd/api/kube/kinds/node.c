/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes as Kubernetes shows them: what clients wrote, and what kubesim knows of the node's health. */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/kinds/rules.h"
#include "kubesimd/api/kube/overlay.h"
#include "kubesimd/api/kube/view.h"

/* What a node says it is; nothing of it is real. */
#define ARCH "amd64"
#define OS "linux"
#define GIB_PER_CPU 4
#define LABELS_MEMBER "\"labels\":{" /* in the text of a document nothing else looks so: quotes in strings are escaped */
#define ROLE_LABEL "node-role.kubernetes.io/"

/* Taints that tell of a node's state; they come and go with it, whoever writes the others. */
static const char *const state_taints[] = {
        "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.kubernetes.io/unschedulable",
};

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

static bool is_unschedulable(const Node *n) {
        return n->unschedulable || n->stop_requested;
}

static const char *field_unschedulable(const Object *o) {
        return is_unschedulable((const Node*) o) ? "true" : "false";
}

static const KubeField fields[] = { { .path = "spec.unschedulable", .get = field_unschedulable }, {} };

static void put_metadata(Cluster *c _unused_, const Object *o, uint64_t revision, StrBuf *b) {
        static const char *const keys[] = { "kubernetes.io/arch", "kubernetes.io/hostname", "kubernetes.io/os", "kubesim.io/backing" };
        const char *labels;

        kube_put_metadata_head(o, revision, b);
        if (o->doc && !doc_label(o->doc, keys[1]) && (labels = strstr(o->doc->metadata, LABELS_MEMBER))) { /* one for many nodes: all but this */
                strbuf_printf(b, ",%.*s\"%s\":", (int) (labels + strlen(LABELS_MEMBER) - o->doc->metadata), o->doc->metadata, keys[1]);
                json_put_string(b, o->name);
                strbuf_puts(b, labels[strlen(LABELS_MEMBER)] == '}' ? "" : ",");
                strbuf_puts(b, labels + strlen(LABELS_MEMBER));
                strbuf_putc(b, '}');
                return;
        }
        if (o->doc) { /* it has the labels already */
                strbuf_puts(b, *o->doc->metadata ? "," : "");
                strbuf_puts(b, o->doc->metadata);
                strbuf_putc(b, '}');
                return;
        }
        strbuf_puts(b, ",\"labels\":{");
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                strbuf_printf(b, "%s\"%s\":", i > 0 ? "," : "", keys[i]);
                json_put_string(b, label(o, keys[i]));
        }
        strbuf_puts(b, "}}");
}

const char *kube_node_address(const Node *n, char *buf) {
        return n->n_addresses > 0 ? n->addresses[0] : address_to_string(node_network(n->object.id) | 1, buf);
}

static void put_capacity(const Cluster *c, const Node *n, StrBuf *b) {
        strbuf_puts(b, "{\"cpu\":");
        kube_put_cpu(b, n->cpu);
        /* Nominal, until a client says how much it has. */
        strbuf_printf(b, ",\"ephemeral-storage\":\"%dGi\",\"memory\":\"%lldGi\",\"pods\":\"%u\"}", NODE_EPHEMERAL_GIB, (long long) MAX(n->cpu * GIB_PER_CPU / 1000, (int64_t) 1),
                      c->config.pods_per_node_max);
}

/* As the scheduler takes it: what a client says of the capacity is allocatable, too, unless it says what is (as kube-apiserver completes
 * nodes, and kubelets report theirs). */
static void put_allocatable(const Cluster *c, const Node *n, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf ours = STRBUF_INIT(KIB), theirs = STRBUF_INIT(MIB);
        Json *base, *status;

        put_capacity(c, n, &ours);
        strbuf_printf(&theirs, "{%s}", n->object.doc ? n->object.doc->status : "");
        if (theirs.size <= strlen("{}") || strbuf_error(&ours) < 0 || strbuf_error(&theirs) < 0 || json_tree_parse(&a, theirs.data, theirs.size, &status, NULL) < 0 ||
            !json_get(status, "capacity") || json_get(status, "allocatable"))
                return put_capacity(c, n, b);
        if (json_tree_parse(&a, ours.data, ours.size, &base, NULL) < 0)
                return put_capacity(c, n, b);
        JSON_FOREACH(v, json_get(status, "capacity"))
                json_set(&a, base, v->key, json_copy(&a, v));
        json_put(b, base);
}

static void put_addresses(const Node *n, StrBuf *b) {
        char ip[ADDRESS_STRING_MAX];

        strbuf_puts(b, ",\"addresses\":[");
        for (size_t i = 0; i < MAX(n->n_addresses, (size_t) 1); i++) {
                strbuf_puts(b, "{\"type\":\"InternalIP\",\"address\":");
                json_put_string(b, i < n->n_addresses ? n->addresses[i] : kube_node_address(n, ip));
                strbuf_puts(b, "},");
        }
        strbuf_puts(b, "{\"type\":\"Hostname\",\"address\":");
        json_put_string(b, n->object.name);
        strbuf_puts(b, "}]");
}

static void put_node_condition(StrBuf *b, const char *type, const char *status, usec_t beat, usec_t since, const char *reason, const char *message) {
        strbuf_printf(b, "{\"type\":\"%s\",\"status\":\"%s\",\"lastHeartbeatTime\":", type, status);
        kube_put_time(b, beat);
        strbuf_puts(b, ",\"lastTransitionTime\":");
        kube_put_time(b, since);
        strbuf_printf(b, ",\"reason\":\"%s\",\"message\":", reason);
        json_put_string(b, message);
        strbuf_putc(b, '}');
}

static void put_conditions(Cluster *c, const Node *n, StrBuf *b) {
        static const char *const pressures[][3] = {
                { "MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available" },
                { "DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure" },
                { "PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available" },
        };
        const NodeState *ns = find_node(c, n->object.name); /* NULL: this tells of its end */
        usec_t beat = ns ? ns->last_beat_realtime : n->health_since;
        bool healthy = n->health == NODE_HEALTHY, silent = streq(ready_status(n), "Unknown");

        strbuf_puts(b, ",\"conditions\":[");
        for (size_t i = 0; i < ELEMENTSOF(pressures); i++) {
                put_node_condition(b, pressures[i][0], silent ? "Unknown" : "False", beat, n->health_since, silent ? "NodeStatusUnknown" : pressures[i][1],
                                   silent ? "the node sends no heartbeats" : pressures[i][2]);
                strbuf_putc(b, ',');
        }
        put_node_condition(b, "Ready", ready_status(n), beat, n->health_since, healthy ? "KubeletReady" : silent ? "NodeStatusUnknown" : "KubeletNotReady",
                           healthy ? "the node sends its heartbeats" : n->reason ?: "no heartbeat");
        strbuf_putc(b, ']');
}

/* As a kubelet's: programs read a version of Kubernetes from it. */
static void put_version(const Node *n, StrBuf *b) {
        char text[128];

        (void) snprintf(text, sizeof(text), KUBERNETES_VERSION "%s", n->version ?: KUBESIM_VERSION);
        json_put_string(b, text);
}

static void put_status(Cluster *c, const Node *n, StrBuf *b) {
        char uid[UUID_STRING_MAX];

        (void) uuid_to_string(n->object.uid, uid);
        strbuf_puts(b, "\"capacity\":");
        put_capacity(c, n, b);
        strbuf_puts(b, ",\"allocatable\":");
        put_allocatable(c, n, b);
        put_conditions(c, n, b);
        put_addresses(n, b);
        strbuf_printf(b, ",\"daemonEndpoints\":{\"kubeletEndpoint\":{\"Port\":10250}},\"nodeInfo\":{\"machineID\":\"%s\",\"systemUUID\":\"%s\",\"bootID\":\"%s\","
                      "\"kernelVersion\":\"simulated\",\"osImage\":\"kubesim\",\"containerRuntimeVersion\":\"kubesim://" KUBESIM_VERSION "\",\"kubeletVersion\":",
                      uid, uid, uid);
        put_version(n, b);
        strbuf_puts(b, ",\"kubeProxyVersion\":\"\",\"operatingSystem\":\"" OS "\",\"architecture\":\"" ARCH "\"}");
}

static bool needs_taint(const Node *n, size_t i) {
        return i == 0 ? n->health == NODE_STARTING : i == 1 ? n->health == NODE_UNHEALTHY || n->health == NODE_STOPPED : is_unschedulable(n);
}

/* The client's spec with the taints of the state added; only for nodes that have some. */
static void put_tainted_spec(const Node *n, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(MIB);
        Json *spec, *taints, *taint;

        strbuf_printf(&text, "{%s}", n->object.doc ? n->object.doc->spec : "");
        if (strbuf_error(&text) < 0 || json_tree_parse(&a, text.data, text.size, &spec, NULL) < 0)
                return;
        if (is_unschedulable(n))
                json_set_bool(&a, spec, "unschedulable", true);
        taints = json_ensure(&a, spec, "taints", JSON_ARRAY);
        for (size_t i = 0; i < ELEMENTSOF(state_taints); i++)
                for (unsigned evicts = 0; needs_taint(n, i) && evicts <= (i < 2); evicts++) {
                        taint = json_new(&a, JSON_OBJECT);
                        json_set_string(&a, taint, "key", state_taints[i]);
                        json_set_string(&a, taint, "effect", evicts ? "NoExecute" : "NoSchedule");
                        json_append(taints, taint);
                }
        json_put_members(b, spec);
}

static void put_spec(const Node *n, StrBuf *b) {
        char ip[ADDRESS_STRING_MAX];
        size_t before;

        strbuf_puts(b, ",\"spec\":{");
        before = b->size;
        if (n->health != NODE_HEALTHY || is_unschedulable(n))
                put_tainted_spec(n, b);
        else if (n->object.doc)
                strbuf_puts(b, n->object.doc->spec);
        if (!n->object.doc || !strstr(n->object.doc->spec, "\"podCIDR\":")) {
                (void) address_to_string(node_network(n->object.id), ip);
                strbuf_printf(b, "%s\"podCIDR\":\"%s/24\",\"podCIDRs\":[\"%s/24\"]", b->size > before ? "," : "", ip, ip);
        }
        strbuf_putc(b, '}');
}

static void put_rest(Cluster *c, const Object *o, StrBuf *b) {
        const Node *n = (const Node*) o;

        put_spec(n, b);
        strbuf_puts(b, ",\"status\":{");
        put_status(c, n, b);
        strbuf_putc(b, '}');
}

/* The names after node-role.kubernetes.io/, or "<none>". */
static void put_roles(const Doc *d, StrBuf *b) {
        bool any = false;

        strbuf_putc(b, '"');
        for (size_t i = 0; d && i < d->n_labels; i++) {
                const char *role = startswith(d->labels[i].key, ROLE_LABEL);

                if (isempty(role))
                        continue;
                strbuf_printf(b, "%s%s", any ? "," : "", role);
                any = true;
        }
        strbuf_puts(b, any ? "\"" : "<none>\"");
}

/* INTERNAL-IP and EXTERNAL-IP: the first of either that a client has written; else ours. */
static void put_address_cells(const Node *n, StrBuf *b) {
        static const char *const types[] = { "InternalIP", "ExternalIP" };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(MIB);
        const char *shown[ELEMENTSOF(types)] = {};
        char ip[ADDRESS_STRING_MAX];
        Json *status = NULL;

        strbuf_printf(&text, "{%s}", n->object.doc ? n->object.doc->status : "");
        if (strstr(strbuf_str(&text), "\"addresses\":"))
                (void) json_tree_parse(&a, text.data, text.size, &status, NULL);
        if (!json_get(status, "addresses"))
                shown[0] = kube_node_address(n, ip);
        JSON_FOREACH(address, json_get(status, "addresses"))
                for (size_t i = 0; i < ELEMENTSOF(types); i++)
                        if (!shown[i] && streq_ptr(json_string(json_get(address, "type")), types[i]))
                                shown[i] = json_string(json_get(address, "address"));
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                strbuf_putc(b, ',');
                json_put_string(b, shown[i] ?: "<none>");
        }
}

static void put_cells(Cluster *c _unused_, const Object *o, usec_t now, StrBuf *b) {
        const Node *n = (const Node*) o;

        json_put_string(b, o->name);
        strbuf_printf(b, ",\"%s%s\",", n->health == NODE_HEALTHY ? "Ready" : "NotReady", is_unschedulable(n) ? ",SchedulingDisabled" : "");
        put_roles(o->doc, b);
        strbuf_putc(b, ',');
        kube_put_age(b, o->created, now);
        strbuf_putc(b, ',');
        put_version(n, b);
        put_address_cells(n, b);
        strbuf_puts(b, ",\"kubesim\",\"simulated\",\"kubesim://" KUBESIM_VERSION "\"");
}

static bool is_state_taint(const Json *taint) {
        for (size_t i = 0; i < ELEMENTSOF(state_taints); i++)
                if (streq_ptr(json_string(json_get(taint, "key")), state_taints[i]))
                        return true;
        return false;
}

static void strip_spec(Json *spec) {
        Json *taints = json_get(spec, "taints");

        JSON_FOREACH(taint, taints)
                if (is_state_taint(taint))
                        json_detach(taint);
        if (taints && taints->size == 0)
                json_detach(taints);
}

/* What is allocatable because a client said so of the capacity is not the client's own word, and follows the capacity. */
static void strip_allocatable(JsonArena *a, Json *status, const Json *ours, const Node *n) {
        const char *said = n->object.doc ? n->object.doc->status : "";
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Json *shown = json_copy(a, ours), *theirs = NULL;
        char *text;

        strbuf_printf(&b, "{%s}", said);
        text = strbuf_error(&b) < 0 ? NULL : json_arena_copy(a, b.data, b.size);
        if (!text || json_tree_parse(a, text, b.size, &theirs, NULL) < 0 || json_get(theirs, "allocatable"))
                return;
        overlay_put_status(a, shown, theirs);
        if (json_equal(json_get(status, "allocatable"), json_get(shown, "allocatable")))
                json_remove(status, "allocatable");
}

/* Its health is not the client's to say; what it says beside is kept. */
static void strip(Cluster *c, JsonArena *a, Json *object, const Object *o) {
        Json *status = json_get(object, "status"), *ours = NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        char *text;

        strip_spec(json_get(object, "spec"));
        if (o && ((const Node*) o)->stop_requested && !((const Node*) o)->unschedulable)
                json_remove(json_get(object, "spec"), "unschedulable"); /* that it is stopped is shown so */
        JSON_FOREACH(condition, json_get(status, "conditions"))
                if (streq_ptr(json_string(json_get(condition, "type")), "Ready"))
                        json_detach(condition);
        if (!o || !status)
                return;
        strbuf_putc(&b, '{');
        put_status(c, (const Node*) o, &b);
        strbuf_putc(&b, '}');
        text = strbuf_error(&b) < 0 ? NULL : json_arena_copy(a, b.data, b.size);
        if (text && json_tree_parse(a, text, b.size, &ours, NULL) >= 0) {
                strip_allocatable(a, status, ours, (const Node*) o);
                overlay_subtract(status, ours);
        }
        if (status->size == 0)
                json_detach(status);
}

/* What a kubelet would say of itself. */
static void complete(KubeWrite *w, Json *object, const Json *old _unused_) {
        Json *labels = json_ensure(&w->arena, json_get(object, "metadata"), "labels", JSON_OBJECT);

        if (!json_get(labels, "kubernetes.io/hostname"))
                json_set_string(&w->arena, labels, "kubernetes.io/hostname", w->object_name);
        if (!json_get(labels, "kubernetes.io/os"))
                json_set_string(&w->arena, labels, "kubernetes.io/os", OS);
        if (!json_get(labels, "kubernetes.io/arch"))
                json_set_string(&w->arena, labels, "kubernetes.io/arch", ARCH);
        if (!json_is_true(json_at(object, "spec", "unschedulable", NULL)))
                json_remove(json_get(object, "spec"), "unschedulable");
}

static const KubeColumn columns[] = {
        { .name = "Name", .type = "string", .is_name = true },     { .name = "Status", .type = "string" },
        { .name = "Roles", .type = "string" },                     { .name = "Age", .type = "string" },
        { .name = "Version", .type = "string" },                   { .name = "Internal-IP", .type = "string", .wide = true },
        { .name = "External-IP", .type = "string", .wide = true }, { .name = "OS-Image", .type = "string", .wide = true },
        { .name = "Kernel-Version", .type = "string", .wide = true }, { .name = "Container-Runtime", .type = "string", .wide = true },
        {},
};

const KubeResource kube_nodes = {
        .group = "", .version = "v1", .plural = "nodes", .singular = "node", .short_names = "no", .kind = "Node",
        .subresources = "status", .schema = "core.v1.Node", .store_kind = KIND_NODE, .no_generation = true,
        .columns = columns, .put_metadata = put_metadata, .put_rest = put_rest, .put_cells = put_cells, .label = label, .fields = fields,
        .complete = complete, .validate = validate_node, .strip = strip,
};
