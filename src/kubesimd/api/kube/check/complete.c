/* SPDX-License-Identifier: Apache-2.0 */
/* What Kubernetes fills in when a client leaves it out. Source: the defaults that the API reference names for each field. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/base64.h"
#include "basic/string-util.h"
#include "core/control/admission.h"
#include "core/control/controllers/jobs.h"
#include "kubesimd/api/kube/kinds/rules.h"

static void default_string(KubeWrite *w, Json *object, const char *key, const char *value) {
        if (object && isempty(json_string(json_get(object, key))))
                json_set_string(&w->arena, object, key, value);
}

static void default_i64(KubeWrite *w, Json *object, const char *key, int64_t value) {
        if (object && !json_get(object, key))
                json_set_i64(&w->arena, object, key, value);
}

static void default_bool(KubeWrite *w, Json *object, const char *key, bool value) {
        if (object && !json_get(object, key))
                json_set_bool(&w->arena, object, key, value);
}

/* --- Pods --- */

/* "Always" for the tag latest or none, else "IfNotPresent". */
static const char *pull_policy(const char *image) {
        const char *slash = strrchr(image, '/'), *colon = strrchr(slash ? slash : image, ':');

        if (strchr(image, '@'))
                return "IfNotPresent";
        return !colon || streq(colon, ":latest") ? "Always" : "IfNotPresent";
}

static void complete_http_get(KubeWrite *w, Json *get) {
        default_string(w, get, "path", "/");
        default_string(w, get, "scheme", "HTTP");
}

static void complete_probe(KubeWrite *w, Json *probe) {
        if (!probe)
                return;
        default_i64(w, probe, "timeoutSeconds", 1);
        default_i64(w, probe, "periodSeconds", 10);
        default_i64(w, probe, "successThreshold", 1);
        default_i64(w, probe, "failureThreshold", 3);
        complete_http_get(w, json_get(probe, "httpGet"));
}

/* What stands for a field, or for a resource, of the pod. */
static void complete_reference(KubeWrite *w, Json *of) {
        default_string(w, json_get(of, "fieldRef"), "apiVersion", "v1");
        default_string(w, json_get(of, "resourceFieldRef"), "divisor", "0");
}

static void complete_container(KubeWrite *w, Json *container) {
        static const char *const probes[] = { "livenessProbe", "readinessProbe", "startupProbe" };

        json_ensure(&w->arena, container, "resources", JSON_OBJECT);
        default_string(w, container, "terminationMessagePath", "/dev/termination-log");
        default_string(w, container, "terminationMessagePolicy", "File");
        default_string(w, container, "imagePullPolicy", pull_policy(strempty(json_string(json_get(container, "image")))));
        JSON_FOREACH(port, json_get(container, "ports"))
                default_string(w, port, "protocol", "TCP");
        JSON_FOREACH(env, json_get(container, "env"))
                complete_reference(w, json_get(env, "valueFrom"));
        for (size_t i = 0; i < ELEMENTSOF(probes); i++)
                complete_probe(w, json_get(container, probes[i]));
        complete_http_get(w, json_at(container, "lifecycle", "postStart", "httpGet", NULL));
        complete_http_get(w, json_at(container, "lifecycle", "preStop", "httpGet", NULL));
}

/* In the host's network a container's ports are the host's. */
static void complete_host_ports(KubeWrite *w, Json *container) {
        JSON_FOREACH(port, json_get(container, "ports"))
                if (json_i64(json_get(port, "hostPort"), 0) == 0)
                        json_set_i64(&w->arena, port, "hostPort", json_i64(json_get(port, "containerPort"), 0));
}

static void complete_files(KubeWrite *w, Json *files) {
        JSON_FOREACH(file, files)
                complete_reference(w, file);
}

static void complete_volume(KubeWrite *w, Json *volume) {
        static const char *const with_mode[] = { "configMap", "secret", "projected", "downwardAPI" };
        Json *image = json_get(volume, "image");

        complete_files(w, json_at(volume, "downwardAPI", "items", NULL));
        JSON_FOREACH(source, json_at(volume, "projected", "sources", NULL)) {
                complete_files(w, json_at(source, "downwardAPI", "items", NULL));
                default_i64(w, json_get(source, "serviceAccountToken"), "expirationSeconds", 3600);
        }
        default_string(w, json_at(volume, "ephemeral", "volumeClaimTemplate", "spec", NULL), "volumeMode", "Filesystem");
        default_string(w, image, "pullPolicy", pull_policy(strempty(json_string(json_get(image, "reference")))));
        for (size_t i = 0; i < ELEMENTSOF(with_mode); i++)
                default_i64(w, json_get(volume, with_mode[i]), "defaultMode", 0644);
        if (json_get(volume, "hostPath"))
                default_string(w, json_get(volume, "hostPath"), "type", "");
        if (volume->size == 1) /* nothing but a name */
                json_set(&w->arena, volume, "emptyDir", json_new(&w->arena, JSON_OBJECT));
}

