/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimctl/node-batch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/json-writer.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesimctl/manifest.h"
#include "kubesimctl/output.h"

/* As many as the server takes at a time. */
#define BATCH 2000
#define REMOVE_BATCH 100

/* The member of that key, made an object (or array) when it is not there. Borrowed. */
static json_object *ensure(json_object *o, const char *key, enum json_type type) {
        json_object *v;

        if (json_object_object_get_ex(o, key, &v) && json_object_is_type(v, type))
                return v;
        v = type == json_type_array ? json_object_new_array() : json_object_new_object();
        json_object_object_add(o, key, v);
        return v;
}

/* "k=v,k=v" */
static int put_labels(const char *text, json_object *node) {
        json_object *labels = ensure(ensure(node, "metadata", json_type_object), "labels", json_type_object);
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *word, *equals;

        if (!copy)
                return ctl_error(CTL_FAILED, "Out of memory");
        while ((word = strsep(&rest, ","))) {
                equals = strchr(word, '=');
                if (!equals || equals == word)
                        return ctl_error(CTL_USAGE, "--labels=%s: it must be KEY=VALUE,KEY=VALUE,...", text);
                *equals = '\0';
                json_object_object_add(labels, word, json_object_new_string(equals + 1));
        }
        return CTL_OK;
}

/* "key=value:Effect,key:Effect" */
static int put_taints(const char *text, json_object *node) {
        json_object *taints = ensure(ensure(node, "spec", json_type_object), "taints", json_type_array), *taint;
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *word, *colon, *equals;

        if (!copy)
                return ctl_error(CTL_FAILED, "Out of memory");
        while ((word = strsep(&rest, ","))) {
                colon = strrchr(word, ':');
                if (!colon || colon == word || !colon[1])
                        return ctl_error(CTL_USAGE, "--taints=%s: it must be KEY=VALUE:EFFECT,... or KEY:EFFECT, the effect NoSchedule, PreferNoSchedule or NoExecute", text);
                *colon = '\0';
                equals = strchr(word, '=');
                if (equals)
                        *equals = '\0';
                taint = json_object_new_object();
                json_object_object_add(taint, "key", json_object_new_string(word));
                if (equals)
                        json_object_object_add(taint, "value", json_object_new_string(equals + 1));
                json_object_object_add(taint, "effect", json_object_new_string(colon + 1));
                json_object_array_add(taints, taint);
        }
        return CTL_OK;
}

static void put_amount(json_object *node, const char *of, const char *amount) {
        static const char *const members[] = { "capacity", "allocatable" };

        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                json_object_object_add(ensure(ensure(node, "status", json_type_object), members[i], json_type_object), of, json_object_new_string(amount));
}

/* The file's template, with what the options say over it. */
static int make_template(const Ctl *ctl, json_object **ret) {
        _cleanup_error_ Error error = ERROR_NULL;
        json_object *node = NULL;
        int r = CTL_OK;

        if (ctl->file && manifest_load(ctl->file, &node, &error) < 0)
                return ctl_error(CTL_FAILED, "Failed to read %s: %s", ctl->file, error_message(&error));
        node = node ?: json_object_new_object();
        if (ctl->memory)
                put_amount(node, "memory", ctl->memory);
        if (ctl->labels)
                r = put_labels(ctl->labels, node);
        if (r == CTL_OK && ctl->taints)
                r = put_taints(ctl->taints, node);
        if (r != CTL_OK)
                json_object_put(node);
        else
                *ret = node;
        return r;
}

