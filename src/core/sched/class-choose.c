/* SPDX-License-Identifier: Apache-2.0 */
/* The second half of class-order.h: what the groups are worth, and which node is taken. Formulas of kube-scheduler's plugins:
 * podtopologyspread, interpodaffinity, and helper.DefaultNormalizeScore. */
#include <math.h>

#include "basic/alloc-util.h"
#include "core/sched/class-order.h"
#include "core/sched/scheduler.h"

/* --- Filters --- */

static Verdict judge_spread(const Counter *k, int64_t mark) {
        int64_t least;
        size_t domains;

        if (mark < 0)
                return (Verdict) { .kind = FILTER_SPREAD_LABEL };
        least = counter_least(k, &domains);
        if ((int64_t) domains < k->constraint->min_domains)
                least = 0;
        return counter_at(k, mark) + k->self - least > k->constraint->max_skew ? (Verdict) { .kind = FILTER_SPREAD } : (Verdict) {};
}

/* The first pod of a group that wants to be together has nobody to be with, and may go anywhere where it could be. */
static bool affinity_holds(const ClassOrder *o, const int64_t *marks) {
        bool met = true, nobody = true, own = true;

        for (size_t i = 0; i < o->n_counters; i++) {
                const Counter *k = &o->counters[i];

                if (k->use != COUNTER_AFFINITY)
                        continue;
                if (marks[i] < 0)
                        return false;
                met &= counter_at(k, marks[i]) > 0;
                nobody &= k->total == 0;
                own &= k->self;
        }
        return met || (nobody && own);
}

static Verdict judge_others(const ClassOrder *o, const int64_t *marks, CounterUse use, FilterKind kind) {
        for (size_t i = 0; i < o->n_counters; i++)
                if (o->counters[i].use == use && marks[i] >= 0 && counter_at(&o->counters[i], marks[i]) > 0)
                        return (Verdict) { .kind = kind };
        return (Verdict) {};
}

static Verdict judge_marks(const ClassOrder *o, const int64_t *marks) {
        Verdict v = {};

        for (size_t i = 0; i < o->n_counters && v.kind == FILTER_FITS; i++)
                if (o->counters[i].use == COUNTER_SPREAD && o->counters[i].constraint->hard)
                        v = judge_spread(&o->counters[i], marks[i]);
        if (v.kind == FILTER_FITS && o->class->n_affinity > 0 && !affinity_holds(o, marks))
                v.kind = FILTER_POD_AFFINITY;
        if (v.kind == FILTER_FITS)
                v = judge_others(o, marks, COUNTER_ANTI_AFFINITY, FILTER_POD_ANTI_AFFINITY);
        if (v.kind == FILTER_FITS)
                v = judge_others(o, marks, COUNTER_OTHERS, FILTER_OTHERS_ANTI_AFFINITY);
        return v;
}

/* kube-scheduler, RunFilterPluginsWithNominatedPods: nobody may count on pods that are yet to come, nor come into their way. */
Verdict class_order_judge_marks(ClassOrder *o, const int64_t *marks, bool expects) {
        const int64_t *coming = marks + o->n_counters;
        int64_t then[CLASS_COUNTERS_MAX];
        Verdict v;

        if (!expects)
                return judge_marks(o, marks);
        for (size_t i = 0; i < o->n_counters; i++)
                then[i] = coming[i] != 0 ? counter_pretend(&o->counters[i], marks[i], coming[i]) : marks[i];
        v = judge_marks(o, then);
        for (size_t i = 0; i < o->n_counters; i++)
                if (coming[i] != 0)
                        (void) counter_pretend(&o->counters[i], then[i], -coming[i]);
        return v.kind == FILTER_FITS ? judge_marks(o, marks) : v;
}

/* --- Scores --- */

static bool is_soft(const Counter *k) {
        return k->use == COUNTER_SPREAD && !k->constraint->hard;
}

/* How many domains of the topology have nodes that fit; of local ones every node is one. Nodes without the label, which only the default
 * spread counts, are together one more. */
static size_t count_domains(ClassOrder *o, size_t counter) {
        Counter *k = &o->counters[counter];
        bool any_without = false;
        size_t n = 0;

        o->round++;
        for (size_t i = 0; i < o->n_groups; i++) {
                const Group *g = o->groups[i];

                if (g->verdict.kind != FILTER_FITS || g->unspread)
                        continue;
                if (g->marks[counter] < 0)
                        any_without = true;
                else if (k->local)
                        n += g->n_slots;
                else if (k->domains[g->marks[counter]]->mark != o->round) {
                        k->domains[g->marks[counter]]->mark = o->round;
                        n++;
                }
        }
        return n + any_without;
}

