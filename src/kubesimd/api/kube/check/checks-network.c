/* SPDX-License-Identifier: Apache-2.0 */
/* Ingresses, policies of networks, endpoints (kubernetes, pkg/apis/networking/validation, discovery, core). */
#include <arpa/inet.h>
#include <stdio.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/model/address.h"
#include "kubesimd/api/kube/check/checks.h"
#include "kubesimd/api/kube/kinds/rules.h"

#define PORT_MAX 65535
#define PORT_TEXT "must be between 1 and 65535, inclusive"
#define PROTOCOLS "SCTP TCP UDP"

static bool is_port(const Json *v) {
        return json_i64(v, 0) >= 1 && json_i64(v, 0) <= PORT_MAX;
}

/* --- Ingresses --- */

static const Check typed_reference_checks[] = {
        { .path = "apiGroup", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "kind", CHECK_REQUIRED },
        { .path = "kind", CHECK_TEXT, .wrong = wrong_segment },
        { .path = "name", CHECK_REQUIRED },
        { .path = "name", CHECK_TEXT, .wrong = wrong_segment },
        {},
};

static void check_port_name(KubeWrite *w, const char *field, const Json *name, const Json *old _unused_) {
        if (!isempty(json_string(name)))
                validate_port_name(w, field, json_string(name));
}

static const Check backend_checks[] = {
        { .path = "resource", .inner = typed_reference_checks },
        { .path = "service.name", CHECK_TEXT, .wrong = wrong_service },
        { .path = "service.port.name", .run = check_port_name, .when = "!number" },
        {},
};

static void check_backend(KubeWrite *w, const char *field, const Json *backend, const Json *old _unused_) {
        const Json *service = json_get(backend, "service"), *number = json_at(service, "port", "number", NULL);
        bool named = !isempty(json_string(json_at(service, "port", "name", NULL))), numbered = json_i64(number, 0) != 0;
        char path[FIELD_MAX];

        if (service && json_get(backend, "resource"))
                cause_invalid_text(w, field, "", "cannot set both resource and service backends");
        else if (!service && !json_get(backend, "resource"))
                cause_invalid_text(w, field, "", "resource or service backend is required");
        if (!service || json_get(backend, "resource"))
                return;
        put_path(w, path, "%s.service.name", field);
        if (isempty(json_string(json_get(service, "name"))))
                cause_required(w, path, "");
        put_path(w, path, "%s.service.port.number", field);
        if (named && numbered)
                cause_invalid_text(w, field, "", "cannot set both port name & port number");
        else if (!named && !numbered)
                cause_required(w, field, "port name or number is required");
        else if (numbered && !is_port(number))
                cause_invalid(w, path, number, PORT_TEXT);
}

static void check_path(KubeWrite *w, const char *field, const Json *item, const Json *old _unused_) {
        static const char *const inside[] = { "//", "/./", "/../", "%2f", "%2F" }, *const at_end[] = { "/..", "/." };
        const char *type = json_string(json_get(item, "pathType")), *text = strempty(json_string(json_get(item, "path")));
        char path[FIELD_MAX], detail[64];

        put_path(w, path, "%s.path", field);
        if (*text != '/' && (*text != '\0' || is_one_of(type, "Exact Prefix")))
                cause_invalid_text(w, path, text, "must be an absolute path");
        for (size_t i = 0; i < ELEMENTSOF(inside) && is_one_of(type, "Exact Prefix"); i++)
                if (strstr(text, inside[i])) {
                        (void) snprintf(detail, sizeof(detail), "must not contain '%s'", inside[i]);
                        cause_invalid_text(w, path, text, detail);
                }
        for (size_t i = 0; i < ELEMENTSOF(at_end) && is_one_of(type, "Exact Prefix"); i++)
                if (endswith(text, at_end[i])) {
                        (void) snprintf(detail, sizeof(detail), "cannot end with '%s'", at_end[i]);
                        cause_invalid_text(w, path, text, detail);
                }
}

static const Check http_checks[] = {
        { .path = "paths", CHECK_REQUIRED },
        { .path = "paths[].pathType", CHECK_REQUIRED, "pathType must be specified" },
        { .path = "paths[].pathType", CHECK_ONE_OF, "Exact ImplementationSpecific Prefix" },
        { .path = "paths[]", .run = check_path },
        { .path = "paths[].backend", .run = check_backend, .when = "pathType" },
        { .path = "paths[].backend", .inner = backend_checks, .when = "pathType" },
        {},
};

