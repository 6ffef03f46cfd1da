/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/flag-table.h"

#include <string.h>

#include "basic/alloc-util.h"

void flag_table_done(FlagTable *t) {
        t->flags = mfree(t->flags);
        t->n = t->allocated = 0;
}

void flag_table_set(FlagTable *t, size_t slot, uint16_t flags) {
        uint16_t changed = t->flags[slot] ^ flags;

        t->flags[slot] = flags;
        for (unsigned f = 0; changed != 0; f++, changed >>= 1) {
                if (!(changed & 1))
                        continue;
                t->counts[f] += flags & FLAG_BIT(f) ? 1 : -1;
                if (flags & FLAG_BIT(f)) {
                        t->first[f] = MIN(t->first[f], slot);
                        t->end[f] = MAX(t->end[f], slot + 1);
                }
        }
}

void flag_table_add(FlagTable *t, size_t slot, unsigned flag) {
        flag_table_set(t, slot, (uint16_t) (t->flags[slot] | FLAG_BIT(flag)));
}

int flag_table_grow(FlagTable *t, size_t n) {
        if (!GREEDY_REALLOC(t->flags, t->allocated, n + 1))
                return -ENOMEM;
        if (t->n < n) {
                memset(t->flags + t->n, 0, (n - t->n) * sizeof(t->flags[0]));
                t->n = n;
        }
        return 0;
}

void flag_table_clear(FlagTable *t) {
        t->n = 0;
        memset(t->counts, 0, sizeof(t->counts));
        memset(t->end, 0, sizeof(t->end));
}

size_t flag_table_find(FlagTable *t, unsigned flag, size_t from) {
        size_t i = MAX(from, t->first[flag]), end = MIN(t->end[flag], t->n);

        if (t->counts[flag] == 0)
                return SIZE_MAX;
        while (i < end && !flag_table_has(t, i, flag))
                i++;
        if (from <= t->first[flag])
                t->first[flag] = i;
        return i < end ? i : SIZE_MAX;
}

size_t flag_table_find_last(FlagTable *t, unsigned flag, size_t before) {
        size_t last = MIN(before, t->n), end = MIN(last, t->end[flag]);

        if (t->counts[flag] == 0)
                return SIZE_MAX;
        while (end > t->first[flag] && !flag_table_has(t, end - 1, flag))
                end--;
        if (before >= t->end[flag])
                t->end[flag] = end;
        return end > t->first[flag] ? end - 1 : SIZE_MAX;
}

void flag_table_doubt(FlagTable *t, unsigned flag) {
        for (size_t i = flag_table_find(t, flag, 0); i != SIZE_MAX; i = flag_table_find(t, flag, i + 1))
                flag_table_add(t, i, FLAG_DIRTY);
}

void flag_table_doubt_range(FlagTable *t, size_t from, size_t end) {
        for (size_t i = from; i < MIN(end, t->n); i++)
                flag_table_add(t, i, FLAG_DIRTY);
}
