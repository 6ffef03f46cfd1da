/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the Job controller share: a Job as one look at it finds it. job.c decides, job-count.c counts the pods that
 * have ended, job-pods.c makes and removes pods, job-policy.c reads the podFailurePolicy. */

#include "core/control/controllers/job-index.h"
#include "core/control/controllers/job-tally.h"
#include "core/control/controllers/jobs.h"
#include "core/control/controllers/workload.h"

#define JOB_COMPONENT "job-controller"
#define JOB_INDEX "batch.kubernetes.io/job-completion-index"
#define JOB_INDEX_FAILURES "batch.kubernetes.io/job-index-failure-count"

typedef struct Job {
        Cluster *cluster;
        ObjectState *state;
        Edit edit;
        Json *spec, *status;
        int64_t parallelism, completions; /* -1: none asked for; the first success ends it */
        int64_t backoff_limit, backoff_limit_per_index; /* -1: none */
        bool indexed, suspended;
        bool restarts;        /* restartPolicy OnFailure: its pods begin again where they are, and that is what counts */
        bool replace_late;    /* podReplacementPolicy Failed: no other pod before one is gone */

        int64_t active, ready, terminating, n_restarts;
        int64_t succeeded, failed; /* with those that are yet to be counted in the status */
        IndexSet completed, failing; /* indexes; failing: those that have failed for good */
        ObjectState **ended;  /* pods to be let go of once the status has them */
        size_t n_ended, ended_allocated;
        bool holds;           /* pods that the status names, and that are not among these */
        bool uncounted;       /* the status names pods whose end it has yet to add */
        JobTally *tally;      /* weak */
        size_t most;          /* pods made, removed or counted in one look */
        char verdict[512];    /* of the podFailurePolicy: the Job is to fail, and why */
        char success[64];     /* of the successPolicy: it has succeeded, and why */
        struct {
                const char *type, *reason, *message; /* borrowed from the document, or static */
        } event;              /* to be told once the status says so; type NULL: none */
        usec_t look_at;       /* realtime */
} Job;

/* --- job-count.c --- */
/* Reads what the status and the pods say, and enters pods that have ended into the status. 0 or -ENOMEM. */
int job_count(Job *j);
/* The index of one of its pods; -1: it has none that counts. */
int64_t job_index_of(const Job *j, const Object *pod);
/* Lets go of the pods in `ended`, which the status on disk has now. */
int job_release_ended(Job *j);

/* --- job-pods.c --- */
/* Makes what is missing or removes what is too much. May ask to look again. 0 or negative. */
int job_run_pods(Job *j);
/* Removes that many active pods; counted: as failures of the Job. */
int job_remove_pods(Job *j, int64_t n, bool counted);

/* --- job-policy.c --- */
typedef enum FailureAction {
        FAILURE_COUNT,
        FAILURE_IGNORE,
        FAILURE_FAIL_INDEX,
        FAILURE_FAIL_JOB, /* j->verdict says why */
} FailureAction;
/* What the first rule that matches says about a pod that has failed. */
FailureAction job_judge_failure(Job *j, const Pod *p);
/* Sets j->success when a rule matches what has succeeded. 0 or -ENOMEM. */
int job_judge_success(Job *j);
