/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/definition.h"

#include "core/model/object-util.h"

int definition_new(const char *name, Kind slot, Definition **ret) {
        Definition *d;
        int r;

        r = object_new(KIND_CUSTOM_RESOURCE_DEFINITION, sizeof(Definition), name, (Object**) &d);
        if (r < 0)
                return r;
        d->slot = slot;
        *ret = d;
        return 0;
}

int definition_copy(const Definition *d, Definition **ret) {
        Definition *copy;
        int r;

        r = object_new_like(&d->object, sizeof(Definition), (Object**) &copy);
        if (r < 0)
                return r;
        copy->slot = d->slot;
        copy->info = d->info;
        if (copy->info)
                copy->info->n_ref++;
        *ret = copy;
        return 0;
}

static void info_unref(DefinitionInfo *i) {
        if (i && --i->n_ref == 0)
                free(i);
}

void definition_done(Definition *d) {
        info_unref(d->info);
}

/* Strings are put one after the other into one block; the first pass only counts. */
typedef struct Block {
        DefinitionInfo *info; /* NULL: counting */
        const char **lists;
        char *text;
        size_t n_pointers, n_letters;
} Block;

static const char *put(Block *b, const Json *v) {
        const char *s = strempty(json_string(v)), *copy = b->text;
        size_t n = strlen(s) + 1;

        b->n_letters += n;
        if (!b->info)
                return NULL;
        memcpy(b->text, s, n);
        b->text += n;
        return copy;
}

/* Those of an array of strings, or those members of objects that `served` marks. */
static void put_list(Block *b, const Json *list, bool versions, const char ***ret, size_t *ret_n) {
        const char **first = b->lists;
        size_t n = 0;

        JSON_FOREACH(item, list) {
                const char *s;

                if (versions && !json_is_true(json_get(item, "served")))
                        continue;
                s = put(b, versions ? json_get(item, "name") : item);
                n++;
                if (b->info)
                        *b->lists++ = s;
        }
        b->n_pointers += n;
        if (b->info) {
                *ret = first;
                *ret_n = n;
        }
}

static void put_names(Block *b, const Json *names, DefinitionNames *ret) {
        DefinitionNames n = {
                .plural = put(b, json_get(names, "plural")), .singular = put(b, json_get(names, "singular")),
                .kind = put(b, json_get(names, "kind")), .list_kind = put(b, json_get(names, "listKind")),
        };

        put_list(b, json_get(names, "shortNames"), false, &n.short_names, &n.n_short_names);
        *ret = n;
}

static void put_all(Block *b, const Json *document, DefinitionInfo *ret) {
        const Json *spec = json_get(document, "spec");

        ret->namespaced = !streq_ptr(json_string(json_get(spec, "scope")), "Cluster");
        ret->group = put(b, json_get(spec, "group"));
        put_names(b, json_get(spec, "names"), &ret->wanted);
        put_names(b, json_at(document, "status", "acceptedNames", NULL), &ret->accepted);
        put_list(b, json_get(spec, "versions"), true, &ret->versions, &ret->n_versions);
}

int definition_read_document(Definition *d, const Json *document) {
        DefinitionInfo unused = {}, *info;
        Block count = {}, fill;

        put_all(&count, document, &unused);
        info = calloc(1, sizeof(DefinitionInfo) + count.n_pointers * sizeof(char*) + count.n_letters);
        if (!info)
                return -ENOMEM;
        info->n_ref = 1;
        fill = (Block) { .info = info, .lists = (const char**) (info + 1) };
        fill.text = (char*) (fill.lists + count.n_pointers);
        put_all(&fill, document, info);
        info_unref(d->info);
        d->info = info;
        return 0;
}

bool definition_serves(const Definition *d, const char *version) {
        for (size_t i = 0; i < d->info->n_versions; i++)
                if (streq(d->info->versions[i], version))
                        return true;
        return false;
}
