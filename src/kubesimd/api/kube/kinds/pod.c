/* SPDX-License-Identifier: Apache-2.0 */
/* Pods as Kubernetes shows them: what the client wrote, and the status that a healthy kubelet would report. */
#include <stdio.h>

#include "basic/hashtable.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/kinds/rules.h"
#include "kubesimd/api/kube/overlay.h"
#include "kubesimd/api/kube/view.h"

/* A pod of the native API has no containers of its own. */
#define IMAGE "kubesim.io/simulated"
#define CONTAINER POD_CONTAINER_NATIVE
#define SERVICE_ACCOUNT "default"
#define KILLED 137 /* the exit code */
static const DocContainer native_container = { .name = CONTAINER, .image = IMAGE };

/* What each of our statuses is in Kubernetes. */
static const struct {
        const char *phase;
        const char *shown; /* STATUS of kubectl get pods */
        bool runs;
} statuses[_POD_STATUS_MAX] = {
        [POD_PENDING] = { "Pending", "Pending", false },
        [POD_RUNNING] = { "Running", "Running", true },
        [POD_RESTARTING] = { "Running", "Restarting", false },
        [POD_RESCHEDULING] = { "Pending", "Rescheduling", false },
        [POD_SUCCEEDED] = { "Succeeded", "Completed", false },
        [POD_TERMINATING] = { "Running", "Terminating", false },
        [POD_FAILED] = { "Failed", "Error", false },
        [POD_BACKOFF] = { "Running", "CrashLoopBackOff", false },
};

static const char *field_node(const Object *o) {
        return strempty(((const Pod*) o)->node);
}

static const char *field_phase(const Object *o) {
        return statuses[((const Pod*) o)->status].phase;
}

/* Where it is to go once the pods that were sent away for it are gone. */
static const char *nominated_node(const Pod *p) {
        return p->node ? NULL : p->nominated;
}

static const char *field_nominated(const Object *o) {
        return nominated_node((const Pod*) o);
}

static const char *native_restart_policy(const Object *o) {
        return ((const Pod*) o)->duration == USEC_INFINITY ? "Always" : "Never";
}

static const char *field_restart_policy(const Object *o) {
        return o->doc ? NULL : native_restart_policy(o);
}

static const char *field_ip(const Object *o) {
        static char ip[ADDRESS_STRING_MAX];

        return ((const Pod*) o)->ip != 0 ? address_to_string(((const Pod*) o)->ip, ip) : "";
}

static const KubeField fields[] = {
        { .path = "spec.nodeName", .get = field_node },
        { .path = "spec.restartPolicy", .get = field_restart_policy },
        { .path = "spec.schedulerName", .otherwise = POD_SCHEDULER_DEFAULT },
        { .path = "spec.serviceAccountName", .otherwise = SERVICE_ACCOUNT },
        { .path = "spec.hostNetwork", .otherwise = "false" },
        { .path = "status.phase", .get = field_phase },
        { .path = "status.podIP", .get = field_ip },
        { .path = "status.podIPs", .get = field_ip },
        { .path = "status.nominatedNodeName", .get = field_nominated },
        {},
};

static bool is_over(const Pod *p) {
        return p->status == POD_SUCCEEDED || p->status == POD_FAILED;
}

static size_t containers_of(const Pod *p, const DocContainer **ret) {
        const Doc *d = p->object.doc;

        *ret = d ? d->containers : &native_container;
        return d ? d->n_containers : 1;
}

static void put_metadata(Cluster *c _unused_, const Object *o, uint64_t revision, StrBuf *b) {
        const Pod *p = (const Pod*) o;

        kube_put_metadata_head(o, revision, b);
        if (o->doc && *o->doc->metadata) {
                strbuf_putc(b, ',');
                strbuf_puts(b, o->doc->metadata);
        }
        /* What the native API said of it, in the words of this one: so it stays when a client writes back what it has read. */
        if (!o->doc && p->duration != USEC_INFINITY)
                strbuf_printf(b, ",\"annotations\":{\"" POD_ANNOTATION_DURATION "\":\"%lluus\"}", (unsigned long long) p->duration);
        if (p->deleted > 0) {
                strbuf_puts(b, ",\"deletionTimestamp\":");
                kube_put_time(b, p->deleted);
                strbuf_printf(b, ",\"deletionGracePeriodSeconds\":%lld", (long long) (p->grace_seconds));
        }
        strbuf_putc(b, '}');
}

