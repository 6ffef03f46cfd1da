/* SPDX-License-Identifier: Apache-2.0 */
/* What Kubernetes refuses of how a container's process is watched, started and stopped: probes and lifecycle, in its words (kubernetes, pkg/apis/core/validation). */
#include <stdio.h>

#include "basic/string-util.h"
#include "kubesimd/api/kube/check/checks.h"

#define PORT_TEXT "must be between 1 and 65535, inclusive"
#define NOT_NEGATIVE_TEXT "must be greater than or equal to 0"
#define HEADER_TEXT "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
#define HEADER_LETTERS "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define PORT_LETTERS "-0123456789abcdefghijklmnopqrstuvwxyz"

void validate_port_name(KubeWrite *w, const char *field, const char *name) {
        size_t n = strlen(name);

        if (n > 15)
                cause_invalid_text(w, field, name, "must be no more than 15 bytes");
        if (strspn(name, PORT_LETTERS) != n)
                cause_invalid_text(w, field, name, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
        if (strspn(name, "-0123456789") == n)
                cause_invalid_text(w, field, name, "must contain at least one letter (a-z)");
        if (strstr(name, "--"))
                cause_invalid_text(w, field, name, "must not contain consecutive hyphens");
        if (n > 0 && (name[0] == '-' || name[n - 1] == '-'))
                cause_invalid_text(w, field, name, "must not begin or end with a hyphen");
}

/* --- Handlers --- */

static void validate_exec(KubeWrite *w, const char *field, const Json *exec, int64_t grace _unused_) {
        char path[FIELD_MAX];

        put_path(w, path, "%s.command", field);
        if (!json_get(exec, "command") || json_get(exec, "command")->size == 0)
                cause_required(w, path, "");
}

/* Of tcpSocket and grpc, and of httpGet. */
static void validate_port(KubeWrite *w, const char *field, const Json *handler, int64_t grace _unused_) {
        const Json *port = json_get(handler, "port");
        int64_t number = json_i64(port, 0);
        char path[FIELD_MAX];

        put_path(w, path, "%s.port", field);
        if (json_string(port))
                validate_port_name(w, path, json_string(port));
        else if (number < 1 || number > 65535)
                cause_invalid(w, path, port ?: json_new_i64(&w->arena, 0), PORT_TEXT);
}

static void validate_http_get(KubeWrite *w, const char *field, const Json *http, int64_t grace) {
        char path[FIELD_MAX];

        validate_port(w, field, http, grace);
        put_path(w, path, "%s.scheme", field);
        validate_enum(w, path, json_string(json_get(http, "scheme")), "HTTP HTTPS");
        put_path(w, path, "%s.httpHeaders", field);
        JSON_FOREACH(header, json_get(http, "httpHeaders")) {
                const char *name = strempty(json_string(json_get(header, "name")));

                if (isempty(name) || strspn(name, HEADER_LETTERS) != strlen(name))
                        cause_invalid_text(w, path, name, HEADER_TEXT);
        }
}

static void validate_sleep(KubeWrite *w, const char *field, const Json *sleep, int64_t grace) {
        int64_t seconds = json_i64(json_get(sleep, "seconds"), 0);
        char text[128];

        (void) snprintf(text, sizeof(text), "must be non-negative and less than terminationGracePeriodSeconds (%lld)", (long long) grace);
        if (seconds < 0 || seconds > grace)
                cause_invalid(w, field, json_new_i64(&w->arena, seconds), text);
}

/* Exactly one of them, in the order in which Kubernetes looks. */
static const struct {
        const char *name;
        void (*validate)(KubeWrite *w, const char *field, const Json *handler, int64_t grace);
        bool of_probes, of_lifecycle;
} handlers[] = {
        { "exec", validate_exec, true, true },
        { "httpGet", validate_http_get, true, true },
        { "tcpSocket", validate_port, true, true },
        { "grpc", validate_port, true, false },
        { "sleep", validate_sleep, false, true },
};

static void validate_handler(KubeWrite *w, const char *field, const Json *of, bool probe, int64_t grace) {
        char path[FIELD_MAX];
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(handlers); i++) {
                const Json *handler = json_get(of, handlers[i].name);

                if (!handler || !(probe ? handlers[i].of_probes : handlers[i].of_lifecycle))
                        continue;
                put_path(w, path, "%s.%s", field, handlers[i].name);
                if (n++ > 0)
                        cause_forbidden(w, path, "may not specify more than 1 handler type");
                else
                        handlers[i].validate(w, path, handler, grace);
        }
        if (n == 0)
                cause_required(w, field, "must specify a handler type");
}

