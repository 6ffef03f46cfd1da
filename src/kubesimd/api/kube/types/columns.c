/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/types/columns.h"

#include "basic/alloc-util.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

#define NAME { .name = "Name", .type = "string", .is_name = true }
#define TEXT(n) { .name = (n), .type = "string" }
#define NUMBER(n) { .name = (n), .type = "integer" }
#define BOOLEAN(n) { .name = (n), .type = "boolean" }
#define WIDE(n) { .name = (n), .type = "string", .wide = true }

static void put_text(StrBuf *b, const char *s) {
        json_put_string(b, isempty(s) ? "<none>" : s);
}

static void put_number(StrBuf *b, int64_t v) {
        strbuf_put_i64(b, v);
}

static const char *text_at(const Json *root, const char *a, const char *c) {
        return json_string(json_at(root, a, c, NULL));
}

static int64_t number_at(const Json *root, const char *a, const char *c) {
        return json_i64(json_at(root, a, c, NULL), 0);
}

/* A number or a text, whatever it is. */
static void put_scalar(StrBuf *b, const Json *v, const char *otherwise) {
        json_put_string(b, v && v->text ? v->text : otherwise);
}

static void comma(StrBuf *b) {
        strbuf_putc(b, ',');
}

static void put_name(StrBuf *b, const Object *o) {
        json_put_string(b, object_name(o));
        comma(b);
}

/* "a,b" of one member of each item; "<none>" for nothing. */
static void put_list(StrBuf *b, const Json *list, const char *member) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(MIB);

        JSON_FOREACH(item, list) {
                const char *s = member ? json_string(json_get(item, member)) : json_string(item);

                strbuf_puts(&text, text.size > 0 ? "," : "");
                strbuf_puts(&text, strempty(s));
        }
        put_text(b, strbuf_str(&text));
}

/* --- Labels --- */

static int compare_lines(const void *a, const void *b) {
        return strcmp(*(const char *const*) a, *(const char *const*) b);
}

/* Lines, each with its newline, in order, with what is between them; of one with a tab only what comes after that. */
static void add_sorted(StrBuf *to, StrBuf *lines, const char *between) {
        _cleanup_free_ char **sorted = NULL;
        size_t n = 0, allocated = 0;
        char *save = NULL;

        strbuf_putc(lines, '\0');
        for (char *l = strbuf_error(lines) < 0 ? NULL : strtok_r(lines->data, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
                if (!GREEDY_REALLOC(sorted, allocated, n + 1)) {
                        to->error = -ENOMEM;
                        return;
                }
                sorted[n++] = l;
        }
        if (n > 0)
                qsort(sorted, n, sizeof(sorted[0]), compare_lines);
        for (size_t i = 0; i < n; i++) {
                const char *tab = strchr(sorted[i], '\t');

                strbuf_puts(to, i > 0 ? between : "");
                strbuf_puts(to, tab ? tab + 1 : sorted[i]);
        }
}

static void put_lines(StrBuf *b, StrBuf *lines, const char *between) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(MIB);

        add_sorted(&text, lines, between);
        put_text(b, strbuf_str(&text));
}

/* "a=b,c=d" (k8s.io/apimachinery, labels.FormatLabels). */
static void put_map(StrBuf *b, const Json *map) {
        _cleanup_strbuf_ StrBuf lines = STRBUF_INIT(MIB);

        JSON_FOREACH(v, map)
                strbuf_printf(&lines, "%s=%s\n", v->key, strempty(json_string(v)));
        put_lines(b, &lines, ",");
}

static void add_expression(StrBuf *lines, const Json *e) {
        const char *op = strempty(json_string(json_get(e, "operator"))), *key = strempty(json_string(json_get(e, "key")));
        _cleanup_strbuf_ StrBuf values = STRBUF_INIT(MIB);

        strbuf_printf(lines, "%s\t%s%s", key, streq(op, "DoesNotExist") ? "!" : "", key);
        if (streq(op, "In") || streq(op, "NotIn")) {
                JSON_FOREACH(v, json_get(e, "values"))
                        strbuf_printf(&values, "%s\n", strempty(json_string(v)));
                strbuf_puts(lines, streq(op, "In") ? " in (" : " notin (");
                add_sorted(lines, &values, ",");
                strbuf_putc(lines, ')');
        }
        strbuf_putc(lines, '\n');
}