/* With a document, as there is more to say of it than the native door's request can. */
int add_described(const Ctl *ctl, int64_t cpu, const char *name) {
        _cleanup_answer_ Answer a = ANSWER_INIT;
        json_object *node = NULL, *metadata;
        char quantity[32];
        int r;

        r = make_template(ctl, &node);
        if (r != 0)
                return r;
        metadata = ensure(node, "metadata", json_type_object);
        json_object_object_add(metadata, name ? "name" : "generateName", json_object_new_string(name ?: "node-"));
        (void) snprintf(quantity, sizeof(quantity), "%lldm", (long long) cpu);
        put_amount(node, "cpu", quantity);
        r = ctl_call(ctl, "POST", "/api/v1/nodes?fieldValidation=Strict", json_object_to_json_string_ext(node, JSON_C_TO_STRING_PLAIN), &a, "add node \"%s\"",
                     strempty(name));
        json_object_put(node);
        if (r != 0)
                return r;
        (void) json_object_object_get_ex(a.body, "metadata", &metadata);
        if (ctl->json != JSON_OFF)
                return output_json(ctl, a.body);
        if (!ctl->quiet)
                printf("%s\n", member_string(metadata, "name"));
        return CTL_OK;
}

/* --prefix=, or else metadata.generateName or metadata.name of the template. */
static const char *find_prefix(const Ctl *ctl, json_object *node) {
        json_object *metadata = ensure(node, "metadata", json_type_object);
        const char *name = member_string(metadata, "generateName");

        return ctl->prefix ?: !isempty(name) ? name : member_string(metadata, "name");
}

static int add_batch(const Ctl *ctl, const char *prefix, uint64_t first, uint64_t count, int64_t cpu, const char *node, Answer *ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        strbuf_puts(&b, "{\"prefix\":");
        json_put_string(&b, prefix);
        strbuf_printf(&b, ",\"first\":%llu,\"count\":%llu", (unsigned long long) first, (unsigned long long) count);
        if (cpu > 0) {
                strbuf_puts(&b, ",\"cpuCores\":");
                json_put_milli(&b, cpu);
        }
        strbuf_printf(&b, ",\"node\":%s}", node);
        return ctl_call(ctl, "POST", "/nodes/batch", strbuf_str(&b), ret, "add the nodes %s%llu to %s%llu", prefix, (unsigned long long) first, prefix,
                        (unsigned long long) (first + count - 1));
}

static int add_all(const Ctl *ctl, json_object *node, int64_t cpu, uint64_t first) {
        const char *prefix = find_prefix(ctl, node), *text = json_object_to_json_string_ext(node, JSON_C_TO_STRING_PLAIN);
        uint64_t added = 0, existed = 0;
        int r;

        if (isempty(prefix))
                return ctl_error(CTL_USAGE, "Give the names of the nodes a beginning: --prefix=sim-");
        for (uint64_t i = 0; i < ctl->count; i += BATCH) {
                _cleanup_answer_ Answer a = ANSWER_INIT;

                output_progress(ctl, "Adding nodes", i, ctl->count, BATCH);
                r = add_batch(ctl, prefix, first + i, MIN(ctl->count - i, (uint64_t) BATCH), cpu, text, &a);
                if (r != 0) {
                        (void) ctl_error(r, "%llu of the %llu nodes were added before that", (unsigned long long) added, (unsigned long long) ctl->count);
                        return r;
                }
                added += member_u64(a.body, "added");
                existed += member_u64(a.body, "existed");
        }
        output_progress(ctl, "Adding nodes", ctl->count, ctl->count, BATCH);
        if (ctl->json != JSON_OFF)
                printf("{\"added\":%llu,\"existed\":%llu}\n", (unsigned long long) added, (unsigned long long) existed);
        else if (!ctl->quiet && existed > 0)
                printf("%llu nodes added, %llu existed already\n", (unsigned long long) added, (unsigned long long) existed);
        else if (!ctl->quiet)
                printf("%llu nodes added\n", (unsigned long long) added);
        return CTL_OK;
}

