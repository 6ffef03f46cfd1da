/* SPDX-License-Identifier: Apache-2.0 */
/* Services: their addresses and ports on the nodes, and what Kubernetes refuses of them (kubernetes documentation, "Service"). */
#include "core/control/controllers/services.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "core/model/address.h"
#include "kubesimd/api/kube/check/validate-internal.h"
#include "kubesimd/api/kube/kinds/rules.h"

static bool has_type(const Json *spec, const char *type) {
        return streq_ptr(json_string(json_get(spec, "type")), type);
}

bool service_has_node_ports(const Json *spec) {
        return has_type(spec, "NodePort") || has_type(spec, "LoadBalancer");
}

bool service_has_address(const Json *spec) {
        return spec && !has_type(spec, "ExternalName");
}

bool service_is_balanced(const Json *spec) {
        return has_type(spec, "LoadBalancer");
}

bool service_has_health_port(const Json *spec) {
        return service_is_balanced(spec) && streq_ptr(json_string(json_get(spec, "externalTrafficPolicy")), "Local");
}

bool service_is_outside(const Json *spec) {
        const Json *external = json_get(spec, "externalIPs");

        return service_has_node_ports(spec) || (has_type(spec, "ClusterIP") && external && external->size > 0);
}

static bool is_headless(const Json *spec) {
        return streq_ptr(json_string(json_get(spec, "clusterIP")), "None");
}

static size_t size_of(const Json *list) {
        return list ? list->size : 0;
}

/* --- Addresses: kubernetes, pkg/registry/core/service/storage/alloc.go, of a cluster that has IPv4 alone --- */

#define FAMILIES "IPv4 IPv6"
#define POLICIES "PreferDualStack RequireDualStack SingleStack"
#define IP_TEXT "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"

static bool is_six(const char *ip) {
        return strchr(ip, ':');
}

/* Do they say the same in the same order, as far as both go? */
static void check_families_of_addresses(KubeWrite *w, const Json *ips, const Json *families) {
        const Json *family = families ? families->first : NULL;
        char path[FIELD_MAX], detail[96];
        unsigned i = 0;

        for (const Json *ip = ips ? ips->first : NULL; ip && family; ip = ip->next, family = family->next) {
                const char *wanted = strempty(json_string(family));

                put_path(w, path, "spec.clusterIPs[%u]", i);
                (void) snprintf(detail, sizeof(detail), "expected an %s value as indicated by `ipFamilies[%u]`", streq(wanted, "IPv6") ? "IPv6" : "IPv4", i++);
                if (streq(wanted, "IPv6") != is_six(strempty(json_string(ip))))
                        cause_invalid(w, path, ip, detail);
        }
}

static bool check_each_address(KubeWrite *w, const Json *ips) {
        char path[FIELD_MAX];
        bool valid = true;
        unsigned i = 0;

        JSON_FOREACH(ip, ips) {
                const char *text = strempty(json_string(ip));

                put_path(w, path, "spec.clusterIPs[%u]", i++);
                if (i == 1 && streq(text, "None")) {
                        if (ips->size > 1)
                                cause_invalid(w, "spec.clusterIPs", ips, "'None' must be the first and only value");
                        valid &= ips->size == 1;
                } else if (!address_is_valid(text)) {
                        cause_invalid(w, path, ip, IP_TEXT);
                        valid = false;
                }
        }
        return valid;
}

static void check_families(KubeWrite *w, const Json *families) {
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(family, families) {
                put_path(w, path, "spec.ipFamilies[%u]", i++);
                validate_enum(w, path, json_string(family), FAMILIES);
                for (const Json *p = family->prev; p; p = p->prev)
                        if (json_equal(p, family)) {
                                cause_duplicate(w, path, json_string(family));
                                break;
                        }
        }
}