/* "a=b,c in (d,e),!f", by key (k8s.io/apimachinery, FormatLabelSelector). */
static void put_selector(StrBuf *b, const Json *selector) {
        _cleanup_strbuf_ StrBuf lines = STRBUF_INIT(MIB);

        JSON_FOREACH(v, json_get(selector, "matchLabels"))
                strbuf_printf(&lines, "%s\t%s=%s\n", v->key, v->key, strempty(json_string(v)));
        JSON_FOREACH(e, json_get(selector, "matchExpressions"))
                add_expression(&lines, e);
        put_lines(b, &lines, ",");
}

/* --- Further pieces --- */

/* Of so many the first ones, and how many more there are. */
static void add_more(StrBuf *text, size_t n, size_t shown) {
        if (n > shown)
                strbuf_printf(text, " + %zu more...", n - shown);
}

/* The addresses of a load balancer, in order. */
static void add_balancer(StrBuf *text, const Json *root) {
        _cleanup_strbuf_ StrBuf lines = STRBUF_INIT(64 * KIB);

        JSON_FOREACH(i, json_at(root, "status", "loadBalancer", "ingress", NULL)) {
                const char *ip = json_string(json_get(i, "ip")), *where = isempty(ip) ? json_string(json_get(i, "hostname")) : ip;

                if (!isempty(where))
                        strbuf_printf(&lines, "%s\n", where);
        }
        add_sorted(text, &lines, ",");
}

static void put_containers(StrBuf *b, const Json *root, bool images) {
        put_list(b, json_at(root, "spec", "template", "spec", "containers", NULL), images ? "image" : "name");
}

/* ,"CONTAINERS","IMAGES" */
static void put_template(StrBuf *b, const Json *root) {
        comma(b);
        put_containers(b, root, false);
        comma(b);
        put_containers(b, root, true);
}

static usec_t time_of(const char *s) {
        usec_t t = 0;

        if (s)
                (void) parse_rfc3339(s, &t);
        return t;
}

static void put_age_of(StrBuf *b, const Object *o, usec_t now) {
        kube_put_age(b, o->created, now);
}

/* --- One kind after the other --- */

const KubeColumn namespace_columns[] = { NAME, TEXT("Status"), TEXT("Age"), {} };
void namespace_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_name(b, o);
        put_text(b, text_at(root, "status", "phase"));
        comma(b);
        put_age_of(b, o, now);
}

const KubeColumn config_map_columns[] = { NAME, TEXT("Data"), TEXT("Age"), {} };
static size_t count_data(const Json *root) {
        const Json *data = json_get(root, "data"), *binary = json_get(root, "binaryData");

        return (data ? data->size : 0) + (binary ? binary->size : 0);
}

void config_map_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_name(b, o);
        strbuf_printf(b, "%zu,", count_data(root));
        put_age_of(b, o, now);
}

const KubeColumn secret_columns[] = { NAME, TEXT("Type"), TEXT("Data"), TEXT("Age"), {} };
void secret_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_name(b, o);
        put_text(b, json_string(json_get(root, "type")));
        strbuf_printf(b, ",%zu,", count_data(root));
        put_age_of(b, o, now);
}

const KubeColumn service_account_columns[] = { NAME, TEXT("Secrets"), TEXT("Age"), {} };
void service_account_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        const Json *secrets = json_get(root, "secrets");

        put_name(b, o);
        strbuf_printf(b, "%zu,", secrets ? secrets->size : 0);
        put_age_of(b, o, now);
}

const KubeColumn service_columns[] = {
        NAME, TEXT("Type"), TEXT("Cluster-IP"), TEXT("External-IP"), TEXT("Port(s)"), TEXT("Age"), WIDE("Selector"), {},
};
static void put_ports(StrBuf *b, const Json *ports) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(64 * KIB);

        JSON_FOREACH(p, ports) {
                int64_t node_port = json_i64(json_get(p, "nodePort"), 0);

                strbuf_puts(&text, text.size > 0 ? "," : "");
                strbuf_put_i64(&text, json_i64(json_get(p, "port"), 0));
                if (node_port > 0) {
                        strbuf_putc(&text, ':');
                        strbuf_put_i64(&text, node_port);
                }
                strbuf_putc(&text, '/');
                strbuf_puts(&text, json_string(json_get(p, "protocol")) ?: "TCP");
        }
        put_text(b, strbuf_str(&text));
}

