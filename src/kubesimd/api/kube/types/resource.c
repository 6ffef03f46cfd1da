/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/types/resource.h"

#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/api/kube/check/checks.h"
#include "kubesimd/api/kube/custom/custom.h"
#include "kubesimd/api/kube/kinds/rules.h"
#include "kubesimd/api/kube/types/columns.h"

/* autoscaling/v1 knows one metric, v2 a list of them; the objects are the same. */
static void put_old_autoscaler(Cluster *c _unused_, const Object *o, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(MIB);
        Json *root, *spec, *metric;

        doc_put(o->doc, &text);
        if (strbuf_error(&text) < 0 || json_tree_parse(&a, text.data, text.size, &root, NULL) < 0)
                return;
        spec = json_get(root, "spec");
        metric = json_item(json_get(spec, "metrics"), 0);
        if (streq_ptr(json_string(json_at(metric, "resource", "name", NULL)), "cpu"))
                json_set_i64(&a, spec, "targetCPUUtilizationPercentage", json_i64(json_at(metric, "resource", "target", "averageUtilization", NULL), 0));
        json_remove(spec, "metrics");
        json_remove(root, "metadata");
        strbuf_puts(b, root->size > 0 ? "," : "");
        json_put_members(b, root);
}

static void strip_old_autoscaler(Cluster *c _unused_, JsonArena *a, Json *object, const Object *o _unused_) {
        Json *spec = json_get(object, "spec"), *percent = json_get(spec, "targetCPUUtilizationPercentage"), *metrics, *metric, *resource, *target;

        if (!percent)
                return;
        metrics = json_ensure(a, spec, "metrics", JSON_ARRAY);
        metric = json_new(a, JSON_OBJECT);
        json_set_string(a, metric, "type", "Resource");
        resource = json_ensure(a, metric, "resource", JSON_OBJECT);
        json_set_string(a, resource, "name", "cpu");
        target = json_ensure(a, resource, "target", JSON_OBJECT);
        json_set_string(a, target, "type", "Utilization");
        json_set(a, target, "averageUtilization", json_copy(a, percent));
        json_append(metrics, metric);
        json_remove(spec, "targetCPUUtilizationPercentage");
}

static const KubeField phase_fields[] = { { .path = "status.phase" }, {} };
static const KubeField secret_fields[] = { { .path = "type" }, {} };
static const KubeField job_fields[] = { { .path = "status.successful", .otherwise = "0" }, {} };
static const KubeField replicas_fields[] = { { .path = "status.replicas", .otherwise = "0" }, {} };

