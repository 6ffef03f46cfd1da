/* SPDX-License-Identifier: Apache-2.0 */
/* What makes pods, and what goes with it (kubernetes, pkg/apis/apps/validation, batch, policy, autoscaling, scheduling). */
#include <string.h>

#include "basic/string-util.h"
#include "core/model/quantity.h"
#include "kubesimd/api/kube/check/checks.h"

#define RULES_MAX 20
#define INDEXED_PARALLELISM_MAX 100000

/* --- Pods that stay --- */

const Check deployment_checks[] = {
        { .path = "spec.strategy.type", CHECK_ONE_OF, "Recreate RollingUpdate" },
        { .path = "spec.strategy.rollingUpdate", CHECK_FORBIDDEN, "may not be specified when strategy `type` is 'Recreate'", .when = "type=Recreate" },
        { .path = "spec.strategy.rollingUpdate.maxUnavailable", CHECK_PERCENT, .limit = 100 },
        { .path = "spec.strategy.rollingUpdate.maxSurge", CHECK_PERCENT },
        { .path = "spec.minReadySeconds", CHECK_AT_LEAST },
        { .path = "spec.revisionHistoryLimit", CHECK_AT_LEAST },
        { .path = "spec.progressDeadlineSeconds", CHECK_AT_LEAST },
        {},
};

const Check replica_set_checks[] = {
        { .path = "spec.minReadySeconds", CHECK_AT_LEAST },
        {},
};

const Check daemon_set_checks[] = {
        { .path = "spec.minReadySeconds", CHECK_AT_LEAST },
        { .path = "spec.revisionHistoryLimit", CHECK_AT_LEAST },
        { .path = "spec.updateStrategy.type", CHECK_ONE_OF, "RollingUpdate OnDelete" },
        { .path = "spec.updateStrategy.rollingUpdate.maxUnavailable", CHECK_PERCENT, .limit = 100 },
        { .path = "spec.updateStrategy.rollingUpdate.maxSurge", CHECK_PERCENT, .limit = 100 },
        {},
};

static const char *wrong_pod_management(const char *s) {
        return is_one_of(s, "OrderedReady Parallel") ? NULL : "must be 'OrderedReady' or 'Parallel'";
}

static void check_update_strategy(KubeWrite *w, const char *field, const Json *strategy, const Json *old _unused_) {
        const char *type = json_string(json_get(strategy, "type"));

        if (!isempty(type) && !is_one_of(type, "RollingUpdate OnDelete"))
                cause_invalid(w, field, strategy, "must be 'RollingUpdate' or 'OnDelete'");
}

const Check stateful_set_checks[] = {
        { .path = "spec.podManagementPolicy", CHECK_TEXT, .wrong = wrong_pod_management },
        { .path = "spec.updateStrategy", .run = check_update_strategy },
        { .path = "spec.updateStrategy.rollingUpdate", CHECK_INVALID, "only allowed for updateStrategy 'RollingUpdate'", .when = "type=OnDelete" },
        { .path = "spec.updateStrategy.rollingUpdate.partition", CHECK_AT_LEAST },
        { .path = "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", CHECK_ONE_OF, "Retain Delete" },
        { .path = "spec.persistentVolumeClaimRetentionPolicy.whenScaled", CHECK_ONE_OF, "Retain Delete" },
        { .path = "spec.minReadySeconds", CHECK_AT_LEAST },
        { .path = "spec.ordinals.start", CHECK_AT_LEAST },
        { .path = "spec.serviceName", CHECK_TEXT, .wrong = wrong_label },
        {},
};

const Check controller_revision_checks[] = {
        { .path = "data", CHECK_IMMUTABLE },
        { .path = "revision", CHECK_AT_LEAST },
        {},
};

const Check replication_controller_checks[] = {
        { .path = "spec.minReadySeconds", CHECK_AT_LEAST },
        { .path = "spec.selector", CHECK_REQUIRED },
        { .path = "spec.replicas", CHECK_AT_LEAST },
        {},
};

