/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A pod: what it asks for, where it is bound and how far it has come. */

#include "basic/json-tree.h"
#include "basic/time-util.h"
#include "core/model/address.h"
#include "core/model/object.h"
#include "core/model/pod-class.h"

typedef enum PodStatus {
        POD_PENDING,      /* not bound, or bound and not yet confirmed by its node */
        POD_RUNNING,      /* confirmed by its node */
        POD_RESTARTING,   /* its node is to let go of it and to start it again */
        POD_RESCHEDULING, /* its node was lost; waits for another */
        POD_SUCCEEDED,    /* its duration is over */
        POD_TERMINATING,  /* to be removed once its node has let go */
        POD_FAILED,
        POD_BACKOFF,      /* its containers have ended, and their node waits before it starts them again */
        _POD_STATUS_MAX,
        _POD_STATUS_INVALID = -EINVAL,
} PodStatus;

const char *pod_status_to_string(PodStatus s);
PodStatus pod_status_from_string(const char *s);

#define POD_SCHEDULER_DEFAULT "default-scheduler"
#define POD_SCHEDULER_PREFIX "kubesim/" /* then the name of an algorithm */
/* How long the pod's containers run ("30s", systemd.time(7)), and what they end with. */
#define POD_ANNOTATION_DURATION "kubesim.io/duration"
#define POD_ANNOTATION_EXIT_CODE "kubesim.io/exit-code"
#define POD_GRACE_DEFAULT 30
#define POD_CONTAINER_NATIVE "main" /* of pods that no Kubernetes client has made */
#define POD_TOLERATION_DEFAULT (300 * USEC_PER_SEC)
#define POD_JOB_DURATION (2 * USEC_PER_SEC)

/* Whether its containers are started again where they are when they have ended. */
typedef enum PodRestart {
        POD_RESTART_NEVER,
        POD_RESTART_ON_FAILURE,
        POD_RESTART_ALWAYS,
        _POD_RESTART_MAX,
        _POD_RESTART_INVALID = -EINVAL,
} PodRestart;

const char *pod_restart_to_string(PodRestart r);
PodRestart pod_restart_from_string(const char *s);

/* More ends in a row than this are not told apart: the wait grows no longer. */
#define POD_CRASHES_MAX 7
#define POD_DEADLINE_REASON "Pod was active on the node longer than the specified deadline"

/* Kubernetes documentation, "Pod Quality of Service Classes" */
typedef enum PodQos {
        POD_BURSTABLE,
        POD_BEST_EFFORT,
        POD_GUARANTEED,
        _POD_QOS_MAX,
        _POD_QOS_INVALID = -EINVAL,
} PodQos;

const char *pod_qos_to_string(PodQos q);
PodQos pod_qos_from_string(const char *s);

/* Why Kubernetes sends a pod away that would have gone on: the reason of its condition DisruptionTarget. Documentation, "Pod disruption
 * conditions". */
typedef enum PodDisruption {
        POD_DISRUPTION_NONE,
        POD_DISRUPTION_PREEMPTION,
        POD_DISRUPTION_EVICTION,
        POD_DISRUPTION_TAINT,
        POD_DISRUPTION_NODE_GONE,
        _POD_DISRUPTION_MAX,
        _POD_DISRUPTION_INVALID = -EINVAL,
} PodDisruption;

const char *pod_disruption_to_string(PodDisruption d);
PodDisruption pod_disruption_from_string(const char *s);

