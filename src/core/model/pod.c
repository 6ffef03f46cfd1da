/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/pod.h"

#include <signal.h>
#include <stdio.h>

#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/model/object-util.h"
#include "core/model/resources.h"
#include "core/model/shared-string.h"

#define NAMESPACE_LETTERS 254
#define BACKOFF_FIRST (10 * USEC_PER_SEC)
#define BACKOFF_MAX (5 * USEC_PER_MINUTE)

static const char *const status_names[_POD_STATUS_MAX] = {
        [POD_PENDING] = "Pending",           [POD_RUNNING] = "Running",     [POD_RESTARTING] = "Restarting",
        [POD_RESCHEDULING] = "Rescheduling", [POD_SUCCEEDED] = "Succeeded", [POD_TERMINATING] = "Terminating",
        [POD_FAILED] = "Failed",             [POD_BACKOFF] = "CrashLoopBackOff",
};

static const char *const qos_names[_POD_QOS_MAX] = {
        [POD_BURSTABLE] = "Burstable", [POD_BEST_EFFORT] = "BestEffort", [POD_GUARANTEED] = "Guaranteed",
};

static const char *const disruption_names[_POD_DISRUPTION_MAX] = {
        [POD_DISRUPTION_NONE] = "",
        [POD_DISRUPTION_PREEMPTION] = "PreemptionByScheduler",
        [POD_DISRUPTION_EVICTION] = "EvictionByEvictionAPI",
        [POD_DISRUPTION_TAINT] = "DeletionByTaintManager",
        [POD_DISRUPTION_NODE_GONE] = "DeletionByPodGC",
};

DEFINE_STRING_TABLE(pod_disruption, PodDisruption, disruption_names, _POD_DISRUPTION_MAX)
static const char *const restart_names[_POD_RESTART_MAX] = {
        [POD_RESTART_NEVER] = "Never", [POD_RESTART_ON_FAILURE] = "OnFailure", [POD_RESTART_ALWAYS] = "Always",
};

DEFINE_STRING_TABLE(pod_restart, PodRestart, restart_names, _POD_RESTART_MAX)
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
        copy->disruption = p->disruption;
        copy->restart = p->restart;
        copy->crashes = p->crashes;
        copy->deadline_seconds = p->deadline_seconds;
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

/* What counts for the class: kubernetes, pkg/apis/core/v1/helper/qos, ComputePodQOS(). */
static const char *const qos_resources[] = { "cpu", "memory" };

typedef struct QosSums {
        int64_t requests[2], limits[2];
        bool limited; /* each has limits of both */
} QosSums;

static int64_t qos_amount(const char *name, const char *text) {
        int64_t amount;

        return text && resource_parse(name, "spec", text, &amount, NULL) >= 0 ? amount : 0;
}

/* Requests that are left out are as the limits. */
static void add_qos(QosSums *sums, const Json *resources) {
        for (size_t i = 0; i < ELEMENTSOF(qos_resources); i++) {
                const char *limit = json_string(json_at(resources, "limits", qos_resources[i], NULL));
                const char *request = json_string(json_at(resources, "requests", qos_resources[i], NULL)) ?: limit;
                int64_t most = qos_amount(qos_resources[i], limit);

                if (__builtin_add_overflow(sums->requests[i], qos_amount(qos_resources[i], request), &sums->requests[i]))
                        sums->requests[i] = INT64_MAX;
                if (__builtin_add_overflow(sums->limits[i], most, &sums->limits[i]))
                        sums->limits[i] = INT64_MAX;
                sums->limited &= most > 0;
        }
}

/* A pod that is limited as a whole asks for what its containers do, unless it says more. */
static void add_qos_of_whole(QosSums *sums, const Json *spec) {
        add_qos(sums, json_get(spec, "resources"));
        for (size_t i = 0; i < ELEMENTSOF(qos_resources); i++)
                (void) resource_sum_containers(spec, qos_resources[i], 0, &sums->requests[i], NULL);
}

/* What is said of the pod as a whole, else what its containers say, those that only begin with it among them. */
static PodQos find_qos(const Json *spec) {
        static const char *const lists[] = { "containers", "initContainers" };
        QosSums s = { .limited = true };

        if (json_get(spec, "resources"))
                add_qos_of_whole(&s, spec);
        for (size_t i = 0; !json_get(spec, "resources") && i < ELEMENTSOF(lists); i++)
                JSON_FOREACH(container, json_get(spec, lists[i]))
                        add_qos(&s, json_get(container, "resources"));
        if (s.requests[0] == 0 && s.requests[1] == 0 && s.limits[0] == 0 && s.limits[1] == 0)
                return POD_BEST_EFFORT;
        return s.limited && s.requests[0] == s.limits[0] && s.requests[1] == s.limits[1] ? POD_GUARANTEED : POD_BURSTABLE;
}

static bool tolerates_loss(const Json *t) {
        const char *key = strempty(json_string(json_get(t, "key"))), *effect = strempty(json_string(json_get(t, "effect")));

        return (isempty(key) || streq(key, "node.kubernetes.io/unreachable")) && (isempty(effect) || streq(effect, "NoExecute")) &&
               (streq_ptr(json_string(json_get(t, "operator")), "Exists") || isempty(json_string(json_get(t, "value"))));
}

