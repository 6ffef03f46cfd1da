/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A pod: what it asks for, where it is bound and how far it has come. */

#include "basic/time-util.h"
#include "core/model/object.h"

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

struct Pod {
        Object object;
        PodStatus status;
        uint32_t restarts;
        int64_t cpu;          /* millicores */
        usec_t duration;      /* span; USEC_INFINITY when it runs until removed */
        usec_t started;       /* realtime of the first confirmation; 0 before */
        const char *node;     /* name of the node it is bound to; owned, NULL when unbound */
        const char *reason;   /* why it is as it is, for people; owned, may be NULL */
};

int pod_new(const char *name, Pod **ret);
int pod_copy(const Pod *p, Pod **ret);
int pod_set_node(Pod *p, const char *node);
int pod_set_reason(Pod *p, const char *reason);
void pod_done(Pod *p);

/* Does it hold capacity of the node that it is bound to? */
static inline bool pod_holds_capacity(const Pod *p) {
        return p->node && p->status != POD_SUCCEEDED && p->status != POD_FAILED;
}
/* Does it wait for the scheduler? */
static inline bool pod_is_queued(const Pod *p) {
        return !p->node && (p->status == POD_PENDING || p->status == POD_RESCHEDULING);
}

static inline Pod *POD(Object *o) {
        assert(!o || o->kind == KIND_POD);
        return (Pod*) o;
}
static inline Pod *pod_unref(Pod *p) {
        return (Pod*) object_unref((Object*) p);
}
DEFINE_CLEANUP(Pod*, pod_unref)