/* What can be said without the cluster. */
static void check_address_fields(KubeWrite *w, const Json *spec) {
        const Json *ip = json_get(spec, "clusterIP"), *ips = json_get(spec, "clusterIPs"), *first = json_item(ips, 0);

        if (isempty(json_string(ip)) && first)
                cause_invalid(w, "spec.clusterIPs", ips, "must be empty when `clusterIP` is not specified");
        if (!isempty(json_string(ip)) && !first)
                cause_required(w, "spec.clusterIPs", "");
        if (!isempty(json_string(ip)) && first && !json_equal(ip, first))
                cause_invalid(w, "spec.clusterIPs", ips, "first value must match `clusterIP`");
        check_families(w, json_get(spec, "ipFamilies"));
        validate_enum(w, "spec.ipFamilyPolicy", json_string(json_get(spec, "ipFamilyPolicy")), POLICIES);
        if (!check_each_address(w, ips))
                return;
        if (size_of(ips) > 2)
                cause_invalid(w, "spec.clusterIPs", ips, "may only hold up to 2 values");
        if (size_of(ips) > 1 && (size_of(ips) > 2 || is_six(json_string(first)) == is_six(json_string(json_item(ips, 1)))))
                cause_invalid(w, "spec.clusterIPs", ips, "may specify no more than one IP for each IP family");
        if (!is_headless(spec))
                check_families_of_addresses(w, ips, json_get(spec, "ipFamilies"));
}

/* One family for each address, and what one stack cannot have. */
static void check_stack(KubeWrite *w, Json *spec, bool single) {
        const Json *ips = json_get(spec, "clusterIPs"), *policy = json_get(spec, "ipFamilyPolicy");
        Json *families = json_ensure(&w->arena, spec, "ipFamilies", JSON_ARRAY);
        char path[FIELD_MAX];
        unsigned i = 0;

        if (single && size_of(ips) == 2)
                cause_invalid(w, "spec.ipFamilyPolicy", policy, "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified");
        if (single && size_of(families) == 2)
                cause_invalid(w, "spec.ipFamilyPolicy", policy, "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
        JSON_FOREACH(ip, ips) {
                put_path(w, path, "spec.clusterIPs[%u]", i);
                if (streq(json_string(ip), "None") || i++ < size_of(families))
                        continue;
                if (is_six(json_string(ip)))
                        cause_invalid(w, path, ips, "IPv6 is not configured on this cluster");
                else
                        json_append(families, json_new_string(&w->arena, "IPv4"));
        }
}

static void check_configured(KubeWrite *w, const Json *spec) {
        char path[FIELD_MAX];
        unsigned i = 0;

        if (streq_ptr(json_string(json_get(spec, "ipFamilyPolicy")), "RequireDualStack"))
                cause_invalid(w, "spec.ipFamilyPolicy", json_get(spec, "ipFamilyPolicy"), "this cluster is not configured for dual-stack services");
        JSON_FOREACH(family, json_get(spec, "ipFamilies")) {
                put_path(w, path, "spec.ipFamilies[%u]", i++);
                if (streq_ptr(json_string(family), "IPv6"))
                        cause_invalid(w, path, family, "not configured on this cluster");
        }
}

/* Without an address and a selector it is only a name, which may lead anywhere: it has both families unless it says one. */
static void complete_families(KubeWrite *w, Json *spec, bool bare, bool single) {
        Json *families = json_get(spec, "ipFamilies");

        if (size_of(families) == 0)
                json_append(families, json_new_string(&w->arena, "IPv4"));
        if (bare && !single && size_of(families) == 1)
                json_append(families, json_new_string(&w->arena, streq_ptr(json_string(json_item(families, 0)), "IPv6") ? "IPv4" : "IPv6"));
}

static void check_is_free(KubeWrite *w, const Json *spec) {
        const char *text = json_string(json_get(spec, "clusterIP"));
        char detail[256];
        uint32_t ip;

        if (address_from_string(text, &ip) < 0 || !service_address_is_valid(ip))
                (void) snprintf(detail, sizeof(detail), "failed to allocate IP %s: the provided IP (%s) is not in the valid range. The range of valid IPs is "
                                SERVICE_RANGE, text, text);
        else if (service_address_is_taken(w->api->cluster, ip))
                (void) snprintf(detail, sizeof(detail), "failed to allocate IP %s: provided IP is already allocated", text);
        else
                return;
        cause_invalid(w, "spec.clusterIPs", json_get(spec, "clusterIPs"), detail);
}

static int admit_addresses(KubeWrite *w, Json *spec, const Json *before, Error *reterr) {
        const Json *selector = json_get(spec, "selector"), *policy = json_get(before, "ipFamilyPolicy");
        bool bare = is_headless(spec) && size_of(selector) == 0, single;

        if (isempty(json_string(json_get(spec, "ipFamilyPolicy"))))
                json_set_string(&w->arena, spec, "ipFamilyPolicy", json_string(policy) ?: bare ? "RequireDualStack" : "SingleStack");
        single = streq_ptr(json_string(json_get(spec, "ipFamilyPolicy")), "SingleStack");
        check_address_fields(w, spec);
        if (w->causes)
                return 0;
        if (before && single && size_of(json_get(spec, "ipFamilies")) == 2 && json_equal(json_get(spec, "ipFamilies"), json_get(before, "ipFamilies")))
                json_detach(json_item(json_get(spec, "ipFamilies"), 1)); /* it asks for that */
        check_stack(w, spec, single);
        if (!w->causes && !bare)
                check_configured(w, spec);
        if (w->causes)
                return 0;
        complete_families(w, spec, bare, single);
        if (isempty(json_string(json_get(spec, "clusterIP"))))
                return service_assign_address(w->api->cluster, &w->arena, spec, reterr);
        if (!is_headless(spec) && (!service_has_address(before) || isempty(json_string(json_get(before, "clusterIP")))))
                check_is_free(w, spec);
        return 0;
}

/* --- Ports --- */

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

        put_path(w, path, "spec.ports[%u].nodePort", i);
        if (number < NODE_PORT_FIRST || number > NODE_PORT_LAST)
                cause_invalid(w, path, value, "provided port is not in the valid range. The range of valid ports is 30000-32767");
        else if ((service_port_is_taken(w->api->cluster, (uint32_t) number) && !has_port(before, NULL, number, NULL)) ||
                 has_port(ports, port, number, strempty(json_string(json_get(port, "protocol")))))
                cause_invalid(w, path, value, "provided port is already allocated");
}

