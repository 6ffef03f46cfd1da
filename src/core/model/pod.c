/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/pod.h"

#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/model/object-util.h"
#include "core/model/quantity.h"
#include "core/model/shared-string.h"

static const char *const status_names[_POD_STATUS_MAX] = {
        [POD_PENDING] = "Pending",           [POD_RUNNING] = "Running",     [POD_RESTARTING] = "Restarting",
        [POD_RESCHEDULING] = "Rescheduling", [POD_SUCCEEDED] = "Succeeded", [POD_TERMINATING] = "Terminating",
        [POD_FAILED] = "Failed",
};

static const char *const qos_names[_POD_QOS_MAX] = {
        [POD_BURSTABLE] = "Burstable", [POD_BEST_EFFORT] = "BestEffort", [POD_GUARANTEED] = "Guaranteed",
};

DEFINE_STRING_TABLE(pod_qos, PodQos, qos_names, _POD_QOS_MAX)
DEFINE_STRING_TABLE(pod_status, PodStatus, status_names, _POD_STATUS_MAX)

int pod_new(const char *name, Pod **ret) {
        int r;

        r = object_new(KIND_POD, sizeof(Pod), name, (Object**) ret);
        if (r < 0)
                return r;
        (*ret)->duration = USEC_INFINITY;
        (*ret)->grace_seconds = POD_GRACE_DEFAULT;
        (*ret)->toleration = POD_TOLERATION_DEFAULT;
        return 0;
}

int pod_copy(const Pod *p, Pod **ret) {
        _cleanup_(pod_unrefp) Pod *copy = NULL;
        int r;

        r = object_new_like(&p->object, sizeof(Pod), (Object**) &copy);
        if (r < 0)
                return r;
        copy->status = p->status;
        copy->restarts = p->restarts;
        copy->grace_seconds = p->grace_seconds;
        copy->toleration = p->toleration;
        copy->ip = p->ip;
        copy->cpu = p->cpu;
        copy->duration = p->duration;
        copy->started = p->started;
        copy->ended = p->ended;
        copy->deleted = p->deleted;
        copy->exit_code = p->exit_code;
        copy->qos = p->qos;
        copy->held = p->held;
        pod_share_node(copy, p->node);
        r = pod_set_reason(copy, p->reason);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(copy);
        return 0;
}

int pod_set_node(Pod *p, const char *node) {
        const char *copy = node ? shared_string_new(node) : NULL;

        if (node && !copy)
                return -ENOMEM;
        shared_string_unref(p->node);
        p->node = copy;
        return 0;
}

void pod_share_node(Pod *p, const char *node) {
        const char *old = p->node;

        p->node = shared_string_ref(node);
        shared_string_unref(old);
}

int pod_set_reason(Pod *p, const char *reason) {
        return object_set_string(&p->reason, reason);
}

/* What one container asks for: requests, else limits. */
static int container_cpu(const Json *container, int64_t *ret, Error *reterr) {
        const Json *resources = json_get(container, "resources");
        const char *cpu = json_string(json_at(resources, "requests", "cpu", NULL)) ?: json_string(json_at(resources, "limits", "cpu", NULL));

        *ret = 0;
        if (!cpu || (quantity_parse_milli(cpu, ret) >= 0 && *ret >= 0))
                return 0;
        return error_set_field(reterr, -EDOM, "spec.containers.resources.requests.cpu", cpu, "\"%s\" is not an amount of CPU", cpu);
}

/* Kubernetes documentation, "Init Containers", resource sharing: the greater of the sum of the containers and the greatest init
 * container; init containers that restart always run beside them. */
static int sum_cpu(const Json *spec, int64_t *ret, Error *reterr) {
        int64_t sum = 0, beside = 0, greatest = 0, cpu;
        const char *overhead = json_string(json_at(spec, "overhead", "cpu", NULL));
        int r;

        JSON_FOREACH(container, json_get(spec, "containers")) {
                r = container_cpu(container, &cpu, reterr);
                if (r < 0 || __builtin_add_overflow(sum, cpu, &sum))
                        return r < 0 ? r : error_set(reterr, -EDOM, "the pod asks for more CPU than can be counted");
        }
        JSON_FOREACH(container, json_get(spec, "initContainers")) {
                r = container_cpu(container, &cpu, reterr);
                if (r < 0 || __builtin_add_overflow(beside, cpu, &cpu))
                        return r < 0 ? r : error_set(reterr, -EDOM, "the pod asks for more CPU than can be counted");
                if (streq_ptr(json_string(json_get(container, "restartPolicy")), "Always"))
                        beside = cpu;
                greatest = MAX(greatest, cpu);
        }
        if (__builtin_add_overflow(sum, beside, &sum))
                return error_set(reterr, -EDOM, "the pod asks for more CPU than can be counted");
        sum = MAX(sum, greatest);
        if (overhead && (quantity_parse_milli(overhead, &cpu) < 0 || __builtin_add_overflow(sum, cpu, &sum)))
                return error_set_field(reterr, -EDOM, "spec.overhead.cpu", overhead, "\"%s\" is not an amount of CPU", overhead);
        *ret = sum;
        return 0;
}

