/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The controllers: each brings what is a step closer to what is wanted whenever one of its objects, or something that it
 * looks at, has changed. Level-triggered: what it does depends on the state alone, and doing it twice changes nothing. */

#include "core/control/state.h"

/* Looks at one object. It may change or remove any object, that one included. 1: it has gone through as much as one look may, and is marked
 * to go on, for which others are not to wait. Negative: it will be asked again. */
typedef int (*reconcile_t)(Cluster *c, ObjectState *s);

int reconcile_namespace(Cluster *c, ObjectState *s);
int reconcile_replica_set(Cluster *c, ObjectState *s);
int reconcile_deployment(Cluster *c, ObjectState *s);
int reconcile_daemon_set(Cluster *c, ObjectState *s);
int reconcile_stateful_set(Cluster *c, ObjectState *s);
int reconcile_job(Cluster *c, ObjectState *s);
int reconcile_cron_job(Cluster *c, ObjectState *s);
int reconcile_service(Cluster *c, ObjectState *s);
int reconcile_disruption_budget(Cluster *c, ObjectState *s);
int reconcile_definition(Cluster *c, ObjectState *s);

/* Is there anything to do about an object like this? */
bool controller_exists(const Object *o);
/* Does the controller of that kind look at the clock? Then its objects have a TimedState. */
bool controller_keeps_time(Kind k);
/* Frees what it knows of the object that it could find out again. */
void controller_forget(ObjectState *s);
/* It looks at the object again at that time, whatever happens until then; USEC_INFINITY: only when something changes.
 * One time counts, that of the last call. 0 or -ENOMEM. */
int controller_look_at(Cluster *c, ObjectState *s, usec_t realtime);
/* When to try again what has failed as often as that in a row: 1 s, 2 s, 4 s, ... and at most 5 min from now, realtime. */
usec_t controller_retry_time(Cluster *c, TimedState *ts);
/* The clock was set: those that wait for a time look at it anew. */
void controllers_clock_set(Cluster *c);
/* Marks those that look at the changed object: Services and PodDisruptionBudgets at a pod by its labels. */
void controllers_see(Cluster *c, const Object *old, const Object *new);
/* Does what has been marked, and collects garbage: all, or as much as a turn may take (turn.h). 1 when there may be more, 0 when not. */
int controllers_run(Cluster *c);
/* Is there something to do? */
bool controllers_wait(const Cluster *c);
