/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/custom/custom.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/definitions.h"

/* Rows by slot, each of the definition that has it, or of one that had it until somebody looks. */
struct CustomKinds {
        CustomRows *rows[_KIND_MAX - KIND_CUSTOM_NAMESPACED]; /* references */
        KubeTable table;
        bool stale; /* the table names rows that have been replaced */
};

void custom_kinds_free(struct CustomKinds *k) {
        if (!k)
                return;
        for (size_t i = 0; i < ELEMENTSOF(k->rows); i++)
                custom_rows_unref(k->rows[i]);
        free(k->table.rows);
        free(k);
}

static struct CustomKinds *custom_kinds(ApiContext *api, Error *reterr) {
        if (!api->custom)
                api->custom = new0(struct CustomKinds, 1);
        if (!api->custom)
                (void) error_set(reterr, -ENOMEM, "out of memory");
        return api->custom;
}

/* Has the rows of the slot be those of its definition; *ret is NULL when it has none. */
static int refresh(ApiContext *api, struct CustomKinds *k, Kind slot, CustomRows **ret, Error *reterr) {
        CustomRows **rows = &k->rows[slot - KIND_CUSTOM_NAMESPACED], *made = NULL;
        const Definition *d = cluster_definition(api->cluster, slot);
        int r = 0;

        if (!*rows && !d)
                *ret = NULL;
        else if (*rows && d && custom_rows_definition(*rows) == d)
                *ret = *rows;
        else {
                if (d)
                        r = custom_rows_new(d, &made);
                if (r < 0)
                        return error_set(reterr, r, "out of memory");
                custom_rows_unref(*rows);
                *ret = *rows = made;
                k->stale = true;
        }
        return 0;
}

int kube_table_find(ApiContext *api, const char *group, const char *version, const char *plural, const KubeResource **ret, Error *reterr) {
        _cleanup_free_ char *name = NULL;
        struct CustomKinds *k;
        CustomRows *rows;
        StoreEntry *e;
        Kind slot;
        int r;

        *ret = kube_resource_find(group, version, plural);
        if (*ret || isempty(group) || !api)
                return 0;
        if (asprintf(&name, "%s.%s", plural, group) < 0) {
                name = NULL;
                return error_set(reterr, -ENOMEM, "out of memory");
        }
        e = store_find(cluster_store(api->cluster), KIND_CUSTOM_RESOURCE_DEFINITION, name);
        slot = e ? ((const Definition*) e->object)->slot : _KIND_INVALID;
        if (!kind_is_custom(slot))
                return 0;
        k = custom_kinds(api, reterr);
        r = k ? refresh(api, k, slot, &rows, reterr) : -ENOMEM;
        if (r < 0)
                return r;
        for (size_t i = 0; i < custom_rows_count(rows) && !*ret; i++)
                if (streq(custom_rows_get(rows, i)->version, version))
                        *ret = custom_rows_get(rows, i);
        return 0;
}

/* --- The whole table --- */

/* v1, v1beta1, v1alpha1: how stable (2, 1, 0; -1: something else), and the two numbers. */
typedef struct Version {
        int stability;
        uint64_t major, minor;
} Version;

static size_t read_number(const char *s, uint64_t *ret) {
        char digits[16];
        size_t n = strspn(s, "0123456789");

        if (n == 0 || n >= sizeof(digits) || *s == '0')
                return 0;
        memcpy(digits, s, n);
        digits[n] = '\0';
        return parse_u64(digits, ret) < 0 ? 0 : n;
}

static Version read_version(const char *s) {
        static const char *const words[] = { "alpha", "beta" };
        Version v = { .stability = -1 };
        size_t n = *s == 'v' ? read_number(s + 1, &v.major) : 0;
        const char *rest = s + 1 + n;

        if (n > 0 && *rest == '\0')
                v.stability = 2;
        for (size_t i = 0; n > 0 && i < ELEMENTSOF(words); i++) {
                const char *minor = startswith(rest, words[i]);
                size_t digits = minor ? read_number(minor, &v.minor) : 0;

                if (digits > 0 && minor[digits] == '\0')
                        v.stability = (int) i;
        }
        return v;
}

/* The preferred one first. Kubernetes documentation, "Version priority". */
static int compare_versions(const char *a, const char *b) {
        Version x = read_version(a), y = read_version(b);

        if (x.stability < 0 && y.stability < 0)
                return strcmp(a, b);
        if (x.stability != y.stability)
                return x.stability > y.stability ? -1 : 1;
        if (x.major != y.major)
                return x.major > y.major ? -1 : 1;
        return x.minor != y.minor ? (x.minor > y.minor ? -1 : 1) : 0;
}

static int compare_rows(const void *a, const void *b) {
        const KubeResource *x = *(const KubeResource *const*) a, *y = *(const KubeResource *const*) b;
        int c = strcmp(x->group, y->group);

        if (c == 0)
                c = compare_versions(x->version, y->version);
        return c != 0 ? c : strcmp(x->plural, y->plural);
}

static int fill_table(ApiContext *api, struct CustomKinds *k) {
        KubeTable *t = &k->table;
        size_t n = kube_resource_count(), own = n;

        for (size_t i = 0; i < ELEMENTSOF(k->rows); i++)
                n += k->rows[i] ? custom_rows_count(k->rows[i]) : 0;
        if (!GREEDY_REALLOC(t->rows, t->allocated, n))
                return -ENOMEM;
        t->n = 0;
        for (size_t i = 0; i < own; i++)
                t->rows[t->n++] = kube_resource_get(i);
        for (size_t i = 0; i < ELEMENTSOF(k->rows); i++)
                for (size_t v = 0; k->rows[i] && v < custom_rows_count(k->rows[i]); v++)
                        t->rows[t->n++] = custom_rows_get(k->rows[i], v);
        qsort(t->rows + own, t->n - own, sizeof(t->rows[0]), compare_rows);
        t->revision = store_revision(cluster_store(api->cluster));
        k->stale = false;
        return 0;
}

int kube_table(ApiContext *api, const KubeTable **ret, Error *reterr) {
        struct CustomKinds *k = custom_kinds(api, reterr);
        int r = k ? 0 : -ENOMEM;
        CustomRows *rows;

        for (Kind slot = KIND_CUSTOM_NAMESPACED; r >= 0 && slot < _KIND_MAX; slot++)
                r = refresh(api, k, slot, &rows, reterr);
        if (r < 0)
                return r;
        if ((k->stale || k->table.n == 0) && fill_table(api, k) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        /* After an undo nothing newer is left that it could have shown. */
        k->table.revision = MIN(k->table.revision, store_revision(cluster_store(api->cluster)));
        *ret = &k->table;
        return 0;
}

/* --- References --- */

const KubeResource *kube_resource_ref(const KubeResource *r) {
        if (r->custom)
                (void) custom_rows_ref(r->custom->rows);
        return r;
}

const KubeResource *kube_resource_unref(const KubeResource *r) {
        if (r && r->custom)
                custom_rows_unref(r->custom->rows);
        return NULL;
}

bool custom_is_served(Cluster *c, const KubeResource *r) {
        const Definition *d = r->custom ? cluster_definition(c, r->store_kind) : NULL;

        return !r->custom || (d && memcmp(&d->object.uid, &custom_rows_definition(r->custom->rows)->object.uid, sizeof(Uuid)) == 0 &&
                              definition_serves(d, r->version));
}