/* Such nodes are left out, but not by the default spread: clusters without zones are to be spread over, too. */
static bool lacks_topology(const ClassOrder *o, const Group *g) {
        for (size_t i = 0; o->spread.n == 0 && i < o->n_counters; i++)
                if (is_soft(&o->counters[i]) && g->marks[i] < 0)
                        return true;
        return false;
}

static void score_spread(ClassOrder *o) {
        bool any = false;

        for (size_t i = 0; i < o->n_groups; i++)
                o->groups[i]->unspread = lacks_topology(o, o->groups[i]);
        for (size_t i = 0; i < o->n_counters; i++) {
                const Counter *k = &o->counters[i];
                double weight;

                if (!is_soft(k))
                        continue;
                weight = log((double) (count_domains(o, i) + 2));
                for (size_t j = 0; j < o->n_groups; j++) {
                        Group *g = o->groups[j];

                        if (g->verdict.kind == FILTER_FITS && !g->unspread && g->marks[i] >= 0)
                                g->spread_sum += (double) counter_at(k, g->marks[i]) * weight + (double) (k->constraint->max_skew - 1);
                }
                any = true;
        }
        for (size_t j = 0; any && j < o->n_groups; j++)
                o->groups[j]->spread = (int64_t) round(o->groups[j]->spread_sum);
}

static void score_preference(ClassOrder *o) {
        for (size_t i = 0; i < o->n_counters; i++)
                for (size_t j = 0; o->counters[i].use == COUNTER_PREFERENCE && j < o->n_groups; j++) {
                        Group *g = o->groups[j];

                        if (g->verdict.kind == FILTER_FITS && g->marks[i] != MARK_NONE)
                                g->preference += counter_at(&o->counters[i], g->marks[i]);
                }
}

static ScoreBounds find_bounds(const ClassOrder *o) {
        ScoreBounds b = { .spread_min = INT64_MAX, .preference_min = INT64_MAX, .preference_max = INT64_MIN };

        for (size_t i = 0; i < o->n_groups; i++) {
                const Group *g = o->groups[i];

                if (g->verdict.kind != FILTER_FITS)
                        continue;
                b.taints_max = MAX(b.taints_max, g->taints);
                b.affinity_max = MAX(b.affinity_max, g->affinity);
                b.preference_min = MIN(b.preference_min, g->preference);
                b.preference_max = MAX(b.preference_max, g->preference);
                if (g->unspread)
                        continue;
                b.spread_min = MIN(b.spread_min, g->spread);
                b.spread_max = MAX(b.spread_max, g->spread);
        }
        return b;
}

static bool spreads(const ClassOrder *o) {
        for (size_t i = 0; i < o->n_counters; i++)
                if (is_soft(&o->counters[i]))
                        return true;
        return false;
}

static int64_t normal_spread(const Group *g, const ScoreBounds *b) {
        if (!b->spreads || g->unspread)
                return 0;
        return b->spread_max == 0 ? SCORE_MAX : SCORE_MAX * (b->spread_max + b->spread_min - g->spread) / b->spread_max;
}

static int64_t normal_preference(const Group *g, const ScoreBounds *b) {
        if (b->preference_max <= b->preference_min)
                return 0;
        /* The quotient first, as it has it: 29 of 100 are worth 28. */
        return (int64_t) ((double) SCORE_MAX * ((double) (g->preference - b->preference_min) / (double) (b->preference_max - b->preference_min)));
}

/* What the plugins say that look at all nodes. */
static void group_parts(const Group *g, const ScoreBounds *b, ScorePart ret[static _SCORE_PLUGIN_MAX]) {
        ret[SCORE_TAINTS] = (ScorePart) { g->taints, SCORE_MAX - (b->taints_max > 0 ? g->taints * SCORE_MAX / b->taints_max : 0) };
        ret[SCORE_AFFINITY] = (ScorePart) { g->affinity, b->affinity_max > 0 ? g->affinity * SCORE_MAX / b->affinity_max : 0 };
        ret[SCORE_SPREAD] = (ScorePart) { g->spread, normal_spread(g, b) };
        ret[SCORE_PREFERENCE] = (ScorePart) { g->preference, normal_preference(g, b) };
}

static void score_groups(ClassOrder *o) {
        for (size_t i = 0; i < o->n_groups; i++) {
                Group *g = o->groups[i];

                g->spread = g->preference = g->score = 0;
                g->spread_sum = 0;
        }
        if (!o->algorithm->profile)
                return;
        score_spread(o);
        score_preference(o);
        o->bounds = find_bounds(o);
        o->bounds.spreads = spreads(o);
        for (size_t i = 0; i < o->n_groups; i++) {
                ScorePart parts[_SCORE_PLUGIN_MAX];

                group_parts(o->groups[i], &o->bounds, parts);
                for (ScorePlugin p = _SCORE_OF_NODE; p < _SCORE_PLUGIN_MAX; p++)
                        o->groups[i]->score += parts[p].normalised * score_plugin_weight(p);
        }
}

