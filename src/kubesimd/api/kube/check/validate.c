/* SPDX-License-Identifier: Apache-2.0 */
/* What Kubernetes refuses, in its words (kubernetes, pkg/apis/core/validation; k8s.io/apimachinery/pkg/util/validation). */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/cron.h"
#include "core/control/controllers/job-index.h"
#include "core/control/selectors.h"
#include "kubesimd/api/kube/check/checks.h"
#include "kubesimd/api/kube/kinds/rules.h"

#define DATA_MAX MIB /* of a Secret, of a ConfigMap */

/* --- Names --- */

static bool is_lower(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_dns_label(const char *s) {
        size_t n = strlen(s);

        if (n == 0 || n > 63 || !is_lower(s[0]) || !is_lower(s[n - 1]))
                return false;
        for (; *s; s++)
                if (!is_lower(*s) && *s != '-')
                        return false;
        return true;
}

/* RBAC names may be almost anything (path segments). */
static bool has_free_name(const KubeResource *r) {
        return streq(r->group, "rbac.authorization.k8s.io");
}

void validate_label(KubeWrite *w, const char *field, const char *name) {
        if (wrong_label(name))
                cause_invalid_text(w, field, name, wrong_label(name));
}

void validate_subdomain(KubeWrite *w, const char *field, const char *name) {
        if (name_validate(name, field, NULL) < 0)
                cause_invalid_text(w, field, name, SUBDOMAIN_TEXT);
}

static void validate_name(KubeWrite *w, const char *name) {
        const char *field = "metadata.name";

        if (isempty(name))
                cause_required(w, field, "name or generateName is required");
        else if (has_free_name(w->resource)) {
                if (strlen(name) > 253)
                        cause_invalid_text(w, field, name, "must be no more than 253 bytes");
                else if (wrong_segment(name))
                        cause_invalid_text(w, field, name, wrong_segment(name));
        } else if (w->resource->store_kind == KIND_NAMESPACE)
                validate_label(w, field, name);
        else if (w->resource->store_kind == KIND_SERVICE) {
                if (!is_dns_label(name) || (*name >= '0' && *name <= '9'))
                        cause_invalid_text(w, field, name, SERVICE_TEXT);
        } else
                validate_subdomain(w, field, name);
}

void validate_labels(KubeWrite *w, const char *field, const Json *labels) {
        JSON_FOREACH(v, labels) {
                const char *value = json_string(v);

                if (!is_qualified_name(v->key))
                        cause_invalid_text(w, field, v->key, KEY_TEXT);
                if (!value || !is_label_value(value, v->size))
                        cause_invalid(w, field, v, VALUE_TEXT);
        }
}

static void validate_annotations(KubeWrite *w, const Json *annotations) {
        size_t size = 0;

        JSON_FOREACH(v, annotations) {
                if (!is_qualified_name(v->key))
                        cause_invalid_text(w, "metadata.annotations", v->key, KEY_TEXT);
                size += strlen(v->key) + v->size;
        }
        if (size > 256 * KIB)
                cause_invalid_text(w, "metadata.annotations", "", "Too long: may not be more than 262144 bytes");
}

static void validate_owners(KubeWrite *w, const Json *owners) {
        static const char *const needed[] = { "apiVersion", "kind", "name", "uid" };
        char field[FIELD_MAX];
        unsigned controllers = 0, i = 0;

        JSON_FOREACH(owner, owners) {
                for (size_t k = 0; k < ELEMENTSOF(needed); k++) {
                        put_path(w, field, "metadata.ownerReferences[%u].%s", i, needed[k]);
                        if (isempty(json_string(json_get(owner, needed[k]))))
                                cause_invalid_text(w, field, "", "must not be empty");
                }
                controllers += json_is_true(json_get(owner, "controller"));
                i++;
        }
        if (controllers > 1)
                cause_invalid_text(w, "metadata.ownerReferences", "", "Only one reference can have Controller set to true");
}

static bool has_text(const Json *list, const char *s) {
        JSON_FOREACH(v, list)
                if (streq_ptr(json_string(v), s))
                        return true;
        return false;
}

/* What is being deleted cannot be held by more than held it then. */
static void validate_no_new_finalizers(KubeWrite *w, const Json *finalizers, const Json *before) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);

        JSON_FOREACH(f, finalizers)
                if (json_string(f) && !has_text(before, json_string(f))) {
                        strbuf_puts(&b, b.size > 0 ? ", " : "no new finalizers can be added if the object is being deleted, found new finalizers []string{");
                        json_put_string(&b, json_string(f));
                }
        if (b.size > 0) {
                strbuf_putc(&b, '}');
                cause_forbidden(w, "metadata.finalizers", strbuf_str(&b));
        }
}

