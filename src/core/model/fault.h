/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A fault that somebody has injected into virtual nodes. The nodes are named by their ids, which are never reused, as ranges:
 * those that were added together are one range, and ids of nothing or of other kinds in it do no harm. */

#include "basic/strbuf.h"
#include "core/model/object.h"

typedef enum FaultKind {
        FAULT_HANG, /* no heartbeats */
        FAULT_STOP, /* says goodbye, as an agent that is stopped */
        FAULT_SLOW, /* each heartbeat comes late */
        FAULT_FLAP, /* reports trouble and is well again, in turn */
        _FAULT_KIND_MAX,
        _FAULT_KIND_INVALID = -EINVAL,
} FaultKind;

const char *fault_kind_to_string(FaultKind k);
FaultKind fault_kind_from_string(const char *s);

typedef struct FaultRange {
        uint64_t first, last; /* object ids, both included */
} FaultRange;

#define FAULT_RANGES_MAX 100000

struct Fault {
        Object object;        /* created = since when */
        FaultKind kind;
        usec_t until;         /* realtime; USEC_INFINITY: until it is taken back */
        usec_t delay;         /* FAULT_SLOW: by so much */
        usec_t period;        /* FAULT_FLAP: how long it is well, and how long not */
        const char *selector; /* how the nodes were chosen, for people; owned, may be NULL */
        FaultRange *ranges;   /* owned, ascending, apart */
        size_t n_ranges;
};

int fault_new(const char *name, FaultKind kind, Fault **ret);
int fault_copy(const Fault *f, Fault **ret);
int fault_set_selector(Fault *f, const char *selector);
/* Takes the array over. */
void fault_set_ranges(Fault *f, FaultRange *ranges, size_t n);
bool fault_covers(const Fault *f, uint64_t id);
/* "3-17,20": as text, and back. -EINVAL, -ENOMEM. */
void fault_put_ranges(const Fault *f, StrBuf *b);
int fault_read_ranges(Fault *f, const char *text);
void fault_done(Fault *f);

static inline Fault *FAULT(Object *o) {
        assert(!o || o->kind == KIND_FAULT);
        return (Fault*) o;
}
static inline Fault *fault_unref(Fault *f) {
        return (Fault*) object_unref((Object*) f);
}
DEFINE_CLEANUP(Fault*, fault_unref)
