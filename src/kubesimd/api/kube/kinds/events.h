/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects that are made when they are asked for. */

#include "core/store/event-log.h"
#include "kubesimd/api/kube/types/resource.h"

/* An event of the cluster's log as an Event object; *ret has one reference. 0 or -ENOMEM. */
int kube_make_event(Cluster *c, const Event *e, Object **ret);
/* An object of that kind and key whose document is the text (used up). *ret has one reference. 0 or -ENOMEM. */
int kube_make_object(Kind kind, const char *key, StrBuf *document, Object **ret);