void validate_metadata(KubeWrite *w, const Json *object, const Json *old) {
        const Json *metadata = json_get(object, "metadata");
        const char *before = json_string(json_at(old, "metadata", "name", NULL));

        if (!old)
                validate_name(w, json_string(json_get(metadata, "name")));
        else if (before && !streq_ptr(json_string(json_get(metadata, "name")), before))
                cause_invalid_text(w, "metadata.name", strempty(json_string(json_get(metadata, "name"))), "field is immutable");
        validate_labels(w, "metadata.labels", json_get(metadata, "labels"));
        validate_annotations(w, json_get(metadata, "annotations"));
        validate_owners(w, json_get(metadata, "ownerReferences"));
        JSON_FOREACH(f, json_get(metadata, "finalizers"))
                if (!json_string(f) || !is_qualified_name(json_string(f)))
                        cause_invalid(w, "metadata.finalizers", f, KEY_TEXT);
        if (json_at(old, "metadata", "deletionTimestamp", NULL))
                validate_no_new_finalizers(w, json_get(metadata, "finalizers"), json_at(old, "metadata", "finalizers", NULL));
}

/* --- Pods --- */

bool is_one_of(const char *s, const char *words) {
        size_t n = s ? strlen(s) : 0;

        for (const char *p = words; n > 0 && (p = strstr(p, s)); p++)
                if ((p == words || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' '))
                        return true;
        return false;
}

void validate_enum(KubeWrite *w, const char *field, const char *value, const char *words) {
        if (!isempty(value))
                validate_one_of(w, field, value, words);
}

/* words: "A B C" */
void validate_one_of(KubeWrite *w, const char *field, const char *value, const char *words) {
        char supported[256] = "\"\"";
        size_t n = 0;

        if (is_one_of(value, words))
                return;
        for (const char *p = words; *p; p += strcspn(p, " ") + (p[strcspn(p, " ")] == ' ')) {
                int k = snprintf(supported + n, sizeof(supported) - n, "%s\"%.*s\"", n > 0 ? ", " : "", (int) strcspn(p, " "), p);

                n = k < 0 || n + (size_t) k >= sizeof(supported) ? sizeof(supported) - 1 : n + (size_t) k;
        }
        cause_not_supported(w, field, value, supported);
}

static void validate_pod_spec(KubeWrite *w, const char *field, const Json *spec, const char *policies) {
        const Json *containers = json_get(spec, "containers"), *deadline = json_get(spec, "activeDeadlineSeconds");
        char path[FIELD_MAX];

        put_path(w, path, "%s.containers", field);
        if (!containers || containers->size == 0)
                cause_required(w, path, "");
        validate_containers(w, field, spec);
        validate_part(w, pod_spec_checks, field, spec);
        check_host(w, field, spec);
        validate_scheduling(w, field, spec);
        put_path(w, path, "%s.overhead.limits", field);
        validate_requests(w, path, json_get(spec, "overhead"));
        put_path(w, path, "%s.restartPolicy", field);
        validate_enum(w, path, json_string(json_get(spec, "restartPolicy")), policies);
        put_path(w, path, "%s.activeDeadlineSeconds", field);
        if (deadline && (json_i64(deadline, 0) < 1 || json_i64(deadline, 0) > INT32_MAX))
                cause_invalid(w, path, deadline, "must be between 1 and 2147483647, inclusive");
}

static void forbid_ephemeral_containers(KubeWrite *w, const char *field, const Json *spec, const char *words) {
        char path[FIELD_MAX];

        put_path(w, path, "%s.ephemeralContainers", field);
        if (json_item(json_get(spec, "ephemeralContainers"), 0))
                cause_forbidden(w, path, words);
}