/* --- Pods that end --- */

static void check_success_rule(KubeWrite *w, const char *field, const Json *rule, const Json *old _unused_) {
        if (!json_get(rule, "succeededCount") && !json_get(rule, "succeededIndexes"))
                cause_required(w, field, "at least one of succeededCount or succeededIndexes must be specified");
}

static const Check success_policy_checks[] = {
        { .path = "rules", CHECK_REQUIRED, "at least one rules must be specified when the successPolicy is specified" },
        { .path = "rules", CHECK_FEW, .limit = RULES_MAX },
        { .path = "rules[].succeededCount", CHECK_AT_LEAST },
        { .path = "rules[]", .run = check_success_rule },
        {},
};

static void check_exit_codes(KubeWrite *w, const char *field, const Json *codes, const Json *old _unused_) {
        bool among = streq_ptr(json_string(json_get(codes, "operator")), "In");
        char path[FIELD_MAX];
        unsigned i = 0;

        put_path(w, path, "%s.values", field);
        if (!json_get(codes, "values") || json_get(codes, "values")->size == 0)
                cause_invalid(w, path, json_get(codes, "values"), "at least one value is required");
        JSON_FOREACH(v, json_get(codes, "values")) {
                put_path(w, path, "%s.values[%u]", field, i++);
                if (among && json_i64(v, -1) == 0)
                        cause_invalid(w, path, v, "must not be 0 for the In operator");
                put_path(w, path, "%s.values", field);
                if (v->prev && json_i64(v, 0) < json_i64(v->prev, 0))
                        cause_invalid(w, path, json_get(codes, "values"), "must be ordered");
        }
}

static const Check exit_codes_checks[] = {
        { .path = "operator", CHECK_REQUIRED, "valid values: \"In\", \"NotIn\"" },
        { .path = "operator", CHECK_ONE_OF, "In NotIn" },
        { .path = "values", CHECK_FEW, .limit = 255 },
        { .path = "values[]", CHECK_UNIQUE },
        {},
};

static const Check failure_rule_checks[] = {
        { .path = "action", CHECK_REQUIRED, "valid values: \"Count\", \"FailIndex\", \"FailJob\", \"Ignore\"" },
        { .path = "action", CHECK_ONE_OF, "Count FailIndex FailJob Ignore" },
        { .path = "onExitCodes", .inner = exit_codes_checks },
        { .path = "onExitCodes", .run = check_exit_codes, .when = "onExitCodes" },
        { .path = "onPodConditions", CHECK_FEW, .limit = RULES_MAX },
        { .path = "onPodConditions[].type", CHECK_TEXT, .wrong = wrong_qualified },
        { .path = "onPodConditions[].status", CHECK_ONE_OF, "False True Unknown" },
        {},
};

/* The spec of a job, also of those that a CronJob makes. */
static const Check job_spec_checks[] = {
        { .path = "completions", CHECK_AT_LEAST },
        { .path = "parallelism", CHECK_AT_LEAST },
        { .path = "backoffLimit", CHECK_AT_LEAST },
        { .path = "activeDeadlineSeconds", CHECK_AT_LEAST },
        { .path = "ttlSecondsAfterFinished", CHECK_AT_LEAST },
        { .path = "backoffLimitPerIndex", CHECK_AT_LEAST },
        { .path = "maxFailedIndexes", CHECK_AT_LEAST },
        { .path = "completionMode", CHECK_ONE_OF, "Indexed NonIndexed" },
        { .path = "completions", CHECK_REQUIRED, "when completion mode is Indexed", .when = "completionMode=Indexed" },
        { .path = "parallelism", CHECK_AT_MOST, "must be less than or equal to 100000 when completion mode is Indexed", INDEXED_PARALLELISM_MAX,
          .when = "completionMode=Indexed" },
        { .path = "backoffLimitPerIndex", CHECK_INVALID, "requires indexed completion mode", .when = "completionMode!=Indexed" },
        { .path = "backoffLimitPerIndex", CHECK_REQUIRED, "when maxFailedIndexes is specified", .when = "maxFailedIndexes" },
        { .path = "podReplacementPolicy", CHECK_ONE_OF, "Failed TerminatingOrFailed", .when = "!podFailurePolicy" },
        { .path = "podReplacementPolicy", CHECK_ONE_OF, "Failed", .when = "podFailurePolicy" },
        { .path = "podFailurePolicy.rules", CHECK_FEW, .limit = RULES_MAX },
        { .path = "podFailurePolicy.rules[]", .inner = failure_rule_checks },
        { .path = "successPolicy", CHECK_INVALID, "requires indexed completion mode", .when = "completionMode!=Indexed" },
        { .path = "successPolicy", .inner = success_policy_checks, .when = "completionMode=Indexed" },
        { .path = "managedBy", CHECK_TEXT, .wrong = wrong_domain_path },
        {},
};