static void complete_pod_spec(KubeWrite *w, Json *spec) {
        static const char *const lists[] = { "containers", "initContainers" };


        if (!spec)
                return;
        JSON_FOREACH(container, json_get(spec, "ephemeralContainers"))
                complete_container(w, container);
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                JSON_FOREACH(container, json_get(spec, lists[i])) {
                        complete_container(w, container);
                        if (json_is_true(json_get(spec, "hostNetwork")))
                                complete_host_ports(w, container);
                }
        JSON_FOREACH(volume, json_get(spec, "volumes"))
                complete_volume(w, volume);
        default_string(w, spec, "restartPolicy", "Always");
        default_i64(w, spec, "terminationGracePeriodSeconds", 30);
        default_string(w, spec, "dnsPolicy", "ClusterFirst");
        json_ensure(&w->arena, spec, "securityContext", JSON_OBJECT);
        default_string(w, spec, "schedulerName", POD_SCHEDULER_DEFAULT);
        if (!isempty(json_string(json_get(spec, "serviceAccount")))) /* of old, it had that name */
                default_string(w, spec, "serviceAccountName", json_string(json_get(spec, "serviceAccount")));
        if (!isempty(json_string(json_get(spec, "serviceAccountName"))))
                json_set_string(&w->arena, spec, "serviceAccount", json_string(json_get(spec, "serviceAccountName")));
}

void complete_pod(KubeWrite *w, Json *object, const Json *old _unused_) {
        complete_pod_spec(w, json_get(object, "spec"));
}

int admit_pod(KubeWrite *w, Json *object, const Json *old, Error *reterr) {
        static const char *const kept[] = { "priority", "preemptionPolicy" };
        Json *spec = json_get(object, "spec");

        if (!old)
                return pod_admit(w->api->cluster, w->path->namespace, &w->arena, object, reterr);
        for (size_t i = 0; spec && i < ELEMENTSOF(kept); i++)
                if (!json_get(spec, kept[i]) && json_at(old, "spec", kept[i], NULL))
                        json_set(&w->arena, spec, kept[i], json_copy(&w->arena, json_at(old, "spec", kept[i], NULL)));
        return 0;
}

/* --- What makes pods --- */

void complete_workload(KubeWrite *w, Json *object, const Json *old _unused_) {
        Json *spec = json_ensure(&w->arena, object, "spec", JSON_OBJECT);

        if (w->resource->store_kind != KIND_DAEMON_SET)
                default_i64(w, spec, "replicas", 1);
        complete_pod_spec(w, json_at(spec, "template", "spec", NULL));
}

/* It selects what it makes, unless it says otherwise. */
void complete_replication_controller(KubeWrite *w, Json *object, const Json *old) {
        const Json *labels;

        complete_workload(w, object, old);
        labels = json_at(object, "spec", "template", "metadata", "labels", NULL);
        if (labels && !json_at(object, "spec", "selector", NULL))
                json_set(&w->arena, json_get(object, "spec"), "selector", json_copy(&w->arena, labels));
        if (labels && !json_at(object, "metadata", "labels", NULL))
                json_set(&w->arena, json_get(object, "metadata"), "labels", json_copy(&w->arena, labels));
}

void complete_deployment(KubeWrite *w, Json *object, const Json *old) {
        Json *spec, *strategy, *rolling;

        complete_workload(w, object, old);
        spec = json_get(object, "spec");
        strategy = json_ensure(&w->arena, spec, "strategy", JSON_OBJECT);
        default_string(w, strategy, "type", "RollingUpdate");
        if (streq_ptr(json_string(json_get(strategy, "type")), "RollingUpdate")) {
                rolling = json_ensure(&w->arena, strategy, "rollingUpdate", JSON_OBJECT);
                if (!json_get(rolling, "maxUnavailable"))
                        json_set_string(&w->arena, rolling, "maxUnavailable", "25%");
                if (!json_get(rolling, "maxSurge"))
                        json_set_string(&w->arena, rolling, "maxSurge", "25%");
        }
        default_i64(w, spec, "revisionHistoryLimit", 10);
        default_i64(w, spec, "progressDeadlineSeconds", 600);
}

