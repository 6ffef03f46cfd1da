/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Preemption: a pod that fits nowhere may send pods of a lower priority away, from the node where that does the least harm. Kubernetes
 * documentation, "Pod Priority and Preemption"; the order of criteria is kube-scheduler's (framework/preemption). */

#include "core/control/state.h"

/* May there be somebody to send away for pods of that class? */
bool preemption_is_possible(const Cluster *c, const PodClass *class);
/* Why nobody is sent away, in kube-scheduler's words; of an order that was judged. */
void preemption_put_impossible(const ClassOrder *o, StrBuf *message);
/* It fits nowhere, and nobody is to be sent away for it: no room is kept for it (any longer). -ENOMEM. */
int preemption_forget(Cluster *c, PodState *ps);
/* For a pod for which it is possible: sends pods away and nominates it to their node: 1. Appends to the message what came of it; 0 when
 * nothing could be done. */
int preempt(Cluster *c, PodState *ps, StrBuf *message);
