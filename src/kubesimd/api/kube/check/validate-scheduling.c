/* SPDX-License-Identifier: Apache-2.0 */
/* What Kubernetes refuses of where pods may go, in its words (kubernetes, pkg/apis/core/validation: ValidateNodeSelector, validateAffinity,
 * validateTopologySpreadConstraints, ValidateTolerations). */
#include <stdio.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/model/pod.h"
#include "core/model/requirement.h"
#include "core/sched/algorithms.h"
#include "core/sched/class-order.h"
#include "kubesimd/api/kube/check/validate-internal.h"

/* Constraints and terms of one pod; each is looked at for every node. Others' terms add to them up to CLASS_COUNTERS_MAX. */
#define TERMS_MAX 32
#define HUNDRED 100

void validate_tolerations(KubeWrite *w, const char *field, const Json *tolerations) {
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(t, tolerations) {
                const char *key = json_string(json_get(t, "key")), *op = json_string(json_get(t, "operator")), *value = json_string(json_get(t, "value"));
                const char *effect = json_string(json_get(t, "effect"));

                put_path(w, path, "%s.tolerations[%u].key", field, i);
                if (!isempty(key) && !is_qualified_name(key))
                        cause_invalid_text(w, path, key, KEY_TEXT);
                put_path(w, path, "%s.tolerations[%u].operator", field, i);
                validate_enum(w, path, op, "Equal Exists");
                if (isempty(key) && !streq_ptr(op, "Exists"))
                        cause_invalid_text(w, path, strempty(op), "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
                if (streq_ptr(op, "Exists") && !isempty(value))
                        cause_invalid_text(w, path, value, "value must be empty when `operator` is 'Exists'");
                else if (value && !is_label_value(value, strlen(value)))
                        cause_invalid_text(w, path, value, VALUE_TEXT);
                put_path(w, path, "%s.tolerations[%u].effect", field, i++);
                validate_enum(w, path, effect, "NoSchedule PreferNoSchedule NoExecute");
                if (json_get(t, "tolerationSeconds") && !streq_ptr(effect, "NoExecute"))
                        cause_invalid_text(w, path, strempty(effect), "effect must be 'NoExecute' when `tolerationSeconds` is set");
        }
}

/* --- Node affinity --- */

static size_t size_of(const Json *v) {
        return v ? v->size : 0;
}

static void validate_values(KubeWrite *w, const char *field, Operator op, const Json *values) {
        char path[FIELD_MAX];
        int64_t number;

        put_path(w, path, "%s.values", field);
        if ((op == OPERATOR_IN || op == OPERATOR_NOT_IN) && size_of(values) == 0)
                cause_required(w, path, "must be specified when `operator` is 'In' or 'NotIn'");
        else if ((op == OPERATOR_EXISTS || op == OPERATOR_DOES_NOT_EXIST) && size_of(values) > 0)
                cause_forbidden(w, path, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        else if ((op == OPERATOR_GT || op == OPERATOR_LT) && size_of(values) != 1)
                cause_required(w, path, "must be specified single value when `operator` is 'Lt' or 'Gt'");
        else if ((op == OPERATOR_GT || op == OPERATOR_LT) && parse_i64(strempty(json_string(json_item(values, 0))), &number) < 0) {
                put_path(w, path, "%s.values[0]", field);
                cause_invalid(w, path, json_item(values, 0), "for 'Gt', 'Lt' operators, the value must be an integer");
        }
}

static void validate_node_expression(KubeWrite *w, const char *field, const Json *e) {
        const char *key = json_string(json_get(e, "key")), *op = json_string(json_get(e, "operator"));
        Operator operator = operator_from_string(op);
        char path[FIELD_MAX];

        put_path(w, path, "%s.operator", field);
        if ((int) operator < 0)
                cause_invalid_text(w, path, strempty(op), "not a valid selector operator");
        else
                validate_values(w, field, operator, json_get(e, "values"));
        put_path(w, path, "%s.key", field);
        if (isempty(key) || !is_qualified_name(key))
                cause_invalid_text(w, path, strempty(key), KEY_TEXT);
}

/* Of what is required they have to be values that a label may have. */
static void validate_label_values(KubeWrite *w, const char *field, const Json *term) {
        char path[FIELD_MAX];
        unsigned i = 0, k;

        JSON_FOREACH(e, json_get(term, "matchExpressions")) {
                k = 0;
                JSON_FOREACH(v, json_get(e, "values")) {
                        put_path(w, path, "%s.matchExpressions[%u].values[%u]", field, i, k++);
                        if (!is_label_value(strempty(json_string(v)), v->size))
                                cause_invalid(w, path, v, VALUE_TEXT);
                }
                i++;
        }
}

/* Nodes have one field that can be matched: their name. */
static void validate_node_field(KubeWrite *w, const char *field, const Json *e) {
        const char *key = json_string(json_get(e, "key")), *op = json_string(json_get(e, "operator"));
        char path[FIELD_MAX];

        put_path(w, path, "%s.operator", field);
        if (!streq_ptr(op, "In") && !streq_ptr(op, "NotIn"))
                cause_invalid_text(w, path, strempty(op), "not a valid selector operator");
        put_path(w, path, "%s.values", field);
        if (size_of(json_get(e, "values")) != 1)
                cause_required(w, path, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
        put_path(w, path, "%s.key", field);
        if (!streq_ptr(key, "metadata.name"))
                cause_invalid_text(w, path, strempty(key), "not a valid field selector key");
}

static void validate_node_term(KubeWrite *w, const char *field, const Json *term) {
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(e, json_get(term, "matchExpressions")) {
                put_path(w, path, "%s.matchExpressions[%u]", field, i++);
                validate_node_expression(w, path, e);
        }
        i = 0;
        JSON_FOREACH(e, json_get(term, "matchFields")) {
                put_path(w, path, "%s.matchFields[%u]", field, i++);
                validate_node_field(w, path, e);
        }
}

static void validate_weight(KubeWrite *w, const char *field, const Json *weighted) {
        int64_t weight = json_i64(json_get(weighted, "weight"), 0);
        char path[FIELD_MAX];

        put_path(w, path, "%s.weight", field);
        if (weight < 1 || weight > HUNDRED)
                cause_invalid(w, path, json_get(weighted, "weight") ?: json_new_i64(&w->arena, 0), "must be in the range 1-100");
}

/* Terms with a weight; what they weigh is in `member`. */
static void validate_preferred(KubeWrite *w, const char *field, const Json *affinity, const char *member,
                               void (*validate)(KubeWrite *w, const char *field, const Json *term)) {
        char path[FIELD_MAX], inner[FIELD_MAX + 20];
        unsigned i = 0;

        JSON_FOREACH(term, json_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution")) {
                put_path(w, path, "%s.preferredDuringSchedulingIgnoredDuringExecution[%u]", field, i++);
                validate_weight(w, path, term);
                (void) snprintf(inner, sizeof(inner), "%s.%s", path, member);
                validate(w, inner, json_get(term, member));
        }
}

static void validate_node_affinity(KubeWrite *w, const char *field, const Json *affinity) {
        const Json *required = json_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
        char path[FIELD_MAX];
        unsigned i = 0;

        put_path(w, path, "%s.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms", field);
        if (required && size_of(json_get(required, "nodeSelectorTerms")) == 0)
                cause_required(w, path, "must have at least one node selector term");
        JSON_FOREACH(term, json_get(required, "nodeSelectorTerms")) {
                put_path(w, path, "%s.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[%u]", field, i++);
                validate_node_term(w, path, term);
                validate_label_values(w, path, term);
        }
        validate_preferred(w, field, affinity, "preference", validate_node_term);
}

/* --- Affinity between pods --- */

static void validate_topology_key(KubeWrite *w, const char *field, const char *key) {
        char path[FIELD_MAX];

        put_path(w, path, "%s.topologyKey", field);
        if (isempty(key))
                cause_required(w, path, "can not be empty");
        else if (!is_qualified_name(key))
                cause_invalid_text(w, path, key, KEY_TEXT);
}

/* Where it is in the list, or -1. */
static int index_of(const Json *list, const char *s) {
        int i = 0;

        JSON_FOREACH(v, list) {
                if (streq_ptr(json_string(v), s))
                        return i;
                i++;
        }
        return -1;
}

/* Is there something about that label in the selector, before that expression? */
static bool names_key(const Json *selector, const Json *before, const char *key) {
        if (json_get(json_get(selector, "matchLabels"), key))
                return true;
        for (const Json *p = before->prev; p; p = p->prev)
                if (streq_ptr(json_string(json_get(p, "key")), key))
                        return true;
        return false;
}

static void validate_label_names(KubeWrite *w, const char *field, const Json *of, const char *member) {
        const Json *keys = json_get(of, member);
        char path[FIELD_MAX];
        unsigned i = 0;

        put_path(w, path, "%s.%s", field, member);
        if (size_of(keys) > 0 && !json_get(of, "labelSelector")) {
                cause_forbidden(w, path, "must not be specified when labelSelector is not set");
                return;
        }
        JSON_FOREACH(k, keys) {
                put_path(w, path, "%s.%s[%u]", field, member, i++);
                if (!is_qualified_name(strempty(json_string(k))))
                        cause_invalid_text(w, path, strempty(json_string(k)), KEY_TEXT);
        }
}

/* matchLabelKeys and the like of a constraint or term. Those of pods have been put into the selector by now: what is there twice was there
 * before. Of templates nobody can say yet (kubernetes, validateMatchLabelKeysAndMismatchLabelKeys, which names that path, too). */
static void validate_label_keys(KubeWrite *w, const char *field, const Json *of) {
        const Json *selector = json_get(of, "labelSelector"), *keys = json_get(of, "matchLabelKeys");
        char path[FIELD_MAX];
        unsigned i = 0;

        validate_label_names(w, field, of, "matchLabelKeys");
        validate_label_names(w, field, of, "mismatchLabelKeys");
        JSON_FOREACH(e, json_get(selector, "matchExpressions")) {
                const char *key = strempty(json_string(json_get(e, "key")));

                if (index_of(keys, key) < 0 || !names_key(selector, e, key))
                        continue;
                put_path(w, path, "%s[%d]", field, index_of(keys, key));
                cause_invalid_text(w, path, key, "exists in both matchLabelKeys and labelSelector");
        }
        JSON_FOREACH(k, keys) {
                put_path(w, path, "%s.matchLabelKeys[%u]", field, i++);
                if (index_of(json_get(of, "mismatchLabelKeys"), strempty(json_string(k))) >= 0)
                        cause_invalid_text(w, path, json_string(k), "exists in both matchLabelKeys and mismatchLabelKeys");
        }
}

static void validate_pod_term(KubeWrite *w, const char *field, const Json *term) {
        char path[FIELD_MAX];

        put_path(w, path, "%s.namespace", field); /* so Kubernetes calls them */
        JSON_FOREACH(name, json_get(term, "namespaces"))
                validate_label(w, path, strempty(json_string(name)));
        validate_label_keys(w, field, term);
        put_path(w, path, "%s.labelSelector", field);
        validate_expressions(w, path, json_get(term, "labelSelector"));
        put_path(w, path, "%s.namespaceSelector", field);
        validate_expressions(w, path, json_get(term, "namespaceSelector"));
        validate_topology_key(w, field, json_string(json_get(term, "topologyKey")));
}

static void validate_pod_affinity(KubeWrite *w, const char *field, const Json *affinity) {
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(term, json_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution")) {
                put_path(w, path, "%s.requiredDuringSchedulingIgnoredDuringExecution[%u]", field, i++);
                validate_pod_term(w, path, term);
        }
        validate_preferred(w, field, affinity, "podAffinityTerm", validate_pod_term);
}

/* --- Spread --- */

/* Is there another one like it further on? */
static bool is_repeated_constraint(const Json *constraint) {
        for (const Json *p = constraint->next; p; p = p->next)
                if (streq_ptr(json_string(json_get(p, "topologyKey")), json_string(json_get(constraint, "topologyKey"))) &&
                    streq_ptr(json_string(json_get(p, "whenUnsatisfiable")), json_string(json_get(constraint, "whenUnsatisfiable"))))
                        return true;
        return false;
}

static void validate_min_domains(KubeWrite *w, const char *field, const Json *constraint) {
        const Json *min = json_get(constraint, "minDomains");
        char path[FIELD_MAX];

        put_path(w, path, "%s.minDomains", field);
        if (min && json_i64(min, 0) <= 0)
                cause_invalid(w, path, min, "must be greater than zero");
        if (min && !streq_ptr(json_string(json_get(constraint, "whenUnsatisfiable")), "DoNotSchedule"))
                cause_invalid(w, path, min, "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway");
}

static void validate_constraint(KubeWrite *w, const char *field, const Json *constraint) {
        const Json *skew = json_get(constraint, "maxSkew");
        const char *when = json_string(json_get(constraint, "whenUnsatisfiable"));
        char path[FIELD_MAX];

        put_path(w, path, "%s.maxSkew", field);
        if (json_i64(skew, 0) <= 0)
                cause_invalid(w, path, skew ?: json_new_i64(&w->arena, 0), "must be greater than zero");
        put_path(w, path, "%s.topologyKey", field);
        if (isempty(json_string(json_get(constraint, "topologyKey"))))
                cause_required(w, path, "can not be empty");
        put_path(w, path, "%s.whenUnsatisfiable", field);
        if (isempty(when))
                cause_not_supported(w, path, "", "\"DoNotSchedule\", \"ScheduleAnyway\"");
        else
                validate_enum(w, path, when, "DoNotSchedule ScheduleAnyway");
        put_path(w, path, "%s.{topologyKey, whenUnsatisfiable}", field);
        if (is_repeated_constraint(constraint)) {
                char pair[FIELD_MAX];

                put_text(pair, "{%s, %s}", strempty(json_string(json_get(constraint, "topologyKey"))), strempty(when));
                cause_duplicate(w, path, pair);
        }
        validate_min_domains(w, field, constraint);
        put_path(w, path, "%s.nodeAffinityPolicy", field);
        validate_enum(w, path, json_string(json_get(constraint, "nodeAffinityPolicy")), "Honor Ignore");
        put_path(w, path, "%s.nodeTaintsPolicy", field);
        validate_enum(w, path, json_string(json_get(constraint, "nodeTaintsPolicy")), "Honor Ignore");
        put_path(w, path, "%s.labelSelector", field);
        validate_expressions(w, path, json_get(constraint, "labelSelector"));
        validate_label_keys(w, field, constraint);
}

/* --- All of it --- */

static size_t count_terms(const Json *spec) {
        static const char *const affinities[] = { "podAffinity", "podAntiAffinity" };
        size_t n = size_of(json_get(spec, "topologySpreadConstraints"));

        for (size_t i = 0; i < ELEMENTSOF(affinities); i++) {
                const Json *a = json_at(spec, "affinity", affinities[i], NULL);

                n += size_of(json_get(a, "requiredDuringSchedulingIgnoredDuringExecution")) +
                     size_of(json_get(a, "preferredDuringSchedulingIgnoredDuringExecution"));
        }
        return n;
}

static void validate_gates(KubeWrite *w, const char *field, const Json *spec) {
        const Json *gates = json_get(spec, "schedulingGates");
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(gate, gates) {
                const char *name = strempty(json_string(json_get(gate, "name")));

                put_path(w, path, "%s.schedulingGates[%u]", field, i++);
                if (!is_qualified_name(name))
                        cause_invalid_text(w, path, name, KEY_TEXT);
                for (const Json *p = gate->prev; p; p = p->prev)
                        if (streq_ptr(json_string(json_get(p, "name")), name)) {
                                cause_duplicate(w, path, name);
                                break;
                        }
        }
        put_path(w, path, "%s.nodeName", field);
        if (size_of(gates) > 0 && !isempty(json_string(json_get(spec, "nodeName"))))
                cause_forbidden(w, path, "cannot be set until all schedulingGates have been cleared");
}

static void validate_scheduler_name(KubeWrite *w, const char *field, const char *name) {
        const char *algorithm = startswith(strempty(name), POD_SCHEDULER_PREFIX);
        _cleanup_strbuf_ StrBuf names = STRBUF_INIT(4 * KIB);
        char path[FIELD_MAX];

        if (!algorithm || sched_algorithm_find(algorithm))
                return;
        for (size_t i = 0; i < sched_algorithm_count(); i++)
                strbuf_printf(&names, "%s\"" POD_SCHEDULER_PREFIX "%s\"", i > 0 ? ", " : "", sched_algorithm_get(i)->name);
        put_path(w, path, "%s.schedulerName", field);
        cause_not_supported(w, path, name, strbuf_str(&names));
}

void validate_scheduling(KubeWrite *w, const char *field, const Json *spec) {
        const Json *affinity = json_get(spec, "affinity");
        char path[FIELD_MAX];
        unsigned i = 0;

        put_path(w, path, "%s.nodeSelector", field);
        validate_labels(w, path, json_get(spec, "nodeSelector"));
        put_path(w, path, "%s.affinity.nodeAffinity", field);
        validate_node_affinity(w, path, json_get(affinity, "nodeAffinity"));
        put_path(w, path, "%s.affinity.podAffinity", field);
        validate_pod_affinity(w, path, json_get(affinity, "podAffinity"));
        put_path(w, path, "%s.affinity.podAntiAffinity", field);
        validate_pod_affinity(w, path, json_get(affinity, "podAntiAffinity"));
        validate_tolerations(w, field, json_get(spec, "tolerations"));
        JSON_FOREACH(constraint, json_get(spec, "topologySpreadConstraints")) {
                put_path(w, path, "%s.topologySpreadConstraints[%u]", field, i++);
                validate_constraint(w, path, constraint);
        }
        if (count_terms(spec) > TERMS_MAX)
                cause_forbidden(w, field, "a pod may have at most 32 topology spread constraints and terms of pod affinity and anti-affinity together");
        validate_gates(w, field, spec);
        validate_scheduler_name(w, field, json_string(json_get(spec, "schedulerName")));
}
