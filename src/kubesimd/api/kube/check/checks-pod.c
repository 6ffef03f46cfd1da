/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod's spec says beside its containers, and how it confines them (kubernetes, pkg/apis/core/validation: ValidatePodSpec,
 * ValidateSecurityContext). */
#include <stdio.h>

#include "basic/string-util.h"
#include "kubesimd/api/kube/check/checks.h"

/* --- Confinement --- */

#define SYSCTL_MAX 253
#define IDS_TEXT "must be between 0 and 2147483647, inclusive"
#define ID(member) { .path = member, CHECK_AT_LEAST, IDS_TEXT, .limit = 0 }, { .path = member, CHECK_AT_MOST, IDS_TEXT, .limit = INT32_MAX }
#define PROFILE_TYPES "Localhost RuntimeDefault Unconfined"

static const Check seccomp_checks[] = {
        { .path = "type", CHECK_REQUIRED, "type is required when seccompProfile is set" },
        { .path = "type", CHECK_ONE_OF, PROFILE_TYPES },
        { .path = "localhostProfile", CHECK_REQUIRED, "must be set when seccomp type is Localhost", .when = "type=Localhost" },
        { .path = "localhostProfile", CHECK_TEXT, .wrong = wrong_descending, .when = "type=Localhost" },
        { .path = "localhostProfile", CHECK_INVALID, "can only be set when seccomp type is Localhost", .when = "type!=Localhost" },
        {},
};

static const char *wrong_padding(const char *s) {
        size_t n = strlen(s);

        return n > 0 && (strchr(" \t\r\n\v\f", s[0]) || strchr(" \t\r\n\v\f", s[n - 1])) ? "must not be padded with whitespace" : NULL;
}

static const Check app_armor_checks[] = {
        { .path = "type", CHECK_REQUIRED, "type is required when appArmorProfile is set" },
        { .path = "type", CHECK_ONE_OF, PROFILE_TYPES },
        { .path = "localhostProfile", CHECK_REQUIRED, "must be set when AppArmor type is Localhost", .when = "type=Localhost" },
        { .path = "localhostProfile", CHECK_TEXT, .wrong = wrong_padding, .when = "type=Localhost" },
        { .path = "localhostProfile", CHECK_INVALID, "can only be set when AppArmor type is Localhost", .when = "type=RuntimeDefault|Unconfined" },
        {},
};

