/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the scheduler thinks of every node for a class of pods: alike nodes, those of the same verdict and scores, are told of together. */

#include "core/sched/scheduler.h"

#define EXPLAIN_NAMES 5 /* nodes of a group that are told by name */

typedef struct ExplainRow {
        Verdict verdict;
        ScorePart parts[_SCORE_PLUGIN_MAX]; /* of nodes that fit, when the algorithm has a profile */
        int64_t total;                      /* of nodes that fit; without a profile: the algorithm's key */
        bool winner;                        /* the node that is taken is one of them; then it is the first of the slots */
        size_t n_nodes;
        uint32_t slots[EXPLAIN_NAMES];      /* the first of them */
} ExplainRow;

typedef struct Explanation {
        ExplainRow *rows; /* owned: those that fit, the best first; then the others, the largest group first */
        size_t n_rows, allocated;
        size_t n_nodes, n_fit;
        SchedNode *winner; /* NULL: none */
        ClassOrder *order; /* borrowed until the scheduler is asked again */
} Explanation;

/* O(nodes). each: every node is a row of its own. -ENOMEM. explanation_done() in any case. */
int explain(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, bool each, Explanation *ret);
void explanation_done(Explanation *e);
#define _cleanup_explanation_ _cleanup_(explanation_done)
