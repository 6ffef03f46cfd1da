/* SPDX-License-Identifier: Apache-2.0 */
/* Pods as Kubernetes shows them: what the client wrote, and the status that a healthy kubelet would report. */
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/overlay.h"
#include "kubesimd/api/kube/rules.h"
#include "kubesimd/api/kube/view.h"

/* A pod of the native API has no containers of its own. */
#define IMAGE "kubesim.io/simulated"
#define CONTAINER "main"
#define SERVICE_ACCOUNT "default"
static const DocLabel native_container = { .key = CONTAINER, .value = IMAGE };

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

static size_t containers_of(const Pod *p, const DocLabel **ret) {
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

static void put_unready(const Pod *p, StrBuf *b) {
        const DocLabel *containers;
        size_t n = containers_of(p, &containers);

        strbuf_puts(b, "containers with unready status: [");
        for (size_t i = 0; i < n; i++)
                strbuf_printf(b, "%s%s", i > 0 ? " " : "", containers[i].key);
        strbuf_putc(b, ']');
}

static bool is_gated(const Pod *p) {
        return p->held && p->object.doc && strstr(p->object.doc->spec, "\"schedulingGates\":[{");
}

/* Another scheduler's: that one says what keeps it. */
static bool is_anothers(const Pod *p) {
        return p->held && !p->node && !p->reason && !is_gated(p);
}

static void put_unscheduled(const Pod *p, StrBuf *b) {
        if (is_gated(p))
                kube_put_condition(b, "PodScheduled", "False", p->object.created, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates");
        else
                kube_put_condition(b, "PodScheduled", "False", p->object.created, "Unschedulable", p->reason);
}

static void put_conditions(const Pod *p, StrBuf *b) {
        bool runs = statuses[p->status].runs, over = p->status == POD_SUCCEEDED || p->status == POD_FAILED;
        usec_t since = p->ended > 0 ? p->ended : p->started > 0 ? p->started : p->object.created;
        const char *reason = runs ? NULL : over ? p->status == POD_SUCCEEDED ? "PodCompleted" : "PodFailed" : "ContainersNotReady";
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(4 * KIB);

        if (is_anothers(p))
                return;
        if (!runs && !over)
                put_unready(p, &message);
        strbuf_puts(b, ",\"conditions\":[");
        if (p->node) {
                kube_put_condition(b, "PodReadyToStartContainers", runs ? "True" : "False", since, NULL, NULL);
                strbuf_putc(b, ',');
                kube_put_condition(b, "Initialized", "True", p->object.created, p->status == POD_SUCCEEDED ? "PodCompleted" : NULL, NULL);
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

static void put_state(const Pod *p, bool init, StrBuf *b) {
        bool over = p->status == POD_SUCCEEDED || p->status == POD_FAILED;

        if (over || init) {
                int code = init || p->status == POD_SUCCEEDED ? 0 : p->exit_code != 0 ? p->exit_code : 1;

                strbuf_printf(b, "{\"terminated\":{\"exitCode\":%d,\"reason\":\"%s\",\"startedAt\":", code, code == 0 ? "Completed" : "Error");
                kube_put_time(b, p->started > 0 ? p->started : p->object.created);
                strbuf_puts(b, ",\"finishedAt\":");
                kube_put_time(b, !init && p->ended > 0 ? p->ended : p->started > 0 ? p->started : p->object.created);
                strbuf_puts(b, "}}");
        } else if (statuses[p->status].runs || p->status == POD_TERMINATING) {
                strbuf_puts(b, "{\"running\":{\"startedAt\":");
                kube_put_time(b, p->started);
                strbuf_puts(b, "}}");
        } else
                strbuf_printf(b, "{\"waiting\":{\"reason\":\"%s\"}}", p->status == POD_PENDING ? "ContainerCreating" : statuses[p->status].shown);
}

static void put_container_statuses(const Pod *p, const char *key, const DocLabel *containers, size_t n, bool init, StrBuf *b) {
        bool ready = init || statuses[p->status].runs;
        char uid[UUID_STRING_MAX];

        if (n == 0)
                return;
        (void) uuid_to_string(p->object.uid, uid);
        strbuf_printf(b, ",\"%s\":[", key);
        for (size_t i = 0; i < n; i++) {
                strbuf_puts(b, i > 0 ? ",{\"name\":" : "{\"name\":");
                json_put_string(b, containers[i].key);
                strbuf_puts(b, ",\"image\":");
                json_put_string(b, containers[i].value);
                strbuf_printf(b, ",\"imageID\":\"\",\"ready\":%s,\"started\":%s,\"restartCount\":%u,\"lastState\":{},\"state\":", ready ? "true" : "false",
                              ready && !init ? "true" : "false", init ? 0 : p->restarts);
                put_state(p, init, b);
                if (p->started > 0)
                        strbuf_printf(b, ",\"containerID\":\"kubesim://%s/%zu\"", uid, i);
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
        const DocLabel *containers;
        size_t n = containers_of(p, &containers);

        strbuf_printf(b, "\"phase\":\"%s\",\"qosClass\":\"%s\"", statuses[p->status].phase, pod_qos_to_string(p->qos));
        put_conditions(p, b);
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
        if (p->reason) {
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

static const char *shown_status(const Pod *p) {
        if (p->deleted > 0 && p->status != POD_SUCCEEDED && p->status != POD_FAILED)
                return "Terminating";
        if (p->status == POD_PENDING && p->node)
                return "ContainerCreating";
        if (p->status == POD_PENDING && !p->reason && is_gated(p))
                return "SchedulingGated";
        return statuses[p->status].shown;
}

static void put_cells(Cluster *c _unused_, const Object *o, usec_t now, StrBuf *b) {
        const Pod *p = (const Pod*) o;
        const DocLabel *containers;
        size_t n = containers_of(p, &containers);
        char ip[ADDRESS_STRING_MAX];

        json_put_string(b, object_name(o));
        strbuf_printf(b, ",\"%zu/%zu\",\"%s\",\"%u\",", statuses[p->status].runs ? n : 0, n, shown_status(p), p->restarts);
        kube_put_age(b, o->created, now);
        strbuf_printf(b, ",\"%s\",", p->ip != 0 && p->started > 0 ? address_to_string(p->ip, ip) : "<none>");
        json_put_string(b, p->node ?: "<none>");
        strbuf_putc(b, ',');
        json_put_string(b, nominated_node(p) ?: "<none>");
        strbuf_puts(b, ",\"<none>\"");
}

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
        .subresources = "binding,eviction,log,status", .schema = "core.v1.Pod", .store_kind = KIND_POD, .namespaced = true, .no_generation = true,
        .columns = columns, .put_metadata = put_metadata, .put_rest = put_rest, .put_cells = put_cells, .fields = fields,
        .complete = complete_pod, .admit = admit_pod, .validate = validate_pod, .strip = strip,
};
