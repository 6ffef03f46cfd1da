/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The columns that "kubectl get" shows of kinds that are kept as documents, as a real cluster prints them
 * (kubernetes, pkg/printers/internalversion). */

#include "kubesimd/api/kube/types/resource.h"

#define KUBE_COLUMNS(name) \
        extern const KubeColumn name##_columns[]; \
        void name##_cells(const Object *o, const Json *root, usec_t now, StrBuf *b);

KUBE_COLUMNS(config_map)
KUBE_COLUMNS(controller_revision)
KUBE_COLUMNS(cron_job)
KUBE_COLUMNS(csi_node)
KUBE_COLUMNS(daemon_set)
KUBE_COLUMNS(deployment)
KUBE_COLUMNS(disruption_budget)
KUBE_COLUMNS(endpoint_slice)
KUBE_COLUMNS(endpoints)
KUBE_COLUMNS(ingress)
KUBE_COLUMNS(ingress_class)
KUBE_COLUMNS(job)
KUBE_COLUMNS(lease)
KUBE_COLUMNS(namespace)
KUBE_COLUMNS(network_policy)
KUBE_COLUMNS(pod_autoscaler)
KUBE_COLUMNS(priority_class)
KUBE_COLUMNS(replica_set)
KUBE_COLUMNS(resource_quota)
KUBE_COLUMNS(role_binding)
KUBE_COLUMNS(secret)
KUBE_COLUMNS(service)
KUBE_COLUMNS(service_account)
KUBE_COLUMNS(stateful_set)
KUBE_COLUMNS(storage_class)
KUBE_COLUMNS(volume_claim)
KUBE_COLUMNS(volume)
#undef KUBE_COLUMNS
/* Their columns are those of ReplicaSets. */
void replication_controller_cells(const Object *o, const Json *root, usec_t now, StrBuf *b);
