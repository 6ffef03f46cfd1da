/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/conf-file.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/fd-util.h"
#include "basic/string-util.h"

#define DROPINS_MAX 1024

/* By precedence. */
static const char *const directories[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib" };

static void warn(const ConfParser *p, const char *file, unsigned line, const char *format, const char *a, const char *b) {
        char message[512];

        (void) snprintf(message, sizeof(message), "%s%s%s%s%s", format, a, b ? "\" in section [" : "\"", b ?: "", b ? "]" : "");
        if (p->warn)
                p->warn(file, line, message, p->userdata);
}

static int assign(const ConfParser *p, ConfLine *l, Error *reterr) {
        const ConfItem *item = p->find(l->section, l->key);
        int r;

        if (!item) {
                warn(p, l->file, l->line, "unknown key \"", l->key, l->section);
                return 0;
        }
        l->item = item;
        r = item->parse(l, (char*) p->target + item->offset, reterr);
        if (r < 0 && reterr && !reterr->field) {
                reterr->field = strdup(l->key);
                reterr->value = strdup(l->value);
        }
        return r < 0 ? (error_prefix(reterr, "%s:%u: %s=%s", l->file, l->line, l->key, l->value), r) : 0;
}

/* One logical line: a section, an assignment or nothing. */
static int parse_line(const ConfParser *p, char *text, const char **section, ConfLine *l, Error *reterr) {
        char *s = strstrip(text), *equals;
        size_t n = strlen(s);

        if (n == 0 || s[0] == '#' || s[0] == ';')
                return 0;
        if (s[0] == '[') {
                if (s[n - 1] != ']')
                        return error_set(reterr, -EINVAL, "%s:%u: a section must end in ]: %s", l->file, l->line, s);
                s[n - 1] = '\0';
                *section = s + 1;
                return 0;
        }
        equals = strchr(s, '=');
        if (!equals)
                return error_set(reterr, -EINVAL, "%s:%u: neither a [Section] nor a Key=Value: %s", l->file, l->line, s);
        if (!*section)
                return error_set(reterr, -EINVAL, "%s:%u: an assignment before the first [Section]", l->file, l->line);
        *equals = '\0';
        l->section = *section;
        l->key = strstrip(s);
        l->value = strstrip(equals + 1);
        return assign(p, l, reterr);
}

/* Joins lines that end in a backslash, in place; comments between them are left out. Moves *text behind it. */
static char *next_line(char **text, unsigned *line) {
        char *begin = *text, *w = *text, *p = *text;
        bool more = true;

        if (*p == '\0')
                return NULL;
        while (more && *p != '\0') {
                size_t n = strcspn(p, "\n");
                char *end = p + n + (p[n] == '\n');
                bool comment = w > begin && (p[strspn(p, " \t")] == '#' || p[strspn(p, " \t")] == ';');

                (*line)++;
                if (comment) {
                        p = end;
                        continue;
                }
                more = n > 0 && p[n - 1] == '\\';
                memmove(w, p, n - more);
                w += n - more;
                if (more)
                        *w++ = ' ';
                p = end;
        }
        *text = p;
        if (w < p)
                *w = '\0';
        return begin;
}

static int check_bytes(const char *text, size_t size, const char *file, Error *reterr) {
        unsigned line = 1;

        for (const char *s = text, *end = text + size; s < end; line++) {
                const char *newline = memchr(s, '\n', (size_t) (end - s)) ?: end;
                size_t n = (size_t) (newline - s);

                if (memchr(s, '\0', n))
                        return error_set(reterr, -EINVAL, "%s:%u: there is a NUL byte in it", file, line);
                if (!utf8_is_valid(s, n))
                        return error_set(reterr, -EINVAL, "%s:%u: it is not UTF-8", file, line);
                s = newline + 1;
        }
        return 0;
}

int conf_parse_text(const ConfParser *p, char *text, size_t size, const char *file, Error *reterr) {
        const char *section = NULL;
        unsigned line = 0;
        char *s;
        int r;

        r = check_bytes(text, size, file, reterr);
        if (r < 0)
                return r;
        for (;;) {
                ConfLine l = { .file = file, .line = line + 1 };

                s = next_line(&text, &line);
                if (!s)
                        return 0;
                if (strlen(s) > CONF_LINE_MAX)
                        return error_set(reterr, -EINVAL, "%s:%u: a line of more than %zu bytes", file, l.line, CONF_LINE_MAX);
                r = parse_line(p, s, &section, &l, reterr);
                if (r < 0)
                        return r;
        }
}

/* 1 when the file was there, 0 when not. */
static int parse_file(const ConfParser *p, const char *path, bool must_exist, Error *reterr) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = read_file(path, CONF_FILE_MAX, &text, &size);
        if (r == -ENOENT && !must_exist)
                return 0;
        if (r < 0)
                return error_set(reterr, r, "cannot read %s: %s", path, strerror(-r));
        r = conf_parse_text(p, text, size, path, reterr);
        return r < 0 ? r : 1;
}

