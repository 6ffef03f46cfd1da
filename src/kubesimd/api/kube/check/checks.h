/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The checks of each kind, which the rows of the table of kinds name. */

#include "kubesimd/api/kube/check/check.h"

/* --- checks-workload.c --- */
extern const Check deployment_checks[], replica_set_checks[], daemon_set_checks[], stateful_set_checks[], controller_revision_checks[],
        replication_controller_checks[], job_checks[], cron_job_checks[], disruption_budget_checks[], priority_class_checks[],
        autoscaler_checks[], old_autoscaler_checks[];

/* --- checks-network.c --- */
extern const Check ingress_checks[], ingress_class_checks[], network_policy_checks[], endpoints_checks[], endpoint_slice_checks[];

/* --- checks-storage.c --- */
extern const Check volume_claim_checks[], persistent_volume_checks[], storage_class_checks[], csi_node_checks[], resource_quota_checks[],
        limit_range_checks[];

/* --- checks-volumes.c: what a volume of a pod is of, and one that is an object --- */
void check_volume(KubeWrite *w, const char *field, const Json *volume, const Json *old);
void check_persistent_volume(KubeWrite *w, const char *field, const Json *spec, const Json *old);

/* --- checks-environment.c: what becomes variables, and what stands for fields and resources of the pod --- */
extern const Check environment_checks[]; /* of a container */
void check_field_of_volume(KubeWrite *w, const char *field, const Json *ref, const Json *old);
void check_resource_of_volume(KubeWrite *w, const char *field, const Json *ref, const Json *old);

/* --- checks-pod.c --- */
extern const Check pod_spec_checks[], security_checks[]; /* of a pod's spec, of a container's securityContext */
/* What the pod shares with its host, and what its system has. */
void check_host(KubeWrite *w, const char *field, const Json *spec);

/* --- checks-access.c --- */
extern const Check role_checks[], cluster_role_checks[], role_binding_checks[], cluster_role_binding_checks[], lease_checks[], event_checks[],
        new_event_checks[];