static void check_ingress(KubeWrite *w, const char *field, const Json *spec, const Json *old _unused_) {
        if (!json_item(json_get(spec, "rules"), 0) && !json_get(spec, "defaultBackend"))
                cause_invalid(w, field, json_get(spec, "rules") ?: json_new(&w->arena, JSON_ARRAY), "either `defaultBackend` or `rules` must be specified");
}

const Check ingress_checks[] = {
        { .path = "spec", .run = check_ingress },
        { .path = "spec.defaultBackend", .run = check_backend, .when = "defaultBackend" },
        { .path = "spec.defaultBackend", .inner = backend_checks },
        { .path = "spec.rules[].host", CHECK_TEXT, .wrong = wrong_host },
        { .path = "spec.rules[].http", .inner = http_checks },
        { .path = "spec.tls[].hosts[]", CHECK_TEXT, .wrong = wrong_wildcard },
        { .path = "spec.tls[].secretName", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "spec.ingressClassName", CHECK_TEXT, .wrong = wrong_subdomain },
        {},
};

static const Check parameters_checks[] = {
        { .path = "apiGroup", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "kind", CHECK_REQUIRED },
        { .path = "kind", CHECK_TEXT, .wrong = wrong_segment },
        { .path = "name", CHECK_REQUIRED },
        { .path = "name", CHECK_TEXT, .wrong = wrong_segment },
        { .path = "scope", CHECK_ONE_OF, "Cluster Namespace" },
        { .path = "namespace", CHECK_REQUIRED, "`parameters.scope` is set to 'Namespace'", .when = "scope=Namespace" },
        { .path = "namespace", CHECK_TEXT, .wrong = wrong_label, .when = "scope=Namespace" },
        { .path = "namespace", CHECK_FORBIDDEN, "`parameters.scope` is set to 'Cluster'", .when = "scope!=Namespace" },
        {},
};

const Check ingress_class_checks[] = {
        { .path = "spec.controller", CHECK_IMMUTABLE },
        { .path = "spec.controller", CHECK_REQUIRED },
        { .path = "spec.controller", CHECK_TEXT, .wrong = wrong_domain_path },
        { .path = "spec.parameters", .inner = parameters_checks },
        {},
};

/* --- Policies of networks --- */

static void check_policy_port(KubeWrite *w, const char *field, const Json *item, const Json *old _unused_) {
        const Json *port = json_get(item, "port"), *end = json_get(item, "endPort");
        const char *name = json_string(port);
        char path[FIELD_MAX];

        put_path(w, path, "%s.port", field);
        if (name)
                validate_port_name(w, path, name);
        else if (port && !is_port(port))
                cause_invalid(w, path, port, PORT_TEXT);
        put_path(w, path, "%s.endPort", field);
        if (end && name)
                cause_invalid(w, path, end, "may not be specified when `port` is non-numeric");
        else if (end && !port)
                cause_invalid(w, path, end, "may not be specified when `port` is not specified");
        else if (end && json_i64(end, 0) < json_i64(port, 0))
                cause_invalid(w, path, end, "must be greater than or equal to `port`");
        else if (end && !is_port(end))
                cause_invalid(w, path, end, PORT_TEXT);
}

/* Reads "10.0.0.0/8"; the size of the address in bytes, 0: it is none. */
static size_t read_network(const char *text, unsigned char address[static 16], uint64_t *ret_bits) {
        const char *slash = strchr(text, '/');
        char part[INET6_ADDRSTRLEN];

        if (wrong_network(text) || !slash)
                return 0;
        (void) snprintf(part, sizeof(part), "%.*s", (int) (slash - text), text);
        (void) parse_u64(slash + 1, ret_bits);
        if (inet_pton(AF_INET, part, address) == 1)
                return 4;
        return inet_pton(AF_INET6, part, address) == 1 ? 16 : 0;
}

