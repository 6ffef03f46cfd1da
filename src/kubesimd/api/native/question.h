/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Questions that take long to answer: the state is copied, and pods are placed on the copy under one algorithm after the other, a slice of
 * it in each turn of the loop; the answer goes out when all is known. What fails on the way is told in it ("error"): its status is out. */

#include "core/control/what-if.h"
#include "kubesimd/api/manifest.h"

#define QUESTION_SEED 1 /* of algorithms that choose at random: the same question has the same answer */

typedef struct Question Question;

struct Question {
        WhatIf *what_if;
        Manifest manifest;
        StrBuf answer;        /* JSON, an object */
        /* The state is copied: appends the beginning of the object. 0 or negative. */
        int (*put_begin)(Question *q, StrBuf *b);
        /* Appends the object of the algorithm that is through. 0 or negative. */
        int (*put_algorithm)(Question *q, StrBuf *b);
        bool looks_only;      /* no pod is placed: algorithms are asked what they think of the nodes */
        const SchedAlgorithm *algorithm; /* of the present turn */
        usec_t took;          /* placing with it */
        ApiContext *api;
        HttpRequest *req;
        struct {
                uint64_t limit;
                bool each;
                char *pod;    /* key of the one that there is; owned, NULL: it is not created */
        } explain;            /* explain.c's */
        /* private */
        const SchedAlgorithm **algorithms; /* owned */
        size_t n_algorithms, present, sent;
        bool counted, copied, begun, complete;
        uint64_t mark;
};

/* A question with an empty copy of the state. ?seed= is heeded. -EINVAL, -EDQUOT (too many at a time), -ENOMEM. */
int question_new(HttpRequest *req, ApiContext *api, Question **ret, Error *reterr);
/* About the algorithms that ?algorithm= (with commas between; none: all) names. -EINVAL, -ENOMEM. */
int question_read_algorithms(Question *q, Error *reterr);
/* About this one. -ENOMEM. */
int question_set_algorithm(Question *q, const SchedAlgorithm *algorithm);
Question *question_free(Question *q);
DEFINE_CLEANUP(Question*, question_free)
/* Begins to work it out; takes q in any case. */
int question_reply(Question *q);
/* -EINVAL with the names that there are. */
int question_find_algorithm(const char *name, const SchedAlgorithm **ret, Error *reterr);
