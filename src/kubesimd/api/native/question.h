/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Questions that take long to answer: pods are placed on a copy of the state under one algorithm after the other, a slice of it in each turn
 * of the loop, and the answer goes out when all is known. */

#include "core/control/what-if.h"
#include "kubesimd/api/manifest.h"

#define QUESTION_SEED 1 /* of algorithms that choose at random: the same question has the same answer */

typedef struct Question Question;

struct Question {
        WhatIf *what_if;
        Manifest manifest;
        StrBuf answer;        /* JSON: the beginning of an object, then "algorithms":[ */
        /* Appends the object of the algorithm that is through. 0 or negative. */
        int (*put_algorithm)(Question *q, StrBuf *b);
        const SchedAlgorithm *algorithm; /* of the present turn */
        usec_t took;          /* placing with it */
        /* private */
        ApiContext *api;
        HttpRequest *req;
        const SchedAlgorithm **algorithms; /* owned */
        size_t n_algorithms, present, sent;
        bool counted, begun, complete;
        uint64_t mark;
};

/* A question with a copy of the state, about the algorithms that ?algorithm= (with commas between; none: all) names. ?seed= is heeded.
 * -EINVAL, -EDQUOT (too many at a time), -ENOMEM. */
int question_new(HttpRequest *req, ApiContext *api, Question **ret, Error *reterr);
Question *question_free(Question *q);
DEFINE_CLEANUP(Question*, question_free)
/* Begins to work it out; takes q in any case. */
int question_reply(Question *q);
/* -EINVAL with the names that there are. */
int question_find_algorithm(const char *name, const SchedAlgorithm **ret, Error *reterr);