void class_order_parts(const ClassOrder *o, size_t slot, ScorePart ret[static _SCORE_PLUGIN_MAX]) {
        int64_t own[_SCORE_OF_NODE];

        o->algorithm->key_parts(o->scheduler, o->class, o->scheduler->nodes[slot], own);
        for (ScorePlugin p = 0; p < _SCORE_OF_NODE; p++)
                ret[p] = (ScorePart) { own[p], own[p] };
        group_parts(o->nodes[slot].group, &o->bounds, ret);
}

int64_t class_order_total(const ClassOrder *o, size_t slot) {
        return o->nodes[slot].key + o->nodes[slot].group->score;
}

size_t class_order_judge(ClassOrder *o) {
        size_t fits = 0;

        for (size_t i = 0; i < o->n_groups; i++) {
                Group *g = o->groups[i];

                g->verdict = o->n_counters > 0 ? class_order_judge_marks(o, g->marks, g->expects) : (Verdict) {};
                fits += g->verdict.kind == FILTER_FITS ? g->n_slots : 0;
        }
        score_groups(o);
        return fits;
}

/* --- The choice --- */

static const OrderNode *first_member(const Group *g) {
        return container_of(treap_first(&g->members), OrderNode, in_group);
}

static size_t choose_best(const ClassOrder *o) {
        const OrderNode *best = NULL;
        int64_t best_total = 0;

        for (size_t i = 0; i < o->n_groups; i++) {
                const Group *g = o->groups[i];
                const OrderNode *x;
                int64_t total;

                if (g->verdict.kind != FILTER_FITS)
                        continue;
                x = first_member(g);
                total = x->key + g->score;
                if (best && (total < best_total || (total == best_total && x->order > best->order)))
                        continue;
                best = x;
                best_total = total;
        }
        return best ? (size_t) (best - o->nodes) : SIZE_MAX;
}

/* The first after the one that was taken last, else the first of all. */
static size_t choose_next(const ClassOrder *o) {
        const OrderNode after = { .order = o->scheduler->last_order + 1 };
        const OrderNode *next = NULL, *first = NULL;

        for (size_t i = 0; i < o->n_groups; i++) {
                const Group *g = o->groups[i];
                const OrderNode *x;
                TreapNode *t;

                if (g->verdict.kind != FILTER_FITS)
                        continue;
                x = first_member(g);
                first = !first || x->order < first->order ? x : first;
                t = treap_lower_bound(&g->members, &after.in_group);
                x = t ? container_of(t, OrderNode, in_group) : NULL;
                next = x && (!next || x->order < next->order) ? x : next;
        }
        next = next ?: first;
        return next ? (size_t) (next - o->nodes) : SIZE_MAX;
}

/* The k-th of those that fit. */
static size_t nth(const ClassOrder *o, size_t k) {
        for (size_t i = 0; i < o->n_groups; i++) {
                const Group *g = o->groups[i];

                if (g->verdict.kind != FILTER_FITS)
                        continue;
                if (k < g->n_slots)
                        return g->slots[k];
                k -= g->n_slots;
        }
        return SIZE_MAX;
}

static size_t choose_random(ClassOrder *o, size_t fits) {
        return nth(o, (size_t) prng_below(&o->scheduler->prng, fits));
}

static size_t choose_of_two(ClassOrder *o, size_t fits) {
        size_t first = (size_t) prng_below(&o->scheduler->prng, fits), second = fits > 1 ? (size_t) prng_below(&o->scheduler->prng, fits - 1) : 0;
        size_t a = nth(o, first), b = nth(o, second + (fits > 1 && second >= first));

        if (o->nodes[a].key != o->nodes[b].key)
                return o->nodes[a].key > o->nodes[b].key ? a : b;
        return o->nodes[a].order < o->nodes[b].order ? a : b;
}

size_t class_order_choose(ClassOrder *o) {
        size_t fits = 0;

        for (size_t i = 0; i < o->n_groups; i++)
                fits += o->groups[i]->verdict.kind == FILTER_FITS ? o->groups[i]->n_slots : 0;
        if (fits == 0)
                return SIZE_MAX;
        switch (o->algorithm->pick) {
        case PICK_BEST:
                return choose_best(o);
        case PICK_NEXT:
                return choose_next(o);
        case PICK_RANDOM:
                return choose_random(o, fits);
        default:
                return choose_of_two(o, fits);
        }
}

Verdict class_order_verdict(const ClassOrder *o, size_t slot) {
        const OrderNode *x = &o->nodes[slot];

        return x->group ? x->group->verdict : x->verdict;
}
