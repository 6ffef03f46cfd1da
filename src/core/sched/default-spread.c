/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/default-spread.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

#define SELECTOR_MAX (256 * KIB) /* bytes; pods with a longer one are not spread */
#define TREE_MAX (64 * SELECTOR_MAX)

/* kube-scheduler, podtopologyspread/plugin.go: systemDefaultConstraints */
static const struct {
        const char *topology_key;
        int64_t max_skew;
} defaults[DEFAULT_SPREADS] = {
        { "kubernetes.io/hostname", 3 },
        { "topology.kubernetes.io/zone", 5 },
};

/* The selector as text; empty: there is none. */
static int find_selector(const PodSelectors *s, const PodClass *c, StrBuf *ret) {
        int r;

        if (!s->put || c->n_spread > 0 || (c->n_labels == 0 && !c->owner))
                return 0;
        r = s->put(c, ret, s->userdata);
        if (r >= 0)
                r = strbuf_error(ret);
        if (r != -E2BIG)
                return r;
        strbuf_clear(ret);
        return 0;
}

static int read_selector(DefaultSpread *d, StrBuf *text) {
        char *copy = json_arena_copy(&d->arena, text->data, text->size);
        Json *root;
        int r;

        d->text = strdup(strbuf_str(text));
        if (!copy || !d->text)
                return -ENOMEM;
        r = json_tree_parse(&d->arena, copy, text->size, &root, NULL);
        return r < 0 ? r : requirements_read_selector(&d->constraints[0].selector, root);
}

int default_spread_init(DefaultSpread *d, const PodSelectors *s, const PodClass *c) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(SELECTOR_MAX);
        int r;

        *d = (DefaultSpread) { .arena = JSON_ARENA_INIT(TREE_MAX) };
        r = find_selector(s, c, &text);
        if (r < 0 || text.size == 0)
                return r;
        r = read_selector(d, &text);
        if (r < 0) {
                default_spread_done(d);
                return r;
        }
        for (; d->n < DEFAULT_SPREADS; d->n++)
                d->constraints[d->n] = (SpreadConstraint) {
                        .selector = d->constraints[0].selector, .topology_key = defaults[d->n].topology_key, .max_skew = defaults[d->n].max_skew,
                        .min_domains = 1,
                };
        return 0;
}

void default_spread_done(DefaultSpread *d) {
        requirements_done(&d->constraints[0].selector); /* the others borrow it */
        json_arena_done(&d->arena);
        free(d->text);
        *d = (DefaultSpread) {};
}

bool default_spread_holds(const DefaultSpread *d, const PodSelectors *s, const PodClass *c) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(SELECTOR_MAX);

        return find_selector(s, c, &text) >= 0 && streq(strempty(d->text), text.size > 0 ? strbuf_str(&text) : "");
}