static void put_external_ip(StrBuf *b, const Json *root, const char *type) {
        const Json *given = json_at(root, "spec", "externalIPs", NULL);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(64 * KIB);

        if (streq(type, "ExternalName")) {
                put_text(b, text_at(root, "spec", "externalName"));
                return;
        }
        if (streq(type, "LoadBalancer"))
                add_balancer(&text, root);
        JSON_FOREACH(ip, given)
                strbuf_printf(&text, "%s%s", text.size > 0 ? "," : "", strempty(json_string(ip)));
        json_put_string(b, text.size > 0 ? strbuf_str(&text) : streq(type, "LoadBalancer") ? "<pending>" : "<none>");
}

void service_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        const char *type = text_at(root, "spec", "type") ?: "ClusterIP";

        put_name(b, o);
        json_put_string(b, type);
        comma(b);
        put_text(b, text_at(root, "spec", "clusterIP"));
        comma(b);
        put_external_ip(b, root, type);
        comma(b);
        put_ports(b, json_at(root, "spec", "ports", NULL));
        comma(b);
        put_age_of(b, o, now);
        comma(b);
        put_map(b, json_at(root, "spec", "selector", NULL));
}

const KubeColumn endpoints_columns[] = { NAME, TEXT("Endpoints"), TEXT("Age"), {} };
void endpoints_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(64 * KIB);
        size_t n = 0;

        JSON_FOREACH(subset, json_get(root, "subsets"))
                JSON_FOREACH(port, json_get(subset, "ports"))
                        JSON_FOREACH(address, json_get(subset, "addresses"))
                                if (n++ < 3)
                                        strbuf_printf(&text, "%s%s:%lld", n > 1 ? "," : "", strempty(json_string(json_get(address, "ip"))),
                                                      (long long) json_i64(json_get(port, "port"), 0));
        add_more(&text, n, 3);
        put_name(b, o);
        put_text(b, strbuf_str(&text));
        comma(b);
        put_age_of(b, o, now);
}

const KubeColumn endpoint_slice_columns[] = { NAME, TEXT("AddressType"), TEXT("Ports"), TEXT("Endpoints"), TEXT("Age"), {} };
void endpoint_slice_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        _cleanup_strbuf_ StrBuf ports = STRBUF_INIT(64 * KIB), all = STRBUF_INIT(64 * KIB);
        size_t n = 0, n_ports = 0;

        JSON_FOREACH(p, json_get(root, "ports"))
                if (n_ports++ < 3) {
                        const Json *port = json_get(p, "port");

                        strbuf_printf(&ports, "%s%s", n_ports > 1 ? "," : "", port ? port->text : json_string(json_get(p, "name")) ?: "*");
                }
        add_more(&ports, n_ports, 3);
        JSON_FOREACH(e, json_get(root, "endpoints"))
                JSON_FOREACH(address, json_get(e, "addresses"))
                        if (n++ < 3)
                                strbuf_printf(&all, "%s%s", n > 1 ? "," : "", strempty(json_string(address)));
        add_more(&all, n, 3);
        put_name(b, o);
        put_text(b, json_string(json_get(root, "addressType")));
        comma(b);
        json_put_string(b, ports.size > 0 ? strbuf_str(&ports) : "<unset>");
        comma(b);
        json_put_string(b, all.size > 0 ? strbuf_str(&all) : "<unset>");
        comma(b);
        put_age_of(b, o, now);
}

const KubeColumn deployment_columns[] = {
        NAME, TEXT("Ready"), TEXT("Up-to-date"), TEXT("Available"), TEXT("Age"), WIDE("Containers"), WIDE("Images"), WIDE("Selector"), {},
};
void deployment_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_name(b, o);
        strbuf_printf(b, "\"%lld/%lld\",", (long long) number_at(root, "status", "readyReplicas"),
                      (long long) json_i64(json_at(root, "spec", "replicas", NULL), 1));
        put_number(b, number_at(root, "status", "updatedReplicas"));
        comma(b);
        put_number(b, number_at(root, "status", "availableReplicas"));
        comma(b);
        put_age_of(b, o, now);
        put_template(b, root);
        comma(b);
        put_selector(b, json_at(root, "spec", "selector", NULL));
}

