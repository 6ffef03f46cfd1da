/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/pod.h"

#include "core/model/object-util.h"

static const char *const status_names[_POD_STATUS_MAX] = {
        [POD_PENDING] = "Pending",           [POD_RUNNING] = "Running",     [POD_RESTARTING] = "Restarting",
        [POD_RESCHEDULING] = "Rescheduling", [POD_SUCCEEDED] = "Succeeded", [POD_TERMINATING] = "Terminating",
        [POD_FAILED] = "Failed",
};

DEFINE_STRING_TABLE(pod_status, PodStatus, status_names, _POD_STATUS_MAX)

int pod_new(const char *name, Pod **ret) {
        int r;

        r = object_new(KIND_POD, sizeof(Pod), name, (Object**) ret);
        if (r >= 0)
                (*ret)->duration = USEC_INFINITY;
        return r;
}

int pod_copy(const Pod *p, Pod **ret) {
        _cleanup_(pod_unrefp) Pod *copy = NULL;
        int r;

        r = object_new_like(&p->object, sizeof(Pod), (Object**) &copy);
        if (r < 0)
                return r;
        copy->status = p->status;
        copy->restarts = p->restarts;
        copy->cpu = p->cpu;
        copy->duration = p->duration;
        copy->started = p->started;
        r = pod_set_node(copy, p->node);
        if (r >= 0)
                r = pod_set_reason(copy, p->reason);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(copy);
        return 0;
}

int pod_set_node(Pod *p, const char *node) {
        return object_set_string(&p->node, node);
}

int pod_set_reason(Pod *p, const char *reason) {
        return object_set_string(&p->reason, reason);
}

void pod_done(Pod *p) {
        free((char*) p->node);
        free((char*) p->reason);
}