/* The first one counts, as for pod_class_tolerates(). Kubernetes documentation, "Taints and Tolerations", taint-based evictions: a pod that
 * says nothing is given five minutes. */
static usec_t find_toleration(const Json *tolerations) {
        JSON_FOREACH(t, tolerations) {
                int64_t seconds = json_i64(json_get(t, "tolerationSeconds"), 0);

                if (!tolerates_loss(t))
                        continue;
                if (!json_get(t, "tolerationSeconds"))
                        return USEC_INFINITY;
                return seconds > 0 ? (usec_t) seconds * USEC_PER_SEC : 0;
        }
        return POD_TOLERATION_DEFAULT;
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

/* A negative one is taken as a second, as kube-apiserver does. */
static uint32_t read_grace(const Json *seconds) {
        int64_t v = json_i64(seconds, POD_GRACE_DEFAULT);

        return v < 0 ? 1 : (uint32_t) MIN(v, (int64_t) UINT32_MAX);
}

bool pod_share_class(Pod *p) {
        PodClass *known = p->object.doc ? p->object.doc->view : NULL;

        if (!known || !object_is_in(&p->object, known->namespace))
                return false;
        pod_class_unref(p->class);
        p->class = pod_class_ref(known);
        p->cpu = known->requests.cpu;
        return true;
}

void pod_lend_class(const Pod *p) {
        Doc *d = p->object.doc;

        if (d && d->pool && !d->view)
                d->view = pod_class_ref(p->class);
}

int pod_read_rest(Pod *p, const PodClassPool *classes, const Json *document, Error *reterr) {
        const Json *spec = json_get(document, "spec"), *gates = json_get(spec, "schedulingGates");
        const char *scheduler = json_string(json_get(spec, "schedulerName"));

        p->qos = find_qos(spec);
        p->toleration = find_toleration(json_get(spec, "tolerations"));
        p->grace_seconds = read_grace(json_get(spec, "terminationGracePeriodSeconds"));
        p->held = (scheduler && !streq(scheduler, classes->scheduler_name ?: POD_SCHEDULER_DEFAULT) && !startswith(scheduler, POD_SCHEDULER_PREFIX)) ||
                  (json_is(gates, JSON_ARRAY) && gates->size > 0);
        p->restart = (uint8_t) MAX(pod_restart_from_string(strempty(json_string(json_get(spec, "restartPolicy")))), POD_RESTART_NEVER) & 3;
        p->deadline_seconds = (uint32_t) json_i64(json_get(spec, "activeDeadlineSeconds"), 0);
        p->duration = is_of_job(json_at(document, "metadata", "ownerReferences", NULL)) ? POD_JOB_DURATION : USEC_INFINITY;
        return read_annotations(p, json_at(document, "metadata", "annotations", NULL), reterr);
}

int pod_read_document(Pod *p, PodClassPool *classes, const Json *document, Error *reterr) {
        int r;

        r = pod_read_class(p, classes, document, reterr);
        return r < 0 ? r : pod_read_rest(p, classes, document, reterr);
}

usec_t pod_backoff(const Pod *p) {
        /* The first time they are started again at once. */
        return p->crashes <= 1 ? 0 : MIN(BACKOFF_FIRST << (p->crashes - 2), BACKOFF_MAX);
}

usec_t pod_run_began(const Pod *p) {
        return p->crashes == 0 ? p->started : usec_add(p->ended, pod_backoff(p));
}

bool pod_restarts(const Pod *p) {
        return p->restart == POD_RESTART_ALWAYS || (p->restart == POD_RESTART_ON_FAILURE && p->exit_code != 0);
}

usec_t pod_deadline(const Pod *p) {
        bool on_node = p->status == POD_RUNNING || p->status == POD_BACKOFF;

        return on_node && p->started > 0 && p->deadline_seconds > 0 ? usec_add(p->started, p->deadline_seconds * USEC_PER_SEC) : USEC_INFINITY;
}

bool pod_exceeded_deadline(const Pod *p) {
        return p->status == POD_FAILED && streq_ptr(p->reason, POD_DEADLINE_REASON);
}

int pod_ended_with(const Pod *p) {
        if (p->status == POD_SUCCEEDED)
                return 0;
        if (pod_exceeded_deadline(p))
                return 128 + SIGKILL;
        return p->exit_code != 0 ? p->exit_code : 1;
}

usec_t pod_next_end(const Pod *p) {
        usec_t deadline = pod_deadline(p);

        if (p->status == POD_BACKOFF)
                return MIN(deadline, usec_add(p->ended, pod_backoff(p)));
        if (p->status == POD_RUNNING && p->duration != USEC_INFINITY && p->started > 0)
                return MIN(deadline, usec_add(pod_run_began(p), p->duration));
        return deadline;
}

void pod_done(Pod *p) {
        pod_class_unref(p->class);
        shared_string_unref(p->node);
        shared_string_unref(p->nominated);
        free((char*) p->reason);
}