const KubeColumn replica_set_columns[] = {
        NAME, NUMBER("Desired"), NUMBER("Current"), NUMBER("Ready"), TEXT("Age"), WIDE("Containers"), WIDE("Images"), WIDE("Selector"), {},
};
static void put_replicas(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_name(b, o);
        put_number(b, json_i64(json_at(root, "spec", "replicas", NULL), 1));
        comma(b);
        put_number(b, number_at(root, "status", "replicas"));
        comma(b);
        put_number(b, number_at(root, "status", "readyReplicas"));
        comma(b);
        put_age_of(b, o, now);
        put_template(b, root);
        comma(b);
}

void replica_set_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_replicas(o, root, now, b);
        put_selector(b, json_at(root, "spec", "selector", NULL));
}

void replication_controller_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_replicas(o, root, now, b);
        put_map(b, json_at(root, "spec", "selector", NULL));
}

const KubeColumn daemon_set_columns[] = {
        NAME, NUMBER("Desired"), NUMBER("Current"), NUMBER("Ready"), NUMBER("Up-to-date"), NUMBER("Available"), TEXT("Node Selector"), TEXT("Age"),
        WIDE("Containers"), WIDE("Images"), WIDE("Selector"), {},
};
void daemon_set_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        static const char *const counters[] = { "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable" };

        put_name(b, o);
        for (size_t i = 0; i < ELEMENTSOF(counters); i++) {
                put_number(b, number_at(root, "status", counters[i]));
                comma(b);
        }
        put_map(b, json_at(root, "spec", "template", "spec", "nodeSelector", NULL));
        comma(b);
        put_age_of(b, o, now);
        put_template(b, root);
        comma(b);
        put_selector(b, json_at(root, "spec", "selector", NULL));
}

const KubeColumn stateful_set_columns[] = { NAME, TEXT("Ready"), TEXT("Age"), WIDE("Containers"), WIDE("Images"), {} };
void stateful_set_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_name(b, o);
        strbuf_printf(b, "\"%lld/%lld\",", (long long) number_at(root, "status", "readyReplicas"),
                      (long long) json_i64(json_at(root, "spec", "replicas", NULL), 1));
        put_age_of(b, o, now);
        put_template(b, root);
}

const KubeColumn job_columns[] = {
        NAME, TEXT("Status"), TEXT("Completions"), TEXT("Duration"), TEXT("Age"), WIDE("Containers"), WIDE("Images"), WIDE("Selector"), {},
};
static bool has_condition(const Json *root, const char *type) {
        JSON_FOREACH(c, json_at(root, "status", "conditions", NULL))
                if (streq_ptr(json_string(json_get(c, "type")), type))
                        return streq_ptr(json_string(json_get(c, "status")), "True");
        return false;
}

static const char *job_status(const Json *root) {
        static const char *const ended[] = { "Complete", "Failed" }, *const others[] = { "Suspended", "FailureTarget" };

        for (size_t i = 0; i < ELEMENTSOF(ended); i++)
                if (has_condition(root, ended[i]))
                        return ended[i];
        if (json_at(root, "metadata", "deletionTimestamp", NULL))
                return "Terminating";
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (has_condition(root, others[i]))
                        return others[i];
        return "Running";
}

void job_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        usec_t start = time_of(text_at(root, "status", "startTime")), end = time_of(text_at(root, "status", "completionTime"));
        const Json *completions = json_at(root, "spec", "completions", NULL);
        long long succeeded = (long long) number_at(root, "status", "succeeded"), parallelism = (long long) number_at(root, "spec", "parallelism");

        put_name(b, o);
        strbuf_printf(b, "\"%s\",", job_status(root));
        if (completions)
                strbuf_printf(b, "\"%lld/%lld\",", succeeded, (long long) json_i64(completions, 0));
        else if (parallelism > 1)
                strbuf_printf(b, "\"%lld/1 of %lld\",", succeeded, parallelism);
        else
                strbuf_printf(b, "\"%lld/1\",", succeeded);
        if (start > 0)
                kube_put_age(b, start, end > 0 ? end : now);
        else
                strbuf_puts(b, "\"\"");
        comma(b);
        put_age_of(b, o, now);
        put_template(b, root);
        comma(b);
        put_selector(b, json_at(root, "spec", "selector", NULL));
}