/* Each container with limits and requests that are the same: guaranteed; none with either: best effort. */
static PodQos find_qos(const Json *spec) {
        static const char *const resources[] = { "cpu", "memory" };
        bool any = false, guaranteed = true;

        JSON_FOREACH(container, json_get(spec, "containers"))
                for (size_t i = 0; i < ELEMENTSOF(resources); i++) {
                        const char *request = json_string(json_at(container, "resources", "requests", resources[i], NULL));
                        const char *limit = json_string(json_at(container, "resources", "limits", resources[i], NULL));

                        any |= request || limit;
                        guaranteed &= limit && (!request || streq(request, limit));
                }
        return !any ? POD_BEST_EFFORT : guaranteed ? POD_GUARANTEED : POD_BURSTABLE;
}

/* Kubernetes documentation, "Taints and Tolerations", taint-based evictions: without a toleration it goes at once. */
static usec_t find_toleration(const Json *tolerations) {
        usec_t span = 0;

        JSON_FOREACH(t, tolerations) {
                const char *key = strempty(json_string(json_get(t, "key"))), *effect = strempty(json_string(json_get(t, "effect")));
                int64_t seconds = json_i64(json_get(t, "tolerationSeconds"), -1);

                if ((*key && !streq(key, "node.kubernetes.io/unreachable")) || (*effect && !streq(effect, "NoExecute")))
                        continue;
                if (!json_get(t, "tolerationSeconds"))
                        return USEC_INFINITY;
                if (seconds > 0)
                        span = MAX(span, (usec_t) seconds * USEC_PER_SEC);
        }
        return span;
}

static int read_annotations(Pod *p, const Json *annotations, Error *reterr) {
        const char *duration = json_string(json_get(annotations, POD_ANNOTATION_DURATION));
        const char *exit_code = json_string(json_get(annotations, POD_ANNOTATION_EXIT_CODE));
        uint64_t code = 0;

        if (duration && (parse_usec(duration, &p->duration) < 0 || p->duration == 0))
                return error_set_field(reterr, -EDOM, "metadata.annotations[" POD_ANNOTATION_DURATION "]", duration,
                                       "\"%s\" is not a span of time like 30s", duration);
        if (exit_code && parse_u64_range(exit_code, 0, 255, &code) < 0)
                return error_set_field(reterr, -EDOM, "metadata.annotations[" POD_ANNOTATION_EXIT_CODE "]", exit_code,
                                       "\"%s\" is not a whole number from 0 to 255", exit_code);
        p->exit_code = (uint8_t) code;
        return 0;
}

static bool is_of_job(const Json *owners) {
        JSON_FOREACH(owner, owners)
                if (json_is_true(json_get(owner, "controller")))
                        return streq_ptr(json_string(json_get(owner, "kind")), "Job");
        return false;
}

int pod_read_document(Pod *p, const Json *document, Error *reterr) {
        const Json *spec = json_get(document, "spec"), *gates = json_get(spec, "schedulingGates");
        const char *scheduler = json_string(json_get(spec, "schedulerName"));
        int r;

        r = sum_cpu(spec, &p->cpu, reterr);
        if (r < 0)
                return r;
        p->qos = find_qos(spec);
        p->toleration = find_toleration(json_get(spec, "tolerations"));
        p->grace_seconds = (uint32_t) json_i64(json_get(spec, "terminationGracePeriodSeconds"), POD_GRACE_DEFAULT);
        p->held = (scheduler && !streq(scheduler, POD_SCHEDULER_DEFAULT)) || (json_is(gates, JSON_ARRAY) && gates->size > 0);
        p->duration = is_of_job(json_at(document, "metadata", "ownerReferences", NULL)) ? POD_JOB_DURATION : USEC_INFINITY;
        return read_annotations(p, json_at(document, "metadata", "annotations", NULL), reterr);
}

void pod_done(Pod *p) {
        shared_string_unref(p->node);
        free((char*) p->reason);
}