static int admit_node_ports(KubeWrite *w, Json *spec, const Json *before, Error *reterr) {
        bool none = service_is_balanced(spec) && !json_is_true(json_get(spec, "allocateLoadBalancerNodePorts"));
        Json *ports = json_get(spec, "ports");
        unsigned i = 0;
        int r;

        JSON_FOREACH(port, ports) {
                if (json_i64(json_get(port, "nodePort"), 0) != 0)
                        check_node_port(w, i, port, ports, json_get(before, "ports"));
                else if (!none) {
                        r = service_assign_port(w->api->cluster, &w->arena, ports, port, "nodePort", reterr);
                        if (r < 0)
                                return r;
                }
                i++;
        }
        return 0;
}

/* Where load balancers ask whether a node has one of its pods. */
static int admit_health_port(KubeWrite *w, Json *spec, const Json *before, Error *reterr) {
        int64_t number = json_i64(json_get(spec, "healthCheckNodePort"), 0);

        if (!service_has_health_port(spec) || (service_has_health_port(before) && number != 0))
                return 0;
        if (number == 0)
                return service_assign_port(w->api->cluster, &w->arena, json_get(spec, "ports"), spec, "healthCheckNodePort", reterr);
        if (number < NODE_PORT_FIRST || number > NODE_PORT_LAST)
                return error_set(reterr, -EADDRNOTAVAIL, "Internal error occurred: failed to allocate requested HealthCheck NodePort %lld: provided port is not in "
                                 "the valid range. The range of valid ports is 30000-32767", (long long) number);
        if (service_port_is_taken(w->api->cluster, (uint32_t) number))
                return error_set(reterr, -EADDRINUSE, "Internal error occurred: failed to allocate requested HealthCheck NodePort %lld: provided port is already "
                                 "allocated", (long long) number);
        return 0;
}