const KubeColumn cron_job_columns[] = {
        NAME, TEXT("Schedule"), TEXT("Timezone"), BOOLEAN("Suspend"), NUMBER("Active"), TEXT("Last Schedule"), TEXT("Age"), WIDE("Containers"), WIDE("Images"),
        WIDE("Selector"), {},
};
void cron_job_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        const Json *active = json_at(root, "status", "active", NULL), *template = json_at(root, "spec", "jobTemplate", NULL);
        usec_t last = time_of(text_at(root, "status", "lastScheduleTime"));

        put_name(b, o);
        put_text(b, text_at(root, "spec", "schedule"));
        comma(b);
        put_text(b, text_at(root, "spec", "timeZone"));
        strbuf_printf(b, ",\"%s\",%zu,", json_is_true(json_at(root, "spec", "suspend", NULL)) ? "True" : "False", active ? active->size : 0);
        if (last > 0)
                kube_put_age(b, last, now);
        else
                put_text(b, NULL);
        comma(b);
        put_age_of(b, o, now);
        put_template(b, template);
        comma(b);
        put_selector(b, json_at(template, "spec", "selector", NULL));
}

const KubeColumn disruption_budget_columns[] = { NAME, TEXT("Min Available"), TEXT("Max Unavailable"), NUMBER("Allowed Disruptions"), TEXT("Age"), {} };
void disruption_budget_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_name(b, o);
        put_scalar(b, json_at(root, "spec", "minAvailable", NULL), "N/A");
        comma(b);
        put_scalar(b, json_at(root, "spec", "maxUnavailable", NULL), "N/A");
        comma(b);
        put_number(b, number_at(root, "status", "disruptionsAllowed"));
        comma(b);
        put_age_of(b, o, now);
}

const KubeColumn priority_class_columns[] = { NAME, NUMBER("Value"), BOOLEAN("Global-Default"), TEXT("Age"), TEXT("PreemptionPolicy"), {} };
void priority_class_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_name(b, o);
        put_number(b, json_i64(json_get(root, "value"), 0));
        strbuf_puts(b, json_is_true(json_get(root, "globalDefault")) ? ",true," : ",false,");
        put_age_of(b, o, now);
        comma(b);
        json_put_string(b, json_string(json_get(root, "preemptionPolicy")) ?: "PreemptLowerPriority");
}

const KubeColumn lease_columns[] = { NAME, TEXT("Holder"), TEXT("Age"), {} };
void lease_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_name(b, o);
        json_put_string(b, strempty(text_at(root, "spec", "holderIdentity")));
        comma(b);
        put_age_of(b, o, now);
}

const KubeColumn resource_quota_columns[] = { NAME, TEXT("Request"), TEXT("Limit"), TEXT("Age"), {} };
static void put_quota(StrBuf *b, StrBuf *lines) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(64 * KIB);

        add_sorted(&text, lines, ", ");
        json_put_string(b, strbuf_str(&text));
}

void resource_quota_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        _cleanup_strbuf_ StrBuf requests = STRBUF_INIT(64 * KIB), limits = STRBUF_INIT(64 * KIB);

        JSON_FOREACH(hard, json_at(root, "spec", "hard", NULL))
                strbuf_printf(startswith(hard->key, "limits.") ? &limits : &requests, "%s\t%s: %s/%s\n", hard->key, hard->key,
                              json_string(json_at(root, "status", "used", hard->key, NULL)) ?: "0", strempty(json_string(hard)));
        put_name(b, o);
        put_quota(b, &requests);
        comma(b);
        put_quota(b, &limits);
        comma(b);
        put_age_of(b, o, now);
}

const KubeColumn pod_autoscaler_columns[] = { NAME, TEXT("Reference"), TEXT("Targets"), TEXT("MinPods"), TEXT("MaxPods"), TEXT("Replicas"), TEXT("Age"), {} };

