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
#define POD_TOLERATION_DEFAULT (300 * USEC_PER_SEC)
#define POD_JOB_DURATION (2 * USEC_PER_SEC)

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

struct Pod {
        Object object;
        PodStatus status : 8; /* there may be a million pods: small things share words */
        PodQos qos : 8;
        bool held : 1;        /* another scheduler's, or gated: ours leaves it alone */
        bool lost : 1;        /* its node is not healthy, so that nobody knows how it is: it is not ready (NODE_LOSS_KUBERNETES) */
        uint8_t exit_code;    /* what its container ends with when its duration is over; other than 0 makes it Failed */
        uint32_t restarts;
        uint32_t grace_seconds; /* that its removal is announced with */
        uint32_t ip;          /* while it is bound; 0: none. core/model/address.h */
        usec_t toleration;    /* span that it stays with a node that is lost (tolerationSeconds); USEC_INFINITY: for ever */
        int64_t cpu;          /* millicores; 0: it asks for none */
        usec_t duration;      /* span; USEC_INFINITY when it runs until removed */
        usec_t started;       /* realtime of the first confirmation; 0 before */
        usec_t ended;         /* realtime; 0 before */
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
/* The class alone, of a pod that was loaded with its document. -EDOM, -ENOMEM. */
int pod_read_class(Pod *p, PodClassPool *classes, const Json *document, Error *reterr);
int pod_set_node(Pod *p, const char *node);
/* The same with another object's name, without a copy; NULL: it is bound to none. */
void pod_share_node(Pod *p, const char *node);
int pod_set_reason(Pod *p, const char *reason);
int pod_set_nominated(Pod *p, const char *node);
void pod_done(Pod *p);

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
        return MAX(p->started, p->lost_changed);
}

static inline Pod *POD(Object *o) {
        assert(!o || o->kind == KIND_POD);
        return (Pod*) o;
}
static inline Pod *pod_unref(Pod *p) {
        return (Pod*) object_unref((Object*) p);
}
DEFINE_CLEANUP(Pod*, pod_unref)