static bool is_part_of(const char *inner, const char *outer) {
        unsigned char a[16], b[16];
        uint64_t a_bits = 0, b_bits = 0;
        size_t size = read_network(inner, a, &a_bits);

        if (size == 0 || size != read_network(outer, b, &b_bits) || a_bits <= b_bits)
                return false;
        for (uint64_t i = 0; i < b_bits; i++)
                if ((a[i / 8] ^ b[i / 8]) & (0x80 >> i % 8))
                        return false;
        return true;
}

static void check_block(KubeWrite *w, const char *field, const Json *block, const Json *old _unused_) {
        const char *network = strempty(json_string(json_get(block, "cidr")));
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(v, json_get(block, "except")) {
                const char *text = strempty(json_string(v));

                put_path(w, path, "%s.except[%u]", field, i++);
                if (wrong_network(text))
                        cause_invalid(w, path, v, wrong_network(text));
                else if (!wrong_network(network) && !is_part_of(text, network))
                        cause_invalid(w, path, v, "must be a strict subset of `cidr`");
        }
}

static void check_peer(KubeWrite *w, const char *field, const Json *peer, const Json *old _unused_) {
        bool selects = json_get(peer, "podSelector") || json_get(peer, "namespaceSelector");

        if (!selects && !json_get(peer, "ipBlock"))
                cause_required(w, field, "must specify a peer");
        else if (selects && json_get(peer, "ipBlock"))
                cause_forbidden(w, field, "may not specify both ipBlock and another peer");
}

static const Check policy_port_checks[] = {
        { .path = "protocol", CHECK_ONE_OF, "TCP UDP SCTP" },
        {},
};

static const Check block_checks[] = {
        { .path = "cidr", CHECK_REQUIRED },
        { .path = "cidr", CHECK_TEXT, .wrong = wrong_network },
        {},
};

static const Check peer_checks[] = {
        { .path = "podSelector", CHECK_SELECTOR },
        { .path = "namespaceSelector", CHECK_SELECTOR },
        { .path = "ipBlock", .inner = block_checks },
        { .path = "ipBlock", .run = check_block },
        {},
};

const Check network_policy_checks[] = {
        { .path = "spec.podSelector", CHECK_SELECTOR },
        { .path = "spec.ingress[].ports[]", .inner = policy_port_checks },
        { .path = "spec.ingress[].ports[]", .run = check_policy_port },
        { .path = "spec.ingress[].from[]", .inner = peer_checks },
        { .path = "spec.ingress[].from[]", .run = check_peer },
        { .path = "spec.egress[].ports[]", .inner = policy_port_checks },
        { .path = "spec.egress[].ports[]", .run = check_policy_port },
        { .path = "spec.egress[].to[]", .inner = peer_checks },
        { .path = "spec.egress[].to[]", .run = check_peer },
        { .path = "spec.policyTypes[]", CHECK_GIVEN_ONE_OF, "Ingress Egress" },
        {},
};

/* --- Endpoints --- */