void complete_daemon_set(KubeWrite *w, Json *object, const Json *old) {
        Json *spec, *strategy, *rolling;

        complete_workload(w, object, old);
        spec = json_get(object, "spec");
        strategy = json_ensure(&w->arena, spec, "updateStrategy", JSON_OBJECT);
        default_string(w, strategy, "type", "RollingUpdate");
        if (streq_ptr(json_string(json_get(strategy, "type")), "RollingUpdate")) {
                rolling = json_ensure(&w->arena, strategy, "rollingUpdate", JSON_OBJECT);
                default_i64(w, rolling, "maxUnavailable", 1);
                default_i64(w, rolling, "maxSurge", 0);
        }
        default_i64(w, spec, "revisionHistoryLimit", 10);
}

/* Of claims and volumes, which nothing binds here. */
static void complete_storage(KubeWrite *w, Json *object, const Json *old, const char *phase) {
        default_string(w, json_ensure(&w->arena, object, "spec", JSON_OBJECT), "volumeMode", "Filesystem");
        if (!old)
                json_set_string(&w->arena, json_ensure(&w->arena, object, "status", JSON_OBJECT), "phase", phase);
}

void complete_stateful_set(KubeWrite *w, Json *object, const Json *old) {
        Json *spec, *strategy, *retention;

        complete_workload(w, object, old);
        spec = json_get(object, "spec");
        default_string(w, spec, "podManagementPolicy", "OrderedReady");
        retention = json_ensure(&w->arena, spec, "persistentVolumeClaimRetentionPolicy", JSON_OBJECT);
        default_string(w, retention, "whenDeleted", "Retain");
        default_string(w, retention, "whenScaled", "Retain");
        default_i64(w, spec, "revisionHistoryLimit", 10);
        strategy = json_ensure(&w->arena, spec, "updateStrategy", JSON_OBJECT);
        default_string(w, strategy, "type", "RollingUpdate");
        if (streq_ptr(json_string(json_get(strategy, "type")), "RollingUpdate"))
                default_i64(w, json_ensure(&w->arena, strategy, "rollingUpdate", JSON_OBJECT), "partition", 0);
        JSON_FOREACH(claim, json_get(spec, "volumeClaimTemplates")) {
                json_set_string(&w->arena, claim, "apiVersion", "v1");
                json_set_string(&w->arena, claim, "kind", "PersistentVolumeClaim");
                complete_storage(w, claim, NULL, "Pending");
        }
}

void complete_job(KubeWrite *w, Json *object, const Json *old _unused_) {
        Json *spec = json_ensure(&w->arena, object, "spec", JSON_OBJECT);

        job_set_defaults(&w->arena, spec);
        complete_pod_spec(w, json_at(spec, "template", "spec", NULL));
}

void complete_cron_job(KubeWrite *w, Json *object, const Json *old _unused_) {
        Json *spec = json_ensure(&w->arena, object, "spec", JSON_OBJECT);

        default_string(w, spec, "concurrencyPolicy", "Allow");
        default_bool(w, spec, "suspend", false);
        default_i64(w, spec, "successfulJobsHistoryLimit", 3);
        default_i64(w, spec, "failedJobsHistoryLimit", 1);
        complete_pod_spec(w, json_at(spec, "jobTemplate", "spec", "template", "spec", NULL));
}

/* --- The others --- */

void complete_namespace(KubeWrite *w, Json *object, const Json *old) {
        Json *labels = json_ensure(&w->arena, json_get(object, "metadata"), "labels", JSON_OBJECT), *finalizers;

        json_set_string(&w->arena, labels, "kubernetes.io/metadata.name", w->object_name);
        if (old)
                return;
        finalizers = json_new(&w->arena, JSON_ARRAY);
        json_append(finalizers, json_new_string(&w->arena, "kubernetes"));
        json_set(&w->arena, json_ensure(&w->arena, object, "spec", JSON_OBJECT), "finalizers", finalizers);
        json_set_string(&w->arena, json_ensure(&w->arena, object, "status", JSON_OBJECT), "phase", "Active");
}