/* What depends on other Services: what is asked for has to be free; the others are given some. */
int admit_service(KubeWrite *w, Json *object, const Json *old, Error *reterr) {
        Json *spec = json_get(object, "spec");
        const Json *before = json_get(old, "spec");
        int r = 0;

        if (service_has_address(spec))
                r = admit_addresses(w, spec, before, reterr);
        if (r >= 0 && !w->causes && service_has_node_ports(spec))
                r = admit_node_ports(w, spec, before, reterr);
        return r < 0 || w->causes ? r : admit_health_port(w, spec, before, reterr);
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

                put_path(w, path, "spec.ports[%u].port", i);
                validate_port_number(w, path, json_get(port, "port"));
                put_path(w, path, "spec.ports[%u].targetPort", i);
                if (json_is(json_get(port, "targetPort"), JSON_NUMBER))
                        validate_port_number(w, path, json_get(port, "targetPort"));
                put_path(w, path, "spec.ports[%u].protocol", i);
                validate_enum(w, path, json_string(json_get(port, "protocol")), "SCTP TCP UDP");
                put_path(w, path, "spec.ports[%u].name", i++);
                if (ports->size > 1 && isempty(name))
                        cause_required(w, path, "");
                for (const Json *p = port->prev; p && !isempty(name); p = p->prev)
                        if (streq_ptr(json_string(json_get(p, "name")), name)) {
                                cause_duplicate(w, path, name);
                                break;
                        }
        }
}

static bool has_same_port(const Json *port) {
        for (const Json *p = port->prev; p; p = p->prev)
                if (json_equal(json_get(p, "port"), json_get(port, "port")) && json_equal(json_get(p, "protocol"), json_get(port, "protocol")))
                        return true;
        return false;
}