#define FORGIVEN(key) "{\"key\":\"" key "\",\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}"

/* What complete_pod() and pod_admit() make of a pod that says no more than this one's request: shown, and kept nowhere. */
static void put_native_spec(const Cluster *c, const Pod *p, StrBuf *b) {
        strbuf_puts(b, "\"containers\":[{\"name\":\"" CONTAINER "\",\"image\":\"" IMAGE "\",\"resources\":{\"requests\":{\"cpu\":");
        kube_put_cpu(b, p->cpu);
        strbuf_puts(b, "}},\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"Always\"}],"
                    "\"restartPolicy\":");
        json_put_string(b, native_restart_policy(&p->object));
        strbuf_printf(b, ",\"terminationGracePeriodSeconds\":%d,\"dnsPolicy\":\"ClusterFirst\",\"securityContext\":{},\"schedulerName\":\"%s\"",
                      POD_GRACE_DEFAULT, c->scheduler_name);
        strbuf_puts(b, ",\"enableServiceLinks\":true,\"serviceAccountName\":\"" SERVICE_ACCOUNT "\",\"serviceAccount\":\"" SERVICE_ACCOUNT "\","
                    "\"priority\":0,\"preemptionPolicy\":\"PreemptLowerPriority\",\"tolerations\":["
                    FORGIVEN("node.kubernetes.io/not-ready") "," FORGIVEN("node.kubernetes.io/unreachable") "]");
}

static void put_spec(const Cluster *c, const Pod *p, StrBuf *b) {
        strbuf_puts(b, ",\"spec\":{");
        if (p->object.doc)
                strbuf_puts(b, p->object.doc->spec);
        else
                put_native_spec(c, p, b);
        if (p->node) {
                strbuf_puts(b, ",\"nodeName\":");
                json_put_string(b, p->node);
        }
        strbuf_putc(b, '}');
}

/* Those that have to be ready for the pod to be it. */
static size_t main_and_sidecars(const Pod *p) {
        const Doc *d = p->object.doc;

        return d ? (size_t) d->n_containers + d->n_sidecars : 1;
}

static void put_name(StrBuf *b, size_t *n, const char *name) {
        strbuf_printf(b, "%s%s", (*n)++ > 0 ? " " : "", name);
}

static void put_unready(const Pod *p, StrBuf *b) {
        const DocContainer *containers;
        size_t n = containers_of(p, &containers), shown = 0;
        const Doc *d = p->object.doc;

        strbuf_puts(b, "containers with unready status: [");
        for (size_t i = 0; d && i < d->n_init_containers; i++)
                if (d->init_containers[i].sidecar && p->status != POD_BACKOFF)
                        put_name(b, &shown, d->init_containers[i].name);
        for (size_t i = 0; i < n; i++)
                put_name(b, &shown, containers[i].name);
        strbuf_putc(b, ']');
}

/* Has its node yet to run its init containers? They are done as soon as it has begun. */
static bool is_initializing(const Pod *p) {
        return p->object.doc && p->object.doc->n_init_containers > 0 && (p->status == POD_PENDING || p->started == 0) && !is_over(p);
}

static void put_initialized(const Pod *p, StrBuf *b) {
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(4 * KIB);
        size_t shown = 0;

        if (!is_initializing(p)) {
                kube_put_condition(b, "Initialized", "True", p->object.created, p->status == POD_SUCCEEDED ? "PodCompleted" : NULL, NULL);
                return;
        }
        strbuf_puts(&message, "containers with incomplete status: [");
        for (size_t i = 0; i < p->object.doc->n_init_containers; i++)
                put_name(&message, &shown, p->object.doc->init_containers[i].name);
        strbuf_putc(&message, ']');
        kube_put_condition(b, "Initialized", "False", p->object.created, "ContainersNotInitialized", strbuf_str(&message));
}