/* No address that only one machine, or one link, knows. */
static const char *wrong_endpoint(const char *s) {
        unsigned char a[16] = {};
        static const unsigned char self[16] = { [15] = 1 }, none[16];
        bool four = inet_pton(AF_INET, s, a) == 1;

        if (!four && inet_pton(AF_INET6, s, a) != 1)
                return wrong_address(s);
        if (memcmp(a, none, sizeof(a)) == 0)
                return four ? "may not be unspecified (0.0.0.0)" : "may not be unspecified (::)";
        if (four ? a[0] == 127 : memcmp(a, self, sizeof(a)) == 0)
                return "may not be in the loopback range (127.0.0.0/8, ::1/128)";
        if (four ? a[0] == 169 && a[1] == 254 : a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
                return "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
        if (four ? a[0] == 224 && a[1] == 0 && a[2] == 0 : a[0] == 0xff && (a[1] & 0xf) == 2)
                return "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
        return NULL;
}

static void check_subset(KubeWrite *w, const char *field, const Json *subset, const Json *old _unused_) {
        const Json *ports = json_get(subset, "ports");
        char path[FIELD_MAX];
        unsigned i = 0;

        if (!json_item(json_get(subset, "addresses"), 0) && !json_item(json_get(subset, "notReadyAddresses"), 0))
                cause_required(w, field, "must specify `addresses` or `notReadyAddresses`");
        JSON_FOREACH(port, ports) {
                put_path(w, path, "%s.ports[%u].name", field, i);
                if (ports->size > 1 && isempty(json_string(json_get(port, "name"))))
                        cause_required(w, path, "");
                put_path(w, path, "%s.ports[%u].port", field, i++);
                if (!is_port(json_get(port, "port")))
                        cause_invalid(w, path, json_get(port, "port") ?: json_new_i64(&w->arena, 0), PORT_TEXT);
        }
}

static const Check endpoint_address_checks[] = {
        { .path = "ip", CHECK_REQUIRED },
        { .path = "ip", CHECK_TEXT, .wrong = wrong_endpoint },
        { .path = "hostname", CHECK_TEXT, .wrong = wrong_label },
        { .path = "nodeName", CHECK_TEXT, .wrong = wrong_subdomain },
        {},
};

const Check endpoints_checks[] = {
        { .path = "subsets[]", .run = check_subset },
        { .path = "subsets[].addresses[]", .inner = endpoint_address_checks },
        { .path = "subsets[].notReadyAddresses[]", .inner = endpoint_address_checks },
        { .path = "subsets[].ports[].name", CHECK_TEXT, .wrong = wrong_label },
        { .path = "subsets[].ports[].protocol", CHECK_ONE_OF, PROTOCOLS },
        { .path = "subsets[].ports[].appProtocol", CHECK_TEXT, .wrong = wrong_qualified },
        {},
};

#define SLICE_ENDPOINTS_MAX 1000
#define SLICE_LIST_MAX 100

static void check_slice_ports(KubeWrite *w, const char *field, const Json *port, const Json *old _unused_) {
        char path[FIELD_MAX];

        put_path(w, path, "%s.name", field);
        for (const Json *p = port->prev; p; p = p->prev)
                if (streq(strempty(json_string(json_get(p, "name"))), strempty(json_string(json_get(port, "name"))))) {
                        cause_duplicate(w, path, json_string(json_get(port, "name")));
                        break;
                }
        put_path(w, path, "%s.port", field);
        if (json_get(port, "port") && !is_port(json_get(port, "port")))
                cause_invalid(w, path, json_get(port, "port"), PORT_TEXT);
}

const Check endpoint_slice_checks[] = {
        { .path = "addressType", CHECK_REQUIRED },
        { .path = "addressType", CHECK_ONE_OF, "FQDN IPv4 IPv6" },
        { .path = "endpoints", CHECK_FEW, .limit = SLICE_ENDPOINTS_MAX },
        { .path = "endpoints[].addresses", CHECK_REQUIRED, "must contain at least 1 address" },
        { .path = "endpoints[].addresses", CHECK_FEW, .limit = SLICE_LIST_MAX },
        { .path = "endpoints[].hostname", CHECK_TEXT, .wrong = wrong_label },
        { .path = "endpoints[].nodeName", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "ports", CHECK_FEW, .limit = SLICE_LIST_MAX },
        { .path = "ports[].name", CHECK_TEXT, .wrong = wrong_label },
        { .path = "ports[].protocol", CHECK_ONE_OF, PROTOCOLS },
        { .path = "ports[].appProtocol", CHECK_TEXT, .wrong = wrong_qualified },
        { .path = "ports[]", .run = check_slice_ports },
        { .path = "addressType", CHECK_IMMUTABLE },
        {},
};

void validate_slice_addresses(KubeWrite *w, const Json *object, const Json *old _unused_) {
        const char *type = strempty(json_string(json_get(object, "addressType"))), *words;
        unsigned i = 0, k;
        char path[FIELD_MAX];

        JSON_FOREACH(endpoint, json_get(object, "endpoints")) {
                k = 0;
                JSON_FOREACH(v, json_get(endpoint, "addresses")) {
                        const char *text = strempty(json_string(v));
                        bool six = strchr(text, ':');

                        put_path(w, path, "endpoints[%u].addresses[%u]", i, k++);
                        if (streq(type, "IPv4"))
                                words = !address_is_valid(text) || six ? "must be a valid IPv4 address" : wrong_endpoint(text);
                        else if (streq(type, "IPv6"))
                                words = !address_is_valid(text) || !six ? "must be a valid IPv6 address" : wrong_endpoint(text);
                        else
                                words = streq(type, "FQDN") ? wrong_domain(text) : NULL;
                        if (words)
                                cause_invalid(w, path, v, words);
                }
                i++;
        }
}