static void check_escalation(KubeWrite *w, const char *field, const Json *context) {
        const Json *escalation = json_get(context, "allowPrivilegeEscalation");

        if (!escalation || json_is_true(escalation))
                return;
        if (json_is_true(json_get(context, "privileged")))
                cause_invalid(w, field, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
        JSON_FOREACH(capability, json_at(context, "capabilities", "add", NULL))
                if (streq_ptr(json_string(capability), "CAP_SYS_ADMIN"))
                        cause_invalid(w, field, context, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
}

static void check_context(KubeWrite *w, const char *field, const Json *context, const Json *old _unused_) {
        check_escalation(w, field, context);
}

const Check security_checks[] = {
        ID("securityContext.runAsUser"),
        ID("securityContext.runAsGroup"),
        { .path = "securityContext.procMount", CHECK_ONE_OF, "Default Unmasked" },
        { .path = "securityContext.seccompProfile", .inner = seccomp_checks },
        { .path = "securityContext", .run = check_context },
        { .path = "securityContext.appArmorProfile", .inner = app_armor_checks },
        {},
};

static bool is_sysctl_letter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* [a-z0-9]([-_a-z0-9]*[a-z0-9])? with dots or slashes between */
static const char *wrong_sysctl(const char *s) {
        size_t n = strlen(s);
        bool right = n <= SYSCTL_MAX;

        for (size_t i = 0; right && i < n; i++) {
                bool between = s[i] == '.' || s[i] == '/', edge = i == 0 || i == n - 1 || strchr("./", s[i - 1]) || strchr("./", s[i + 1]);

                right = is_sysctl_letter(s[i]) || (between && i > 0 && i < n - 1) || ((s[i] == '-' || s[i] == '_') && !edge);
                right = right && !(between && (strchr("./", s[i - 1]) || strchr("./", s[i + 1])));
        }
        return right ? NULL : "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
}

/* What a pod in the network, or with the memory, of its host shares with it (k8s.io/component-helpers, node/util/sysctl). */
static void check_shared_sysctls(KubeWrite *w, const char *field, const Json *spec) {
        bool network = json_is_true(json_get(spec, "hostNetwork")), memory = json_is_true(json_get(spec, "hostIPC"));
        static const char *const of_memory[] = { "kernel.sem", "kernel.shm", "kernel.msg", "fs.mqueue." };
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(sysctl, json_at(spec, "securityContext", "sysctls", NULL)) {
                const char *name = strempty(json_string(json_get(sysctl, "name")));

                put_path(w, path, "%s.securityContext.sysctls[%u].name", field, i++);
                if (network && startswith(name, "net."))
                        cause_invalid_text(w, path, name, "may not be specified when 'hostNetwork' is true");
                for (size_t k = 0; memory && k < ELEMENTSOF(of_memory); k++)
                        if (startswith(name, of_memory[k]))
                                cause_invalid_text(w, path, name, "may not be specified when 'hostIPC' is true");
        }
}

/* A pod with users of its own shares nothing else with its host, either; in Kubernetes' letters. */
static void check_shared(KubeWrite *w, const char *field, const Json *spec) {
        static const char *const shared[][2] = { { "hostNetwork", "hostNetwork" }, { "hostPID", "HostPID" }, { "hostIPC", "HostIPC" } };
        const Json *users = json_get(spec, "hostUsers"), *process = json_get(spec, "shareProcessNamespace");
        char path[FIELD_MAX];

        put_path(w, path, "%s.securityContext.shareProcessNamespace", field);
        if (json_is_true(process) && json_is_true(json_get(spec, "hostPID")))
                cause_invalid(w, path, process, "ShareProcessNamespace and HostPID cannot both be enabled");
        for (size_t i = 0; users && !json_is_true(users) && i < ELEMENTSOF(shared); i++) {
                put_path(w, path, "%s.%s", field, shared[i][1]);
                if (json_is_true(json_get(spec, shared[i][0])))
                        cause_forbidden(w, path, "when `pod.Spec.HostUsers` is false");
        }
        check_shared_sysctls(w, field, spec);
}

/* --- Names --- */

#define NAMESERVERS_MAX 3
#define SEARCHES_MAX 32
#define SEARCH_LIST_MAX 2048

static void check_nameservers(KubeWrite *w, const char *field, const Json *list, const Json *old _unused_) {
        if (list && list->size > NAMESERVERS_MAX)
                cause_invalid(w, field, list, "must not have more than 3 nameservers");
}

static void check_searches(KubeWrite *w, const char *field, const Json *list, const Json *old _unused_) {
        size_t n = list && list->size > 0 ? list->size - 1 : 0; /* blanks between */

        JSON_FOREACH(search, list)
                n += search->size;
        if (list && list->size > SEARCHES_MAX)
                cause_invalid(w, field, list, "must not have more than 32 search paths");
        if (n > SEARCH_LIST_MAX)
                cause_invalid(w, field, list, "must not have more than 2048 characters (including spaces) in the search list");
}

static void check_option(KubeWrite *w, const char *field, const Json *option, const Json *old _unused_) {
        if (isempty(json_string(json_get(option, "name"))))
                cause_required(w, field, "must not be empty");
}

static const Check own_name_service_checks[] = {
        { .path = "nameservers", CHECK_REQUIRED, "must provide at least one DNS nameserver when `dnsPolicy` is None" },
        {},
};

static const Check name_service_checks[] = {
        { .path = "nameservers", .run = check_nameservers },
        { .path = "nameservers[]", CHECK_GIVEN_TEXT, .wrong = wrong_address },
        { .path = "searches", .run = check_searches },
        { .path = "searches[]", CHECK_GIVEN_TEXT, .wrong = wrong_search },
        { .path = "options[]", .run = check_option },
        {},
};

static const Check claim_checks[] = {
        { .path = "name", CHECK_REQUIRED },
        { .path = "name", CHECK_TEXT, .wrong = wrong_label },
        { .path = "resourceClaimName", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "resourceClaimTemplateName", CHECK_TEXT, .wrong = wrong_subdomain },
        {},
};

static void check_claim(KubeWrite *w, const char *field, const Json *claim, const Json *old _unused_) {
        bool named = json_get(claim, "resourceClaimName"), made = json_get(claim, "resourceClaimTemplateName");

        if (named && made)
                cause_invalid(w, field, claim, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
        else if (!named && !made)
                cause_invalid(w, field, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
}

const Check pod_spec_checks[] = {
        { .path = "volumes[].name", CHECK_REQUIRED },
        { .path = "volumes[].name", CHECK_TEXT, .wrong = wrong_label },
        { .path = "volumes[].name", CHECK_UNIQUE },
        { .path = "volumes[]", .run = check_volume },
        { .path = "resourceClaims[]", .inner = claim_checks },
        { .path = "resourceClaims[].name", CHECK_UNIQUE },
        { .path = "resourceClaims[]", .run = check_claim },
        { .path = "dnsPolicy", CHECK_ONE_OF, "ClusterFirstWithHostNet ClusterFirst Default None" },
        { .path = "dnsConfig", CHECK_REQUIRED, "must provide `dnsConfig` when `dnsPolicy` is None", .when = "dnsPolicy=None !dnsConfig" },
        { .path = "dnsConfig", .inner = own_name_service_checks, .when = "dnsPolicy=None" },
        { .path = "dnsConfig", .inner = name_service_checks },
        { .path = "readinessGates[].conditionType", CHECK_GIVEN_TEXT, .wrong = wrong_qualified },
        { .path = "serviceAccountName", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "nodeName", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "hostname", CHECK_TEXT, .wrong = wrong_label },
        { .path = "subdomain", CHECK_TEXT, .wrong = wrong_label },
        { .path = "priorityClassName", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "runtimeClassName", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "hostAliases[].ip", CHECK_GIVEN_TEXT, .wrong = wrong_address },
        { .path = "hostAliases[].hostnames[]", CHECK_GIVEN_TEXT, .wrong = wrong_subdomain },
        ID("securityContext.fsGroup"),
        ID("securityContext.runAsUser"),
        ID("securityContext.runAsGroup"),
        ID("securityContext.supplementalGroups[]"),
        { .path = "securityContext.sysctls[].name", CHECK_REQUIRED },
        { .path = "securityContext.sysctls[].name", CHECK_TEXT, .wrong = wrong_sysctl },
        { .path = "securityContext.sysctls[].name", CHECK_UNIQUE },
        { .path = "securityContext.fsGroupChangePolicy", CHECK_ONE_OF, "Always OnRootMismatch" },
        { .path = "securityContext.seccompProfile", .inner = seccomp_checks },
        { .path = "securityContext.appArmorProfile", .inner = app_armor_checks },
        { .path = "securityContext.supplementalGroupsPolicy", CHECK_ONE_OF, "Merge Strict" },
        { .path = "securityContext.seLinuxChangePolicy", CHECK_ONE_OF, "MountOption Recursive" },
        {},
};

/* --- Windows has no such things, and Linux none of Windows' --- */

static const char *const of_linux[] = {
        "securityContext.appArmorProfile", "securityContext.seLinuxOptions", "hostUsers", "hostPID", "hostIPC", "securityContext.seccompProfile",
        "securityContext.fsGroup", "securityContext.fsGroupChangePolicy", "securityContext.sysctls", "shareProcessNamespace", "securityContext.runAsUser",
        "securityContext.runAsGroup", "securityContext.supplementalGroups", "securityContext.supplementalGroupsPolicy", "securityContext.seLinuxChangePolicy",
};
static const char *const of_linux_containers[] = {
        "securityContext.appArmorProfile", "securityContext.seLinuxOptions", "securityContext.seccompProfile", "securityContext.capabilities",
        "securityContext.readOnlyRootFilesystem", "securityContext.privileged", "securityContext.allowPrivilegeEscalation", "securityContext.procMount",
        "securityContext.runAsUser", "securityContext.runAsGroup",
};
static const char *const of_windows[] = { "securityContext.windowsOptions" };

static void forbid(KubeWrite *w, const char *field, const Json *object, const char *const *members, size_t n, const char *words) {
        char path[FIELD_MAX];

        for (size_t i = 0; i < n; i++) {
                const char *inner = startswith(members[i], "securityContext.");
                const Json *v = inner ? json_at(object, "securityContext", inner, NULL) : json_get(object, members[i]);

                if (is_one_of(members[i], "hostPID hostIPC") && !json_is_true(v))
                        continue; /* false is the same as nothing */
                put_path(w, path, "%s.%s", field, members[i]);
                if (v)
                        cause_forbidden(w, path, words);
        }
}

static void forbid_of_system(KubeWrite *w, const char *field, const Json *spec, bool windows) {
        static const char *const lists[] = { "initContainers", "containers", "ephemeralContainers" };
        const char *words = windows ? "cannot be set for a windows pod" : "windows options cannot be set for a linux pod";
        char path[FIELD_MAX];

        forbid(w, field, spec, windows ? of_linux : of_windows, windows ? ELEMENTSOF(of_linux) : ELEMENTSOF(of_windows), words);
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                unsigned k = 0;

                JSON_FOREACH(container, json_get(spec, lists[i])) {
                        put_path(w, path, "%s.%s[%u]", field, lists[i], k++);
                        forbid(w, path, container, windows ? of_linux_containers : of_windows,
                               windows ? ELEMENTSOF(of_linux_containers) : ELEMENTSOF(of_windows), words);
                }
        }
}

static void check_system(KubeWrite *w, const char *field, const Json *spec) {
        const char *name = json_string(json_at(spec, "os", "name", NULL));
        char path[FIELD_MAX];

        if (!json_get(spec, "os"))
                return;
        put_path(w, path, "%s.os%s", field, isempty(name) ? ".name" : "");
        if (isempty(name))
                cause_required(w, path, "cannot be empty");
        else if (!is_one_of(name, "linux windows"))
                validate_one_of(w, path, name, "linux windows");
        else
                forbid_of_system(w, field, spec, streq(name, "windows"));
}

void check_host(KubeWrite *w, const char *field, const Json *spec) {
        check_shared(w, field, spec);
        check_system(w, field, spec);
}
