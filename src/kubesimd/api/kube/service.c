/* SPDX-License-Identifier: Apache-2.0 */
/* Services: their ports on the nodes, and what Kubernetes refuses of them (kubernetes documentation, "Service"). */
#include "core/control/services.h"

#include <arpa/inet.h>

#include "basic/string-util.h"
#include "kubesimd/api/kube/rules.h"
#include "kubesimd/api/kube/validate-internal.h"

bool service_has_node_ports(const Json *spec) {
        const char *type = json_string(json_get(spec, "type"));

        return streq_ptr(type, "NodePort") || streq_ptr(type, "LoadBalancer");
}

/* Has one of the ports before that one (NULL: one of all) the number, of that protocol (NULL: of any)? */
static bool has_port(const Json *ports, const Json *until, int64_t number, const char *protocol) {
        JSON_FOREACH(p, ports) {
                if (p == until)
                        return false;
                if (json_i64(json_get(p, "nodePort"), 0) == number && (!protocol || streq_ptr(json_string(json_get(p, "protocol")), protocol)))
                        return true;
        }
        return false;
}

static void check_node_port(KubeWrite *w, unsigned i, const Json *port, const Json *ports, const Json *before) {
        const Json *value = json_get(port, "nodePort");
        int64_t number = json_i64(value, -1);
        char path[FIELD_MAX];

        put_path(path, "spec.ports[%u].nodePort", i);
        if (number < NODE_PORT_FIRST || number > NODE_PORT_LAST)
                cause_invalid(w, path, value, "provided port is not in the valid range. The range of valid ports is 30000-32767");
        else if ((service_port_is_taken(w->api->cluster, (uint32_t) number) && !has_port(before, NULL, number, NULL)) ||
                 has_port(ports, port, number, strempty(json_string(json_get(port, "protocol")))))
                cause_invalid(w, path, value, "provided port is already allocated");
}

/* What depends on other Services: ports that are asked for have to be free; the others are given some. */
int admit_service(KubeWrite *w, Json *object, const Json *old, Error *reterr) {
        Json *spec = json_get(object, "spec"), *ports = json_get(spec, "ports");
        const Json *before = json_at(old, "spec", "ports", NULL);
        bool none = streq_ptr(json_string(json_get(spec, "type")), "LoadBalancer") && !json_is_true(json_get(spec, "allocateLoadBalancerNodePorts"));
        unsigned i = 0;
        int r;

        if (!service_has_node_ports(spec))
                return 0;
        JSON_FOREACH(port, ports) {
                if (json_i64(json_get(port, "nodePort"), 0) != 0)
                        check_node_port(w, i, port, ports, before);
                else if (!none) {
                        r = service_assign_port(w->api->cluster, &w->arena, ports, port, reterr);
                        if (r < 0)
                                return r;
                }
                i++;
        }
        return 0;
}

/* --- Checking --- */

static void validate_port_number(KubeWrite *w, const char *field, const Json *value) {
        int64_t number = json_i64(value, 0);

        if (number < 1 || number > 65535)
                cause_invalid(w, field, value, "must be between 1 and 65535, inclusive");
}

static void validate_service_ports(KubeWrite *w, const Json *ports) {
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(port, ports) {
                const char *name = json_string(json_get(port, "name"));

                put_path(path, "spec.ports[%u].port", i);
                validate_port_number(w, path, json_get(port, "port"));
                put_path(path, "spec.ports[%u].targetPort", i);
                if (json_is(json_get(port, "targetPort"), JSON_NUMBER))
                        validate_port_number(w, path, json_get(port, "targetPort"));
                put_path(path, "spec.ports[%u].protocol", i);
                validate_enum(w, path, json_string(json_get(port, "protocol")), "SCTP TCP UDP");
                put_path(path, "spec.ports[%u].name", i++);
                if (ports->size > 1 && isempty(name))
                        cause_required(w, path, "");
                for (const Json *p = port->prev; p && !isempty(name); p = p->prev)
                        if (streq_ptr(json_string(json_get(p, "name")), name)) {
                                cause_duplicate(w, path, name);
                                break;
                        }
        }
}

static void validate_cluster_ip(KubeWrite *w, const Json *spec, const char *before) {
        const Json *ip = json_get(spec, "clusterIP");
        const char *text = json_string(ip);
        struct in_addr four;
        struct in6_addr six;

        if (before && !streq_ptr(text, before))
                cause_invalid(w, "spec.clusterIP", ip, "field is immutable");
        else if (!isempty(text) && !streq(text, "None") && inet_pton(AF_INET, text, &four) != 1 && inet_pton(AF_INET6, text, &six) != 1)
                cause_invalid(w, "spec.clusterIP", ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        if (streq_ptr(text, "None") && service_has_node_ports(spec))
                cause_invalid(w, "spec.clusterIP", ip, "may not be set to 'None' for NodePort or LoadBalancer services");
}

void validate_service(KubeWrite *w, const Json *object, const Json *old) {
        const Json *spec = json_get(object, "spec"), *ports = json_get(spec, "ports");
        const char *type = json_string(json_get(spec, "type"));
        bool outside = streq_ptr(type, "ExternalName"), headless = streq_ptr(json_string(json_get(spec, "clusterIP")), "None");

        validate_enum(w, "spec.type", type, "ClusterIP ExternalName LoadBalancer NodePort");
        validate_enum(w, "spec.sessionAffinity", json_string(json_get(spec, "sessionAffinity")), "ClientIP None");
        validate_labels(w, "spec.selector", json_get(spec, "selector"));
        if (outside && isempty(json_string(json_get(spec, "externalName"))))
                cause_required(w, "spec.externalName", "");
        if (!outside)
                validate_cluster_ip(w, spec, json_string(json_at(old, "spec", "clusterIP", NULL)));
        if ((!ports || ports->size == 0) && !outside && !headless)
                cause_required(w, "spec.ports", "");
        validate_service_ports(w, ports);
}