void validate_pod(KubeWrite *w, const Json *object, const Json *old) {
        const Json *spec = json_get(object, "spec");

        validate_pod_spec(w, "spec", spec, "Always OnFailure Never");
        if (old && streq_ptr(w->path->subresource, "ephemeralcontainers"))
                validate_ephemeral_update(w, spec, json_get(old, "spec"));
        else if (old)
                validate_pod_update(w, spec, old);
        else
                forbid_ephemeral_containers(w, "spec", spec, "cannot be set on create");
}

static bool is_repeated_taint(const Json *taint) {
        for (const Json *p = taint->prev; p; p = p->prev)
                if (streq_ptr(json_string(json_get(p, "key")), json_string(json_get(taint, "key"))) &&
                    streq_ptr(json_string(json_get(p, "effect")), json_string(json_get(taint, "effect"))))
                        return true;
        return false;
}

void validate_node(KubeWrite *w, const Json *object, const Json *old _unused_) {
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(taint, json_at(object, "spec", "taints", NULL)) {
                const char *key = json_string(json_get(taint, "key")), *value = json_string(json_get(taint, "value"));

                put_path(w, path, "spec.taints[%u].key", i);
                if (isempty(key) || !is_qualified_name(key))
                        cause_invalid_text(w, path, strempty(key), KEY_TEXT);
                put_path(w, path, "spec.taints[%u].value", i);
                if (value && !is_label_value(value, strlen(value)))
                        cause_invalid_text(w, path, value, VALUE_TEXT);
                put_path(w, path, "spec.taints[%u].effect", i);
                if (isempty(json_string(json_get(taint, "effect"))))
                        cause_required(w, path, "");
                validate_enum(w, path, json_string(json_get(taint, "effect")), "NoSchedule PreferNoSchedule NoExecute");
                put_path(w, path, "spec.taints[%u]", i++);
                if (is_repeated_taint(taint))
                        cause_invalid(w, path, taint, "taints must be unique by key and effect pair");
        }
        validate_quantities(w, "status.capacity", json_at(object, "status", "capacity", NULL));
        validate_quantities(w, "status.allocatable", json_at(object, "status", "allocatable", NULL));
}

/* --- What makes pods --- */

