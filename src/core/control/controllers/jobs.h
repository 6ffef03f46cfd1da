/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What others have to know of Jobs. */

#include "core/control/state.h"

/* Holds a Job's pod until the Job has counted its end. */
#define JOB_TRACKING_FINALIZER "batch.kubernetes.io/job-tracking"

/* Gives a new Job the selector and the labels that tell its pods, unless it asks for none (manualSelector). */
void job_assign_selector(const Object *o, JsonArena *a, Json *document);
/* What Kubernetes fills in of a JobSpec, beside the pods' part. */
void job_set_defaults(JsonArena *a, Json *spec);
