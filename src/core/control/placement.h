/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where pods go: asks the scheduler, and keeps those that find no node until something could help them. */

#include "core/control/state.h"

/* The node for the pod, as its algorithm or the cluster's has it: 1 and *ret, 0 when none fits, -ENOMEM. */
int placement_choose(Cluster *c, const Pod *p, NodeState **ret);
/* The same, or -EAGAIN when more nodes would have to be looked at for it than a turn may: the next steps do, once the pod is queued. */
int placement_choose_soon(Cluster *c, const Pod *p, NodeState **ret);
/* Has the node room for the pod, whatever filters may think of the node? */
bool placement_has_room(const Cluster *c, const NodeState *ns, const Pod *p);
/* Why there is none for a pod with a class, in kube-scheduler's words. -ENOMEM. */
int placement_put_reason(Cluster *c, const Pod *p, StrBuf *b);
/* The same as the pod's reason. -ENOMEM. */
int placement_explain(Cluster *c, Pod *p);
/* A pod that has just been stored found no node, or others of its class wait already: has everything been done that can be? */
bool placement_has_been_tried(Cluster *c, const Pod *p);
/* Must it wait behind others, although a node may fit? */
bool placement_must_wait(const Pod *p);

/* A pod has found a node after so long. */
void placement_count_wait(Cluster *c, usec_t waited);

/* Places what waits and fits now: by priority, then the oldest first. 0; 1 when a turn (turn.h) has ended before that: Cluster.placing,
 * and the next step goes on; -ENOMEM. */
int pods_schedule(Cluster *c);
/* The same after an operation that has been done and stands: what there is no memory for is made up for soon, what was left is left. */
void pods_schedule_or_retry(Cluster *c);
/* Everything that waits is tried again: the algorithm or the configuration has changed. */
void placement_retry_all(Cluster *c);
/* A class of pods has backed off for long enough. */
void placement_backoff_is_over(Cluster *c, ClassQueue *queue);

/* --- For the store's hook of pods --- */
/* A pod begins to wait: ps->wait, whatever that was before. -ENOMEM, and nothing has changed. */
int placement_enqueue(Cluster *c, PodState *ps, const Pod *p);
/* It waits no longer. Frees w; returns NULL. */
PodWait *placement_dequeue(Cluster *c, PodWait *w);
/* Frees all queues and what waits in them; of pods that are freed without a change. */
void placement_forget(Cluster *c);

/* --- For gangs and preemption --- */
/* As placement_choose(), for what may be taken back: placement_count() tells what has become of it. */
int placement_try(Cluster *c, const Pod *p, NodeState **ret);
void placement_count(Cluster *c, const Pod *p, bool placed);
/* The scheduler looks at so many nodes for a class in one turn: 1 while it has to go on, else 0; -ENOMEM. One that is overtaken by changes,
 * and begins anew, again and again is waited for at last. */
int placement_prepare(Cluster *c, ClassQueue *queue, const Pod *p);
/* Would placement_try() look at no more of them than that, beside those that the caller has made `own` changes of? */
bool placement_is_ready(const Cluster *c, const Pod *p, uint64_t own);
/* The class, in that pool, of pods of the native API that ask for so much; a reference. -ENOMEM. */
int placement_native_class(PodClassPool *pool, int64_t cpu, PodClass **ret);
const SchedAlgorithm *placement_algorithm(const Cluster *c, const Pod *p);
/* Binds a pod that waits to that node: store and event. 0 or -ENOMEM. */
int placement_bind(Cluster *c, PodState *ps, NodeState *ns);
