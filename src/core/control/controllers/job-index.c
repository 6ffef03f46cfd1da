/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/job-index.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

void index_set_done(IndexSet *s) {
        s->ranges = mfree(s->ranges);
        s->n = s->allocated = 0;
}

/* The first range that does not end before i. */
static size_t find(const IndexSet *s, int64_t i) {
        size_t low = 0, high = s->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (s->ranges[middle].last < i)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

bool index_set_has(const IndexSet *s, int64_t i) {
        size_t k = find(s, i);

        return k < s->n && s->ranges[k].first <= i;
}

int64_t index_set_next_missing(const IndexSet *s, int64_t i) {
        size_t k = find(s, i);

        return k < s->n && s->ranges[k].first <= i ? s->ranges[k].last + 1 : i;
}

int64_t index_set_count(const IndexSet *s) {
        int64_t n = 0;

        for (size_t i = 0; i < s->n; i++)
                n += s->ranges[i].last - s->ranges[i].first + 1;
        return n;
}

/* Takes the place of all that it touches. */
static int add_range(IndexSet *s, IndexRange r) {
        size_t from = find(s, r.first - 1), to = from;

        for (; to < s->n && s->ranges[to].first <= r.last + 1; to++)
                r = (IndexRange) { .first = MIN(r.first, s->ranges[to].first), .last = MAX(r.last, s->ranges[to].last) };
        if (to == from && !GREEDY_REALLOC(s->ranges, s->allocated, s->n + 1))
                return -ENOMEM;
        memmove(s->ranges + from + 1, s->ranges + to, (s->n - to) * sizeof(IndexRange));
        s->ranges[from] = r;
        s->n = s->n + 1 - (to - from);
        return 0;
}

int index_set_add(IndexSet *s, int64_t i) {
        return add_range(s, (IndexRange) { .first = i, .last = i });
}

/* Digits, of no more than what an index has; -1 when there are none. */
static int64_t take_number(const char **p) {
        int64_t v = -1;

        for (; **p >= '0' && **p <= '9' && v < INT32_MAX; (*p)++)
                v = (v < 0 ? 0 : v) * 10 + **p - '0';
        return v;
}

int index_set_parse(IndexSet *s, const char *text, int64_t end) {
        for (const char *p = strempty(text); *p; p += *p == ',') {
                IndexRange r;
                int k;

                r.first = r.last = take_number(&p);
                if (*p == '-') {
                        p++;
                        r.last = take_number(&p);
                }
                if (*p != ',' && *p != '\0')
                        return 0;
                r.last = MIN(r.last, end - 1);
                if (r.first < 0 || r.first > r.last)
                        continue;
                k = add_range(s, r);
                if (k < 0)
                        return k;
        }
        return 0;
}

int64_t index_set_count_common(const IndexSet *a, const IndexSet *b) {
        int64_t n = 0;

        for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
                int64_t first = MAX(a->ranges[i].first, b->ranges[k].first), last = MIN(a->ranges[i].last, b->ranges[k].last);

                n += MAX(last - first + 1, INT64_C(0));
                if (a->ranges[i].last < b->ranges[k].last)
                        i++;
                else
                        k++;
        }
        return n;
}

int64_t index_set_check(const char *text, int64_t end) {
        int64_t n = 0, before = -1;

        for (const char *p = text;; p++) {
                int64_t first = take_number(&p), last = first;

                if (*p == '-') {
                        p++;
                        last = take_number(&p);
                        if (last <= first)
                                return -EINVAL;
                }
                if (first <= before || last >= end || (*p != ',' && *p != '\0'))
                        return -EINVAL;
                n += last - first + 1;
                before = last;
                if (*p == '\0')
                        return n;
        }
}

void index_set_put(const IndexSet *s, StrBuf *b) {
        for (size_t i = 0; i < s->n; i++) {
                const IndexRange *r = &s->ranges[i];

                strbuf_printf(b, "%s%lld", i > 0 ? "," : "", (long long) r->first);
                if (r->last > r->first)
                        strbuf_printf(b, "%c%lld", r->last == r->first + 1 ? ',' : '-', (long long) r->last);
        }
}
