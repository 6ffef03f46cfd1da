/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/auth/tokens.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "core/model/object.h"

#define TOKEN_MIN 16

typedef struct Token {
        char *text; /* owned */
        Identity identity;
} Token;

struct Tokens {
        Token *tokens;
        size_t n_tokens, allocated;
};

Tokens *tokens_free(Tokens *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_tokens; i++) {
                explicit_bzero(t->tokens[i].text, strlen(t->tokens[i].text));
                free(t->tokens[i].text);
                free(t->tokens[i].identity.node);
                free(t->tokens[i].identity.user);
        }
        free(t->tokens);
        return mfree(t);
}

static int parse_role(const char *s, Identity *ret, Error *reterr) {
        const char *node = startswith(s, "node:");
        bool star = node && endswith(node, "*");
        _cleanup_free_ char *copy = NULL, *example = NULL;

        *ret = (Identity) { .role = streq(s, "admin") ? ROLE_ADMIN : streq(s, "viewer") ? ROLE_VIEWER : node ? ROLE_NODE : ROLE_NONE };
        if (ret->role == ROLE_NONE)
                return error_set(reterr, -EINVAL, "the role must be admin, viewer, node:NAME or node:PREFIX*, not \"%s\"", s);
        if (!node)
                return 0;
        copy = strndup(node, strlen(node) - (star ? 1 : 0));
        if (!copy || (star && asprintf(&example, "%s0", copy) < 0)) /* a fleet's names are the prefix and a number */
                return error_set(reterr, -ENOMEM, "out of memory");
        if (name_validate(example ?: copy, star ? "PREFIX" : "NAME", reterr) < 0)
                return -EINVAL;
        if (asprintf(&ret->user, "system:node:%s", node) < 0) {
                ret->user = NULL;
                return error_set(reterr, -ENOMEM, "out of memory");
        }
        ret->node = TAKE_PTR(copy);
        ret->node_is_prefix = star;
        return 0;
}

static int add_line(Tokens *t, char *line, Error *reterr) {
        char *token, *role, *save = NULL;
        Identity identity;
        int r;

        token = strtok_r(line, " \t", &save);
        if (!token || *token == '#')
                return 0;
        role = strtok_r(NULL, " \t", &save);
        if (!role || strtok_r(NULL, " \t", &save))
                return error_set(reterr, -EINVAL, "a line must be \"TOKEN ROLE\"");
        if (strlen(token) < TOKEN_MIN)
                return error_set(reterr, -EINVAL, "a token must have at least %d letters (kubesimctl token makes one)", TOKEN_MIN);
        if (tokens_find(t, token, strlen(token)))
                return error_set(reterr, -EINVAL, "a token that is there already, in a line before");
        if (!GREEDY_REALLOC(t->tokens, t->allocated, t->n_tokens + 1))
                return error_set(reterr, -ENOMEM, "out of memory");
        r = parse_role(role, &identity, reterr);
        if (r < 0)
                return r;
        t->tokens[t->n_tokens] = (Token) { .text = strdup(token), .identity = identity };
        if (!t->tokens[t->n_tokens].text) {
                free(identity.node);
                free(identity.user);
                return error_set(reterr, -ENOMEM, "out of memory");
        }
        t->n_tokens++;
        return 0;
}

int tokens_parse(char *text, const char *name, Tokens **ret, Error *reterr) {
        _cleanup_(tokens_freep) Tokens *t = NULL;
        unsigned n = 0;
        char *line;
        int r;

        t = new0(Tokens, 1);
        if (!t)
                return error_set(reterr, -ENOMEM, "out of memory");
        while ((line = strsep(&text, "\n"))) {
                n++;
                r = add_line(t, strstrip(line), reterr);
                if (r < 0) {
                        (void) error_prefix(reterr, "%s:%u", name, n);
                        return r;
                }
        }
        *ret = TAKE_PTR(t);
        return 0;
}

int tokens_load(const char *path, Tokens **ret, Error *reterr) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = read_file(path, TOKENS_FILE_MAX, &text, &size);
        if (r < 0)
                return error_set(reterr, r, "cannot read the tokens in %s: %s", path, strerror(-r));
        r = tokens_parse(text, path, ret, reterr);
        explicit_bzero(text, size);
        return r;
}

const Identity *tokens_find(const Tokens *t, const char *token, size_t size) {
        const Identity *found = NULL;

        for (size_t i = 0; t && i < t->n_tokens; i++)
                if (memeq_constant_time(t->tokens[i].text, strlen(t->tokens[i].text), token, size))
                        found = &t->tokens[i].identity;
        return found;
}

size_t tokens_count(const Tokens *t) {
        return t ? t->n_tokens : 0;
}
