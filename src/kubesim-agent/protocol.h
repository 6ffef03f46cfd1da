/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What agents and the server say to each other: the text of a heartbeat and of its answer. See docs/API.md. */

#include "basic/error.h"
#include "basic/json-reader.h"
#include "basic/strbuf.h"

#define BEAT_HEALTHY "Healthy"
#define BEAT_STOPPED "Stopped" /* goodbye */
#define BEAT_TIMEOUT_USEC (10 * USEC_PER_SEC) /* beyond what the server may hold it for */
#define BEAT_REFUSED_USEC (30 * USEC_PER_SEC) /* after a 401, 403 or 409 */

/* A heartbeat is what beat_begin() appends, then further members (',"pods":[...]'), then what beat_end() appends. */
void beat_begin(StrBuf *b, const char *node, const char *status);
void beat_end(StrBuf *b, const char *instance, uint64_t sequence, uint64_t revision);

typedef struct BeatAnswer {
        JsonStrings pods;  /* that the node is to run; names in the text that was read */
        int64_t revision;  /* of that list */
        usec_t interval;   /* in which the server wants to hear from it; 0: not said */
        bool stop;         /* it is to say goodbye and to leave */
} BeatAnswer;

/* Reads an answer, overwriting its text. beat_answer_done() in any case. */
int beat_answer_read(char *text, size_t size, BeatAnswer *ret, Error *reterr);
void beat_answer_done(BeatAnswer *a);

/* What to do about a refusal with that HTTP status; NULL when trying again is all. */
const char *beat_refusal_advice(unsigned status);