static const KubeResource documents[] = {
        { .group = "", .version = "v1", .plural = "bindings", .singular = "binding", .kind = "Binding", .schema = "core.v1.Binding",
          .store_kind = KIND_EVENT, .namespaced = true, .create_only = true, .only_made = true },
        { .group = "", .version = "v1", .plural = "configmaps", .singular = "configmap", .short_names = "cm", .kind = "ConfigMap",
          .schema = "core.v1.ConfigMap", .store_kind = KIND_CONFIG_MAP, .namespaced = true,
          .columns = config_map_columns, .put_document_cells = config_map_cells,
          .no_generation = true, .validate = validate_config_map },
        { .group = "", .version = "v1", .plural = "endpoints", .singular = "endpoints", .short_names = "ep", .kind = "Endpoints",
          .schema = "core.v1.Endpoints", .store_kind = KIND_ENDPOINTS, .namespaced = true,
          .columns = endpoints_columns, .put_document_cells = endpoints_cells,
          .no_generation = true, .complete = complete_endpoints, .checks = endpoints_checks },
        { .group = "", .version = "v1", .plural = "limitranges", .singular = "limitrange", .short_names = "limits", .kind = "LimitRange",
          .schema = "core.v1.LimitRange", .store_kind = KIND_LIMIT_RANGE, .namespaced = true,
          .no_generation = true, .checks = limit_range_checks },
        { .group = "", .version = "v1", .plural = "namespaces", .singular = "namespace", .short_names = "ns", .kind = "Namespace",
          .subresources = "finalize,status", .schema = "core.v1.Namespace", .store_kind = KIND_NAMESPACE, .namespaced = false,
          .columns = namespace_columns, .put_document_cells = namespace_cells,
          .no_generation = true, .no_deletecollection = true, .fields = phase_fields, .complete = complete_namespace },
        { .group = "", .version = "v1", .plural = "persistentvolumeclaims", .singular = "persistentvolumeclaim", .short_names = "pvc", .kind = "PersistentVolumeClaim",
          .subresources = "status", .schema = "core.v1.PersistentVolumeClaim", .store_kind = KIND_PERSISTENT_VOLUME_CLAIM, .namespaced = true,
          .columns = volume_claim_columns, .put_document_cells = volume_claim_cells,
          .no_generation = true, .complete = complete_volume_claim, .checks = volume_claim_checks },
        { .group = "", .version = "v1", .plural = "persistentvolumes", .singular = "persistentvolume", .short_names = "pv", .kind = "PersistentVolume",
          .subresources = "status", .schema = "core.v1.PersistentVolume", .store_kind = KIND_PERSISTENT_VOLUME, .namespaced = false,
          .columns = volume_columns, .put_document_cells = volume_cells,
          .no_generation = true, .complete = complete_persistent_volume, .checks = persistent_volume_checks },
        { .group = "", .version = "v1", .plural = "replicationcontrollers", .singular = "replicationcontroller", .short_names = "rc", .kind = "ReplicationController",
          .category = "all", .subresources = "scale,status", .schema = "core.v1.ReplicationController", .store_kind = KIND_REPLICATION_CONTROLLER, .namespaced = true,
          .columns = replica_set_columns, .put_document_cells = replication_controller_cells,
          .complete = complete_replication_controller, .checks = replication_controller_checks, .validate = validate_replication_controller },
        { .group = "", .version = "v1", .plural = "resourcequotas", .singular = "resourcequota", .short_names = "quota", .kind = "ResourceQuota",
          .subresources = "status", .schema = "core.v1.ResourceQuota", .store_kind = KIND_RESOURCE_QUOTA, .namespaced = true,
          .columns = resource_quota_columns, .put_document_cells = resource_quota_cells,
          .no_generation = true, .checks = resource_quota_checks },
        { .group = "", .version = "v1", .plural = "secrets", .singular = "secret", .kind = "Secret",
          .schema = "core.v1.Secret", .store_kind = KIND_SECRET, .namespaced = true,
          .columns = secret_columns, .put_document_cells = secret_cells,
          .no_generation = true, .fields = secret_fields, .complete = complete_secret, .validate = validate_secret },
        { .group = "", .version = "v1", .plural = "serviceaccounts", .singular = "serviceaccount", .short_names = "sa", .kind = "ServiceAccount",
          .subresources = "token", .schema = "core.v1.ServiceAccount", .store_kind = KIND_SERVICE_ACCOUNT, .namespaced = true,
          .columns = service_account_columns, .put_document_cells = service_account_cells,
          .no_generation = true },
        { .group = "", .version = "v1", .plural = "services", .singular = "service", .short_names = "svc", .kind = "Service",
          .category = "all", .subresources = "status", .schema = "core.v1.Service", .store_kind = KIND_SERVICE, .namespaced = true,
          .columns = service_columns, .put_document_cells = service_cells,
          .no_generation = true, .complete = complete_service, .admit = admit_service, .validate = validate_service },
        { .group = "apps", .version = "v1", .plural = "controllerrevisions", .singular = "controllerrevision", .kind = "ControllerRevision",
          .schema = "apps.v1.ControllerRevision", .store_kind = KIND_CONTROLLER_REVISION, .namespaced = true,
          .columns = controller_revision_columns, .put_document_cells = controller_revision_cells,
          .no_generation = true, .checks = controller_revision_checks, .validate = validate_controller_revision },
        { .group = "apps", .version = "v1", .plural = "daemonsets", .singular = "daemonset", .short_names = "ds", .kind = "DaemonSet",
          .category = "all", .subresources = "status", .schema = "apps.v1.DaemonSet", .store_kind = KIND_DAEMON_SET, .namespaced = true,
          .columns = daemon_set_columns, .put_document_cells = daemon_set_cells,
          .complete = complete_daemon_set, .checks = daemon_set_checks, .validate = validate_daemon_set },
        { .group = "apps", .version = "v1", .plural = "deployments", .singular = "deployment", .short_names = "deploy", .kind = "Deployment",
          .category = "all", .subresources = "scale,status", .schema = "apps.v1.Deployment", .store_kind = KIND_DEPLOYMENT, .namespaced = true,
          .columns = deployment_columns, .put_document_cells = deployment_cells,
          .complete = complete_deployment, .checks = deployment_checks, .validate = validate_deployment },
        { .group = "apps", .version = "v1", .plural = "replicasets", .singular = "replicaset", .short_names = "rs", .kind = "ReplicaSet",
          .category = "all", .subresources = "scale,status", .schema = "apps.v1.ReplicaSet", .store_kind = KIND_REPLICA_SET, .namespaced = true,
          .columns = replica_set_columns, .put_document_cells = replica_set_cells,
          .fields = replicas_fields, .complete = complete_workload, .checks = replica_set_checks, .validate = validate_workload },
        { .group = "apps", .version = "v1", .plural = "statefulsets", .singular = "statefulset", .short_names = "sts", .kind = "StatefulSet",
          .category = "all", .subresources = "scale,status", .schema = "apps.v1.StatefulSet", .store_kind = KIND_STATEFUL_SET, .namespaced = true,
          .columns = stateful_set_columns, .put_document_cells = stateful_set_cells,
          .complete = complete_stateful_set, .checks = stateful_set_checks, .validate = validate_stateful_set },
        { .group = "authentication.k8s.io", .version = "v1", .plural = "selfsubjectreviews", .singular = "selfsubjectreview", .kind = "SelfSubjectReview",
          .schema = "authentication.v1.SelfSubjectReview", .store_kind = KIND_NAMESPACE, .create_only = true, .only_made = true },
        { .group = "authentication.k8s.io", .version = "v1", .plural = "tokenreviews", .singular = "tokenreview", .kind = "TokenReview",
          .schema = "authentication.v1.TokenReview", .store_kind = KIND_NAMESPACE, .create_only = true, .only_made = true },
        { .group = "authentication.k8s.io", .version = "v1beta1", .plural = "selfsubjectreviews", .singular = "selfsubjectreview", .kind = "SelfSubjectReview",
          .schema = "authentication.v1.SelfSubjectReview", .store_kind = KIND_NAMESPACE, .create_only = true, .only_made = true }, /* kubectl 1.27 */
        { .group = "authorization.k8s.io", .version = "v1", .plural = "localsubjectaccessreviews", .singular = "localsubjectaccessreview",
          .kind = "LocalSubjectAccessReview", .schema = "authorization.v1.LocalSubjectAccessReview", .store_kind = KIND_EVENT, .namespaced = true,
          .create_only = true, .only_made = true },
        { .group = "authorization.k8s.io", .version = "v1", .plural = "selfsubjectaccessreviews", .singular = "selfsubjectaccessreview",
          .kind = "SelfSubjectAccessReview", .schema = "authorization.v1.SelfSubjectAccessReview", .store_kind = KIND_NAMESPACE, .create_only = true,
          .only_made = true },
        { .group = "authorization.k8s.io", .version = "v1", .plural = "selfsubjectrulesreviews", .singular = "selfsubjectrulesreview",
          .kind = "SelfSubjectRulesReview", .schema = "authorization.v1.SelfSubjectRulesReview", .store_kind = KIND_NAMESPACE, .create_only = true,
          .only_made = true },
        { .group = "authorization.k8s.io", .version = "v1", .plural = "subjectaccessreviews", .singular = "subjectaccessreview",
          .kind = "SubjectAccessReview", .schema = "authorization.v1.SubjectAccessReview", .store_kind = KIND_NAMESPACE, .create_only = true,
          .only_made = true },
        { .group = "autoscaling", .version = "v2", .plural = "horizontalpodautoscalers", .singular = "horizontalpodautoscaler", .short_names = "hpa", .kind = "HorizontalPodAutoscaler",
          .category = "all", .subresources = "status", .schema = "autoscaling.v2.HorizontalPodAutoscaler", .store_kind = KIND_HORIZONTAL_POD_AUTOSCALER, .namespaced = true,
          .columns = pod_autoscaler_columns, .put_document_cells = pod_autoscaler_cells,
          .no_generation = true, .complete = complete_autoscaler, .checks = autoscaler_checks },
        { .group = "autoscaling", .version = "v1", .plural = "horizontalpodautoscalers", .singular = "horizontalpodautoscaler", .short_names = "hpa",
          .kind = "HorizontalPodAutoscaler", .category = "all", .subresources = "status", .schema = "autoscaling.v1.HorizontalPodAutoscaler",
          .store_kind = KIND_HORIZONTAL_POD_AUTOSCALER, .namespaced = true, .columns = pod_autoscaler_columns, .put_document_cells = pod_autoscaler_cells,
          .no_generation = true, .put_rest = put_old_autoscaler, .strip = strip_old_autoscaler, .checks = old_autoscaler_checks },
        { .group = "batch", .version = "v1", .plural = "cronjobs", .singular = "cronjob", .short_names = "cj", .kind = "CronJob",
          .category = "all", .subresources = "status", .schema = "batch.v1.CronJob", .store_kind = KIND_CRON_JOB, .namespaced = true,
          .columns = cron_job_columns, .put_document_cells = cron_job_cells,
          .complete = complete_cron_job, .checks = cron_job_checks, .validate = validate_cron_job },
        { .group = "batch", .version = "v1beta1", .plural = "cronjobs", .singular = "cronjob", .short_names = "cj", .kind = "CronJob",
          .category = "all", .subresources = "status", .schema = "batch.v1.CronJob", .store_kind = KIND_CRON_JOB, .namespaced = true,
          .columns = cron_job_columns, .put_document_cells = cron_job_cells,
          .complete = complete_cron_job, .checks = cron_job_checks, .validate = validate_cron_job },
        { .group = "batch", .version = "v1", .plural = "jobs", .singular = "job", .kind = "Job",
          .category = "all", .subresources = "status", .schema = "batch.v1.Job", .store_kind = KIND_JOB, .namespaced = true,
          .columns = job_columns, .put_document_cells = job_cells,
          .fields = job_fields, .complete = complete_job, .checks = job_checks, .validate = validate_job },
        { .group = "discovery.k8s.io", .version = "v1", .plural = "endpointslices", .singular = "endpointslice", .kind = "EndpointSlice",
          .schema = "discovery.v1.EndpointSlice", .store_kind = KIND_ENDPOINT_SLICE, .namespaced = true,
          .columns = endpoint_slice_columns, .put_document_cells = endpoint_slice_cells, .complete = complete_endpoint_slice, .checks = endpoint_slice_checks, .validate = validate_slice_addresses },
        { .group = "networking.k8s.io", .version = "v1", .plural = "ingressclasses", .singular = "ingressclass", .kind = "IngressClass",
          .schema = "networking.v1.IngressClass", .store_kind = KIND_INGRESS_CLASS, .namespaced = false,
          .columns = ingress_class_columns, .put_document_cells = ingress_class_cells, .complete = complete_ingress_class, .checks = ingress_class_checks },
        { .group = "networking.k8s.io", .version = "v1", .plural = "ingresses", .singular = "ingress", .short_names = "ing", .kind = "Ingress",
          .subresources = "status", .schema = "networking.v1.Ingress", .store_kind = KIND_INGRESS, .namespaced = true,
          .columns = ingress_columns, .put_document_cells = ingress_cells, .checks = ingress_checks },
        { .group = "networking.k8s.io", .version = "v1", .plural = "networkpolicies", .singular = "networkpolicy", .short_names = "netpol", .kind = "NetworkPolicy",
          .schema = "networking.v1.NetworkPolicy", .store_kind = KIND_NETWORK_POLICY, .namespaced = true,
          .columns = network_policy_columns, .put_document_cells = network_policy_cells, .complete = complete_network_policy, .checks = network_policy_checks },
        { .group = "policy", .version = "v1", .plural = "poddisruptionbudgets", .singular = "poddisruptionbudget", .short_names = "pdb", .kind = "PodDisruptionBudget",
          .subresources = "status", .schema = "policy.v1.PodDisruptionBudget", .store_kind = KIND_POD_DISRUPTION_BUDGET, .namespaced = true,
          .columns = disruption_budget_columns, .put_document_cells = disruption_budget_cells,
          .checks = disruption_budget_checks },
        { .group = "policy", .version = "v1beta1", .plural = "poddisruptionbudgets", .singular = "poddisruptionbudget", .short_names = "pdb", .kind = "PodDisruptionBudget",
          .subresources = "status", .schema = "policy.v1.PodDisruptionBudget", .store_kind = KIND_POD_DISRUPTION_BUDGET, .namespaced = true,
          .columns = disruption_budget_columns, .put_document_cells = disruption_budget_cells,
          .checks = disruption_budget_checks },
        { .group = "rbac.authorization.k8s.io", .version = "v1", .plural = "clusterrolebindings", .singular = "clusterrolebinding", .kind = "ClusterRoleBinding",
          .schema = "rbac.v1.ClusterRoleBinding", .store_kind = KIND_CLUSTER_ROLE_BINDING, .namespaced = false,
          .columns = role_binding_columns, .put_document_cells = role_binding_cells,
          .no_generation = true, .complete = complete_role_binding, .checks = cluster_role_binding_checks },
        { .group = "rbac.authorization.k8s.io", .version = "v1", .plural = "clusterroles", .singular = "clusterrole", .kind = "ClusterRole",
          .schema = "rbac.v1.ClusterRole", .store_kind = KIND_CLUSTER_ROLE, .namespaced = false,
          .no_generation = true, .checks = cluster_role_checks },
        { .group = "rbac.authorization.k8s.io", .version = "v1", .plural = "rolebindings", .singular = "rolebinding", .kind = "RoleBinding",
          .schema = "rbac.v1.RoleBinding", .store_kind = KIND_ROLE_BINDING, .namespaced = true,
          .columns = role_binding_columns, .put_document_cells = role_binding_cells,
          .no_generation = true, .complete = complete_role_binding, .checks = role_binding_checks },
        { .group = "rbac.authorization.k8s.io", .version = "v1", .plural = "roles", .singular = "role", .kind = "Role",
          .schema = "rbac.v1.Role", .store_kind = KIND_ROLE, .namespaced = true,
          .no_generation = true, .checks = role_checks },
        { .group = "scheduling.k8s.io", .version = "v1", .plural = "priorityclasses", .singular = "priorityclass", .short_names = "pc", .kind = "PriorityClass",
          .schema = "scheduling.v1.PriorityClass", .store_kind = KIND_PRIORITY_CLASS, .namespaced = false,
          .columns = priority_class_columns, .put_document_cells = priority_class_cells,
          .complete = complete_priority_class, .admit = admit_priority_class, .checks = priority_class_checks, .validate = validate_priority_class },
        { .group = "storage.k8s.io", .version = "v1", .plural = "csinodes", .singular = "csinode", .kind = "CSINode",
          .schema = "storage.v1.CSINode", .store_kind = KIND_CSI_NODE, .namespaced = false,
          .columns = csi_node_columns, .put_document_cells = csi_node_cells,
          .no_generation = true, .checks = csi_node_checks },
        { .group = "storage.k8s.io", .version = "v1", .plural = "storageclasses", .singular = "storageclass", .short_names = "sc", .kind = "StorageClass",
          .schema = "storage.v1.StorageClass", .store_kind = KIND_STORAGE_CLASS, .namespaced = false,
          .columns = storage_class_columns, .put_document_cells = storage_class_cells,
          .no_generation = true, .complete = complete_storage_class, .checks = storage_class_checks },
};