bool kube_pod_is_gated(const Pod *p) {
        return p->held && p->object.doc && strstr(p->object.doc->spec, "\"schedulingGates\":[{");
}

/* Another scheduler's: that one says what keeps it. */
static bool is_anothers(const Pod *p) {
        return p->held && !p->node && !p->reason && !kube_pod_is_gated(p);
}

/* Has nobody looked yet where it could go? */
static bool is_new(const Pod *p) {
        return !p->node && !p->reason && p->disruption == POD_DISRUPTION_NONE && !kube_pod_is_gated(p);
}

static void put_unscheduled(const Pod *p, StrBuf *b) {
        if (kube_pod_is_gated(p))
                kube_put_condition(b, "PodScheduled", "False", p->object.created, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates");
        else
                kube_put_condition(b, "PodScheduled", "False", p->object.created, "Unschedulable", p->reason);
}

/* That it was sent away. */
static void put_disruption(const Cluster *c, const Pod *p, StrBuf *b) {
        static const char *const messages[_POD_DISRUPTION_MAX] = {
                [POD_DISRUPTION_PREEMPTION] = ": preempting to accommodate a higher priority pod",
                [POD_DISRUPTION_EVICTION] = "Eviction API: evicting",
                [POD_DISRUPTION_TAINT] = "Taint manager: deleting due to NoExecute taint",
                [POD_DISRUPTION_NODE_GONE] = "PodGC: node no longer exists",
        };
        char message[256];

        if (p->disruption == POD_DISRUPTION_NONE)
                return;
        (void) snprintf(message, sizeof(message), "%s%s", p->disruption == POD_DISRUPTION_PREEMPTION ? c->scheduler_name : "", messages[p->disruption]);
        kube_put_condition(b, "DisruptionTarget", "True", p->deleted - p->grace_seconds * USEC_PER_SEC, pod_disruption_to_string(p->disruption), message);
        strbuf_putc(b, ',');
}

static void put_conditions(const Cluster *c, const Pod *p, StrBuf *b) {
        bool runs = statuses[p->status].runs, over = is_over(p);
        usec_t since = p->status == POD_RUNNING ? pod_run_began(p) : p->ended > 0 ? p->ended : p->started > 0 ? p->started : p->object.created;
        const char *reason = runs ? NULL : over ? p->status == POD_SUCCEEDED ? "PodCompleted" : "PodFailed" : "ContainersNotReady";
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(4 * KIB);

        if (is_anothers(p) || is_new(p))
                return;
        if (!runs && !over)
                put_unready(p, &message);
        strbuf_puts(b, ",\"conditions\":[");
        put_disruption(c, p, b);
        if (p->node) {
                kube_put_condition(b, "PodReadyToStartContainers", runs || p->status == POD_BACKOFF ? "True" : "False", since, NULL, NULL);
                strbuf_putc(b, ',');
                put_initialized(p, b);
                strbuf_putc(b, ',');
                /* The node lifecycle controller turns this one alone, and says no reason: what the containers do nobody knows. */
                kube_put_condition(b, "Ready", pod_is_ready(p) ? "True" : "False", over ? since : MAX(since, p->lost_changed), reason,
                                   message.size > 0 ? strbuf_str(&message) : NULL);
                strbuf_putc(b, ',');
                kube_put_condition(b, "ContainersReady", runs ? "True" : "False", since, reason, message.size > 0 ? strbuf_str(&message) : NULL);
                strbuf_putc(b, ',');
                kube_put_condition(b, "PodScheduled", "True", p->object.created, NULL, NULL);
        } else
                put_unscheduled(p, b);
        strbuf_putc(b, ']');
}

/* What a container is to its pod. */
typedef enum Role {
        ROLE_MAIN,
        ROLE_INIT,    /* over before the others begin */
        ROLE_SIDECAR, /* begins with the init containers, and ends with the others */
} Role;

/* Sidecars go on while the others wait to be started again. */
static bool is_running(const Pod *p, Role role) {
        return statuses[p->status].runs || (p->status == POD_TERMINATING && p->started > 0) || (p->status == POD_BACKOFF && role == ROLE_SIDECAR);
}

static bool is_ready(const Pod *p, Role role) {
        return role == ROLE_INIT ? !is_initializing(p) : statuses[p->status].runs || (p->status == POD_BACKOFF && role == ROLE_SIDECAR);
}

/* Of the containers of a pod only those that end by themselves are started again; when the whole pod is, all are. */
static uint32_t restarts_of(const Pod *p, Role role) {
        bool loops = p->duration != USEC_INFINITY && pod_restarts(p);

        return role == ROLE_MAIN || (role == ROLE_SIDECAR && !loops) ? p->restarts : 0;
}


static void put_terminated(StrBuf *b, int code, usec_t started, usec_t finished) {
        strbuf_printf(b, "{\"terminated\":{\"exitCode\":%d,\"reason\":\"%s\",\"startedAt\":", code, code == 0 ? "Completed" : "Error");
        kube_put_time(b, started);
        strbuf_puts(b, ",\"finishedAt\":");
        kube_put_time(b, finished);
        strbuf_puts(b, "}}");
}

static void put_state(const Pod *p, Role role, StrBuf *b) {
        usec_t started = p->started > 0 ? p->started : p->object.created;

        if (is_initializing(p))
                strbuf_puts(b, "{\"waiting\":{\"reason\":\"PodInitializing\"}}");
        else if (role == ROLE_INIT)
                put_terminated(b, 0, started, started);
        else if (is_over(p))
                put_terminated(b, role == ROLE_SIDECAR ? 0 : pod_ended_with(p), started, p->ended > 0 ? p->ended : started);
        else if (is_running(p, role)) {
                strbuf_puts(b, "{\"running\":{\"startedAt\":");
                kube_put_time(b, role == ROLE_MAIN && p->status == POD_RUNNING ? pod_run_began(p) : p->started);
                strbuf_puts(b, "}}");
        } else if (p->status == POD_BACKOFF) {
                strbuf_puts(b, "{\"waiting\":{\"reason\":\"CrashLoopBackOff\",\"message\":");
                json_put_string(b, strempty(p->reason));
                strbuf_puts(b, "}}");
        } else
                strbuf_printf(b, "{\"waiting\":{\"reason\":\"%s\"}}",
                              p->status == POD_RESTARTING || p->status == POD_RESCHEDULING ? statuses[p->status].shown : "ContainerCreating");
}

/* How it ended before it was started again. */
static void put_last_state(const Pod *p, Role role, StrBuf *b) {
        bool has = role == ROLE_MAIN && p->crashes > 0 && !is_over(p) && p->duration != USEC_INFINITY;

        if (has)
                put_terminated(b, p->exit_code, p->ended - MIN(p->ended, p->duration), p->ended);
        else
                strbuf_puts(b, "{}");
}

/* As a runtime's, 64 digits, the same for as long as it is the same run of the same container. */
static void put_container_id(const Pod *p, Role role, size_t index, StrBuf *b) {
        struct {
                Uuid uid;
                uint64_t index, restarts, init;
        } of = { p->object.uid, index, restarts_of(p, role), role != ROLE_MAIN };

        strbuf_puts(b, ",\"containerID\":\"kubesim://");
        for (uint64_t part = 0; part < 4; part++)
                strbuf_printf(b, "%016llx", (unsigned long long) siphash13(&of, sizeof(of), (const uint64_t[2]) { part, 0 }));
        strbuf_putc(b, '"');
}

static void put_container_statuses(const Pod *p, const char *key, const DocContainer *containers, size_t n, bool init, StrBuf *b) {
        if (n == 0)
                return;
        strbuf_printf(b, ",\"%s\":[", key);
        for (size_t i = 0; i < n; i++) {
                Role role = !init ? ROLE_MAIN : containers[i].sidecar ? ROLE_SIDECAR : ROLE_INIT;

                strbuf_puts(b, i > 0 ? ",{\"name\":" : "{\"name\":");
                json_put_string(b, containers[i].name);
                strbuf_puts(b, ",\"image\":");
                json_put_string(b, containers[i].image);
                strbuf_printf(b, ",\"imageID\":\"\",\"ready\":%s,\"started\":%s,\"restartCount\":%u,\"lastState\":", is_ready(p, role) ? "true" : "false",
                              role != ROLE_INIT && is_running(p, role) ? "true" : "false", restarts_of(p, role));
                put_last_state(p, role, b);
                strbuf_puts(b, ",\"state\":");
                put_state(p, role, b);
                if (p->started > 0)
                        put_container_id(p, role, i, b);
                strbuf_putc(b, '}');
        }
        strbuf_putc(b, ']');
}

static void put_addresses(Cluster *c, const Pod *p, StrBuf *b) {
        const NodeState *ns = p->node ? find_node(c, p->node) : NULL;
        char ip[ADDRESS_STRING_MAX];

        if (ns) {
                strbuf_puts(b, ",\"hostIP\":");
                json_put_string(b, kube_node_address(node_of(ns), ip));
                strbuf_puts(b, ",\"hostIPs\":[{\"ip\":");
                json_put_string(b, kube_node_address(node_of(ns), ip));
                strbuf_puts(b, "}]");
        }
        if (p->ip != 0 && p->started > 0) {
                (void) address_to_string(p->ip, ip);
                strbuf_printf(b, ",\"podIP\":\"%s\",\"podIPs\":[{\"ip\":\"%s\"}]", ip, ip);
        }
}

static void put_status(Cluster *c, const Pod *p, StrBuf *b) {
        const DocContainer *containers;
        size_t n = containers_of(p, &containers);

        strbuf_printf(b, "\"phase\":\"%s\",\"qosClass\":\"%s\"", statuses[p->status].phase, pod_qos_to_string(p->qos));
        put_conditions(c, p, b);
        if (p->node) {
                put_container_statuses(p, "containerStatuses", containers, n, false, b);
                if (p->object.doc)
                        put_container_statuses(p, "initContainerStatuses", p->object.doc->init_containers, p->object.doc->n_init_containers, true, b);
        }
        put_addresses(c, p, b);
        if (p->started > 0) {
                strbuf_puts(b, ",\"startTime\":");
                kube_put_time(b, p->started);
        }
        if (pod_exceeded_deadline(p))
                strbuf_puts(b, ",\"reason\":\"DeadlineExceeded\"");
        if (p->reason && p->status != POD_BACKOFF) {
                strbuf_puts(b, ",\"message\":");
                json_put_string(b, p->reason);
        }
        if (nominated_node(p)) {
                strbuf_puts(b, ",\"nominatedNodeName\":");
                json_put_string(b, p->nominated);
        }
}

static void put_rest(Cluster *c, const Object *o, StrBuf *b) {
        put_spec(c, (const Pod*) o, b);
        strbuf_puts(b, ",\"status\":{");
        put_status(c, (const Pod*) o, b);
        strbuf_putc(b, '}');
}

static void put_shown_status(const Pod *p, StrBuf *b) {
        const char *status = statuses[p->status].shown;

        if (p->deleted > 0 && !is_over(p))
                status = "Terminating";
        else if (p->node && is_initializing(p)) {
                strbuf_printf(b, "\"Init:0/%u\"", p->object.doc->n_init_containers);
                return;
        } else if (p->status == POD_PENDING && p->node)
                status = "ContainerCreating";
        else if (p->status == POD_PENDING && !p->reason && kube_pod_is_gated(p))
                status = "SchedulingGated";
        json_put_string(b, status);
}

/* "3 (10s ago)" when it is known when. */
static void put_restarts(const Pod *p, uint64_t restarts, usec_t now, StrBuf *b) {
        _cleanup_strbuf_ StrBuf age = STRBUF_INIT(64);

        if (restarts == 0 || p->crashes == 0) {
                strbuf_printf(b, "\"%llu\"", (unsigned long long) restarts);
                return;
        }
        kube_put_age(&age, p->ended, now); /* with its quotes */
        strbuf_printf(b, "\"%llu (%.*s ago)\"", (unsigned long long) restarts, (int) (age.size > 2 ? age.size - 2 : 0), strbuf_str(&age) + 1);
}

/* As kubectl's own printer counts: main containers and sidecars, and the restarts of each of them. */
static void put_cells(Cluster *c _unused_, const Object *o, usec_t now, StrBuf *b) {
        const Pod *p = (const Pod*) o;
        size_t sidecars = o->doc ? o->doc->n_sidecars : 0, all = main_and_sidecars(p), mains = all - sidecars;
        size_t ready = (is_ready(p, ROLE_MAIN) ? mains : 0) + (is_ready(p, ROLE_SIDECAR) ? sidecars : 0);
        uint64_t restarts = (uint64_t) restarts_of(p, ROLE_MAIN) * mains + (uint64_t) restarts_of(p, ROLE_SIDECAR) * sidecars;
        char ip[ADDRESS_STRING_MAX];

        json_put_string(b, object_name(o));
        strbuf_printf(b, ",\"%zu/%zu\",", ready, all);
        put_shown_status(p, b);
        strbuf_putc(b, ',');
        put_restarts(p, restarts, now, b);
        strbuf_putc(b, ',');
        kube_put_age(b, o->created, now);
        strbuf_printf(b, ",\"%s\",", p->ip != 0 && p->started > 0 ? address_to_string(p->ip, ip) : "<none>");
        json_put_string(b, p->node ?: "<none>");
        strbuf_putc(b, ',');
        json_put_string(b, nominated_node(p) ?: "<none>");
        strbuf_puts(b, ",\"<none>\"");
}

/* --- Ephemeral containers: their document's status says since when they run, and is shown as what has become of the pod meanwhile --- */

static const Json *find_status(const Json *list, const Json *container) {
        JSON_FOREACH(v, list)
                if (json_equal(json_get(v, "name"), json_get(container, "name")))
                        return v;
        return NULL;
}

static Json *put_part(JsonArena *a, Json *of, const char *key) {
        Json *part = json_new(a, JSON_OBJECT);

        json_set(a, of, key, part);
        return part;
}

/* One that has been added runs from now on, unless its pod is over. */
static void start_ephemeral_containers(JsonArena *a, Json *object, const Pod *p) {
        const Json *containers = json_at(object, "spec", "ephemeralContainers", NULL);
        Json *list, *status;

        if (!json_item(containers, 0) || is_over(p))
                return;
        list = json_ensure(a, json_ensure(a, object, "status", JSON_OBJECT), "ephemeralContainerStatuses", JSON_ARRAY);
        JSON_FOREACH(container, containers) {
                if (find_status(list, container))
                        continue;
                status = json_new(a, JSON_OBJECT);
                json_set(a, status, "name", json_copy(a, json_get(container, "name")));
                json_set(a, status, "image", json_copy(a, json_get(container, "image")));
                json_set_string(a, status, "imageID", "");
                json_set_bool(a, status, "ready", false);
                json_set_i64(a, status, "restartCount", 0);
                (void) put_part(a, status, "lastState");
                json_set(a, put_part(a, put_part(a, status, "state"), "running"), "startedAt", json_new_time(a, now_realtime()));
                json_append(list, status);
        }
}

/* Those of a pod that does not run yet wait with it, and when it ends they are killed. */
static void finish_status(const Object *o, JsonArena *a, Json *status) {
        const Pod *p = (const Pod*) o;
        Json *state, *part;

        JSON_FOREACH(v, json_get(status, "ephemeralContainerStatuses")) {
                Json *started = json_detach(json_at(v, "state", "running", "startedAt", NULL));

                if (!started && json_at(v, "state", "terminated", NULL))
                        continue;
                started = started ? started : json_new_time(a, p->started);
                state = put_part(a, v, "state");
                if (p->started == 0) {
                        json_set_string(a, put_part(a, state, "waiting"), "reason", "PodInitializing");
                        continue;
                }
                part = put_part(a, state, is_over(p) ? "terminated" : "running");
                json_set(a, part, "startedAt", started);
                if (!is_over(p))
                        continue;
                json_set_i64(a, part, "exitCode", KILLED);
                json_set_string(a, part, "reason", "Error");
                json_set(a, part, "finishedAt", json_new_time(a, p->ended));
        }
}

/* --- Writing --- */

/* What its node would say again at once, had a client written something else. */
static void strip_status(const Pod *p, Json *status) {
        static const char *const members[] = {
                "phase", "qosClass", "hostIP", "hostIPs", "podIP", "podIPs", "startTime", "containerStatuses", "initContainerStatuses",
        };
        static const char *const conditions[] = { "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled" };

        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                json_remove(status, members[i]);
        JSON_FOREACH(condition, json_get(status, "conditions"))
                for (size_t i = 0; i < ELEMENTSOF(conditions); i++)
                        if (streq_ptr(json_string(json_get(condition, "type")), conditions[i]) && !(is_anothers(p) && streq(conditions[i], "PodScheduled"))) {
                                json_detach(condition);
                                break;
                        }
        if (json_get(status, "conditions") && json_get(status, "conditions")->size == 0)
                json_remove(status, "conditions");
}

/* Where it is and how it is doing is not the client's to say; what it says beside is kept. */
static void strip(Cluster *c, JsonArena *a, Json *object, const Object *o) {
        Json *metadata = json_get(object, "metadata"), *status = json_get(object, "status");
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Json *ours = NULL;
        char *text;

        json_remove(metadata, "deletionTimestamp");
        json_remove(metadata, "deletionGracePeriodSeconds");
        if (!o) {
                json_remove(object, "status");
                return;
        }
        json_remove(json_get(object, "spec"), "nodeName");
        strip_status((const Pod*) o, status);
        strbuf_putc(&b, '{');
        put_status(c, (const Pod*) o, &b);
        strbuf_putc(&b, '}');
        start_ephemeral_containers(a, object, (const Pod*) o);
        status = json_get(object, "status");
        text = strbuf_error(&b) < 0 ? NULL : json_arena_copy(a, b.data, b.size);
        if (text && json_tree_parse(a, text, b.size, &ours, NULL) >= 0)
                overlay_subtract(status, ours);
        if (status && status->size == 0)
                json_detach(status);
}

static const KubeColumn columns[] = {
        { .name = "Name", .type = "string", .is_name = true }, { .name = "Ready", .type = "string" },
        { .name = "Status", .type = "string" },                { .name = "Restarts", .type = "string" },
        { .name = "Age", .type = "string" },                   { .name = "IP", .type = "string", .wide = true },
        { .name = "Node", .type = "string", .wide = true },    { .name = "Nominated Node", .type = "string", .wide = true },
        { .name = "Readiness Gates", .type = "string", .wide = true }, {},
};

const KubeResource kube_pods = {
        .group = "", .version = "v1", .plural = "pods", .singular = "pod", .short_names = "po", .kind = "Pod", .category = "all",
        .subresources = "binding,ephemeralcontainers,eviction,log,status", .schema = "core.v1.Pod", .store_kind = KIND_POD, .namespaced = true, .no_generation = true,
        .columns = columns, .put_metadata = put_metadata, .put_rest = put_rest, .put_cells = put_cells, .fields = fields,
        .complete = complete_pod, .admit = admit_pod, .validate = validate_pod, .strip = strip, .finish_status = finish_status,
};