typedef struct Dropin {
        char *path; /* owned */
        const char *name; /* its last part */
} Dropin;

static int compare_dropins(const void *a, const void *b) {
        return strcmp(((const Dropin*) a)->name, ((const Dropin*) b)->name);
}

typedef struct Dropins {
        Dropin *items;
        size_t n, allocated;
} Dropins;

static void dropins_done(Dropins *d) {
        for (size_t i = 0; i < d->n; i++)
                free(d->items[i].path);
        free(d->items);
}

static bool has_dropin(const Dropins *d, const char *name) {
        for (size_t i = 0; i < d->n; i++)
                if (streq(d->items[i].name, name))
                        return true;
        return false;
}

/* Adds the *.conf of one directory whose names are not taken by one of higher precedence. */
static int collect(Dropins *d, const char *directory) {
        struct dirent *e;
        DIR *dir;
        int r = 0;

        dir = opendir(directory);
        if (!dir)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        while (r >= 0 && (e = readdir(dir))) {
                char *path;

                if (e->d_name[0] == '.' || !endswith(e->d_name, ".conf") || has_dropin(d, e->d_name))
                        continue;
                if (d->n >= DROPINS_MAX)
                        r = -E2BIG;
                else if (!GREEDY_REALLOC(d->items, d->allocated, d->n + 1) || asprintf(&path, "%s/%s", directory, e->d_name) < 0)
                        r = -ENOMEM;
                else
                        d->items[d->n++] = (Dropin) { path, strrchr(path, '/') + 1 };
        }
        (void) closedir(dir);
        return r;
}

static bool is_masked(const char *path) {
        struct stat st;

        return stat(path, &st) >= 0 && (S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size == 0));
}

static int load_dropins(const ConfParser *p, const char *root, const char *name, const char *file, Error *reterr) {
        _cleanup_(dropins_done) Dropins d = {};
        int r;

        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_free_ char *directory = NULL;

                if (asprintf(&directory, "%s%s/%s/%s.d", root, directories[i], name, file) < 0)
                        return error_set(reterr, -ENOMEM, "out of memory");
                r = collect(&d, directory);
                if (r < 0)
                        return error_set(reterr, r, "cannot read %s: %s", directory, strerror(-r));
        }
        if (d.n > 0)
                qsort(d.items, d.n, sizeof(Dropin), compare_dropins);
        for (size_t i = 0; i < d.n; i++) {
                if (is_masked(d.items[i].path))
                        continue;
                r = parse_file(p, d.items[i].path, true, reterr);
                if (r < 0)
                        return r;
        }
        return 0;
}

int conf_load(const ConfParser *p, const char *root, const char *name, const char *file, const char *main_file, Error *reterr) {
        int r;

        if (main_file) {
                r = parse_file(p, main_file, true, reterr);
                return r < 0 ? r : 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s%s/%s/%s", root, directories[i], name, file) < 0)
                        return error_set(reterr, -ENOMEM, "out of memory");
                r = parse_file(p, path, false, reterr);
                if (r < 0)
                        return r;
                if (r > 0)
                        break;
        }
        return load_dropins(p, root, name, file, reterr);
}

int conf_assign(const ConfParser *p, const char *assignment, Error *reterr) {
        _cleanup_free_ char *copy = strdup(assignment);
        ConfLine l = { .file = "command line", .line = 1 };
        char *dot, *equals;

        if (!copy)
                return error_set(reterr, -ENOMEM, "out of memory");
        equals = strchr(copy, '=');
        dot = strchr(copy, '.');
        if (!equals || !dot || dot > equals)
                return error_set(reterr, -EINVAL, "\"%s\" must be Section.Key=Value", assignment);
        *dot = *equals = '\0';
        l.section = copy;
        l.key = dot + 1;
        l.value = equals + 1;
        if (!p->find(l.section, l.key))
                return error_set(reterr, -EINVAL, "there is no key %s in section [%s]", l.key, l.section);
        return assign(p, &l, reterr);
}
