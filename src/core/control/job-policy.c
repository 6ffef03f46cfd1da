/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes documentation, "Pod failure policy": rules about exit codes. A simulated pod's containers all end with the same code;
 * no simulated pod has the conditions that onPodConditions asks for, so that such a rule never matches. */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/job-internal.h"

static bool has_code(const Json *values, int64_t code) {
        JSON_FOREACH(v, values)
                if (json_i64(v, -1) == code)
                        return true;
        return false;
}

/* The container that the rule speaks of, or NULL when it does not match. */
static const char *matching_container(const Json *rule, const Pod *p, int64_t code) {
        const Json *exits = json_get(rule, "onExitCodes");
        const char *name = json_string(json_get(exits, "containerName")), *op = strempty(json_string(json_get(exits, "operator")));
        const Doc *d = p->object.doc;

        if (!exits || has_code(json_get(exits, "values"), code) != streq(op, "In"))
                return NULL;
        for (size_t i = 0; d && i < d->n_containers; i++)
                if (isempty(name) || streq(name, d->containers[i].name))
                        return d->containers[i].name;
        return NULL;
}

FailureAction job_judge_failure(Job *j, const Pod *p) {
        int64_t code = pod_ended_with(p);
        size_t size, number = 0;
        const char *namespace = object_namespace(&p->object, &size);

        JSON_FOREACH(rule, json_at(j->spec, "podFailurePolicy", "rules", NULL)) {
                const char *action = strempty(json_string(json_get(rule, "action"))), *container = matching_container(rule, p, code);
                size_t n = number++;

                if (!container)
                        continue;
                if (streq(action, "Ignore"))
                        return FAILURE_IGNORE;
                if (streq(action, "FailIndex"))
                        return FAILURE_FAIL_INDEX;
                if (!streq(action, "FailJob"))
                        return FAILURE_COUNT;
                (void) snprintf(j->verdict, sizeof(j->verdict), "Container %s for pod %.*s/%s failed with exit code %lld matching FailJob rule at index %zu",
                                container, (int) size, namespace, object_name(&p->object), (long long) code, n);
                return FAILURE_FAIL_JOB;
        }
        return FAILURE_COUNT;
}
