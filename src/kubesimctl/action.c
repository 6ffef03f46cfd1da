/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimctl/action.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "kubesimctl/output.h"
#include "kubesimctl/wait.h"

static int act_on(const Ctl *ctl, const char *prefix, const Action *action) {
        _cleanup_answer_ Answer a = ANSWER_INIT;
        _cleanup_free_ char *id = NULL;
        char path[512];
        int r;

        r = ctl_resolve(ctl, action->kind, prefix, &id);
        if (r != 0)
                return r;
        (void) snprintf(path, sizeof(path), "/%s/%s%s", action->kind, id, action->suffix);
        r = ctl_call(ctl, action->method, path, NULL, &a, "%s %s \"%s\"", action->verb, action->noun, id);
        if (r != 0)
                return r;
        if (ctl->json != JSON_OFF)
                (void) output_json(ctl, a.body);
        else if (!ctl->quiet)
                printf("%s\n", member_string(a.body, "message"));
        return ctl->wait ? ctl_wait(ctl, &(WaitFor) { action->kind, id, action->field, action->state }) : CTL_OK;
}

int act_on_each(const Ctl *ctl, int argc, char *argv[], const Action *action) {
        int worst = CTL_OK;

        for (int i = 1; i < argc; i++)
                worst = act_on(ctl, argv[i], action) ?: worst;
        return worst;
}