/* What each type of metric is called, and what it is aimed at: of resources the utilization stands for a value. */
static const struct {
        const char *type, *member;
        bool of_resource;
        const char *average; /* follows an average value */
} metrics[] = {
        { "Resource", "resource", true, "" }, { "ContainerResource", "containerResource", true, "" }, { "Pods", "pods", false, "" },
        { "Object", "object", false, " (avg)" }, { "External", "external", false, " (avg)" },
};

static void add_metric(StrBuf *text, const Json *metric, const Json *status) {
        const char *type = strempty(json_string(json_get(metric, "type"))), *key, *unit = "";
        const Json *target, *present, *value;
        size_t i = 0;

        while (i < ELEMENTSOF(metrics) && !streq(metrics[i].type, type))
                i++;
        if (i == ELEMENTSOF(metrics)) {
                strbuf_puts(text, "<unknown type>");
                return;
        }
        target = json_at(metric, metrics[i].member, "target", NULL);
        key = json_get(target, "averageValue") ? "averageValue" : metrics[i].of_resource ? "averageUtilization" : "value";
        if (metrics[i].of_resource)
                strbuf_printf(text, "%s: ", strempty(json_string(json_at(metric, metrics[i].member, "name", NULL))));
        if (streq(key, "averageUtilization"))
                unit = "%";
        present = json_at(status, metrics[i].member, "current", key, NULL);
        value = json_get(target, key);
        strbuf_printf(text, "%s%s/%s%s%s", present ? strempty(present->text) : "<unknown>", present ? unit : "",
                      value ? strempty(value->text) : *unit ? "<auto>" : "0", value ? unit : "", streq(key, "averageValue") ? metrics[i].average : "");
}

static void put_metrics(StrBuf *b, const Json *root) {
        const Json *all = json_at(root, "spec", "metrics", NULL);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(64 * KIB);
        size_t n = 0;

        JSON_FOREACH(metric, all) {
                if (n < 2) {
                        strbuf_puts(&text, n > 0 ? ", " : "");
                        add_metric(&text, metric, json_item(json_at(root, "status", "currentMetrics", NULL), n));
                }
                n++;
        }
        add_more(&text, n, 2);
        put_text(b, strbuf_str(&text));
}

void pod_autoscaler_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        const Json *target = json_at(root, "spec", "scaleTargetRef", NULL);
        _cleanup_strbuf_ StrBuf reference = STRBUF_INIT(KIB);

        strbuf_printf(&reference, "%s/%s", strempty(json_string(json_get(target, "kind"))), strempty(json_string(json_get(target, "name"))));
        put_name(b, o);
        json_put_string(b, strbuf_str(&reference));
        comma(b);
        put_metrics(b, root);
        comma(b);
        put_scalar(b, json_at(root, "spec", "minReplicas", NULL), "<unset>");
        comma(b);
        put_number(b, number_at(root, "spec", "maxReplicas"));
        comma(b);
        put_number(b, number_at(root, "status", "currentReplicas"));
        comma(b);
        put_age_of(b, o, now);
}

const KubeColumn storage_class_columns[] = {
        NAME, TEXT("Provisioner"), TEXT("ReclaimPolicy"), TEXT("VolumeBindingMode"), TEXT("AllowVolumeExpansion"), TEXT("Age"), {},
};
void storage_class_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        bool is_default = streq_ptr(doc_annotation(o->doc, "storageclass.kubernetes.io/is-default-class"), "true");
        _cleanup_strbuf_ StrBuf name = STRBUF_INIT(KIB);

        strbuf_printf(&name, "%s%s", object_name(o), is_default ? " (default)" : "");
        json_put_string(b, strbuf_str(&name));
        comma(b);
        put_text(b, json_string(json_get(root, "provisioner")));
        comma(b);
        json_put_string(b, json_string(json_get(root, "reclaimPolicy")) ?: "Delete");
        comma(b);
        json_put_string(b, json_string(json_get(root, "volumeBindingMode")) ?: "Immediate");
        strbuf_puts(b, json_is_true(json_get(root, "allowVolumeExpansion")) ? ",true," : ",false,");
        put_age_of(b, o, now);
}