int add_many(const Ctl *ctl, int argc) {
        json_object *node = NULL;
        uint64_t first = 0;
        int64_t cpu = 0;
        int r;

        if (argc > 1)
                return ctl_error(CTL_USAGE, "Give either names or --prefix= (or --file=) and --count=");
        if (ctl->cpu && (parse_milli(ctl->cpu, &cpu) < 0 || cpu <= 0))
                return ctl_error(CTL_USAGE, "--cpu=%s: it must be a number of cores such as 4 or 0.5", ctl->cpu);
        if (ctl->first && parse_u64_range(ctl->first, 0, 100000000, &first) < 0)
                return ctl_error(CTL_USAGE, "--first=%s: it must be a number from 0 to 100000000", ctl->first);
        r = make_template(ctl, &node);
        if (r != 0)
                return r;
        r = add_all(ctl, node, cpu, first);
        json_object_put(node);
        return r;
}

/* --- Removing --- */

/* The names of those nodes that are to go, one after the other in *b, each ended by NUL. */
static int find_nodes(const Ctl *ctl, StrBuf *b, uint64_t *ret_n) {
        _cleanup_answer_ Answer a = ANSWER_INIT;
        char *escaped = ctl->selector ? curl_easy_escape(NULL, ctl->selector, 0) : NULL;
        _cleanup_free_ char *path = NULL;
        json_object *items;
        int r;

        if (asprintf(&path, "/api/v1/nodes?labelSelector=%s", strempty(escaped)) < 0)
                path = NULL;
        curl_free(escaped);
        if (!path)
                return ctl_error(CTL_FAILED, "Out of memory");
        r = ctl_call(ctl, "GET", path, NULL, &a, "list the nodes");
        if (r != 0)
                return r;
        *ret_n = 0;
        if (!json_object_object_get_ex(a.body, "items", &items))
                return CTL_OK;
        for (size_t i = 0; i < json_object_array_length(items); i++) {
                json_object *metadata;
                const char *name;

                (void) json_object_object_get_ex(json_object_array_get_idx(items, i), "metadata", &metadata);
                name = member_string(metadata, "name");
                if (ctl->prefix && !startswith(name, ctl->prefix))
                        continue;
                strbuf_append(b, name, strlen(name) + 1);
                (*ret_n)++;
        }
        return strbuf_error(b) < 0 ? ctl_error(CTL_FAILED, "Out of memory") : CTL_OK;
}

/* The last n of the names, which end at *end; *end is where they began. */
static int remove_last(const Ctl *ctl, const char *names, uint64_t n, const char **end) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        const char *name = *end;

        strbuf_puts(&b, "{\"nodes\":[");
        for (uint64_t i = 0; i < n; i++) {
                for (name--; name > names && name[-1]; name--)
                        ;
                strbuf_puts(&b, i > 0 ? "," : "");
                json_put_string(&b, name);
        }
        strbuf_puts(&b, "]}");
        *end = name;
        return ctl_call(ctl, "POST", "/nodes/remove", strbuf_str(&b), &a, "remove %llu nodes", (unsigned long long) n);
}

/* From the last one on: pods that move away take the first nodes with room, and would be moved on and on. */
int remove_many(const Ctl *ctl) {
        _cleanup_strbuf_ StrBuf names = STRBUF_INIT(256 * MIB);
        const char *end;
        uint64_t n = 0;
        int r;

        if (!ctl->prefix && !ctl->selector)
                return ctl_error(CTL_USAGE, "Say which nodes: names, --prefix=P or -l KEY=VALUE");
        r = find_nodes(ctl, &names, &n);
        if (r != 0)
                return r;
        if (n == 0)
                return ctl_error(CTL_NOT_FOUND, "There is no such node");
        end = names.data + names.size;
        for (uint64_t done = 0; done < n; done += REMOVE_BATCH) {
                output_progress(ctl, "Removing nodes", done, n, REMOVE_BATCH);
                r = remove_last(ctl, names.data, MIN(n - done, (uint64_t) REMOVE_BATCH), &end);
                if (r != 0)
                        return r;
        }
        output_progress(ctl, "Removing nodes", n, n, REMOVE_BATCH);
        if (ctl->json != JSON_OFF)
                printf("{\"removed\":%llu}\n", (unsigned long long) n);
        else if (!ctl->quiet)
                printf("%llu node%s removed\n", (unsigned long long) n, n == 1 ? "" : "s");
        return CTL_OK;
}