struct Pod {
        Object object;
        PodStatus status : 8; /* there may be a million pods: small things share words */
        uint8_t qos : 4;      /* PodQos */
        uint8_t disruption : 4; /* PodDisruption, of a pod that is being removed */
        bool held : 1;        /* another scheduler's, or gated: ours leaves it alone */
        bool lost : 1;        /* its node is not healthy, so that nobody knows how it is: it is not ready (NODE_LOSS_KUBERNETES) */
        uint8_t restart : 2;  /* PodRestart */
        uint8_t crashes : 3;  /* how often in a row its containers have ended and were to be started again; up to POD_CRASHES_MAX */
        uint8_t exit_code;    /* what its container ends with when its duration is over; other than 0 makes it Failed */
        uint32_t restarts;
        uint32_t grace_seconds; /* that its removal is announced with */
        uint32_t ip;          /* while it is bound; 0: none. core/model/address.h */
        uint32_t deadline_seconds; /* activeDeadlineSeconds; 0: none */
        usec_t toleration;    /* span that it stays with a node that is lost (tolerationSeconds); USEC_INFINITY: for ever */
        int64_t cpu;          /* millicores; 0: it asks for none */
        usec_t duration;      /* span; USEC_INFINITY when it runs until removed */
        usec_t started;       /* realtime of the first confirmation; 0 before */
        usec_t ended;         /* realtime; 0 before; of one that is not over, when its containers ended last */
        usec_t lost_changed;  /* realtime at which `lost` did; 0: never */
        usec_t deleted;       /* realtime at which it is to be gone, once its removal was asked for; 0 before */
        PodClass *class;      /* what the scheduler reads of its document; a reference; NULL: it has none, and asks for CPU alone */
        const char *nominated; /* name of the node where it is to go once the pods that were preempted for it are gone; shared by its versions, may be NULL */
        const char *node;     /* name of the node it is bound to, shared with that where it can be; NULL when unbound */
        const char *reason;   /* why it is as it is, for people; owned, may be NULL */
};

int pod_new(const char *name, Pod **ret);
int pod_copy(const Pod *p, Pod **ret);
/* Takes over what the cluster acts on of a Kubernetes pod (metadata and spec, valid as the front door has checked): its class, and
 * with it the CPU that it asks for; spec.schedulerName and schedulingGates; the annotations of POD_ANNOTATION_*. A pod of a Job that
 * does not say how long it runs runs for POD_JOB_DURATION. -EDOM with the field, -ENOMEM. */
int pod_read_document(Pod *p, PodClassPool *classes, const Json *document, Error *reterr);
/* The class alone, and what else there is. -EDOM, -ENOMEM. */
int pod_read_class(Pod *p, PodClassPool *classes, const Json *document, Error *reterr);
int pod_read_rest(Pod *p, const PodClassPool *classes, const Json *document, Error *reterr);
/* The class follows from the document and the namespace, so that a new pod may have it from one with which it shares both. False: nobody
 * has lent it there. */
bool pod_share_class(Pod *p);
void pod_lend_class(const Pod *p);
int pod_set_node(Pod *p, const char *node);
/* The same with another object's name, without a copy; NULL: it is bound to none. */
void pod_share_node(Pod *p, const char *node);
int pod_set_reason(Pod *p, const char *reason);
int pod_set_nominated(Pod *p, const char *node);
void pod_done(Pod *p);

/* When its containers began to run as they do, realtime; of a pod that is Running. */
usec_t pod_run_began(const Pod *p);
/* How long its containers wait after their last end. Kubernetes documentation, "Pod Lifecycle", restart policy. */
usec_t pod_backoff(const Pod *p);
/* Will its containers be started again when they end? */
bool pod_restarts(const Pod *p);
bool pod_exceeded_deadline(const Pod *p);
/* The exit code of the containers of a pod that is over. */
int pod_ended_with(const Pod *p);
/* When it has to be looked at by time alone, realtime; USEC_INFINITY: never. */
usec_t pod_next_end(const Pod *p);
/* When it has run for too long (activeDeadlineSeconds), realtime; USEC_INFINITY: never. */
usec_t pod_deadline(const Pod *p);

/* Does it hold capacity of the node that it is bound to? */
static inline bool pod_holds_capacity(const Pod *p) {
        return p->node && p->status != POD_SUCCEEDED && p->status != POD_FAILED;
}
/* Does it wait for the scheduler? */
static inline bool pod_is_queued(const Pod *p) {
        return !p->node && !p->held && (p->status == POD_PENDING || p->status == POD_RESCHEDULING);
}

/* Does it serve? Whoever counts or shows ready pods asks this. */
static inline bool pod_is_ready(const Pod *p) {
        return p->status == POD_RUNNING && !p->lost;
}
/* Realtime since when it has been ready, of one that is. */
static inline usec_t pod_ready_since(const Pod *p) {
        return MAX(pod_run_began(p), p->lost_changed);
}

static inline Pod *POD(Object *o) {
        assert(!o || o->kind == KIND_POD);
        return (Pod*) o;
}
static inline Pod *pod_unref(Pod *p) {
        return (Pod*) object_unref((Object*) p);
}
DEFINE_CLEANUP(Pod*, pod_unref)