/* "RWO,ROX" (core/v1 helpers, GetAccessModesAsString). */
static void put_access_modes(StrBuf *b, const Json *modes) {
        static const char *const names[][2] = {
                { "ReadWriteOnce", "RWO" }, { "ReadOnlyMany", "ROX" }, { "ReadWriteMany", "RWX" }, { "ReadWriteOncePod", "RWOP" },
        };
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(KIB);

        JSON_FOREACH(mode, modes)
                for (size_t i = 0; i < ELEMENTSOF(names); i++)
                        if (streq_ptr(json_string(mode), names[i][0]))
                                strbuf_printf(&text, "%s%s", text.size > 0 ? "," : "", names[i][1]);
        json_put_string(b, strbuf_str(&text));
}

const KubeColumn volume_claim_columns[] = {
        NAME, TEXT("Status"), TEXT("Volume"), TEXT("Capacity"), TEXT("Access Modes"), TEXT("StorageClass"), TEXT("VolumeAttributesClass"), TEXT("Age"),
        WIDE("VolumeMode"), {},
};
static void put_phase(StrBuf *b, const Json *root) {
        json_put_string(b, json_at(root, "metadata", "deletionTimestamp", NULL) ? "Terminating" : strempty(text_at(root, "status", "phase")));
}

/* Of both: the class, the class of attributes, and what stands between those and the mode. */
static void put_classes(StrBuf *b, const Json *root) {
        json_put_string(b, strempty(text_at(root, "spec", "storageClassName")));
        comma(b);
        json_put_string(b, text_at(root, "spec", "volumeAttributesClassName") ?: "<unset>");
        comma(b);
}

void volume_claim_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        const char *volume = strempty(text_at(root, "spec", "volumeName"));
        const Json *status = *volume ? json_get(root, "status") : NULL;

        put_name(b, o);
        put_phase(b, root);
        comma(b);
        json_put_string(b, volume);
        comma(b);
        json_put_string(b, strempty(text_at(status, "capacity", "storage")));
        comma(b);
        put_access_modes(b, json_get(status, "accessModes"));
        comma(b);
        put_classes(b, root);
        put_age_of(b, o, now);
        comma(b);
        json_put_string(b, text_at(root, "spec", "volumeMode") ?: "<unset>");
}

const KubeColumn volume_columns[] = {
        NAME, TEXT("Capacity"), TEXT("Access Modes"), TEXT("Reclaim Policy"), TEXT("Status"), TEXT("Claim"), TEXT("StorageClass"),
        TEXT("VolumeAttributesClass"), TEXT("Reason"), TEXT("Age"), WIDE("VolumeMode"), {},
};
void volume_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        const Json *claim = json_at(root, "spec", "claimRef", NULL);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(KIB);

        if (claim)
                strbuf_printf(&text, "%s/%s", strempty(json_string(json_get(claim, "namespace"))), strempty(json_string(json_get(claim, "name"))));
        put_name(b, o);
        json_put_string(b, strempty(json_string(json_at(root, "spec", "capacity", "storage", NULL))));
        comma(b);
        put_access_modes(b, json_at(root, "spec", "accessModes", NULL));
        comma(b);
        json_put_string(b, strempty(text_at(root, "spec", "persistentVolumeReclaimPolicy")));
        comma(b);
        put_phase(b, root);
        comma(b);
        json_put_string(b, strbuf_str(&text));
        comma(b);
        put_classes(b, root);
        json_put_string(b, strempty(text_at(root, "status", "reason")));
        comma(b);
        put_age_of(b, o, now);
        comma(b);
        json_put_string(b, text_at(root, "spec", "volumeMode") ?: "<unset>");
}

const KubeColumn ingress_class_columns[] = { NAME, TEXT("Controller"), TEXT("Parameters"), TEXT("Age"), {} };
void ingress_class_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        const Json *parameters = json_at(root, "spec", "parameters", NULL);
        const char *group = json_string(json_get(parameters, "apiGroup"));
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(64 * KIB);

        if (parameters)
                strbuf_printf(&text, "%s%s%s/%s", strempty(json_string(json_get(parameters, "kind"))), group ? "." : "", strempty(group),
                              strempty(json_string(json_get(parameters, "name"))));
        put_name(b, o);
        put_text(b, text_at(root, "spec", "controller"));
        comma(b);
        put_text(b, parameters ? strbuf_str(&text) : NULL);
        comma(b);
        put_age_of(b, o, now);
}