/* Is it one of "a,b" (or NULL)? */
static bool is_word(const char *words, const char *word) {
        size_t n = strlen(word);

        for (const char *p = words; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
                if (strncmp(p, word, n) == 0 && (p[n] == ',' || p[n] == '\0'))
                        return true;
        return false;
}

/* Rows in files of their own. */
static const KubeResource *const others[] = { &kube_events, &kube_nodes, &kube_pods, &kube_leases, &kube_new_events, &kube_node_metrics, &kube_pod_metrics,
                                              &kube_definitions };

size_t kube_resource_count(void) {
        return ELEMENTSOF(others) + ELEMENTSOF(documents);
}

const KubeResource *kube_resource_get(size_t i) {
        assert(i < kube_resource_count());
        return i < ELEMENTSOF(others) ? others[i] : &documents[i - ELEMENTSOF(others)];
}

const KubeResource *kube_resource_find(const char *group, const char *version, const char *plural) {
        for (size_t i = 0; i < kube_resource_count(); i++) {
                const KubeResource *r = kube_resource_get(i);

                if (streq(r->group, group) && streq(r->version, version) && streq(r->plural, plural))
                        return r;
        }
        return NULL;
}

bool kube_resource_is_reserved(const char *group, const char *name) {
        for (size_t i = 0; i < kube_resource_count(); i++) {
                const KubeResource *r = kube_resource_get(i);
                const char *list = startswith(name, r->kind);

                if (streq(r->group, group) && (streq(r->plural, name) || streq(r->singular, name) || is_word(r->short_names, name) ||
                                               (list && (*list == '\0' || streq(list, "List")))))
                        return true;
        }
        return false;
}

const SchemaMessage *kube_schema(const KubeResource *r) {
        return r->custom ? custom_message(r->custom) : schema_find(r->schema);
}

bool kube_resource_has(const KubeResource *r, const char *subresource) {
        return is_word(r->subresources, subresource);
}

const char *kube_api_version(const KubeResource *r, char *buf) {
        return buf_printf(buf, KUBE_API_VERSION_MAX, "%s%s%s", r->group, *r->group ? "/" : "", r->version);
}

const char *kube_qualified(const KubeResource *r, char *buf) {
        return buf_printf(buf, KUBE_API_VERSION_MAX, "%s%s%s", r->plural, *r->group ? "." : "", r->group);
}

const char *kube_label(const KubeResource *r, const Object *o, const char *key) {
        const char *value = doc_label(o->doc, key);

        return value || !r->label ? value : r->label(o, key);
}

void kube_put_time(StrBuf *b, usec_t realtime) {
        json_put_time(b, realtime - realtime % USEC_PER_SEC);
}

void kube_put_metadata_head(const Object *o, uint64_t revision, StrBuf *b) {
        char uid[UUID_STRING_MAX];

        strbuf_puts(b, "{\"name\":");
        json_put_string(b, object_name(o));
        if (kind_is_namespaced(o->kind)) {
                size_t size;
                const char *ns = object_namespace(o, &size);

                strbuf_puts(b, ",\"namespace\":\"");
                strbuf_append(b, ns, size);
                strbuf_putc(b, '"');
        }
        if (!uuid_is_null(o->uid)) { /* as that of what has none, such as metrics */
                strbuf_puts(b, ",\"uid\":\"");
                strbuf_puts(b, uuid_to_string(o->uid, uid));
                strbuf_putc(b, '"');
        }
        if (revision > 0) {
                strbuf_puts(b, ",\"resourceVersion\":\"");
                strbuf_put_u64(b, revision);
                strbuf_putc(b, '"');
        }
        strbuf_puts(b, ",\"creationTimestamp\":");
        kube_put_time(b, o->created);
}

void kube_put_cpu(StrBuf *b, int64_t milli) {
        strbuf_putc(b, '"');
        strbuf_put_i64(b, milli % 1000 == 0 ? milli / 1000 : milli);
        strbuf_puts(b, milli % 1000 == 0 ? "\"" : "m\"");
}

/* Two units while the larger one is small, one after. */
void kube_put_age(StrBuf *b, usec_t since, usec_t now) {
        static const struct {
                uint64_t below;       /* seconds */
                uint64_t unit, rest;  /* seconds of each; rest 0: not shown */
                char unit_name, rest_name;
        } steps[] = {
                { 120, 1, 0, 's', 0 },
                { 600, 60, 1, 'm', 's' },
                { 180 * 60, 60, 0, 'm', 0 },
                { 8 * 3600, 3600, 60, 'h', 'm' },
                { 48 * 3600, 3600, 0, 'h', 0 },
                { 8 * 86400, 86400, 3600, 'd', 'h' },
                { 2 * 365 * 86400, 86400, 0, 'd', 0 },
                { 8ULL * 365 * 86400, 365 * 86400, 86400, 'y', 'd' },
                { UINT64_MAX, 365 * 86400, 0, 'y', 0 },
        };
        uint64_t s = now > since ? (now - since) / USEC_PER_SEC : 0;
        size_t i = 0;

        while (s >= steps[i].below)
                i++;
        strbuf_printf(b, "\"%llu%c", (unsigned long long) (s / steps[i].unit), steps[i].unit_name);
        if (steps[i].rest > 0 && s % steps[i].unit / steps[i].rest > 0)
                strbuf_printf(b, "%llu%c", (unsigned long long) (s % steps[i].unit / steps[i].rest), steps[i].rest_name);
        strbuf_putc(b, '"');
}

void kube_put_condition(StrBuf *b, const char *type, const char *status, usec_t since, const char *reason, const char *message) {
        strbuf_puts(b, "{\"type\":\"");
        strbuf_puts(b, type);
        strbuf_puts(b, "\",\"status\":\"");
        strbuf_puts(b, status);
        strbuf_puts(b, "\",\"lastTransitionTime\":");
        kube_put_time(b, since);
        if (reason) {
                strbuf_puts(b, ",\"reason\":");
                json_put_string(b, reason);
        }
        if (message) {
                strbuf_puts(b, ",\"message\":");
                json_put_string(b, message);
        }
        strbuf_putc(b, '}');
}
