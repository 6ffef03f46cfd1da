/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Verbs that do one thing to each of the nodes or pods that are named. */

#include "kubesimctl/ctl.h"

/* The same request about each of several nodes or pods. */
typedef struct Action {
        const char *kind;   /* "nodes", "pods": in paths */
        const char *noun;   /* "node", "pod": in messages */
        const char *method;
        const char *suffix; /* after /KIND/ID */
        const char *verb;   /* "remove": in messages */
        const char *field, *state; /* with --wait: until field is state; NULL state: until it is gone */
} Action;

/* argv[1]... are IDs or prefixes of them. The exit code of the last one that failed. */
int act_on_each(const Ctl *ctl, int argc, char *argv[], const Action *action);
