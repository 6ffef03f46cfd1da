/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ControllerRevisions: the versions of a template that its owner (a DaemonSet, a StatefulSet) has had, for kubectl rollout history and
 * undo. root is the owner's document, hash that of its template (hash_template()). */

#include "core/control/controllers/workload.h"

#define REVISION_HASH_LABEL "controller-revision-hash"
#define REVISION_NAME_MAX 300

/* The name of the revision. */
void revision_name(const ObjectState *s, const char *hash, char buf[REVISION_NAME_MAX]);
/* The revision of that name beside its owner, or NULL. */
StoreEntry *revision_find(const Cluster *c, const ObjectState *s, const char *name);
/* Makes the one of the template, or has it be the newest. 0 or negative. */
int revisions_keep(Cluster *c, ObjectState *s, const Json *root, const char *hash);
/* Removes old ones beyond revisionHistoryLimit, but the one of the name `kept` (may be NULL), which the status speaks of. 0 or negative. */
int revisions_forget(Cluster *c, ObjectState *s, const Json *root, const char *hash, const char *kept);