/* A port that does not say keeps the number that it had on the nodes. */
static void keep_node_port(KubeWrite *w, Json *port, const Json *before) {
        JSON_FOREACH(p, before)
                if (json_i64(json_get(port, "nodePort"), 0) == 0 && json_get(p, "nodePort") && json_equal(json_get(p, "port"), json_get(port, "port")) &&
                    json_equal(json_get(p, "protocol"), json_get(port, "protocol")))
                        json_set(&w->arena, port, "nodePort", json_copy(&w->arena, json_get(p, "nodePort")));
}

static void complete_service_ports(KubeWrite *w, Json *spec, const Json *before) {
        bool open = service_has_node_ports(spec), was_open = service_has_node_ports(before);

        JSON_FOREACH(port, json_get(spec, "ports")) {
                default_string(w, port, "protocol", "TCP");
                if (!json_get(port, "targetPort") && json_get(port, "port"))
                        json_set(&w->arena, port, "targetPort", json_copy(&w->arena, json_get(port, "port")));
                if (open)
                        keep_node_port(w, port, json_get(before, "ports"));
                else if (was_open)
                        json_remove(port, "nodePort"); /* it went with the type */
        }
}

static void default_list(KubeWrite *w, Json *spec, const char *key, const char *only) {
        Json *list = json_new(&w->arena, JSON_ARRAY);

        if (json_get(spec, key) || !only)
                return;
        json_append(list, json_new_string(&w->arena, only));
        json_set(&w->arena, spec, key, list);
}

/* clusterIPs say the same as clusterIP, which is of old, unless a client says both. */
static void complete_addresses(KubeWrite *w, Json *spec, const Json *before) {
        const Json *was = service_has_address(before) ? json_get(before, "clusterIP") : NULL;
        const char *ip;

        if (!service_has_address(spec))
                return;
        if (was && isempty(json_string(json_get(spec, "clusterIP"))))
                json_set(&w->arena, spec, "clusterIP", json_copy(&w->arena, was));
        ip = strempty(json_string(json_get(spec, "clusterIP")));
        if (was && !streq_ptr(json_string(was), ip) && json_equal(json_get(spec, "clusterIPs"), json_get(before, "clusterIPs")))
                json_remove(spec, "clusterIPs"); /* they follow the one that was changed */
        default_list(w, spec, "clusterIPs", isempty(ip) ? NULL : ip);
}

