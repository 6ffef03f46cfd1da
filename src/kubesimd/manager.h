/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The daemon put together: the cluster in its shell of loop, storage, HTTP and systemd. */

#include "kubesimd/config.h"

typedef struct Manager Manager;

typedef struct ManagerOptions {
        char *const *listen;    /* addresses to open beside what systemd passes; NULL-terminated, may be NULL */
        const char *state;      /* directory, or ":memory:" to keep nothing */
        const char *main_file;  /* of the configuration; NULL: the usual ones */
        char *const *overrides; /* "Section.Key=Value" */
        const char *tokens;     /* file; NULL: the credential kubesim.tokens, if there is one */
        const char *agents_dir;
} ManagerOptions;

/* Opens the state and loads it, takes the sockets, serves. config is used up; options are borrowed for as long as the
 * manager lives. Errors are logged. */
int manager_new(const ManagerOptions *options, Config *config, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager*, manager_free)
/* Runs until it is told to stop. The process's exit status. */
int manager_run(Manager *m);
