/* SPDX-License-Identifier: Apache-2.0 */
/* What Kubernetes refuses of a pod's containers, in its words (kubernetes, pkg/apis/core/validation). */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/model/address.h"
#include "core/model/pod.h"
#include "core/model/quantity.h"
#include "kubesimd/api/kube/check/checks.h"

#define HUGE_PAGES "hugepages-"
#define EPHEMERAL_TEXT "cannot be set for an Ephemeral Container"
#define BLANKS " \t\r\n\v\f"

/* Of CPU thousandths, of all else whole ones. */
static void validate_amount(KubeWrite *w, const char *field, const Json *q) {
        bool of_cpu = streq(q->key, "cpu");
        int64_t v, milli;
        int r;

        r = !json_string(q) ? -EINVAL : of_cpu ? quantity_parse_milli(json_string(q), &v) : quantity_parse_value(json_string(q), &v);
        if (r == -EINVAL)
                cause_invalid(w, field, q, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
        else if (r < 0)
                cause_invalid(w, field, q, "is more than can be counted");
        else if (v < 0)
                cause_invalid(w, field, q, "must be greater than or equal to 0");
        else if (resource_is_extended(q->key) && quantity_parse_milli(json_string(q), &milli) >= 0 && milli % 1000 != 0)
                cause_invalid(w, field, q, "must be an integer");
}

void validate_quantities(KubeWrite *w, const char *field, const Json *quantities) {
        char path[FIELD_MAX];

        JSON_FOREACH(q, quantities) {
                put_path(w, path, "%s[%s]", field, q->key);
                if (!is_qualified_name(q->key))
                        cause_invalid_text(w, path, q->key, KEY_TEXT);
                validate_amount(w, path, q);
        }
}

/* What containers may ask for. */
void validate_requests(KubeWrite *w, const char *field, const Json *quantities) {
        char path[FIELD_MAX];

        validate_quantities(w, field, quantities);
        JSON_FOREACH(q, quantities) {
                if (strchr(q->key, '/') || startswith(q->key, HUGE_PAGES) || is_one_of(q->key, "cpu memory ephemeral-storage"))
                        continue;
                put_path(w, path, "%s[%s]", field, q->key);
                cause_invalid_text(w, path, q->key, "must be a standard resource type or fully qualified");
                cause_invalid_text(w, path, q->key, "must be a standard resource for containers");
        }
}

/* What a pod may ask for as a whole. */
static void validate_pod_requests(KubeWrite *w, const char *field, const Json *quantities) {
        char path[FIELD_MAX];

        validate_quantities(w, field, quantities);
        JSON_FOREACH(q, quantities) {
                put_path(w, path, "%s[%s]", field, q->key);
                if (!strchr(q->key, '/') && !startswith(q->key, HUGE_PAGES) && !is_one_of(q->key, "cpu memory ephemeral-storage"))
                        cause_invalid_text(w, path, q->key, "must be a standard resource type or fully qualified");
                else if (!startswith(q->key, HUGE_PAGES) && !is_one_of(q->key, "cpu memory"))
                        cause_not_supported(w, path, q->key, "\"cpu\", \"hugepages-\", \"memory\"");
        }
}

static bool is_of_huge_pages(const char *name) {
        return startswith(name, HUGE_PAGES);
}

/* What a node has no less of when it is not used may be promised more than once. */
static bool may_be_overcommitted(const char *name) {
        return (!strchr(name, '/') || strstr(name, "kubernetes.io/")) && !is_of_huge_pages(name);
}

static void compare_with_limit(KubeWrite *w, const char *field, const Json *q, const char *most) {
        bool exact = !may_be_overcommitted(q->key);
        int64_t limit, request;
        char detail[256];

        if (!json_string(q) || quantity_parse_milli(most, &limit) < 0 || quantity_parse_milli(json_string(q), &request) < 0)
                return;
        if (exact ? request == limit : request <= limit)
                return;
        (void) snprintf(detail, sizeof(detail), "must be %s %s limit of %s", exact ? "equal to" : "less than or equal to", q->key, most);
        cause_invalid(w, field, q, detail);
}

/* Whole pages of the size that the name tells. */
static void validate_huge_pages(KubeWrite *w, const char *field, const Json *amounts) {
        char path[FIELD_MAX], detail[256];
        int64_t page, amount;

        JSON_FOREACH(q, amounts) {
                if (!is_of_huge_pages(q->key) || !json_string(q) || quantity_parse_value(json_string(q), &amount) < 0)
                        continue;
                put_path(w, path, "%s[%s]", field, q->key);
                (void) snprintf(detail, sizeof(detail), "%s is not positive integer multiple of %s", json_string(q), q->key);
                if (quantity_parse_value(q->key + strlen(HUGE_PAGES), &page) < 0 || page <= 0 || amount <= 0 || amount % page != 0)
                        cause_invalid(w, path, q, detail);
        }
}

static bool names_huge_pages(const Json *amounts) {
        JSON_FOREACH(q, amounts)
                if (is_of_huge_pages(q->key))
                        return true;
        return false;
}

static bool names_cpu_or_memory(const Json *amounts) {
        return json_get(amounts, "cpu") || json_get(amounts, "memory");
}

static void validate_resources(KubeWrite *w, const char *field, const Json *resources,
                               void (*validate)(KubeWrite *w, const char *field, const Json *quantities)) {
        const Json *limits = json_get(resources, "limits"), *requests = json_get(resources, "requests");
        char path[FIELD_MAX];

        put_path(w, path, "%s.limits", field);
        validate(w, path, limits);
        validate_huge_pages(w, path, limits);
        JSON_FOREACH(q, requests)
                if (!json_get(limits, q->key) && !may_be_overcommitted(q->key))
                        cause_required(w, path, "Limit must be set for non overcommitable resources");
        put_path(w, path, "%s.requests", field);
        validate(w, path, requests);
        validate_huge_pages(w, path, requests);
        JSON_FOREACH(q, requests)
                if (json_string(json_get(limits, q->key)))
                        compare_with_limit(w, path, q, json_string(json_get(limits, q->key)));
        if ((names_huge_pages(limits) || names_huge_pages(requests)) && !names_cpu_or_memory(limits) && !names_cpu_or_memory(requests))
                cause_forbidden(w, field, "HugePages require cpu or memory");
}

/* No container has a higher limit than its pod. */
static void validate_shares(KubeWrite *w, const char *field, const Json *containers, const Json *limits) {
        char path[FIELD_MAX], detail[FIELD_MAX];
        int64_t own, most;
        unsigned i = 0;

        JSON_FOREACH(container, containers) {
                JSON_FOREACH(q, json_at(container, "resources", "limits", NULL)) {
                        const char *limit = json_string(json_get(limits, q->key));

                        if (!limit || !json_string(q) || quantity_parse_milli(limit, &most) < 0 || quantity_parse_milli(json_string(q), &own) < 0 || own <= most)
                                continue;
                        put_path(w, path, "%s.containers[%u][%s].limits", field, i, q->key);
                        put_text(detail, "must be less than or equal to pod limits of %s", limit);
                        cause_invalid(w, path, q, detail);
                }
                i++;
        }
}

/* What is asked for, and allowed, of the pod as a whole. */
static void validate_resources_of_pod(KubeWrite *w, const char *field, const Json *spec) {
        const Json *resources = json_get(spec, "resources");
        char path[FIELD_MAX], claims[FIELD_MAX];

        if (!resources)
                return;
        put_path(w, path, "%s.resources", field);
        put_path(w, claims, "%s.resources.claims", field);
        if (json_get(resources, "claims"))
                cause_forbidden(w, claims, "claims cannot be set for Resources at pod-level");
        validate_resources(w, path, resources, validate_pod_requests);
        validate_shares(w, path, json_get(spec, "containers"), json_get(resources, "limits"));
}

static bool is_repeated(const Json *item, const char *key) {
        for (const Json *p = item->prev; p; p = p->prev)
                if (streq_ptr(json_string(json_get(p, key)), json_string(json_get(item, key))))
                        return true;
        return false;
}

static void validate_ports(KubeWrite *w, const char *field, const Json *ports) {
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(port, ports) {
                int64_t number = json_i64(json_get(port, "containerPort"), 0);

                put_path(w, path, "%s.ports[%u].name", field, i);
                if (!isempty(json_string(json_get(port, "name")))) {
                        validate_port_name(w, path, json_string(json_get(port, "name")));
                        if (is_repeated(port, "name"))
                                cause_duplicate(w, path, json_string(json_get(port, "name")));
                }
                put_path(w, path, "%s.ports[%u].containerPort", field, i);
                if (!json_get(port, "containerPort"))
                        cause_required(w, path, "");
                else if (number < 1 || number > 65535)
                        cause_invalid(w, path, json_get(port, "containerPort"), "must be between 1 and 65535, inclusive");
                number = json_i64(json_get(port, "hostPort"), 1);
                put_path(w, path, "%s.ports[%u].hostPort", field, i);
                if (json_get(port, "hostPort") && (number < 0 || number > 65535))
                        cause_invalid(w, path, json_get(port, "hostPort"), "must be between 1 and 65535, inclusive");
                put_path(w, path, "%s.ports[%u].hostIP", field, i);
                if (!isempty(json_string(json_get(port, "hostIP"))) && !address_is_valid(json_string(json_get(port, "hostIP"))))
                        cause_invalid(w, path, json_get(port, "hostIP"), "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
                put_path(w, path, "%s.ports[%u].protocol", field, i++);
                validate_enum(w, path, json_string(json_get(port, "protocol")), "SCTP TCP UDP");
        }
}

/* Templates may have blanks around it, as some that are filled in later do. */
static void validate_image(KubeWrite *w, const char *field, const Json *container) {
        const char *image = json_string(json_get(container, "image"));
        char path[FIELD_MAX];

        put_path(w, path, "%s.image", field);
        if (isempty(image))
                cause_required(w, path, "");
        else if (w->resource->store_kind == KIND_POD && (strchr(BLANKS, image[0]) || strchr(BLANKS, image[strlen(image) - 1])))
                cause_invalid_text(w, path, image, "must not have leading or trailing whitespace");
}

/* What a change of its resources does to it; Kubernetes does not say which of the list it is. */
static void validate_resize_policy(KubeWrite *w, const char *field, const Json *list, const char *restart_policy) {
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(policy, list) {
                const char *resource = json_string(json_get(policy, "resourceName")), *restart = json_string(json_get(policy, "restartPolicy"));

                put_path(w, path, "%s.resizePolicy[%u]", field, i++);
                if (is_repeated(policy, "resourceName"))
                        cause_duplicate(w, path, resource);
                put_path(w, path, "%s.resizePolicy", field);
                if (isempty(resource))
                        cause_required(w, path, "");
                validate_enum(w, path, resource, "cpu memory");
                if (isempty(restart))
                        cause_required(w, path, "");
                validate_enum(w, path, restart, "NotRequired RestartContainer");
                if (streq_ptr(restart_policy, "Never") && !streq_ptr(restart, "NotRequired"))
                        cause_invalid_text(w, path, restart, "must be 'NotRequired' when `restartPolicy` is 'Never'");
        }
}

static void validate_container(KubeWrite *w, const char *field, const Json *container) {
        const char *name = json_string(json_get(container, "name"));
        char path[FIELD_MAX];

        put_path(w, path, "%s.name", field);
        if (isempty(name))
                cause_required(w, path, "");
        else {
                validate_label(w, path, name);
                if (is_repeated(container, "name"))
                        cause_duplicate(w, path, name);
        }
        validate_image(w, field, container);
        put_path(w, path, "%s.imagePullPolicy", field);
        validate_enum(w, path, json_string(json_get(container, "imagePullPolicy")), "Always IfNotPresent Never");
        put_path(w, path, "%s.resources", field);
        validate_resources(w, path, json_get(container, "resources"), validate_requests);
        validate_ports(w, field, json_get(container, "ports"));
}

static bool is_same_host_port(const Json *a, const Json *b) {
        return json_i64(json_get(a, "hostPort"), 0) == json_i64(json_get(b, "hostPort"), 0) &&
               streq_ptr(json_string(json_get(a, "protocol")), json_string(json_get(b, "protocol"))) &&
               streq(strempty(json_string(json_get(a, "hostIP"))), strempty(json_string(json_get(b, "hostIP"))));
}

/* Has one of the containers from `first` on that port of the host before? */
static bool is_taken(const Json *first, const Json *port) {
        for (const Json *container = first; container; container = container->next)
                JSON_FOREACH(p, json_get(container, "ports")) {
                        if (p == port)
                                return false;
                        if (is_same_host_port(p, port))
                                return true;
                }
        return false;
}

/* In the host's network there is no other port. */
static void validate_ports_of_host(KubeWrite *w, const char *field, const Json *containers) {
        char path[FIELD_MAX];
        unsigned i = 0, k;

        JSON_FOREACH(container, containers) {
                k = 0;
                JSON_FOREACH(port, json_get(container, "ports")) {
                        int64_t host = json_i64(json_get(port, "hostPort"), 0);

                        put_path(w, path, "%s[%u].ports[%u].hostPort", field, i, k++);
                        if (host != 0 && host != json_i64(json_get(port, "containerPort"), 0))
                                cause_invalid(w, path, json_get(port, "hostPort"), "must match `containerPort` when `hostNetwork` is true");
                }
                i++;
        }
}

static void validate_host_ports(KubeWrite *w, const char *field, const Json *containers) {
        char path[FIELD_MAX], text[128];
        unsigned i = 0, k;

        JSON_FOREACH(container, containers) {
                k = 0;
                JSON_FOREACH(port, json_get(container, "ports")) {
                        put_path(w, path, "%s[%u].ports[%u].hostPort", field, i, k++);
                        if (json_i64(json_get(port, "hostPort"), 0) == 0 || !is_taken(containers->first, port))
                                continue;
                        (void) snprintf(text, sizeof(text), "%s/%s/%lld", strempty(json_string(json_get(port, "protocol"))),
                                        strempty(json_string(json_get(port, "hostIP"))), (long long) json_i64(json_get(port, "hostPort"), 0));
                        cause_duplicate(w, path, text);
                }
                i++;
        }
}

static const Json *find_by_name(const Json *list, const char *key, const char *name) {
        JSON_FOREACH(v, list)
                if (streq_ptr(json_string(json_get(v, key)), name))
                        return v;
        return NULL;
}

static void validate_each(KubeWrite *w, const char *field, const Json *spec, const char *key, bool init) {
        int64_t grace = json_i64(json_get(spec, "terminationGracePeriodSeconds"), POD_GRACE_DEFAULT);
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(container, json_get(spec, key)) {
                put_path(w, path, "%s.%s[%u]", field, key, i++);
                validate_container(w, path, container);
                validate_resize_policy(w, path, json_get(container, "resizePolicy"), json_string(json_get(spec, "restartPolicy")));
                validate_part(w, environment_checks, path, container);
                validate_mounts(w, path, container, json_get(spec, "volumes"));
                validate_process(w, path, container, init, grace);
        }
}

static void forbid_resources(KubeWrite *w, const char *field, const Json *resources, const Json *old _unused_) {
        if (resources && resources->size > 0)
                cause_forbidden(w, field, EPHEMERAL_TEXT);
}

/* What an ephemeral container has not: it is no part of what the pod serves. */
static const Check ephemeral_checks[] = {
        { .path = "ports", CHECK_FORBIDDEN, EPHEMERAL_TEXT },
        { .path = "resources", .run = forbid_resources },
        { .path = "livenessProbe", CHECK_FORBIDDEN, EPHEMERAL_TEXT },
        { .path = "readinessProbe", CHECK_FORBIDDEN, EPHEMERAL_TEXT },
        { .path = "startupProbe", CHECK_FORBIDDEN, EPHEMERAL_TEXT },
        { .path = "lifecycle", CHECK_FORBIDDEN, EPHEMERAL_TEXT },
        { .path = "resizePolicy", CHECK_FORBIDDEN, EPHEMERAL_TEXT },
        { .path = "restartPolicy", CHECK_FORBIDDEN, EPHEMERAL_TEXT },
        { .path = "volumeMounts[].subPath", CHECK_FORBIDDEN, EPHEMERAL_TEXT },
        { .path = "volumeMounts[].subPathExpr", CHECK_FORBIDDEN, EPHEMERAL_TEXT },
        { .path = "terminationMessagePolicy", CHECK_ONE_OF, "File FallbackToLogsOnError" },
        {},
};

static void validate_ephemeral(KubeWrite *w, const char *field, const Json *container, const Json *spec) {
        static const char *const lists[] = { "containers", "initContainers" };
        const char *name = json_string(json_get(container, "name")), *target = json_string(json_get(container, "targetContainerName"));
        bool found = isempty(target);
        char path[FIELD_MAX];

        validate_container(w, field, container);
        validate_part(w, environment_checks, field, container);
        validate_mounts(w, field, container, json_get(spec, "volumes"));
        validate_part(w, security_checks, field, container);
        put_path(w, path, "%s.name", field);
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                if (!isempty(name) && find_by_name(json_get(spec, lists[i]), "name", name))
                        cause_duplicate(w, path, name);
                found |= find_by_name(json_get(spec, lists[i]), "name", target) != NULL;
        }
        put_path(w, path, "%s.targetContainerName", field);
        if (!found)
                cause_not_found(w, path, target);
        validate_part(w, ephemeral_checks, field, container);
}

/* All containers of a pod are told apart by their names. */
static void validate_init_names(KubeWrite *w, const char *field, const Json *spec) {
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(container, json_get(spec, "initContainers")) {
                const char *name = json_string(json_get(container, "name"));

                put_path(w, path, "%s.initContainers[%u].name", field, i++);
                if (!isempty(name) && find_by_name(json_get(spec, "containers"), "name", name))
                        cause_duplicate(w, path, name);
        }
}

void validate_containers(KubeWrite *w, const char *field, const Json *spec) {
        char path[FIELD_MAX];
        unsigned i = 0;

        put_path(w, path, "%s.containers", field);
        validate_host_ports(w, path, json_get(spec, "containers"));
        if (json_is_true(json_get(spec, "hostNetwork")))
                validate_ports_of_host(w, path, json_get(spec, "containers"));
        validate_each(w, field, spec, "containers", false);
        validate_each(w, field, spec, "initContainers", true);
        validate_init_names(w, field, spec);
        validate_resources_of_pod(w, field, spec);
        JSON_FOREACH(container, json_get(spec, "ephemeralContainers")) {
                put_path(w, path, "%s.ephemeralContainers[%u]", field, i++);
                validate_ephemeral(w, path, container, spec);
        }
}
