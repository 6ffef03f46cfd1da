/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes, claims and what limits them (kubernetes, pkg/apis/core/validation, pkg/apis/storage/validation). */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/model/quantity.h"
#include "kubesimd/api/kube/check/checks.h"

#define ACCESS_MODES "ReadOnlyMany ReadWriteMany ReadWriteOnce ReadWriteOncePod"

/* --- Claims and volumes --- */

/* The list is what errors are of, not its item. */
static void check_access_modes(KubeWrite *w, const char *field, const Json *modes, const Json *old _unused_) {
        bool alone = false;

        JSON_FOREACH(mode, modes) {
                validate_one_of(w, field, strempty(json_string(mode)), ACCESS_MODES);
                alone |= streq_ptr(json_string(mode), "ReadWriteOncePod");
        }
        if (alone && modes->size > 1)
                cause_forbidden(w, field, "may not use ReadWriteOncePod with other access modes");
}

static void check_positive(KubeWrite *w, const char *field, const Json *quantity, const Json *old _unused_) {
        int64_t milli;

        if (quantity && quantity_parse_milli(strempty(json_string(quantity)), &milli) >= 0 && milli <= 0)
                cause_invalid(w, field, quantity, "must be greater than zero");
}

static void check_requested_storage(KubeWrite *w, const char *field, const Json *requests, const Json *old _unused_) {
        if (!json_get(requests, "storage"))
                cause_required(w, field, "");
        else
                check_positive(w, field, json_get(requests, "storage"), NULL);
}

/* Kubernetes has no "requests" in the path. */
static void check_claim_resources(KubeWrite *w, const char *field, const Json *resources, const Json *old _unused_) {
        char path[FIELD_MAX];

        put_path(w, path, "%s[storage]", field);
        check_requested_storage(w, path, json_get(resources, "requests"), NULL);
}

