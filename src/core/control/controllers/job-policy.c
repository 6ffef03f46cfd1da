/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes documentation, "Success policy": rules about indexes; "Pod failure policy". A simulated pod's containers all end with the same
 * code; nobody knows what they make of being asked to end, so that a pod that was removed is judged by its conditions alone. */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/controllers/job-internal.h"

static bool has_code(const Json *values, int64_t code) {
        JSON_FOREACH(v, values)
                if (json_i64(v, -1) == code)
                        return true;
        return false;
}

/* The container that the rule speaks of, or NULL when it does not match. */
static const char *matching_container(const Json *exits, const Pod *p, int64_t code) {
        const char *name = json_string(json_get(exits, "containerName")), *op = strempty(json_string(json_get(exits, "operator")));
        const Doc *d = p->object.doc;

        if (!exits || p->deleted > 0 || has_code(json_get(exits, "values"), code) != streq(op, "In"))
                return NULL;
        for (size_t i = 0; d && i < d->n_containers; i++)
                if (isempty(name) || streq(name, d->containers[i].name))
                        return d->containers[i].name;
        return NULL;
}

/* Has a pod that has failed the condition? With what clients have written into its status. */
static bool has_condition(const Pod *p, const Json *written, const char *type, const char *status) {
        static const struct {
                const char *type, *status;
        } of_failed[] = { { "Initialized", "True" }, { "PodScheduled", "True" }, { "Ready", "False" }, { "ContainersReady", "False" },
                          { "PodReadyToStartContainers", "False" } };

        if (streq(type, "DisruptionTarget") && p->disruption != POD_DISRUPTION_NONE)
                return streq(status, "True");
        for (size_t i = 0; i < ELEMENTSOF(of_failed); i++)
                if (streq(of_failed[i].type, type))
                        return streq(of_failed[i].status, status);
        JSON_FOREACH(c, written)
                if (streq_ptr(json_string(json_get(c, "type")), type))
                        return streq_ptr(json_string(json_get(c, "status")), status);
        return false;
}

/* What clients have written. */
static const Json *read_conditions(JsonArena *a, const Doc *d) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Json *status = NULL;
        char *text;

        if (!d || !*d->status)
                return NULL;
        strbuf_printf(&b, "{%s}", d->status);
        text = strbuf_error(&b) < 0 ? NULL : json_arena_copy(a, b.data, b.size);
        if (text)
                (void) json_tree_parse(a, text, b.size, &status, NULL);
        return json_get(status, "conditions");
}

/* The type of the first condition that the rule asks for and the pod has, or NULL. */
static const char *matching_condition(Job *j, const Json *patterns, const Pod *p) {
        const Json *written = patterns ? read_conditions(&j->edit.arena, p->object.doc) : NULL;

        JSON_FOREACH(pattern, patterns) {
                const char *type = strempty(json_string(json_get(pattern, "type")));

                if (has_condition(p, written, type, json_string(json_get(pattern, "status")) ?: "True"))
                        return type;
        }
        return NULL;
}

/* What is said of a Job that the rule has fail. */
static void put_verdict(Job *j, const Pod *p, const char *container, int64_t code, const char *condition, size_t rule) {
        size_t size;
        const char *namespace = object_namespace(&p->object, &size), *name = object_name(&p->object);

        if (container)
                (void) snprintf(j->verdict, sizeof(j->verdict), "Container %s for pod %.*s/%s failed with exit code %lld matching FailJob rule at index %zu",
                                container, (int) size, namespace, name, (long long) code, rule);
        else
                (void) snprintf(j->verdict, sizeof(j->verdict), "Pod %.*s/%s has condition %s matching FailJob rule at index %zu", (int) size, namespace, name,
                                condition, rule);
}

FailureAction job_judge_failure(Job *j, const Pod *p) {
        int64_t code = pod_ended_with(p);
        size_t number = 0;

        JSON_FOREACH(rule, json_at(j->spec, "podFailurePolicy", "rules", NULL)) {
                const char *action = strempty(json_string(json_get(rule, "action"))), *container = matching_container(json_get(rule, "onExitCodes"), p, code);
                const char *condition = matching_condition(j, json_get(rule, "onPodConditions"), p);
                size_t n = number++;

                if (!container && !condition)
                        continue;
                if (streq(action, "Ignore"))
                        return FAILURE_IGNORE;
                if (streq(action, "FailIndex"))
                        return FAILURE_FAIL_INDEX;
                if (!streq(action, "FailJob"))
                        return FAILURE_COUNT;
                put_verdict(j, p, container, code, condition, n);
                return FAILURE_FAIL_JOB;
        }
        return FAILURE_COUNT;
}

/* 1: enough of the indexes that the rule names, of all when it names none, have succeeded. */
static int matches_success(const Job *j, const Json *rule) {
        const char *text = json_string(json_get(rule, "succeededIndexes"));
        const Json *count = json_get(rule, "succeededCount");
        _cleanup_index_set_ IndexSet wanted = {};
        int r;

        if (!text)
                return count && index_set_count(&j->completed) >= json_i64(count, INT64_MAX);
        r = index_set_parse(&wanted, text, j->completions);
        return r < 0 ? r : index_set_count_common(&wanted, &j->completed) >= (count ? json_i64(count, INT64_MAX) : index_set_count(&wanted));
}

int job_judge_success(Job *j) {
        size_t n = 0;

        JSON_FOREACH(rule, j->indexed ? json_at(j->spec, "successPolicy", "rules", NULL) : NULL) {
                int r = matches_success(j, rule);

                if (r > 0)
                        (void) snprintf(j->success, sizeof(j->success), "Matched rules at index %zu", n);
                if (r != 0)
                        return MIN(r, 0);
                n++;
        }
        return 0;
}
