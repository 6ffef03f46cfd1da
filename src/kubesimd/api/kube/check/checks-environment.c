/* SPDX-License-Identifier: Apache-2.0 */
/* What the variables of a container are of, and what stands for fields and resources of the pod in them and in volumes (kubernetes,
 * pkg/apis/core/validation: ValidateEnv, ValidateEnvFrom, validateObjectFieldSelector, validateContainerResourceFieldSelector). */
#include <ctype.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "core/model/quantity.h"
#include "kubesimd/api/kube/check/checks.h"

/* --- Fields of the pod --- */

#define KNOWN_FIELDS \
        "metadata.annotations metadata.labels metadata.name metadata.namespace metadata.uid spec.nodeName spec.restartPolicy spec.serviceAccountName " \
        "spec.schedulerName status.phase status.hostIP status.hostIPs status.podIP status.podIPs spec.host"
#define ENVIRONMENT_FIELDS \
        "metadata.name metadata.namespace metadata.uid spec.nodeName spec.serviceAccountName status.hostIP status.hostIPs status.podIP status.podIPs"
#define VOLUME_FIELDS "metadata.annotations metadata.labels metadata.name metadata.namespace metadata.uid"

/* Of "metadata.labels['app']" the part in quotes; NULL: it has none. */
static char *subscript_of(JsonArena *a, const char *path, size_t *ret_n) {
        const char *open = strstr(path, "['");
        size_t n = strlen(path);

        if (!open || open == path || !endswith(path, "']") || open + 4 > path + n)
                return NULL;
        *ret_n = (size_t) (open - path);
        return json_arena_copy(a, open + 2, n - *ret_n - 4);
}

static void check_subscript(KubeWrite *w, const char *field, const char *whole, size_t n, char *subscript) {
        bool annotation = n == strlen("metadata.annotations") && startswith(whole, "metadata.annotations");
        bool label = n == strlen("metadata.labels") && startswith(whole, "metadata.labels");
        char path[FIELD_MAX], words[FIELD_MAX];

        for (char *p = subscript; annotation && *p; p++)
                *p = (char) tolower((unsigned char) *p);
        put_path(w, path, "%s.fieldPath", field);
        put_text(words, "error converting fieldPath: field label does not support subscript: %s", whole);
        if (!annotation && !label)
                cause_invalid_text(w, path, whole, words);
        else if (wrong_qualified(subscript))
                cause_invalid_text(w, field, subscript, wrong_qualified(subscript));
}

static void check_field(KubeWrite *w, const char *field, const Json *ref, const char *fields) {
        const char *version = strempty(json_string(json_get(ref, "apiVersion"))), *of = strempty(json_string(json_get(ref, "fieldPath")));
        char path[FIELD_MAX], words[FIELD_MAX];
        char *subscript;
        size_t n;

        put_path(w, path, "%s.%s", field, *version == '\0' ? "apiVersion" : "fieldPath");
        if (*version == '\0' || *of == '\0') {
                cause_required(w, path, "");
                return;
        }
        subscript = subscript_of(&w->arena, of, &n);
        if (!streq(version, "v1")) {
                put_text(words, "error converting fieldPath: unsupported pod version: %s", version);
                cause_invalid_text(w, path, of, words);
        } else if (subscript)
                check_subscript(w, field, of, n, subscript);
        else if (!is_one_of(of, KNOWN_FIELDS)) {
                put_text(words, "error converting fieldPath: field label not supported: %s", of);
                cause_invalid_text(w, path, of, words);
        } else
                validate_one_of(w, path, streq(of, "spec.host") ? "spec.nodeName" : of, fields);
}

static void check_field_of_variable(KubeWrite *w, const char *field, const Json *ref, const Json *old _unused_) {
        if (ref)
                check_field(w, field, ref, ENVIRONMENT_FIELDS);
}

void check_field_of_volume(KubeWrite *w, const char *field, const Json *ref, const Json *old _unused_) {
        if (ref)
                check_field(w, field, ref, VOLUME_FIELDS);
}

/* --- Resources of a container --- */

#define RESOURCES "limits.cpu limits.ephemeral-storage limits.memory requests.cpu requests.ephemeral-storage requests.memory"
#define SIZES "1 1k 1M 1G 1T 1P 1E 1Ki 1Mi 1Gi 1Ti 1Pi 1Ei"
#define SIZES_TEXT "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the %s resource"

static bool is_of_huge_pages(const char *resource) {
        return startswith(resource, "requests.hugepages-") || startswith(resource, "limits.hugepages-");
}

