/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/kind.h"

#include "basic/string-util.h"

static const struct {
        const char *name, *api_version;
        bool namespaced, document;
} kinds[_KIND_FIXED_MAX] = {
        [KIND_NODE] = { "Node", "v1", false, false },
        [KIND_POD] = { "Pod", "v1", true, false },
        [KIND_POLICY] = { "Policy", "kubesim.io/v1", false, false },
        [KIND_TOMBSTONE] = { "Tombstone", "kubesim.io/v1", false, false },
        [KIND_NAMESPACE] = { "Namespace", "v1", false, true },
        [KIND_EVENT] = { "Event", "v1", true, true },
        [KIND_LEASE] = { "Lease", "coordination.k8s.io/v1", true, true },
        [KIND_CONFIG_MAP] = { "ConfigMap", "v1", true, true },
        [KIND_SECRET] = { "Secret", "v1", true, true },
        [KIND_SERVICE_ACCOUNT] = { "ServiceAccount", "v1", true, true },
        [KIND_SERVICE] = { "Service", "v1", true, true },
        [KIND_ENDPOINTS] = { "Endpoints", "v1", true, true },
        [KIND_ENDPOINT_SLICE] = { "EndpointSlice", "discovery.k8s.io/v1", true, true },
        [KIND_REPLICATION_CONTROLLER] = { "ReplicationController", "v1", true, true },
        [KIND_REPLICA_SET] = { "ReplicaSet", "apps/v1", true, true },
        [KIND_DEPLOYMENT] = { "Deployment", "apps/v1", true, true },
        [KIND_DAEMON_SET] = { "DaemonSet", "apps/v1", true, true },
        [KIND_STATEFUL_SET] = { "StatefulSet", "apps/v1", true, true },
        [KIND_CONTROLLER_REVISION] = { "ControllerRevision", "apps/v1", true, true },
        [KIND_JOB] = { "Job", "batch/v1", true, true },
        [KIND_CRON_JOB] = { "CronJob", "batch/v1", true, true },
        [KIND_HORIZONTAL_POD_AUTOSCALER] = { "HorizontalPodAutoscaler", "autoscaling/v2", true, true },
        [KIND_POD_DISRUPTION_BUDGET] = { "PodDisruptionBudget", "policy/v1", true, true },
        [KIND_PRIORITY_CLASS] = { "PriorityClass", "scheduling.k8s.io/v1", false, true },
        [KIND_RESOURCE_QUOTA] = { "ResourceQuota", "v1", true, true },
        [KIND_LIMIT_RANGE] = { "LimitRange", "v1", true, true },
        [KIND_PERSISTENT_VOLUME] = { "PersistentVolume", "v1", false, true },
        [KIND_PERSISTENT_VOLUME_CLAIM] = { "PersistentVolumeClaim", "v1", true, true },
        [KIND_STORAGE_CLASS] = { "StorageClass", "storage.k8s.io/v1", false, true },
        [KIND_CSI_NODE] = { "CSINode", "storage.k8s.io/v1", false, true },
        [KIND_ROLE] = { "Role", "rbac.authorization.k8s.io/v1", true, true },
        [KIND_CLUSTER_ROLE] = { "ClusterRole", "rbac.authorization.k8s.io/v1", false, true },
        [KIND_ROLE_BINDING] = { "RoleBinding", "rbac.authorization.k8s.io/v1", true, true },
        [KIND_CLUSTER_ROLE_BINDING] = { "ClusterRoleBinding", "rbac.authorization.k8s.io/v1", false, true },
        [KIND_INGRESS] = { "Ingress", "networking.k8s.io/v1", true, true },
        [KIND_NETWORK_POLICY] = { "NetworkPolicy", "networking.k8s.io/v1", true, true },
        [KIND_CUSTOM_RESOURCE_DEFINITION] = { "CustomResourceDefinition", "apiextensions.k8s.io/v1", false, false },
        [KIND_CUSTOM] = { "Custom", "kubesim.io/v1", true, true },
        [KIND_FAULT] = { "Fault", "kubesim.io/v1", false, false },
        [KIND_INGRESS_CLASS] = { "IngressClass", "networking.k8s.io/v1", false, true },
};

bool kind_exists(Kind k) {
        return (k >= 0 && k < _KIND_FIXED_MAX) || (k >= KIND_CUSTOM_NAMESPACED && k < _KIND_MAX);
}

/* All slots are shown to the disk as one kind: what it is called is in the definition. */
static Kind fixed(Kind k) {
        assert(kind_exists(k));
        return kind_is_custom(k) ? KIND_CUSTOM : k;
}

const char *kind_to_string(Kind k) {
        return kinds[fixed(k)].name;
}

const char *kind_api_version(Kind k) {
        return kinds[fixed(k)].api_version;
}

bool kind_is_namespaced(Kind k) {
        return kind_is_custom(k) ? k < KIND_CUSTOM_CLUSTER : kind_exists(k) && kinds[k].namespaced;
}

bool kind_is_document(Kind k) {
        return kind_exists(k) && kinds[fixed(k)].document;
}

/* As Kubernetes guesses it (k8s.io/apimachinery, meta.UnsafeGuessKindToResource). */
void kind_plural(Kind k, char *buf) {
        const char *name = kind_to_string(k), *ending = "s";
        size_t n = strlen(name);

        for (size_t i = 0; i < n; i++)
                buf[i] = (char) (name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
        if (k == KIND_ENDPOINTS)
                ending = "";
        else if (buf[n - 1] == 's')
                ending = "es";
        else if (buf[n - 1] == 'y') {
                n--;
                ending = "ies";
        }
        strcpy(buf + n, ending);
}

Kind kind_find(const char *api_version, const char *kind) {
        for (Kind k = 0; k < KIND_CUSTOM; k++)
                if (streq(kinds[k].name, kind) && streq(kinds[k].api_version, api_version))
                        return k;
        return _KIND_INVALID;
}