/* --- Probes --- */

typedef struct ProbeRule {
        const char *name;
        bool once;     /* one success is enough, and no more can be asked for */
        bool no_grace; /* nothing is ended by it */
} ProbeRule;

static const ProbeRule probes[] = {
        { .name = "livenessProbe", .once = true },
        { .name = "readinessProbe", .no_grace = true },
        { .name = "startupProbe", .once = true },
};

static void validate_probe(KubeWrite *w, const char *field, const ProbeRule *rule, const Json *probe, int64_t grace) {
        static const char *const numbers[] = { "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold" };
        const Json *own_grace = json_get(probe, "terminationGracePeriodSeconds"), *successes = json_get(probe, "successThreshold");
        char path[FIELD_MAX];

        validate_handler(w, field, probe, true, grace);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                put_path(w, path, "%s.%s", field, numbers[i]);
                if (json_i64(json_get(probe, numbers[i]), 0) < 0)
                        cause_invalid(w, path, json_get(probe, numbers[i]), NOT_NEGATIVE_TEXT);
        }
        put_path(w, path, "%s.terminationGracePeriodSeconds", field);
        if (own_grace && json_i64(own_grace, 0) <= 0)
                cause_invalid(w, path, own_grace, "must be greater than 0");
        if (own_grace && rule->no_grace)
                cause_invalid(w, path, own_grace, "must not be set for readinessProbes");
        put_path(w, path, "%s.successThreshold", field);
        if (rule->once && json_i64(successes, 1) != 1)
                cause_invalid(w, path, successes, "must be 1");
}

static void validate_watched(KubeWrite *w, const char *field, const Json *container, int64_t grace) {
        static const char *const hooks[] = { "postStart", "preStop" };
        char path[FIELD_MAX];

        for (size_t i = 0; i < ELEMENTSOF(hooks); i++) {
                const Json *hook = json_at(container, "lifecycle", hooks[i], NULL);

                put_path(w, path, "%s.lifecycle.%s", field, hooks[i]);
                if (hook)
                        validate_handler(w, path, hook, false, grace);
        }
        for (size_t i = 0; i < ELEMENTSOF(probes); i++) {
                put_path(w, path, "%s.%s", field, probes[i].name);
                if (json_get(container, probes[i].name))
                        validate_probe(w, path, &probes[i], json_get(container, probes[i].name), grace);
        }
}

/* One that is to be over before the others begin is not watched. */
static void forbid_watching(KubeWrite *w, const char *field, const Json *container) {
        static const char *const members[] = { "lifecycle", "livenessProbe", "readinessProbe", "startupProbe" };
        char path[FIELD_MAX];

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                put_path(w, path, "%s.%s", field, members[i]);
                if (json_get(container, members[i]))
                        cause_forbidden(w, path, "may not be set for init containers without restartPolicy=Always");
        }
}

void validate_process(KubeWrite *w, const char *field, const Json *container, bool init, int64_t grace) {
        const char *policy = json_string(json_get(container, "restartPolicy"));
        char path[FIELD_MAX];

        put_path(w, path, "%s.restartPolicy", field);
        if (policy && !init)
                cause_forbidden(w, path, "may not be set for non-init containers");
        else if (policy)
                validate_enum(w, path, policy, "Always");
        if (init && !streq_ptr(policy, "Always"))
                forbid_watching(w, field, container);
        else
                validate_watched(w, field, container, grace);
        put_path(w, path, "%s.terminationMessagePolicy", field);
        validate_enum(w, path, json_string(json_get(container, "terminationMessagePolicy")), "File FallbackToLogsOnError");
        validate_part(w, security_checks, field, container);
}
