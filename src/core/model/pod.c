/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/pod.h"

#include <stdio.h>

#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/model/object-util.h"
#include "core/model/shared-string.h"

#define NAMESPACE_LETTERS 254

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
        copy->lost_changed = p->lost_changed;
        copy->deleted = p->deleted;
        copy->exit_code = p->exit_code;
        copy->qos = p->qos;
        copy->held = p->held;
        copy->lost = p->lost;
        copy->class = p->class ? pod_class_ref(p->class) : NULL;
        copy->nominated = shared_string_ref(p->nominated);
        pod_share_node(copy, p->node);
        r = pod_set_reason(copy, p->reason);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(copy);
        return 0;
}

static int set_shared(const char **field, const char *value) {
        const char *copy = value ? shared_string_new(value) : NULL;

        if (value && !copy)
                return -ENOMEM;
        shared_string_unref(*field);
        *field = copy;
        return 0;
}

int pod_set_node(Pod *p, const char *node) {
        return set_shared(&p->node, node);
}

void pod_share_node(Pod *p, const char *node) {
        const char *old = p->node;

        p->node = shared_string_ref(node);
        shared_string_unref(old);
}

int pod_set_reason(Pod *p, const char *reason) {
        return object_set_string(&p->reason, reason);
}

int pod_set_nominated(Pod *p, const char *node) {
        return set_shared(&p->nominated, node);
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

static bool tolerates_loss(const Json *t) {
        const char *key = strempty(json_string(json_get(t, "key"))), *effect = strempty(json_string(json_get(t, "effect")));

        return (isempty(key) || streq(key, "node.kubernetes.io/unreachable")) && (isempty(effect) || streq(effect, "NoExecute")) &&
               (streq_ptr(json_string(json_get(t, "operator")), "Exists") || isempty(json_string(json_get(t, "value"))));
}

/* The shortest of those that say how long. Kubernetes documentation, "Taints and Tolerations", taint-based evictions: a pod that says
 * nothing is given five minutes. */
static usec_t find_toleration(const Json *tolerations) {
        usec_t span = USEC_INFINITY;
        bool found = false;

        JSON_FOREACH(t, tolerations) {
                int64_t seconds = json_i64(json_get(t, "tolerationSeconds"), 0);

                if (!tolerates_loss(t))
                        continue;
                if (json_get(t, "tolerationSeconds"))
                        span = MIN(span, seconds > 0 ? (usec_t) seconds * USEC_PER_SEC : 0);
                found = true;
        }
        return found ? span : POD_TOLERATION_DEFAULT;
}

static int check_gang(const Json *annotations, Error *reterr) {
        const char *min = json_string(json_get(annotations, POD_ANNOTATION_GANG_MIN)), *timeout = json_string(json_get(annotations, POD_ANNOTATION_GANG_TIMEOUT));
        const char *name = json_string(json_get(annotations, POD_ANNOTATION_GANG));
        uint64_t n;
        usec_t span;

        if (name && name_validate(name, "metadata.annotations[" POD_ANNOTATION_GANG "]", NULL) < 0)
                return error_set_field(reterr, -EDOM, "metadata.annotations[" POD_ANNOTATION_GANG "]", name, "\"%s\" is not a name", name);
        if (min && parse_u64_range(min, 1, UINT32_MAX, &n) < 0)
                return error_set_field(reterr, -EDOM, "metadata.annotations[" POD_ANNOTATION_GANG_MIN "]", min,
                                       "\"%s\" is not a whole number of at least 1", min);
        if (timeout && (parse_usec(timeout, &span) < 0 || span == 0))
                return error_set_field(reterr, -EDOM, "metadata.annotations[" POD_ANNOTATION_GANG_TIMEOUT "]", timeout,
                                       "\"%s\" is not a span of time like 60s", timeout);
        return 0;
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
        return check_gang(annotations, reterr);
}

static bool is_of_job(const Json *owners) {
        JSON_FOREACH(owner, owners)
                if (json_is_true(json_get(owner, "controller")))
                        return streq_ptr(json_string(json_get(owner, "kind")), "Job");
        return false;
}

int pod_read_class(Pod *p, PodClassPool *classes, const Json *document, Error *reterr) {
        char namespace[NAMESPACE_LETTERS];
        const char *ns;
        PodClass *class;
        size_t size;
        int r;

        ns = object_namespace(&p->object, &size);
        (void) snprintf(namespace, sizeof(namespace), "%.*s", (int) size, ns);
        r = pod_class_of(classes, namespace, document, &class, reterr);
        if (r < 0)
                return r;
        pod_class_unref(p->class);
        p->class = class;
        p->cpu = class->requests.cpu;
        return 0;
}

int pod_read_document(Pod *p, PodClassPool *classes, const Json *document, Error *reterr) {
        const Json *spec = json_get(document, "spec"), *gates = json_get(spec, "schedulingGates");
        const char *scheduler = json_string(json_get(spec, "schedulerName"));
        int r;

        r = pod_read_class(p, classes, document, reterr);
        if (r < 0)
                return r;
        p->qos = find_qos(spec);
        p->toleration = find_toleration(json_get(spec, "tolerations"));
        p->grace_seconds = (uint32_t) json_i64(json_get(spec, "terminationGracePeriodSeconds"), POD_GRACE_DEFAULT);
        p->held = (scheduler && !streq(scheduler, classes->scheduler_name ?: POD_SCHEDULER_DEFAULT) && !startswith(scheduler, POD_SCHEDULER_PREFIX)) ||
                  (json_is(gates, JSON_ARRAY) && gates->size > 0);
        p->duration = is_of_job(json_at(document, "metadata", "ownerReferences", NULL)) ? POD_JOB_DURATION : USEC_INFINITY;
        return read_annotations(p, json_at(document, "metadata", "annotations", NULL), reterr);
}

void pod_done(Pod *p) {
        pod_class_unref(p->class);
        shared_string_unref(p->node);
        shared_string_unref(p->nominated);
        free((char*) p->reason);
}