const KubeColumn ingress_columns[] = { NAME, TEXT("Class"), TEXT("Hosts"), TEXT("Address"), TEXT("Ports"), TEXT("Age"), {} };
/* Up to three hosts; rules without one count for how many more there are, as they do in Kubernetes. */
static void put_hosts(StrBuf *b, const Json *rules) {
        _cleanup_strbuf_ StrBuf hosts = STRBUF_INIT(64 * KIB);
        bool more = false;
        size_t n = 0;

        JSON_FOREACH(rule, rules) {
                const char *host = json_string(json_get(rule, "host"));

                more = more || n == 3;
                if (!more && !isempty(host))
                        strbuf_printf(&hosts, "%s%s", n++ > 0 ? "," : "", host);
        }
        if (more)
                add_more(&hosts, rules->size, 3);
        json_put_string(b, n > 0 ? strbuf_str(&hosts) : "*");
}

void ingress_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        _cleanup_strbuf_ StrBuf address = STRBUF_INIT(64 * KIB);

        put_name(b, o);
        put_text(b, text_at(root, "spec", "ingressClassName"));
        comma(b);
        put_hosts(b, json_at(root, "spec", "rules", NULL));
        comma(b);
        add_balancer(&address, root);
        json_put_string(b, strbuf_str(&address));
        strbuf_printf(b, ",\"%s\",", json_at(root, "spec", "tls", NULL) ? "80, 443" : "80");
        put_age_of(b, o, now);
}

const KubeColumn network_policy_columns[] = { NAME, TEXT("Pod-Selector"), TEXT("Age"), {} };
void network_policy_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        put_name(b, o);
        put_selector(b, json_at(root, "spec", "podSelector", NULL));
        comma(b);
        put_age_of(b, o, now);
}

const KubeColumn role_binding_columns[] = { NAME, TEXT("Role"), TEXT("Age"), WIDE("Users"), WIDE("Groups"), WIDE("ServiceAccounts"), {} };
static void put_subjects(StrBuf *b, const Json *subjects, const char *kind) {
        bool of_namespace = streq(kind, "ServiceAccount");
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(MIB);

        JSON_FOREACH(s, subjects)
                if (streq_ptr(json_string(json_get(s, "kind")), kind))
                        strbuf_printf(&text, "%s%s%s%s", text.size > 0 ? ", " : "", of_namespace ? strempty(json_string(json_get(s, "namespace"))) : "",
                                      of_namespace ? "/" : "", strempty(json_string(json_get(s, "name"))));
        json_put_string(b, strbuf_str(&text));
}

void role_binding_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        static const char *const kinds[] = { "User", "Group", "ServiceAccount" };
        _cleanup_strbuf_ StrBuf role = STRBUF_INIT(KIB);

        strbuf_printf(&role, "%s/%s", strempty(text_at(root, "roleRef", "kind")), strempty(text_at(root, "roleRef", "name")));
        put_name(b, o);
        json_put_string(b, strbuf_str(&role));
        comma(b);
        put_age_of(b, o, now);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                comma(b);
                put_subjects(b, json_get(root, "subjects"), kinds[i]);
        }
}

const KubeColumn csi_node_columns[] = { NAME, NUMBER("Drivers"), TEXT("Age"), {} };
void csi_node_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        const Json *drivers = json_at(root, "spec", "drivers", NULL);

        put_name(b, o);
        put_number(b, drivers ? (int64_t) drivers->size : 0);
        comma(b);
        put_age_of(b, o, now);
}

const KubeColumn controller_revision_columns[] = { NAME, TEXT("Controller"), TEXT("Revision"), TEXT("Age"), {} };
void controller_revision_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        const DocOwner *owner = doc_controller(o->doc);
        const char *slash = owner ? strchr(owner->api_version, '/') : NULL;
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(4 * KIB);

        for (const char *c = owner ? owner->kind : ""; *c; c++)
                strbuf_putc(&text, *c >= 'A' && *c <= 'Z' ? (char) (*c - 'A' + 'a') : *c);
        if (owner)
                strbuf_printf(&text, "%s%.*s/%s", slash ? "." : "", slash ? (int) (slash - owner->api_version) : 0, owner->api_version, owner->name);
        put_name(b, o);
        put_text(b, strbuf_str(&text));
        comma(b);
        put_number(b, json_i64(json_get(root, "revision"), 0));
        comma(b);
        put_age_of(b, o, now);
}
