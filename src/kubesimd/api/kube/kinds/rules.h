/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What Kubernetes fills in and checks of each kind that clients write: the functions that the rows of the table name.
 * Sources: the Kubernetes API reference of each type; kubernetes, pkg/apis/.../validation, for the words. */

#include "kubesimd/api/kube/write.h"

/* Does the Service of that spec (NULL: none) have ports on the nodes; an address of the cluster; a load balancer, which asks each node for its
 * health; is there a way to it from outside? */
bool service_has_node_ports(const Json *spec);
bool service_has_address(const Json *spec);
bool service_is_balanced(const Json *spec);
bool service_has_health_port(const Json *spec);
bool service_is_outside(const Json *spec);

/* Do scheduling gates keep the pod from being bound? */
bool kube_pod_is_gated(const Pod *p);

/* --- Filling in --- */
void complete_namespace(KubeWrite *w, Json *object, const Json *old);
void complete_pod(KubeWrite *w, Json *object, const Json *old);
void complete_workload(KubeWrite *w, Json *object, const Json *old);
void complete_deployment(KubeWrite *w, Json *object, const Json *old);
void complete_daemon_set(KubeWrite *w, Json *object, const Json *old);
void complete_stateful_set(KubeWrite *w, Json *object, const Json *old);
void complete_job(KubeWrite *w, Json *object, const Json *old);
void complete_cron_job(KubeWrite *w, Json *object, const Json *old);
void complete_service(KubeWrite *w, Json *object, const Json *old);
void complete_secret(KubeWrite *w, Json *object, const Json *old);
void complete_priority_class(KubeWrite *w, Json *object, const Json *old);
void complete_storage_class(KubeWrite *w, Json *object, const Json *old);
void complete_volume_claim(KubeWrite *w, Json *object, const Json *old);
void complete_persistent_volume(KubeWrite *w, Json *object, const Json *old);
void complete_autoscaler(KubeWrite *w, Json *object, const Json *old);
void complete_replication_controller(KubeWrite *w, Json *object, const Json *old);
void complete_endpoints(KubeWrite *w, Json *object, const Json *old);
void complete_endpoint_slice(KubeWrite *w, Json *object, const Json *old);
void complete_role_binding(KubeWrite *w, Json *object, const Json *old);
void complete_ingress_class(KubeWrite *w, Json *object, const Json *old);
void complete_network_policy(KubeWrite *w, Json *object, const Json *old);

/* --- Admission: what depends on the cluster. -EACCES with kube-apiserver's words. --- */
int admit_pod(KubeWrite *w, Json *object, const Json *old, Error *reterr);
int admit_service(KubeWrite *w, Json *object, const Json *old, Error *reterr);
int admit_priority_class(KubeWrite *w, Json *object, const Json *old, Error *reterr);

/* --- Checking --- */
void validate_metadata(KubeWrite *w, const Json *object, const Json *old);
void validate_pod(KubeWrite *w, const Json *object, const Json *old);
void validate_node(KubeWrite *w, const Json *object, const Json *old);
void validate_workload(KubeWrite *w, const Json *object, const Json *old);
void validate_stateful_set(KubeWrite *w, const Json *object, const Json *old);
void validate_deployment(KubeWrite *w, const Json *object, const Json *old);
void validate_job(KubeWrite *w, const Json *object, const Json *old);
void validate_cron_job(KubeWrite *w, const Json *object, const Json *old);
void validate_service(KubeWrite *w, const Json *object, const Json *old);
void validate_secret(KubeWrite *w, const Json *object, const Json *old);
void validate_config_map(KubeWrite *w, const Json *object, const Json *old);
void validate_priority_class(KubeWrite *w, const Json *object, const Json *old);
void validate_daemon_set(KubeWrite *w, const Json *object, const Json *old);
void validate_replication_controller(KubeWrite *w, const Json *object, const Json *old);
void validate_controller_revision(KubeWrite *w, const Json *object, const Json *old);
void validate_slice_addresses(KubeWrite *w, const Json *object, const Json *old);