static void check_failed_indexes(KubeWrite *w, const char *field, const Json *spec, const Json *old _unused_) {
        const Json *failed = json_get(spec, "maxFailedIndexes"), *completions = json_get(spec, "completions");
        char path[FIELD_MAX];

        put_path(w, path, "%s.maxFailedIndexes", field);
        if (failed && completions && json_i64(failed, 0) > json_i64(completions, 0))
                cause_invalid(w, path, failed, "must be less than or equal to completions");
}

const Check job_checks[] = {
        { .path = "spec", .inner = job_spec_checks },
        { .path = "spec", .run = check_failed_indexes },
        {},
};

static void check_manual_selector(KubeWrite *w, const char *field, const Json *manual, const Json *old _unused_) {
        if (json_is_true(manual))
                cause_not_supported_value(w, field, manual, "\"nil\", \"false\"");
}

const Check cron_job_checks[] = {
        { .path = "spec.schedule", CHECK_REQUIRED },
        { .path = "spec.concurrencyPolicy", CHECK_ONE_OF, "Allow Forbid Replace" },
        { .path = "spec.startingDeadlineSeconds", CHECK_AT_LEAST },
        { .path = "spec.successfulJobsHistoryLimit", CHECK_AT_LEAST },
        { .path = "spec.failedJobsHistoryLimit", CHECK_AT_LEAST },
        { .path = "spec.jobTemplate.spec", .inner = job_spec_checks },
        { .path = "spec.jobTemplate.spec", .run = check_failed_indexes },
        { .path = "spec.jobTemplate.spec.selector", CHECK_INVALID, "`selector` will be auto-generated" },
        { .path = "spec.jobTemplate.spec.manualSelector", .run = check_manual_selector },
        {},
};

/* --- Budgets, priorities --- */

static void check_budget(KubeWrite *w, const char *field, const Json *spec, const Json *old _unused_) {
        if (json_get(spec, "minAvailable") && json_get(spec, "maxUnavailable"))
                cause_invalid(w, field, spec, "minAvailable and maxUnavailable cannot be both set");
}

const Check disruption_budget_checks[] = {
        { .path = "spec", .run = check_budget },
        { .path = "spec.minAvailable", CHECK_PERCENT, .limit = 100 },
        { .path = "spec.maxUnavailable", CHECK_PERCENT, .limit = 100 },
        { .path = "spec.selector", CHECK_SELECTOR },
        { .path = "spec.unhealthyPodEvictionPolicy", CHECK_ONE_OF, "AlwaysAllow IfHealthyBudget" },
        {},
};

const Check priority_class_checks[] = {
        { .path = "value", CHECK_FIXED, "may not be changed in an update." },
        { .path = "preemptionPolicy", CHECK_ONE_OF, "Never PreemptLowerPriority" },
        { .path = "preemptionPolicy", CHECK_IMMUTABLE },
        {},
};

/* --- Autoscalers --- */

static const char *wrong_target_type(const char *s) {
        return is_one_of(s, "Utilization Value AverageValue") ? NULL : "must be either Utilization, Value, or AverageValue";
}