/* What goes with the type that needed it, unless it was changed as well: that will be refused. */
static void forget_with_type(Json *spec, const Json *before) {
        static const struct {
                bool (*needed)(const Json *spec);
                const char *keys[4];
        } parts[] = {
                { service_has_address, { "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy" } },
                { service_has_health_port, { "healthCheckNodePort" } },
                { service_is_balanced, { "allocateLoadBalancerNodePorts", "loadBalancerClass" } },
                { service_is_outside, { "externalTrafficPolicy" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                for (size_t k = 0; k < ELEMENTSOF(parts[i].keys) && parts[i].keys[k]; k++)
                        if (parts[i].needed(before) && !parts[i].needed(spec) && json_equal(json_get(spec, parts[i].keys[k]), json_get(before, parts[i].keys[k])))
                                json_remove(spec, parts[i].keys[k]);
}

static void complete_affinity(KubeWrite *w, Json *spec) {
        Json *config;

        default_string(w, spec, "sessionAffinity", "None");
        if (streq_ptr(json_string(json_get(spec, "sessionAffinity")), "None"))
                json_remove(spec, "sessionAffinityConfig");
        if (!streq_ptr(json_string(json_get(spec, "sessionAffinity")), "ClientIP"))
                return;
        config = json_ensure(&w->arena, json_ensure(&w->arena, spec, "sessionAffinityConfig", JSON_OBJECT), "clientIP", JSON_OBJECT);
        default_i64(w, config, "timeoutSeconds", 10800);
}

void complete_service(KubeWrite *w, Json *object, const Json *old) {
        Json *spec = json_ensure(&w->arena, object, "spec", JSON_OBJECT);
        const Json *before = json_get(old, "spec");

        default_string(w, spec, "type", "ClusterIP");
        complete_affinity(w, spec);
        complete_service_ports(w, spec, before);
        forget_with_type(spec, before);
        complete_addresses(w, spec, before);
        if (service_has_address(spec))
                default_string(w, spec, "internalTrafficPolicy", "Cluster");
        if (service_is_outside(spec))
                default_string(w, spec, "externalTrafficPolicy", "Cluster");
        if (service_has_health_port(before) && service_has_health_port(spec) && json_i64(json_get(spec, "healthCheckNodePort"), 0) == 0)
                json_set(&w->arena, spec, "healthCheckNodePort", json_copy(&w->arena, json_get(before, "healthCheckNodePort")));
        if (service_is_balanced(spec))
                default_bool(w, spec, "allocateLoadBalancerNodePorts", true);
        if (!old)
                json_set(&w->arena, json_ensure(&w->arena, object, "status", JSON_OBJECT), "loadBalancer", json_new(&w->arena, JSON_OBJECT));
}

void complete_secret(KubeWrite *w, Json *object, const Json *old _unused_) {
        Json *data = NULL;

        default_string(w, object, "type", "Opaque");
        JSON_FOREACH(v, json_get(object, "stringData")) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB);

                data = json_ensure(&w->arena, object, "data", JSON_OBJECT);
                base64_put(&b, strempty(json_string(v)), v->size);
                json_set_string(&w->arena, data, v->key, strbuf_str(&b));
        }
        json_remove(object, "stringData");
}

void complete_priority_class(KubeWrite *w, Json *object, const Json *old _unused_) {
        default_string(w, object, "preemptionPolicy", "PreemptLowerPriority");
}

int admit_priority_class(KubeWrite *w, Json *object, const Json *old _unused_, Error *reterr) {
        return priority_class_admit(w->api->cluster, object, reterr);
}

void complete_storage_class(KubeWrite *w, Json *object, const Json *old _unused_) {
        default_string(w, object, "reclaimPolicy", "Delete");
        default_string(w, object, "volumeBindingMode", "Immediate");
}

void complete_volume_claim(KubeWrite *w, Json *object, const Json *old) {
        complete_storage(w, object, old, "Pending");
}

void complete_persistent_volume(KubeWrite *w, Json *object, const Json *old) {
        complete_storage(w, object, old, "Available");
        default_string(w, json_get(object, "spec"), "persistentVolumeReclaimPolicy", "Retain");
}

void complete_autoscaler(KubeWrite *w, Json *object, const Json *old _unused_) {
        default_i64(w, json_ensure(&w->arena, object, "spec", JSON_OBJECT), "minReplicas", 1);
}

/* --- Who may, and what talks to what --- */

void complete_role_binding(KubeWrite *w, Json *object, const Json *old _unused_) {
        default_string(w, json_ensure(&w->arena, object, "roleRef", JSON_OBJECT), "apiGroup", w->resource->group);
        JSON_FOREACH(subject, json_get(object, "subjects"))
                if (streq_ptr(json_string(json_get(subject, "kind")), "User") || streq_ptr(json_string(json_get(subject, "kind")), "Group"))
                        default_string(w, subject, "apiGroup", w->resource->group);
}

static void complete_ports(KubeWrite *w, Json *ports) {
        JSON_FOREACH(port, ports)
                default_string(w, port, "protocol", "TCP");
}

void complete_endpoints(KubeWrite *w, Json *object, const Json *old _unused_) {
        JSON_FOREACH(subset, json_get(object, "subsets"))
                complete_ports(w, json_get(subset, "ports"));
}

void complete_endpoint_slice(KubeWrite *w, Json *object, const Json *old _unused_) {
        complete_ports(w, json_get(object, "ports"));
        JSON_FOREACH(port, json_get(object, "ports"))
                if (!json_get(port, "name"))
                        json_set_string(&w->arena, port, "name", "");
}

void complete_ingress_class(KubeWrite *w, Json *object, const Json *old _unused_) {
        default_string(w, json_at(object, "spec", "parameters", NULL), "scope", "Cluster");
}

void complete_network_policy(KubeWrite *w, Json *object, const Json *old _unused_) {
        Json *spec = json_ensure(&w->arena, object, "spec", JSON_OBJECT), *types;

        JSON_FOREACH(rule, json_get(spec, "ingress"))
                complete_ports(w, json_get(rule, "ports"));
        JSON_FOREACH(rule, json_get(spec, "egress"))
                complete_ports(w, json_get(rule, "ports"));
        types = json_ensure(&w->arena, spec, "policyTypes", JSON_ARRAY);
        if (types && types->size == 0) {
                json_append(types, json_new_string(&w->arena, "Ingress"));
                if (json_item(json_get(spec, "egress"), 0))
                        json_append(types, json_new_string(&w->arena, "Egress"));
        }
}