static void check_divisor(KubeWrite *w, const char *field, const char *resource, const char *divisor) {
        char path[FIELD_MAX], words[256];
        int64_t milli;

        if (quantity_parse_milli(divisor, &milli) < 0 || milli == 0)
                return;
        put_path(w, path, "%s.divisor", field);
        if (endswith(resource, ".cpu")) {
                if (milli != 1 && milli != 1000)
                        cause_invalid_text(w, path, resource, "only divisor's values 1m and 1 are supported with the cpu resource");
                return;
        }
        (void) snprintf(words, sizeof(words), SIZES_TEXT, endswith(resource, ".memory") ? "memory" : is_of_huge_pages(resource) ? "hugepages" :
                        "local ephemeral storage");
        if (!is_one_of(divisor, SIZES))
                cause_invalid_text(w, path, resource, words);
}

static void check_resource(KubeWrite *w, const char *field, const Json *ref, bool of_volume) {
        const char *resource = strempty(json_string(json_get(ref, "resource")));
        char path[FIELD_MAX];

        put_path(w, path, "%s.containerName", field);
        if (of_volume && isempty(json_string(json_get(ref, "containerName"))))
                cause_required(w, path, "");
        else {
                put_path(w, path, "%s.resource", field);
                if (*resource == '\0')
                        cause_required(w, path, "");
                else if (!is_of_huge_pages(resource))
                        validate_one_of(w, path, resource, RESOURCES);
        }
        if (is_one_of(resource, RESOURCES) || is_of_huge_pages(resource))
                check_divisor(w, field, resource, strempty(json_string(json_get(ref, "divisor"))));
}

static void check_resource_of_variable(KubeWrite *w, const char *field, const Json *ref, const Json *old _unused_) {
        if (ref)
                check_resource(w, field, ref, false);
}

void check_resource_of_volume(KubeWrite *w, const char *field, const Json *ref, const Json *old _unused_) {
        if (ref)
                check_resource(w, field, ref, true);
}

/* --- Variables --- */

static const Check key_checks[] = {
        { .path = "name", CHECK_GIVEN_TEXT, .wrong = wrong_subdomain },
        { .path = "key", CHECK_REQUIRED },
        { .path = "key", CHECK_TEXT, .wrong = wrong_key },
        {},
};

static const Check variable_source_checks[] = {
        { .path = "fieldRef", .run = check_field_of_variable },
        { .path = "resourceFieldRef", .run = check_resource_of_variable },
        { .path = "configMapKeyRef", .inner = key_checks },
        { .path = "secretKeyRef", .inner = key_checks },
        {},
};

/* How many of the names it has as members. */
static unsigned count_members(const Json *of, const char *const *names, size_t n) {
        unsigned count = 0;

        for (size_t i = 0; i < n; i++)
                count += json_get(of, names[i]) != NULL;
        return count;
}

static void check_variable(KubeWrite *w, const char *field, const Json *variable, const Json *old _unused_) {
        static const char *const sources[] = { "fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef" };
        const Json *from = json_get(variable, "valueFrom");
        unsigned n = count_members(from, sources, ELEMENTSOF(sources));
        char path[FIELD_MAX];

        if (!from)
                return;
        put_path(w, path, "%s.valueFrom", field);
        validate_part(w, variable_source_checks, path, from);
        if (n == 0)
                cause_invalid_text(w, path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`");
        else if (!isempty(json_string(json_get(variable, "value"))))
                cause_invalid_text(w, path, "", "may not be specified when `value` is not empty");
        else if (n > 1)
                cause_invalid_text(w, path, "", "may not have more than one field specified at a time");
}

/* Kubernetes does not say which of the list it is. */
static void check_sources(KubeWrite *w, const char *field, const Json *list, const Json *old _unused_) {
        static const char *const sources[] = { "configMapRef", "secretRef" };

        JSON_FOREACH(from, list) {
                unsigned n = count_members(from, sources, ELEMENTSOF(sources));

                if (n == 0)
                        cause_invalid_text(w, field, "", "must specify one of: `configMapRef` or `secretRef`");
                else if (n > 1)
                        cause_invalid_text(w, field, "", "may not have more than one field specified at a time");
        }
}

static const Check named_checks[] = {
        { .path = "name", CHECK_REQUIRED },
        { .path = "name", CHECK_TEXT, .wrong = wrong_subdomain },
        {},
};

const Check environment_checks[] = {
        { .path = "env[].name", CHECK_REQUIRED },
        { .path = "env[].name", CHECK_TEXT, .wrong = wrong_variable },
        { .path = "env[]", .run = check_variable },
        { .path = "envFrom[].prefix", CHECK_TEXT, .wrong = wrong_variable },
        { .path = "envFrom[].configMapRef", .inner = named_checks },
        { .path = "envFrom[].secretRef", .inner = named_checks },
        { .path = "envFrom", .run = check_sources },
        {},
};