static const char *wrong_target_amount(const char *s) {
        int64_t milli;

        return quantity_parse_milli(s, &milli) >= 0 && milli <= 0 ? "must be positive" : NULL;
}

static const Check metric_target_checks[] = {
        { .path = "type", CHECK_REQUIRED, "must specify a metric target type" },
        { .path = "type", CHECK_TEXT, .wrong = wrong_target_type },
        { .path = "value", CHECK_TEXT, .wrong = wrong_target_amount },
        { .path = "averageValue", CHECK_TEXT, .wrong = wrong_target_amount },
        { .path = "averageUtilization", CHECK_AT_LEAST, .limit = 1 },
        {},
};

static const Check reference_checks[] = {
        { .path = "kind", CHECK_REQUIRED },
        { .path = "kind", CHECK_TEXT, .wrong = wrong_segment },
        { .path = "name", CHECK_REQUIRED },
        { .path = "name", CHECK_TEXT, .wrong = wrong_segment },
        {},
};

static const Check resource_metric_checks[] = {
        { .path = "name", CHECK_REQUIRED, "must specify a resource name" },
        { .path = "target", .inner = metric_target_checks },
        { .path = "target.averageUtilization", CHECK_REQUIRED, "must set either a target raw value or a target utilization", .when = "!averageValue" },
        { .path = "target.averageValue", CHECK_FORBIDDEN, "may not set both a target raw value and a target utilization", .when = "averageUtilization" },
        {},
};

static const Check container_metric_checks[] = {
        { .path = "container", CHECK_REQUIRED, "must specify a container" },
        { .path = "name", CHECK_REQUIRED, "must specify a resource name" },
        { .path = "target", .inner = metric_target_checks },
        { .path = "target.averageUtilization", CHECK_REQUIRED, "must set either a target raw value or a target utilization", .when = "!averageValue" },
        { .path = "target.averageValue", CHECK_FORBIDDEN, "may not set both a target raw value and a target utilization", .when = "averageUtilization" },
        {},
};

static const Check pods_metric_checks[] = {
        { .path = "metric.name", CHECK_REQUIRED, "must specify a metric name" },
        { .path = "target", .inner = metric_target_checks },
        { .path = "target.averageValue", CHECK_REQUIRED, "must specify a positive target averageValue" },
        {},
};

static const Check object_metric_checks[] = {
        { .path = "describedObject", .inner = reference_checks },
        { .path = "metric.name", CHECK_REQUIRED, "must specify a metric name" },
        { .path = "target", .inner = metric_target_checks },
        { .path = "target.averageValue", CHECK_REQUIRED, "must set either a target value or averageValue", .when = "!value" },
        {},
};

static const Check external_metric_checks[] = {
        { .path = "metric.name", CHECK_REQUIRED, "must specify a metric name" },
        { .path = "target", .inner = metric_target_checks },
        { .path = "target.averageValue", CHECK_REQUIRED, "must set either a target value for metric or a per-pod target", .when = "!value" },
        { .path = "target.value", CHECK_FORBIDDEN, "may not set both a target value for metric and a per-pod target", .when = "averageValue" },
        {},
};

#define NOT_THE_ONE "must populate the given metric source only"
#define THE_ONE "must populate information for the given metric source"

