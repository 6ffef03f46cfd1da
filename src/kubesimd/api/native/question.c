/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/native/question.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"

#define QUESTIONS_MAX 4         /* at a time */
#define SLICE_USEC (4 * USEC_PER_MSEC) /* of a turn of the loop */
#define PAUSE_USEC USEC_PER_MSEC      /* in which none of them is worked on */
#define ANSWER_MAX (64 * MIB)

int question_find_algorithm(const char *name, const SchedAlgorithm **ret, Error *reterr) {
        _cleanup_strbuf_ StrBuf names = STRBUF_INIT(4 * KIB);

        *ret = sched_algorithm_find(name);
        if (*ret)
                return 0;
        for (size_t i = 0; i < sched_algorithm_count(); i++)
                strbuf_printf(&names, "%s%s", i > 0 ? ", " : "", sched_algorithm_get(i)->name);
        return error_set_field(reterr, -EINVAL, "algorithm", name, "there is no algorithm \"%s\"; there are: %s", name, strbuf_str(&names));
}

static bool has(const Question *q, const SchedAlgorithm *algorithm) {
        for (size_t i = 0; i < q->n_algorithms; i++)
                if (q->algorithms[i] == algorithm)
                        return true;
        return false;
}

int question_set_algorithm(Question *q, const SchedAlgorithm *algorithm) {
        q->algorithms = new0(const SchedAlgorithm*, 1);
        if (!q->algorithms)
                return -ENOMEM;
        q->algorithms[q->n_algorithms++] = algorithm;
        return 0;
}

int question_read_algorithms(Question *q, Error *reterr) {
        const char *names = http_request_query(q->req, "algorithm");
        _cleanup_free_ char *copy = NULL;
        char *rest, *name;

        q->algorithms = new0(const SchedAlgorithm*, sched_algorithm_count());
        copy = strdup(strempty(names));
        if (!q->algorithms || !copy)
                return -ENOMEM;
        for (size_t i = 0; isempty(names) && i < sched_algorithm_count(); i++)
                q->algorithms[q->n_algorithms++] = sched_algorithm_get(i);
        for (rest = isempty(names) ? NULL : copy; (name = strsep(&rest, ","));) {
                const SchedAlgorithm *algorithm;
                int r;

                r = question_find_algorithm(name, &algorithm, reterr);
                if (r < 0)
                        return r;
                if (!has(q, algorithm))
                        q->algorithms[q->n_algorithms++] = algorithm;
        }
        return 0;
}

int question_new(HttpRequest *req, ApiContext *api, Question **ret, Error *reterr) {
        _cleanup_(question_freep) Question *q = NULL;
        uint64_t seed = QUESTION_SEED;
        int r;

        if (api->n_questions >= QUESTIONS_MAX)
                return error_set(reterr, -EDQUOT, "%u such questions are being worked out already: ask again later", api->n_questions);
        q = new0(Question, 1);
        if (!q)
                return -ENOMEM;
        q->api = api;
        q->req = req;
        q->answer = STRBUF_INIT(ANSWER_MAX);
        q->counted = true;
        api->n_questions++;
        r = query_u64(req, "seed", 0, UINT64_MAX, &seed, reterr);
        if (r >= 0)
                r = what_if_new(api->cluster, seed, &q->what_if);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}

Question *question_free(Question *q) {
        if (!q)
                return NULL;
        q->api->n_questions -= q->counted;
        manifest_done(&q->manifest);
        what_if_free(q->what_if);
        strbuf_done(&q->answer);
        free(q->algorithms);
        free(q->explain.pod);
        return mfree(q);
}

static int finish_algorithm(Question *q) {
        int r;

        strbuf_puts(&q->answer, q->present > 0 ? "," : "");
        r = q->put_algorithm(q, &q->answer);
        q->begun = false;
        q->present++;
        return r < 0 ? r : strbuf_error(&q->answer);
}

static int step_algorithm(Question *q) {
        WhatIfItem *items = q->manifest.items;
        int r;

        if (!q->begun) {
                what_if_reset(q->what_if, items, q->manifest.n_items);
                q->algorithm = q->algorithms[q->present];
                q->took = 0;
                q->begun = true;
        }
        if (q->looks_only)
                r = what_if_prepare(q->what_if, items[0].class, q->algorithm);
        else
                r = what_if_step(q->what_if, items, q->manifest.n_items, q->algorithm);
        if (r == 0)
                r = finish_algorithm(q);
        return r < 0 ? r : 1;
}

static int step_copy(Question *q) {
        int r;

        r = what_if_copy(q->what_if, q->manifest.items, q->manifest.n_items);
        if (r != 0)
                return r;
        q->mark = api_mark(q->api);
        q->copied = true;
        r = q->put_begin(q, &q->answer);
        return r < 0 ? r : 1;
}

/* A small part: 1, or 0 when it was the last one. */
static int step(Question *q) {
        if (!q->copied)
                return step_copy(q);
        if (q->present < q->n_algorithms)
                return step_algorithm(q);
        return what_if_shrink(q->what_if);
}

/* What fits into a turn: 1 when there is more to do. */
static int work(Question *q) {
        usec_t begin = now_monotonic(), now = begin;
        int r = 1;

        while (r > 0 && now - begin < SLICE_USEC) {
                usec_t before = now;
                bool places = q->begun && what_if_places(q->what_if);

                r = step(q);
                now = now_monotonic();
                q->took += places ? now - before : 0;
        }
        return r;
}

static void put_failure(Question *q, int error) {
        strbuf_clear(&q->answer);
        strbuf_puts(&q->answer, "{\"error\":");
        json_put_string(&q->answer, error == -ENOMEM ? "out of memory" : error == -E2BIG ? "the answer is too long" : strerror(-error));
        strbuf_puts(&q->answer, "}\n");
}

/* When there is nothing more to do: the answer, or why there is none. */
static int complete(Question *q, int error) {
        if (error < 0)
                put_failure(q, error);
        q->complete = true;
        return strbuf_error(&q->answer);
}

/* One of them in a turn: whoever has worked lets each of the others do so before it goes on. 0: not yet, 1: it is through, or negative. */
static int take_turn(Question *q) {
        int r;

        if (now_monotonic() < q->api->questions_rest_until) {
                http_stream_wake_by(q->req, q->api->questions_rest_until);
                return 0;
        }
        r = work(q);
        q->api->questions_rest_until = usec_add(now_monotonic(), PAUSE_USEC);
        if (r < 0)
                return r;
        if (r == 0 && store_durable(cluster_store(q->api->cluster)) >= q->mark)
                return 1;
        http_stream_wake_by(q->req, usec_add(q->api->questions_rest_until, (q->api->n_questions - 1) * (SLICE_USEC + PAUSE_USEC)));
        return 0;
}

static ssize_t question_read(char *buffer, size_t size, void *userdata) {
        Question *q = userdata;
        size_t n;
        int r;

        if (!q->complete) {
                r = take_turn(q);
                if (r == 0)
                        return 0;
                r = complete(q, r);
                if (r < 0)
                        return r;
        }
        n = MIN(size, q->answer.size - q->sent);
        if (n == 0)
                return -ENODATA;
        memcpy(buffer, q->answer.data + q->sent, n);
        q->sent += n;
        return (ssize_t) n;
}

static void question_gone(void *userdata) {
        question_free(userdata);
}

int question_reply(Question *q) {
        return http_reply_stream(q->req, NATIVE_JSON, 0, false, question_read, question_gone, q);
}