static void validate_port_pairs(KubeWrite *w, const Json *spec) {
        char path[FIELD_MAX], pair[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(port, json_get(spec, "ports")) {
                put_path(w, path, "spec.ports[%u].nodePort", i);
                if (has_type(spec, "ClusterIP") && json_i64(json_get(port, "nodePort"), 0) != 0)
                        cause_forbidden(w, path, "may not be used when `type` is 'ClusterIP'");
                put_path(w, path, "spec.ports[%u]", i++);
                put_text(pair, "%lld/%s", (long long) json_i64(json_get(port, "port"), 0), strempty(json_string(json_get(port, "protocol"))));
                if (has_same_port(port))
                        cause_duplicate(w, path, pair);
        }
}

/* May not change once set, but together with the type ExternalName, which has none. */
static void validate_addresses(KubeWrite *w, const Json *spec, const Json *before) {
        const Json *ips = json_get(spec, "clusterIPs"), *was = json_get(before, "clusterIPs");
        char path[FIELD_MAX], detail[FIELD_MAX];

        if (service_has_address(before) && !(is_headless(spec) && is_headless(before)))
                for (unsigned i = 0; i < size_of(ips) && i < size_of(was); i++) {
                        put_path(w, path, "spec.clusterIPs[%u]", i);
                        if (!json_equal(json_item(ips, i), json_item(was, i)))
                                cause_invalid(w, path, ips, "may not change once set");
                }
        put_text(detail, "may not be set to 'None' for %s services", strempty(json_string(json_get(spec, "type"))));
        if (is_headless(spec) && service_has_node_ports(spec))
                cause_invalid_text(w, "spec.clusterIPs[0]", "None", detail);
}

static void validate_outside(KubeWrite *w, const Json *spec) {
        static const char *const none[] = { "clusterIPs", "ipFamilies", "ipFamilyPolicy" };
        const char *given = strempty(json_string(json_get(spec, "externalName")));
        char path[FIELD_MAX], name[FIELD_MAX];

        for (size_t i = 0; i < ELEMENTSOF(none); i++) {
                put_path(w, path, "spec.%s", none[i]);
                if (json_get(spec, none[i]))
                        cause_forbidden(w, path, "may not be set for ExternalName services");
        }
        put_text(name, "%.*s", (int) (strlen(given) - (!isempty(given) && given[strlen(given) - 1] == '.')), given); /* a dot at the end is one of DNS */
        if (isempty(name))
                cause_required(w, "spec.externalName", "");
        else
                validate_subdomain(w, "spec.externalName", name);
}

/* Addresses that lead nowhere else. */
static void validate_external_ips(KubeWrite *w, const Json *ips) {
        static const struct {
                const char *prefix, *detail;
        } special[] = {
                { "127.", "may not be in the loopback range (127.0.0.0/8, ::1/128)" },
                { "169.254.", "may not be in the link-local range (169.254.0.0/16, fe80::/10)" },
                { "fe80:", "may not be in the link-local range (169.254.0.0/16, fe80::/10)" },
                { "224.0.0.", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)" },
                { "ff02:", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)" },
        };
        char path[FIELD_MAX], detail[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(v, ips) {
                const char *ip = strempty(json_string(v));

                put_path(w, path, "spec.externalIPs[%u]", i++);
                put_text(detail, "may not be unspecified (%s)", ip);
                if (!address_is_valid(ip))
                        cause_invalid(w, path, v, IP_TEXT);
                else if (streq(ip, "0.0.0.0") || streq(ip, "::"))
                        cause_invalid(w, path, v, detail);
                else if (streq(ip, "::1"))
                        cause_invalid(w, path, v, special[0].detail);
                for (size_t k = 0; k < ELEMENTSOF(special); k++)
                        if (startswith(ip, special[k].prefix) && address_is_valid(ip))
                                cause_invalid(w, path, v, special[k].detail);
        }
}

static void validate_traffic(KubeWrite *w, const Json *spec, const Json *before) {
        const Json *policy = json_get(spec, "externalTrafficPolicy"), *health = json_get(spec, "healthCheckNodePort");

        if (!service_is_outside(spec) && !isempty(json_string(policy)))
                cause_invalid(w, "spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services");
        else
                validate_enum(w, "spec.externalTrafficPolicy", json_string(policy), "Cluster Local");
        validate_enum(w, "spec.internalTrafficPolicy", json_string(json_get(spec, "internalTrafficPolicy")), "Cluster Local");
        if (!service_has_health_port(spec) && json_i64(health, 0) != 0)
                cause_invalid(w, "spec.healthCheckNodePort", health, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
        if (service_has_health_port(spec) && service_has_health_port(before) && !json_equal(health, json_get(before, "healthCheckNodePort")))
                cause_forbidden(w, "spec.healthCheckNodePort", "field is immutable");
        if (json_get(spec, "allocateLoadBalancerNodePorts") && !service_is_balanced(spec))
                cause_forbidden(w, "spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'");
}

static void validate_affinity(KubeWrite *w, const Json *spec) {
        const Json *timeout = json_at(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds", NULL);
        int64_t seconds = json_i64(timeout, 0);

        validate_enum(w, "spec.sessionAffinity", json_string(json_get(spec, "sessionAffinity")), "ClientIP None");
        if (timeout && (seconds <= 0 || seconds > 86400))
                cause_invalid(w, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", timeout, "must be greater than 0 and less than 86400");
}

void validate_service(KubeWrite *w, const Json *object, const Json *old) {
        const Json *spec = json_get(object, "spec"), *before = json_get(old, "spec");

        if (size_of(json_get(spec, "ports")) == 0 && service_has_address(spec) && !is_headless(spec))
                cause_required(w, "spec.ports", "");
        validate_enum(w, "spec.type", json_string(json_get(spec, "type")), "ClusterIP ExternalName LoadBalancer NodePort");
        if (service_has_address(spec))
                validate_addresses(w, spec, before);
        else
                validate_outside(w, spec);
        validate_service_ports(w, json_get(spec, "ports"));
        validate_port_pairs(w, spec);
        validate_labels(w, "spec.selector", json_get(spec, "selector"));
        validate_affinity(w, spec);
        validate_external_ips(w, json_get(spec, "externalIPs"));
        validate_traffic(w, spec, before);
}
