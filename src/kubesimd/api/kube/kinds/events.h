/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects that are made when they are asked for. */

#include "core/store/event-log.h"
#include "kubesimd/api/kube/types/resource.h"

/* How many Event objects an event of the cluster's log is shown as: what becomes of a pod's containers is told of each of them. */
unsigned kube_event_parts(const Event *e);
/* One of them; *ret has one reference. 0 or -ENOMEM. */
int kube_make_event(Cluster *c, const Event *e, unsigned part, Object **ret);
/* An object of that kind and key whose document is the text (used up). *ret has one reference. 0 or -ENOMEM. */
int kube_make_object(Kind kind, const char *key, StrBuf *document, Object **ret);