/* A claim stays as it is; one that is bound may ask for more, and have another class of attributes. */
static void check_claim_update(KubeWrite *w, const char *field, const Json *spec, const Json *old) {
        Json *now, *before;

        if (!old)
                return;
        now = json_copy(&w->arena, spec);
        before = json_copy(&w->arena, old);
        if (!json_get(before, "volumeName"))
                json_remove(now, "volumeName");
        else {
                json_remove(now, "volumeAttributesClassName");
                json_remove(before, "volumeAttributesClassName");
                json_remove(json_get(now, "resources"), "requests");
                json_remove(json_get(before, "resources"), "requests");
        }
        if (!json_equal(now, before))
                cause_forbidden(w, field, "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
}

static const Check data_source_checks[] = {
        { .path = "name", CHECK_REQUIRED },
        { .path = "kind", CHECK_REQUIRED },
        {},
};

const Check volume_claim_checks[] = {
        { .path = "spec.accessModes", CHECK_REQUIRED, "at least 1 access mode is required" },
        { .path = "spec.accessModes", .run = check_access_modes },
        { .path = "spec.selector", CHECK_SELECTOR },
        { .path = "spec.resources", .run = check_claim_resources },
        { .path = "spec.storageClassName", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "spec.volumeMode", CHECK_ONE_OF, "Block Filesystem" },
        { .path = "spec.dataSource", .inner = data_source_checks },
        { .path = "spec.dataSourceRef", .inner = data_source_checks },
        { .path = "spec", .run = check_claim_update },
        {},
};

static void check_capacity(KubeWrite *w, const char *field, const Json *capacity, const Json *old _unused_) {
        if (capacity && capacity->size > 0 && (capacity->size > 1 || !json_get(capacity, "storage")))
                cause_not_supported_value(w, field, capacity, "\"storage\"");
}

const Check persistent_volume_checks[] = {
        { .path = "spec.accessModes", CHECK_REQUIRED },
        { .path = "spec.accessModes", .run = check_access_modes },
        { .path = "spec.capacity", CHECK_REQUIRED },
        { .path = "spec.capacity", .run = check_capacity },
        { .path = "spec.capacity{}", .run = check_positive },
        { .path = "spec.persistentVolumeReclaimPolicy", CHECK_ONE_OF, "Delete Recycle Retain" },
        { .path = "spec.storageClassName", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "spec.volumeMode", CHECK_ONE_OF, "Block Filesystem" },
        { .path = "spec", .run = check_persistent_volume },
        { .path = "spec.volumeMode", CHECK_IMMUTABLE },
        {},
};

const Check storage_class_checks[] = {
        { .path = "provisioner", CHECK_REQUIRED },
        { .path = "provisioner", CHECK_TEXT, .wrong = wrong_qualified },
        { .path = "reclaimPolicy", CHECK_ONE_OF, "Delete Retain" },
        { .path = "volumeBindingMode", CHECK_ONE_OF, "Immediate WaitForFirstConsumer" },
        { .path = "parameters", CHECK_FIXED, "updates to parameters are forbidden." },
        { .path = "provisioner", CHECK_FIXED, "updates to provisioner are forbidden." },
        { .path = "reclaimPolicy", CHECK_FIXED, "updates to reclaimPolicy are forbidden." },
        { .path = "volumeBindingMode", CHECK_IMMUTABLE },
        {},
};

const Check csi_node_checks[] = {
        { .path = "spec.drivers[].name", CHECK_REQUIRED },
        { .path = "spec.drivers[].name", CHECK_TEXT, .wrong = wrong_subdomain },
        { .path = "spec.drivers[].name", CHECK_UNIQUE },
        { .path = "spec.drivers[].nodeID", CHECK_REQUIRED },
        { .path = "spec.drivers[].allocatable.count", CHECK_AT_LEAST },
        { .path = "spec.drivers[].topologyKeys[]", CHECK_TEXT, .wrong = wrong_qualified },
        { .path = "spec.drivers[].topologyKeys[]", CHECK_UNIQUE },
        {},
};

/* --- Quotas and limits --- */

static const char quota_resources[] =
        "cpu memory ephemeral-storage requests.cpu requests.memory requests.storage requests.ephemeral-storage limits.cpu limits.memory "
        "limits.ephemeral-storage pods services replicationcontrollers resourcequotas secrets configmaps persistentvolumeclaims services.nodeports "
        "services.loadbalancers";

static bool is_quota_resource(const char *name) {
        return is_one_of(name, quota_resources) || startswith(name, "hugepages-") || startswith(name, "requests.hugepages-");
}

static void check_hard(KubeWrite *w, const char *field, const Json *v, const Json *old _unused_) {
        int64_t milli;

        if (!strchr(v->key, '/')) {
                if (!is_quota_resource(v->key)) {
                        cause_invalid_text(w, field, v->key, "must be a standard resource type or fully qualified");
                        cause_invalid_text(w, field, v->key, "must be a standard resource for quota");
                }
        } else if (wrong_qualified(v->key))
                cause_invalid_text(w, field, v->key, KEY_TEXT);
        if (quantity_parse_milli(strempty(json_string(v)), &milli) >= 0 && milli < 0)
                cause_invalid(w, field, v, "must be greater than or equal to 0");
}

static void check_scopes(KubeWrite *w, const char *field, const Json *scopes, const Json *old _unused_) {
        JSON_FOREACH(scope, scopes)
                if (!is_one_of(json_string(scope), "Terminating NotTerminating BestEffort NotBestEffort PriorityClass CrossNamespacePodAffinity"))
                        cause_invalid(w, field, scopes, "unsupported scope");
}

static const Check scope_checks[] = {
        { .path = "operator", CHECK_ONE_OF, "In NotIn Exists DoesNotExist" },
        { .path = "values", CHECK_REQUIRED, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector", .when = "operator=In|NotIn" },
        { .path = "values", CHECK_INVALID, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector", .when = "operator=Exists|DoesNotExist" },
        {},
};

const Check resource_quota_checks[] = {
        { .path = "spec.hard{}", .run = check_hard },
        { .path = "spec.scopes", .run = check_scopes },
        { .path = "spec.scopeSelector.matchExpressions[]", .inner = scope_checks },
        { .path = "spec.scopes", CHECK_IMMUTABLE },
        {},
};

static void check_limit_type(KubeWrite *w, const char *field, const Json *limit, const Json *old _unused_) {
        const char *type = strempty(json_string(json_get(limit, "type")));
        char path[FIELD_MAX];

        put_path(w, path, "%s.type", field);
        if (wrong_qualified(type))
                cause_invalid_text(w, path, type, KEY_TEXT);
        else if (!strchr(type, '/') && !is_one_of(type, "Pod Container PersistentVolumeClaim"))
                cause_invalid_text(w, path, type, "must be a standard limit type or fully qualified");
        put_path(w, path, "%s.limits", field);
        if (streq(type, "PersistentVolumeClaim") && !json_at(limit, "min", "storage", NULL) && !json_at(limit, "max", "storage", NULL))
                cause_required(w, path, "either minimum or maximum storage value is required, but neither was provided");
}

/* What must not be greater than what, how it is called, and which of the two errors have as their field and as their value. */
static void check_limit_order(KubeWrite *w, const char *field, const Json *limit, const Json *old _unused_) {
        static const struct {
                const char *less, *more, *less_name, *more_name, *field, *of;
        } orders[] = {
                { "min", "max", "min value", "max value", "min", "min" },
                { "min", "defaultRequest", "min value", "default request value", "defaultRequest", "defaultRequest" },
                { "defaultRequest", "max", "default request value", "max value", "defaultRequest", "defaultRequest" },
                { "defaultRequest", "default", "default request value", "default limit value", "defaultRequest", "defaultRequest" },
                { "min", "default", "min value", "default value", "default", "min" },
                { "default", "max", "default value", "max value", "default", "max" },
        };
        char path[FIELD_MAX], detail[256];
        int64_t a, b;

        for (size_t i = 0; i < ELEMENTSOF(orders); i++)
                JSON_FOREACH(v, json_get(limit, orders[i].less)) {
                        const char *less = strempty(json_string(v)), *more = strempty(json_string(json_get(json_get(limit, orders[i].more), v->key)));

                        if (quantity_parse_milli(less, &a) < 0 || quantity_parse_milli(more, &b) < 0 || a <= b)
                                continue;
                        put_path(w, path, "%s.%s[%s]", field, orders[i].field, v->key);
                        (void) snprintf(detail, sizeof(detail), "%s %s is greater than %s %s", orders[i].less_name, less, orders[i].more_name, more);
                        cause_invalid(w, path, json_get(json_get(limit, orders[i].of), v->key), detail);
                }
}

static void check_ratio(KubeWrite *w, const char *field, const Json *ratio, const Json *old _unused_) {
        char detail[256];
        int64_t milli;

        (void) snprintf(detail, sizeof(detail), "ratio %s is less than 1", strempty(json_string(ratio)));
        if (quantity_parse_milli(strempty(json_string(ratio)), &milli) >= 0 && milli < 1000)
                cause_invalid(w, field, ratio, detail);
}

const Check limit_range_checks[] = {
        { .path = "spec.limits[]", .run = check_limit_type },
        { .path = "spec.limits[].type", CHECK_UNIQUE },
        { .path = "spec.limits[].default", CHECK_FORBIDDEN, "may not be specified when `type` is 'Pod'", .when = "type=Pod" },
        { .path = "spec.limits[].defaultRequest", CHECK_FORBIDDEN, "may not be specified when `type` is 'Pod'", .when = "type=Pod" },
        { .path = "spec.limits[]", .run = check_limit_order },
        { .path = "spec.limits[].maxLimitRequestRatio{}", .run = check_ratio },
        {},
};
