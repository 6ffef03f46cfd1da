/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/resource.h"

/* A pod of the native API has no containers; Kubernetes' must have one. */
#define CONTAINER "main"
#define IMAGE "kubesim.io/simulated"

static const struct {
        const char *phase;  /* pod.status.phase */
        const char *shown;  /* the column Status of kubectl */
        bool runs;          /* its container does */
} statuses[_POD_STATUS_MAX] = {
        [POD_PENDING] = { "Pending", "Pending", false },
        [POD_RUNNING] = { "Running", "Running", true },
        [POD_RESTARTING] = { "Running", "Restarting", false },
        [POD_RESCHEDULING] = { "Pending", "Rescheduling", false },
        [POD_SUCCEEDED] = { "Succeeded", "Completed", false },
        [POD_TERMINATING] = { "Running", "Terminating", false },
        [POD_FAILED] = { "Failed", "Error", false },
};

static const char *label(const Object *o _unused_, const char *key _unused_) {
        return NULL;
}

static const char *field_name(const Object *o) {
        return o->name;
}

static const char *field_namespace(const Object *o _unused_) {
        return KUBE_NAMESPACE;
}

static const char *field_node(const Object *o) {
        return strempty(((const Pod*) o)->node);
}

static const char *field_phase(const Object *o) {
        return statuses[((const Pod*) o)->status].phase;
}

static const char *field_scheduler(const Object *o _unused_) {
        return "default-scheduler";
}

static const char *restart_policy(const Object *o) {
        return ((const Pod*) o)->duration == USEC_INFINITY ? "Always" : "Never";
}

static const KubeField fields[] = {
        { "metadata.name", field_name },
        { "metadata.namespace", field_namespace },
        { "spec.nodeName", field_node },
        { "spec.restartPolicy", restart_policy },
        { "spec.schedulerName", field_scheduler },
        { "status.phase", field_phase },
        {},
};

static void put_metadata(Cluster *c, const Object *o, uint64_t revision, StrBuf *b) {
        const Pod *p = (const Pod*) o;

        kube_put_metadata_head(o, revision, b);
        strbuf_puts(b, ",\"namespace\":\"" KUBE_NAMESPACE "\"");
        if (p->status == POD_TERMINATING) {
                strbuf_puts(b, ",\"deletionTimestamp\":");
                kube_put_time(b, cluster_realtime(c, c->now));
                strbuf_puts(b, ",\"deletionGracePeriodSeconds\":0");
        }
        strbuf_putc(b, '}');
}

static void put_spec(const Pod *p, StrBuf *b) {
        strbuf_puts(b, ",\"spec\":{\"containers\":[{\"name\":\"" CONTAINER "\",\"image\":\"" IMAGE "\",\"resources\":{\"requests\":{\"cpu\":");
        kube_put_cpu(b, p->cpu);
        strbuf_puts(b, "}}}],\"restartPolicy\":");
        json_put_string(b, restart_policy(&p->object));
        strbuf_puts(b, ",\"schedulerName\":\"default-scheduler\"");
        if (p->node) {
                strbuf_puts(b, ",\"nodeName\":");
                json_put_string(b, p->node);
        }
        strbuf_putc(b, '}');
}

static void put_conditions(Cluster *c, const Pod *p, StrBuf *b) {
        const char *ready = statuses[p->status].runs ? "True" : "False";
        usec_t since = p->started > 0 ? p->started : p->object.created;

        (void) c;
        strbuf_puts(b, ",\"conditions\":[");
        if (p->node)
                kube_put_condition(b, "PodScheduled", "True", p->object.created, NULL, NULL);
        else
                kube_put_condition(b, "PodScheduled", "False", p->object.created, "Unschedulable", p->reason);
        strbuf_putc(b, ',');
        kube_put_condition(b, "Initialized", p->node ? "True" : "False", since, NULL, NULL);
        strbuf_putc(b, ',');
        kube_put_condition(b, "ContainersReady", ready, since, NULL, NULL);
        strbuf_putc(b, ',');
        kube_put_condition(b, "Ready", ready, since, NULL, NULL);
        strbuf_putc(b, ']');
}

static void put_container_status(const Pod *p, StrBuf *b) {
        strbuf_printf(b, ",\"containerStatuses\":[{\"name\":\"" CONTAINER "\",\"image\":\"" IMAGE "\",\"imageID\":\"\",\"ready\":%s,\"restartCount\":%u,"
                      "\"lastState\":{},\"state\":", statuses[p->status].runs ? "true" : "false", p->restarts);
        if (statuses[p->status].runs) {
                strbuf_puts(b, "{\"running\":{\"startedAt\":");
                kube_put_time(b, p->started);
                strbuf_puts(b, "}}");
        } else if (p->status == POD_SUCCEEDED || p->status == POD_FAILED)
                strbuf_printf(b, "{\"terminated\":{\"exitCode\":%d,\"reason\":\"%s\"}}", p->status == POD_FAILED, statuses[p->status].shown);
        else
                strbuf_printf(b, "{\"waiting\":{\"reason\":\"%s\"}}", p->status == POD_PENDING ? "ContainerCreating" : statuses[p->status].shown);
        strbuf_puts(b, "}]");
}

static void put_rest(Cluster *c, const Object *o, StrBuf *b) {
        const Pod *p = (const Pod*) o;

        put_spec(p, b);
        strbuf_printf(b, ",\"status\":{\"phase\":\"%s\",\"qosClass\":\"Burstable\"", statuses[p->status].phase);
        put_conditions(c, p, b);
        if (p->node)
                put_container_status(p, b);
        if (p->started > 0) {
                strbuf_puts(b, ",\"startTime\":");
                kube_put_time(b, p->started);
        }
        if (p->reason) {
                strbuf_puts(b, ",\"message\":");
                json_put_string(b, p->reason);
        }
        strbuf_putc(b, '}');
}

static void put_cells(Cluster *c _unused_, const Object *o, usec_t now, StrBuf *b) {
        const Pod *p = (const Pod*) o;
        bool creating = p->status == POD_PENDING && p->node;

        json_put_string(b, o->name);
        strbuf_printf(b, ",\"%d/1\",\"%s\",\"%u\",", statuses[p->status].runs, creating ? "ContainerCreating" : statuses[p->status].shown, p->restarts);
        kube_put_age(b, o->created, now);
        strbuf_puts(b, ",\"<none>\",");
        json_put_string(b, p->node ?: "<none>");
        strbuf_puts(b, ",\"<none>\",\"<none>\"");
}

static const KubeColumn columns[] = {
        { .name = "Name", .is_name = true }, { .name = "Ready" },
        { .name = "Status" },                { .name = "Restarts" },
        { .name = "Age" },                   { .name = "IP", .wide = true },
        { .name = "Node", .wide = true },    { .name = "Nominated Node", .wide = true },
        { .name = "Readiness Gates", .wide = true }, {},
};

const KubeResource kube_pods = {
        .group = "", .api_version = "v1",
        .plural = "pods", .singular = "pod", .short_name = "po", .kind = "Pod", .list_kind = "PodList", .category = "all",
        .namespace = KUBE_NAMESPACE, .deletable = true, .store_kind = KIND_POD, .columns = columns,
        .put_metadata = put_metadata, .put_rest = put_rest, .put_cells = put_cells, .label = label, .fields = fields,
};
