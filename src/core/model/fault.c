/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/fault.h"

#include "basic/parse-util.h"
#include "basic/time-util.h"
#include "core/model/object-util.h"

static const char *const names[_FAULT_KIND_MAX] = {
        [FAULT_HANG] = "hang", [FAULT_STOP] = "stop", [FAULT_SLOW] = "slow", [FAULT_FLAP] = "flap",
};

DEFINE_STRING_TABLE(fault_kind, FaultKind, names, _FAULT_KIND_MAX)

int fault_new(const char *name, FaultKind kind, Fault **ret) {
        int r;

        r = object_new(KIND_FAULT, sizeof(Fault), name, (Object**) ret);
        if (r < 0)
                return r;
        (*ret)->kind = kind;
        (*ret)->until = USEC_INFINITY;
        return 0;
}

int fault_copy(const Fault *f, Fault **ret) {
        _cleanup_(fault_unrefp) Fault *copy = NULL;
        int r;

        r = object_new_like(&f->object, sizeof(Fault), (Object**) &copy);
        if (r < 0)
                return r;
        copy->kind = f->kind;
        copy->until = f->until;
        copy->delay = f->delay;
        copy->period = f->period;
        r = fault_set_selector(copy, f->selector);
        if (r < 0)
                return r;
        if (f->n_ranges > 0) {
                copy->ranges = new0(FaultRange, f->n_ranges);
                if (!copy->ranges)
                        return -ENOMEM;
                memcpy(copy->ranges, f->ranges, f->n_ranges * sizeof(FaultRange));
                copy->n_ranges = f->n_ranges;
        }
        *ret = TAKE_PTR(copy);
        return 0;
}

int fault_set_selector(Fault *f, const char *selector) {
        return object_set_string(&f->selector, selector);
}

void fault_set_ranges(Fault *f, FaultRange *ranges, size_t n) {
        free(f->ranges);
        f->ranges = ranges;
        f->n_ranges = n;
}

bool fault_covers(const Fault *f, uint64_t id) {
        size_t low = 0, high = f->n_ranges;

        while (low < high) {
                size_t mid = low + (high - low) / 2;

                if (id > f->ranges[mid].last)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low < f->n_ranges && id >= f->ranges[low].first;
}

void fault_put_ranges(const Fault *f, StrBuf *b) {
        for (size_t i = 0; i < f->n_ranges; i++) {
                if (i > 0)
                        strbuf_putc(b, ',');
                strbuf_put_u64(b, f->ranges[i].first);
                if (f->ranges[i].last != f->ranges[i].first) {
                        strbuf_putc(b, '-');
                        strbuf_put_u64(b, f->ranges[i].last);
                }
        }
}

/* "N" or "N-M"; cuts it. */
static int read_range(char *word, FaultRange *ret) {
        char *dash = strchr(word, '-');
        int r;

        if (dash)
                *dash = '\0';
        r = parse_u64(word, &ret->first);
        if (r >= 0)
                r = parse_u64(dash ? dash + 1 : word, &ret->last);
        return r < 0 || ret->first > ret->last ? -EINVAL : 0;
}

int fault_read_ranges(Fault *f, const char *text) {
        _cleanup_free_ char *copy = strdup(text);
        _cleanup_free_ FaultRange *ranges = NULL;
        size_t n = 0, allocated = 0;
        char *rest = copy, *word;
        int r;

        if (!copy)
                return -ENOMEM;
        while (!isempty(rest) && (word = strsep(&rest, ","))) {
                if (n >= FAULT_RANGES_MAX)
                        return -EINVAL;
                if (!GREEDY_REALLOC(ranges, allocated, n + 1))
                        return -ENOMEM;
                r = read_range(word, &ranges[n]);
                if (r < 0 || (n > 0 && ranges[n].first <= ranges[n - 1].last))
                        return -EINVAL;
                n++;
        }
        fault_set_ranges(f, TAKE_PTR(ranges), n);
        return 0;
}

void fault_done(Fault *f) {
        free((char*) f->selector);
        free(f->ranges);
}