void validate_expressions(KubeWrite *w, const char *field, const Json *selector) {
        char path[FIELD_MAX];
        unsigned i = 0;

        put_path(w, path, "%s.matchLabels", field);
        validate_labels(w, path, json_get(selector, "matchLabels"));
        JSON_FOREACH(e, json_get(selector, "matchExpressions")) {
                const char *op = json_string(json_get(e, "operator")), *key = json_string(json_get(e, "key"));
                const Json *values = json_get(e, "values");
                bool set = streq_ptr(op, "In") || streq_ptr(op, "NotIn");

                put_path(w, path, "%s.matchExpressions[%u].values", field, i);
                if (set && (!values || values->size == 0))
                        cause_required(w, path, "must be specified when `operator` is 'In' or 'NotIn'");
                if (!set && values && values->size > 0)
                        cause_forbidden(w, path, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
                put_path(w, path, "%s.matchExpressions[%u].operator", field, i);
                if (!is_one_of(op, "In NotIn Exists DoesNotExist"))
                        cause_invalid_text(w, path, strempty(op), "not a valid selector operator");
                put_path(w, path, "%s.matchExpressions[%u].key", field, i++);
                if (isempty(key) || !is_qualified_name(key))
                        cause_invalid_text(w, path, strempty(key), KEY_TEXT);
        }
}

/* Does the selector select the template's pods? */
static bool selects_template(const Json *selector, const Json *template) {
        Doc *d;
        bool matches;

        if (doc_new(template, &d) < 0)
                return true;
        matches = label_selector_matches(selector, d);
        doc_unref(d);
        return matches;
}

static void validate_template(KubeWrite *w, const Json *template, const char *policies) {
        if (!template) {
                cause_required(w, "spec.template", "");
                return;
        }
        validate_labels(w, "spec.template.metadata.labels", json_at(template, "metadata", "labels", NULL));
        validate_pod_spec(w, "spec.template.spec", json_get(template, "spec"), policies);
        forbid_ephemeral_containers(w, "spec.template.spec", json_get(template, "spec"), "ephemeral containers not allowed in pod template");
}

void validate_workload(KubeWrite *w, const Json *object, const Json *old) {
        const Json *spec = json_get(object, "spec"), *selector = json_get(spec, "selector"), *template = json_get(spec, "template");
        const Json *replicas = json_get(spec, "replicas"), *before = json_at(old, "spec", "selector", NULL);

        if (replicas && json_i64(replicas, -1) < 0)
                cause_invalid(w, "spec.replicas", replicas, "must be greater than or equal to 0");
        if (before && !json_equal(selector, before)) {
                if (w->resource->store_kind != KIND_STATEFUL_SET)
                        cause_invalid(w, "spec.selector", selector, "field is immutable");
                return;
        }
        if (!selector || selector->size == 0)
                cause_required(w, "spec.selector", "");
        else {
                validate_expressions(w, "spec.selector", selector);
                if (template && !selects_template(selector, template))
                        cause_invalid(w, "spec.template.metadata.labels", json_at(template, "metadata", "labels", NULL), "`selector` does not match template `labels`");
        }
        validate_template(w, template, "Always");
}

void validate_int_or_percent(KubeWrite *w, const char *field, const Json *v) {
        const char *s = json_string(v);
        size_t n = s ? strlen(s) : 0;

        if (!v)
                return;
        if (s && (n < 2 || n > 8 || s[n - 1] != '%' || strspn(s, "0123456789") != n - 1))
                cause_invalid(w, field, v, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
                              "validation is '[0-9]+%')");
        else if (!s && json_i64(v, -1) < 0)
                cause_invalid(w, field, v, "must be greater than or equal to 0");
}

/* 0, or "0%" */
static bool is_nothing(const Json *v) {
        const char *s = json_string(v);

        return v && (s ? strspn(s, "0") + 1 == strlen(s) : json_i64(v, -1) == 0);
}

void validate_deployment(KubeWrite *w, const Json *object, const Json *old) {
        const Json *rolling = json_at(object, "spec", "strategy", "rollingUpdate", NULL), *deadline = json_at(object, "spec", "progressDeadlineSeconds", NULL);

        validate_workload(w, object, old);
        if (is_nothing(json_get(rolling, "maxSurge")) && is_nothing(json_get(rolling, "maxUnavailable")))
                cause_invalid(w, "spec.strategy.rollingUpdate.maxUnavailable", json_get(rolling, "maxUnavailable"), "may not be 0 when `maxSurge` is 0");
        if (json_i64(deadline, INT32_MAX) <= json_i64(json_at(object, "spec", "minReadySeconds", NULL), 0))
                cause_invalid(w, "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
}

void validate_daemon_set(KubeWrite *w, const Json *object, const Json *old) {
        const Json *rolling = json_at(object, "spec", "updateStrategy", "rollingUpdate", NULL);
        const Json *surge = json_get(rolling, "maxSurge"), *unavailable = json_get(rolling, "maxUnavailable");
        bool surges = surge && !is_nothing(surge), lacks = unavailable && !is_nothing(unavailable);

        validate_workload(w, object, old);
        if (surges && lacks)
                cause_invalid(w, "spec.updateStrategy.rollingUpdate.maxSurge", surge, "may not be set when maxUnavailable is non-zero");
        if (rolling && !surges && !lacks)
                cause_required(w, "spec.updateStrategy.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0");
}

void validate_stateful_set(KubeWrite *w, const Json *object, const Json *old) {
        static const char *const mutable[] = {
                "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
        };
        Json *now, *before;

        validate_workload(w, object, old);
        if (!old)
                return;
        now = json_copy(&w->arena, json_get(object, "spec"));
        before = json_copy(&w->arena, json_get(old, "spec"));
        for (size_t i = 0; i < ELEMENTSOF(mutable); i++) {
                json_remove(now, mutable[i]);
                json_remove(before, mutable[i]);
        }
        if (!json_equal(now, before))
                cause_forbidden(w, "spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
                                "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
}

/* Its selector is of labels alone. */
void validate_replication_controller(KubeWrite *w, const Json *object, const Json *old _unused_) {
        const Json *template = json_at(object, "spec", "template", NULL), *labels = json_at(object, "spec", "selector", NULL);
        Json *selector = json_new(&w->arena, JSON_OBJECT);

        json_set(&w->arena, selector, "matchLabels", json_copy(&w->arena, labels));
        if (labels && template && !selects_template(selector, template))
                cause_invalid(w, "spec.template.metadata.labels", json_at(template, "metadata", "labels", NULL), "`selector` does not match template `labels`");
        validate_template(w, template, "Always");
}

void validate_controller_revision(KubeWrite *w, const Json *object, const Json *old _unused_) {
        if (!json_get(object, "data"))
                cause_required(w, "data", "data is mandatory");
}

/* Where pods go may be said until the first has gone (kubernetes documentation, "Mutable Scheduling Directives"). */
static bool same_job_template(KubeWrite *w, const Json *template, const Json *old) {
        static const char *const mutable[] = { "nodeSelector", "affinity", "tolerations", "schedulingGates" };
        bool open = json_is_true(json_at(old, "spec", "suspend", NULL)) && !json_at(old, "status", "startTime", NULL);
        Json *a, *b;

        if (!open)
                return json_equal(template, json_at(old, "spec", "template", NULL));
        a = json_copy(&w->arena, template);
        b = json_copy(&w->arena, json_at(old, "spec", "template", NULL));
        json_remove(a, "metadata");
        json_remove(b, "metadata");
        for (size_t i = 0; i < ELEMENTSOF(mutable); i++) {
                json_remove(json_get(a, "spec"), mutable[i]);
                json_remove(json_get(b, "spec"), mutable[i]);
        }
        return json_equal(a, b);
}

static void validate_job_update(KubeWrite *w, const Json *spec, const Json *old) {
        static const char *const fixed[] = { "selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy" };
        const Json *before = json_get(old, "spec"), *completions = json_get(spec, "completions");
        bool elastic = streq_ptr(json_string(json_get(spec, "completionMode")), "Indexed") && json_equal(completions, json_get(spec, "parallelism")) &&
                       json_equal(json_get(before, "completions"), json_get(before, "parallelism"));
        char path[FIELD_MAX];

        for (size_t i = 0; i < ELEMENTSOF(fixed); i++) {
                put_path(w, path, "spec.%s", fixed[i]);
                if (!json_equal(json_get(spec, fixed[i]), json_get(before, fixed[i])))
                        cause_invalid(w, path, json_get(spec, fixed[i]), "field is immutable");
        }
        if (!same_job_template(w, json_get(spec, "template"), old))
                cause_invalid_text(w, "spec.template", "", "field is immutable");
        if (!json_equal(completions, json_get(before, "completions")) && !elastic)
                cause_invalid(w, "spec.completions", completions, "field is immutable");
}

static void validate_failure_policy(KubeWrite *w, const Json *spec) {
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(rule, json_at(spec, "podFailurePolicy", "rules", NULL)) {
                const Json *exits = json_get(rule, "onExitCodes"), *conditions = json_get(rule, "onPodConditions");
                const char *action = json_string(json_get(rule, "action"));

                put_path(w, path, "spec.podFailurePolicy.rules[%u].action", i);
                if (streq_ptr(action, "FailIndex") && !json_get(spec, "backoffLimitPerIndex"))
                        cause_invalid(w, path, json_get(rule, "action"), "requires the backoffLimitPerIndex to be set");
                put_path(w, path, "spec.podFailurePolicy.rules[%u]", i++);
                if (!exits == !(conditions && conditions->size > 0))
                        cause_invalid_text(w, path, "", exits ? "specifying both OnExitCodes and OnPodConditions is not supported" :
                                           "specifying one of OnExitCodes and OnPodConditions is required");
        }
        if (json_get(spec, "podFailurePolicy") && !streq_ptr(json_string(json_at(spec, "template", "spec", "restartPolicy", NULL)), "Never"))
                cause_invalid_text(w, "spec.template.spec.restartPolicy", strempty(json_string(json_at(spec, "template", "spec", "restartPolicy", NULL))),
                                   "only \"Never\" is supported when podFailurePolicy is specified");
}

/* How many indexes there are to succeed. */
static void validate_success_rule(KubeWrite *w, const Json *rule, unsigned i, int64_t completions) {
        const Json *indexes = json_get(rule, "succeededIndexes"), *count = json_get(rule, "succeededCount");
        int64_t n = indexes ? index_set_check(strempty(json_string(indexes)), completions) : completions;
        char path[FIELD_MAX], detail[FIELD_MAX];

        put_path(w, path, "spec.successPolicy.rules[%u].succeededIndexes", i);
        if (n < 0)
                cause_invalid(w, path, indexes, "error parsing succeededIndexes: it has to be numbers and ranges in order, less than completions");
        put_path(w, path, "spec.successPolicy.rules[%u].succeededCount", i);
        put_text(detail, "must be less than or equal to %lld (the number of %s)", (long long) n,
                 indexes ? "indexes in the specified succeededIndexes field" : "specified completions");
        if (count && n >= 0 && json_i64(count, 0) > n)
                cause_invalid(w, path, count, detail);
}

static void validate_success_policy(KubeWrite *w, const Json *spec) {
        unsigned i = 0;

        JSON_FOREACH(rule, json_at(spec, "successPolicy", "rules", NULL))
                validate_success_rule(w, rule, i++, json_i64(json_get(spec, "completions"), 0));
}

static void validate_job_selector(KubeWrite *w, const Json *spec) {
        const Json *selector = json_get(spec, "selector"), *template = json_get(spec, "template");

        if (!json_is_true(json_get(spec, "manualSelector"))) {
                if (selector)
                        cause_invalid(w, "spec.selector", selector, "`selector` not auto-generated");
        } else if (!selector)
                cause_required(w, "spec.selector", "");
        else if (template && !selects_template(selector, template))
                cause_invalid(w, "spec.template.metadata.labels", json_at(template, "metadata", "labels", NULL), "`selector` does not match template `labels`");
}

void validate_job(KubeWrite *w, const Json *object, const Json *old) {
        const Json *spec = json_get(object, "spec"), *template = json_get(spec, "template");

        if (old) {
                validate_job_update(w, spec, old);
                return;
        }
        validate_job_selector(w, spec);
        validate_failure_policy(w, spec);
        if (streq_ptr(json_string(json_get(spec, "completionMode")), "Indexed"))
                validate_success_policy(w, spec);
        validate_template(w, template, "Always OnFailure Never");
        if (streq_ptr(json_string(json_at(template, "spec", "restartPolicy", NULL)), "Always"))
                cause_not_supported(w, "spec.template.spec.restartPolicy", "Always", "\"OnFailure\", \"Never\"");
}

void validate_cron_job(KubeWrite *w, const Json *object, const Json *old) {
        const Json *spec = json_get(object, "spec"), *template = json_at(spec, "jobTemplate", "spec", "template", NULL);
        const char *schedule = json_string(json_get(spec, "schedule")), *zone = json_string(json_get(spec, "timeZone"));
        const char *policy = json_string(json_at(template, "spec", "restartPolicy", NULL));
        _cleanup_error_ Error error = ERROR_NULL;
        CronSchedule parsed;

        if (!old && strlen(w->object_name) > 52)
                cause_invalid_text(w, "metadata.name", w->object_name, "must be no more than 52 characters");
        if (!isempty(schedule) && cron_parse(schedule, &parsed, &error) < 0)
                cause_invalid(w, "spec.schedule", json_get(spec, "schedule"), error_message(&error));
        if (zone && !streq(zone, "UTC") && !streq(zone, "Etc/UTC"))
                cause_invalid(w, "spec.timeZone", json_get(spec, "timeZone"), "unknown time zone: only UTC and Etc/UTC are simulated");
        if (!template) {
                cause_required(w, "spec.jobTemplate.spec.template", "");
                return;
        }
        validate_pod_spec(w, "spec.jobTemplate.spec.template.spec", json_get(template, "spec"), "Always OnFailure Never");
        forbid_ephemeral_containers(w, "spec.jobTemplate.spec.template.spec", json_get(template, "spec"), "ephemeral containers not allowed in pod template");
        if (streq_ptr(policy, "Always"))
                cause_not_supported(w, "spec.jobTemplate.spec.template.spec.restartPolicy", "Always", "\"OnFailure\", \"Never\"");
}

/* --- The others --- */

static void validate_config_key(KubeWrite *w, const char *field, const char *key) {
        if (wrong_key(key))
                cause_invalid_text(w, field, key, wrong_key(key));
}

/* What a Secret or ConfigMap was made with stays, once it says so. */
static void validate_immutable(KubeWrite *w, const Json *object, const Json *old) {
        static const char *const fixed[] = { "data", "binaryData" };

        if (!json_is_true(json_get(old, "immutable")))
                return;
        if (!json_is_true(json_get(object, "immutable")))
                cause_forbidden(w, "immutable", "field is immutable when `immutable` is set");
        for (size_t i = 0; i < ELEMENTSOF(fixed); i++)
                if (!json_equal(json_get(object, fixed[i]), json_get(old, fixed[i])))
                        cause_forbidden(w, fixed[i], "field is immutable when `immutable` is set");
}

/* What a Secret of a type has to have (kubernetes documentation, "Types of Secret"). */
static void validate_secret_type(KubeWrite *w, const Json *object, const char *type) {
        static const struct {
                const char *type, *keys[2];
        } needs[] = {
                { "kubernetes.io/tls", { "tls.crt", "tls.key" } },
                { "kubernetes.io/dockerconfigjson", { ".dockerconfigjson" } },
                { "kubernetes.io/dockercfg", { ".dockercfg" } },
                { "kubernetes.io/ssh-auth", { "ssh-privatekey" } },
        };
        char path[FIELD_MAX];

        for (size_t i = 0; i < ELEMENTSOF(needs); i++)
                for (size_t k = 0; streq_ptr(type, needs[i].type) && k < ELEMENTSOF(needs[i].keys) && needs[i].keys[k]; k++) {
                        put_path(w, path, "data[%s]", needs[i].keys[k]);
                        if (!json_at(object, "data", needs[i].keys[k], NULL))
                                cause_required(w, path, "");
                }
}

/* How many bytes it stands for. */
static size_t base64_size(const Json *v) {
        size_t n = v->size;

        while (n > 0 && json_string(v) && v->text[n - 1] == '=')
                n--;
        return n / 4 * 3 + n % 4 * 3 / 4;
}

void validate_secret(KubeWrite *w, const Json *object, const Json *old) {
        const char *type = json_string(json_get(object, "type")), *before = json_string(json_get(old, "type"));
        char path[FIELD_MAX];
        size_t size = 0;

        if (before && !streq_ptr(type, before))
                cause_invalid_text(w, "type", strempty(type), "field is immutable");
        validate_immutable(w, object, old);
        JSON_FOREACH(v, json_get(object, "data")) {
                size += base64_size(v);
                put_path(w, path, "data[%s]", v->key);
                validate_config_key(w, path, v->key);
        }
        if (size > DATA_MAX)
                cause_too_long(w, "data", DATA_MAX);
        validate_secret_type(w, object, type);
}

void validate_config_map(KubeWrite *w, const Json *object, const Json *old) {
        static const char *const maps[] = { "data", "binaryData" };
        char path[FIELD_MAX];
        size_t size = 0;

        validate_immutable(w, object, old);
        for (size_t i = 0; i < ELEMENTSOF(maps); i++)
                JSON_FOREACH(v, json_get(object, maps[i])) {
                        size += i > 0 ? base64_size(v) : v->size;
                        put_path(w, path, "%s[%s]", maps[i], v->key);
                        validate_config_key(w, path, v->key);
                        if (i > 0 && json_get(json_get(object, "data"), v->key))
                                cause_invalid_text(w, path, v->key, "duplicate of key present in data");
                }
        if (size > DATA_MAX)
                cause_too_long(w, "[]", DATA_MAX); /* so Kubernetes calls the whole */
}

/* The two that there are were there from the start: whoever makes them again is told that they are. */
static void validate_system_class(KubeWrite *w) {
        char detail[FIELD_MAX];

        if (store_find(cluster_store(w->api->cluster), KIND_PRIORITY_CLASS, w->object_name))
                return;
        put_text(detail, "priority class names with 'system-' prefix are reserved for system use only. error: %s is not a known system priority class",
                 w->object_name);
        cause_forbidden(w, "metadata.name", detail);
}

void validate_priority_class(KubeWrite *w, const Json *object, const Json *old) {
        if (old)
                return;
        if (startswith(w->object_name, "system-"))
                validate_system_class(w);
        else if (json_i64(json_get(object, "value"), 0) > 1000000000)
                cause_forbidden(w, "value", "maximum allowed value of a user defined priority is 1000000000");
}