static const Check metric_checks[] = {
        { .path = "type", CHECK_REQUIRED, "must specify a metric source type" },
        { .path = "type", CHECK_GIVEN_ONE_OF, "ContainerResource External Object Pods Resource" },
        { .path = "object", .inner = object_metric_checks },
        { .path = "external", .inner = external_metric_checks },
        { .path = "pods", .inner = pods_metric_checks },
        { .path = "resource", .inner = resource_metric_checks },
        { .path = "containerResource", .inner = container_metric_checks },
        { .path = "object", CHECK_REQUIRED, THE_ONE, .when = "type=Object" },
        { .path = "external", CHECK_REQUIRED, THE_ONE, .when = "type=External" },
        { .path = "pods", CHECK_REQUIRED, THE_ONE, .when = "type=Pods" },
        { .path = "resource", CHECK_REQUIRED, THE_ONE, .when = "type=Resource" },
        { .path = "containerResource", CHECK_REQUIRED, THE_ONE, .when = "type=ContainerResource" },
        { .path = "object", CHECK_FORBIDDEN, NOT_THE_ONE, .when = "type type!=Object" },
        { .path = "external", CHECK_FORBIDDEN, NOT_THE_ONE, .when = "type type!=External" },
        { .path = "pods", CHECK_FORBIDDEN, NOT_THE_ONE, .when = "type type!=Pods" },
        { .path = "resource", CHECK_FORBIDDEN, NOT_THE_ONE, .when = "type type!=Resource" },
        { .path = "containerResource", CHECK_FORBIDDEN, NOT_THE_ONE, .when = "type type!=ContainerResource" },
        {},
};

static const Check scaling_checks[] = {
        { .path = "stabilizationWindowSeconds", CHECK_AT_LEAST, "must be greater than or equal to zero" },
        { .path = "stabilizationWindowSeconds", CHECK_AT_MOST, .limit = 3600 },
        { .path = "selectPolicy", CHECK_ONE_OF, "Disabled Max Min" },
        { .path = "policies[].type", CHECK_GIVEN_ONE_OF, "Percent Pods" },
        { .path = "policies[].value", CHECK_GIVEN_AT_LEAST, "must be greater than zero", 1 },
        { .path = "policies[].periodSeconds", CHECK_GIVEN_AT_LEAST, "must be greater than zero", 1 },
        { .path = "policies[].periodSeconds", CHECK_AT_MOST, .limit = 1800 },
        {},
};

static void check_replicas(KubeWrite *w, const char *field, const Json *spec, const Json *old _unused_) {
        const Json *most = json_get(spec, "maxReplicas");
        char path[FIELD_MAX];

        put_path(w, path, "%s.maxReplicas", field);
        if (json_get(spec, "minReplicas") && json_i64(most, 0) < json_i64(json_get(spec, "minReplicas"), 0))
                cause_invalid(w, path, most ?: json_new_i64(&w->arena, 0), "must be greater than or equal to `minReplicas`");
}

static const Check scale_range_checks[] = {
        { .path = "minReplicas", CHECK_AT_LEAST, "must be greater than or equal to 1", 1 },
        { .path = "maxReplicas", CHECK_GIVEN_AT_LEAST, .limit = 1 },
        { .path = "scaleTargetRef.kind", CHECK_REQUIRED },
        { .path = "scaleTargetRef.kind", CHECK_TEXT, .wrong = wrong_segment },
        { .path = "scaleTargetRef.name", CHECK_REQUIRED },
        { .path = "scaleTargetRef.name", CHECK_TEXT, .wrong = wrong_segment },
        {},
};

const Check autoscaler_checks[] = {
        { .path = "spec", .inner = scale_range_checks },
        { .path = "spec", .run = check_replicas },
        { .path = "spec.metrics[]", .inner = metric_checks },
        { .path = "spec.behavior.scaleUp", .inner = scaling_checks },
        { .path = "spec.behavior.scaleDown", .inner = scaling_checks },
        {},
};

/* The one metric of v1 is the first of v2's, whose name errors have. */
static void check_old_utilization(KubeWrite *w, const char *field _unused_, const Json *percent, const Json *old _unused_) {
        if (percent && json_i64(percent, 0) < 1)
                cause_invalid(w, "spec.metrics[0].resource.target.averageUtilization", percent, "must be greater than 0");
}

const Check old_autoscaler_checks[] = {
        { .path = "spec", .inner = scale_range_checks },
        { .path = "spec", .run = check_replicas },
        { .path = "spec.targetCPUUtilizationPercentage", .run = check_old_utilization },
        {},
};
