/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/pattern.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

#define DEPTH_MAX 100     /* of parentheses */
#define REPEAT_MAX 1000
#define PROGRAM_MAX 20000 /* instructions */
#define LAST_LETTER 0x10ffff

/* --- UTF-8 --- */

uint32_t utf8_next(const char *text, size_t size, size_t *ret_size) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const unsigned char *s = (const unsigned char*) text;
        unsigned n = *s < 0x80 ? 1 : *s >= 0xc0 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 : *s >= 0xf0 && *s < 0xf8 ? 4 : 0;
        uint32_t v;

        *ret_size = 1;
        if (n == 1)
                return *s;
        if (n == 0 || n > size)
                return 0xfffd;
        v = *s & (0xffu >> (n + 1));
        for (unsigned i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0xfffd;
                v = v << 6 | (s[i] & 0x3f);
        }
        if (v < least[n] || v > LAST_LETTER || (v >= 0xd800 && v < 0xe000))
                return 0xfffd;
        *ret_size = n;
        return v;
}

size_t utf8_length(const char *s, size_t size) {
        size_t n = 0, step;

        for (size_t i = 0; i < size; i += step, n++)
                (void) utf8_next(s + i, size - i, &step);
        return n;
}

/* --- The tree that a pattern is read into --- */

typedef enum NodeType {
        NODE_EMPTY,
        NODE_CLASS,
        NODE_ASSERT,
        NODE_BOTH,   /* a, then b */
        NODE_EITHER, /* a or b */
        NODE_REPEAT, /* a, min to max times */
} NodeType;

typedef enum Assertion {
        ASSERT_BEGIN,
        ASSERT_END,
        ASSERT_LINE_BEGIN,
        ASSERT_LINE_END,
        ASSERT_WORD,
        ASSERT_NO_WORD,
} Assertion;

typedef struct Range {
        uint32_t first, last;
} Range;

typedef struct Tree {
        NodeType type;
        uint32_t a, b;        /* nodes; of a class: its ranges begin at a, there are b */
        int min, max;         /* max -1: no end */
        bool negated;         /* class */
        Assertion assertion;
} Tree;

/* --- The program that it becomes --- */

typedef enum OpCode {
        OP_CLASS,
        OP_ASSERT,
        OP_SPLIT, /* goes on at a and at b */
        OP_MATCH,
} OpCode;

typedef struct Op {
        uint8_t code, assertion;
        bool negated;
        uint32_t a, b; /* where to go on; of a class: its ranges; it goes on at the next one */
} Op;

struct Pattern {
        Range *ranges;
        size_t n_ranges, ranges_allocated;
        Op *ops;
        size_t n_ops, ops_allocated;
};

typedef struct Parser {
        Pattern *pattern;
        Tree *nodes;
        size_t n_nodes, nodes_allocated;
        const char *start, *p;
        unsigned depth, n_emitted;
        bool fold, dot_all, multiline;
        Error *error;
} Parser;

static int invalid(Parser *p, const char *what, const char *from, size_t n) {
        return error_set(p->error, -EINVAL, "error parsing regexp: %s: `%.*s`", what, (int) n, from);
}

static int too_large(Parser *p) {
        return error_set(p->error, -E2BIG, "error parsing regexp: expression too large: `%s`", p->start);
}

static int add_node(Parser *p, Tree node) {
        if (p->n_nodes >= PROGRAM_MAX)
                return too_large(p);
        if (!GREEDY_REALLOC(p->nodes, p->nodes_allocated, p->n_nodes + 1))
                return -ENOMEM;
        p->nodes[p->n_nodes] = node;
        return (int) p->n_nodes++;
}

static int add_range(Parser *p, uint32_t first, uint32_t last) {
        Pattern *t = p->pattern;

        if (!GREEDY_REALLOC(t->ranges, t->ranges_allocated, t->n_ranges + 1))
                return -ENOMEM;
        t->ranges[t->n_ranges++] = (Range) { first, last };
        return 0;
}

/* With the other case of ASCII letters, where that counts. */
static int add_letters(Parser *p, uint32_t first, uint32_t last) {
        int r = add_range(p, first, last);

        if (p->fold && r >= 0 && first <= 'z' && last >= 'a')
                r = add_range(p, MAX(first, (uint32_t) 'a') - 32, MIN(last, (uint32_t) 'z') - 32);
        if (p->fold && r >= 0 && first <= 'Z' && last >= 'A')
                r = add_range(p, MAX(first, (uint32_t) 'A') + 32, MIN(last, (uint32_t) 'Z') + 32);
        return r;
}

/* Named classes, as ranges in pairs of letters. */
static const struct {
        const char *name, *pairs;
} classes[] = {
        { "d", "09" },           { "w", "09AZaz__" },     { "s", "\t\n\f\r  " },  { "alnum", "09AZaz" }, { "alpha", "AZaz" },
        { "ascii", "\001\177" }, { "blank", "\t\t  " },   { "cntrl", "\001\037\177\177" }, { "digit", "09" }, { "graph", "!~" },
        { "lower", "az" },       { "print", " ~" },       { "punct", "!/:@[`{~" }, { "space", "\t\r  " }, { "upper", "AZ" },
        { "word", "09AZaz__" },  { "xdigit", "09AFaf" },
};

/* The ranges of a named class, or all others. -ENOENT when there is no such class. */
static int add_class(Parser *p, const char *name, size_t size, bool negated) {
        uint32_t next = 0;
        const char *pairs = NULL;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                if (strlen(classes[i].name) == size && memcmp(classes[i].name, name, size) == 0)
                        pairs = classes[i].pairs;
        if (!pairs)
                return -ENOENT;
        for (; r >= 0 && *pairs; pairs += 2) {
                uint32_t first = (unsigned char) pairs[0], last = (unsigned char) pairs[1];

                if (!negated)
                        r = add_letters(p, first, last);
                else if (next < first)
                        r = add_range(p, next, first - 1);
                next = last + 1;
        }
        return negated && r >= 0 ? add_range(p, next, LAST_LETTER) : r;
}

static int hex_value(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* \xHH, \x{H...}: p->p is after the x. */
static int read_hex(Parser *p, const char *from, uint32_t *ret) {
        bool braces = *p->p == '{';
        unsigned n = 0;

        *ret = 0;
        p->p += braces;
        for (; hex_value(*p->p) >= 0 && n < (braces ? 6u : 2u); n++)
                *ret = *ret << 4 | (uint32_t) hex_value(*p->p++);
        if ((braces ? n == 0 || *p->p != '}' : n != 2) || *ret > LAST_LETTER)
                return invalid(p, "invalid escape sequence", from, (size_t) (p->p - from));
        p->p += braces;
        return 0;
}

/* An escaped letter; p->p is at the backslash. */
static int read_escape(Parser *p, uint32_t *ret) {
        static const char names[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
        const char *from = p->p++, *name;
        char c = *p->p;

        if (c == '\0')
                return invalid(p, "trailing backslash at end of expression", from, 0);
        p->p++;
        if (c == 'x')
                return read_hex(p, from, ret);
        if (c == '0') {
                *ret = 0;
                for (unsigned i = 0; i < 2 && *p->p >= '0' && *p->p <= '7'; i++)
                        *ret = *ret * 8 + (uint32_t) (*p->p++ - '0');
                return 0;
        }
        name = c == 'b' ? NULL : strchr(names, c);
        if (name)
                *ret = (unsigned char) values[name - names];
        else if ((unsigned char) c < 0x80 && !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
                *ret = (unsigned char) c;
        else
                return invalid(p, c == 'p' || c == 'P' ? "classes by Unicode property are not supported" : "invalid escape sequence", from, 2);
        return 0;
}

static uint32_t read_letter(Parser *p) {
        size_t n;
        uint32_t c = utf8_next(p->p, strlen(p->p), &n);

        p->p += n;
        return c;
}

static bool is_named(char c) {
        return c && strchr("dDwWsS", c);
}

/* One of \d, \D, ... at the backslash. */
static int read_named(Parser *p) {
        char c = p->p[1], lower = c | 0x20;

        p->p += 2;
        return add_class(p, &lower, 1, c != lower);
}

/* [:alpha:] or [:^alpha:], inside brackets. */
static int read_posix(Parser *p, const char *end) {
        bool negated = p->p[2] == '^';
        const char *from = p->p, *name = p->p + 2 + negated;
        int r;

        r = add_class(p, name, (size_t) (end - name), negated);
        p->p = end + 2;
        return r == -ENOENT ? invalid(p, "invalid character class range", from, (size_t) (p->p - from)) : r;
}

static int read_member(Parser *p, uint32_t *ret) {
        if (*p->p == '\\')
                return read_escape(p, ret);
        *ret = read_letter(p);
        return 0;
}

/* What stands between brackets, one after the other. */
static int read_members(Parser *p, const char *from) {
        bool first = true;
        int r = 0;

        for (; *p->p != ']' || first; first = false) {
                const char *at = p->p, *end = p->p[0] == '[' && p->p[1] == ':' ? strstr(p->p + 2, ":]") : NULL;
                uint32_t low, high;

                if (*p->p == '\0')
                        return invalid(p, "missing closing ]", from, strlen(from));
                if (end)
                        r = read_posix(p, end);
                else if (p->p[0] == '\\' && is_named(p->p[1]))
                        r = read_named(p);
                else {
                        r = read_member(p, &low);
                        high = low;
                        if (r >= 0 && p->p[0] == '-' && p->p[1] != ']' && p->p[1] != '\0') {
                                p->p++;
                                r = read_member(p, &high);
                        }
                        if (r >= 0 && high < low)
                                return invalid(p, "invalid character class range", at, (size_t) (p->p - at));
                        if (r >= 0)
                                r = add_letters(p, low, high);
                }
                if (r < 0)
                        return r;
        }
        p->p++;
        return 0;
}

static int class_node(Parser *p, size_t first, bool negated) {
        return add_node(p, (Tree) { .type = NODE_CLASS, .a = (uint32_t) first, .b = (uint32_t) (p->pattern->n_ranges - first), .negated = negated });
}

static int read_brackets(Parser *p) {
        size_t first = p->pattern->n_ranges;
        const char *from = p->p++;
        bool negated = *p->p == '^';
        int r;

        p->p += negated;
        r = read_members(p, from);
        return r < 0 ? r : class_node(p, first, negated);
}

static int letter_node(Parser *p, uint32_t c) {
        size_t first = p->pattern->n_ranges;
        int r = add_letters(p, c, c);

        return r < 0 ? r : class_node(p, first, false);
}

static int assert_node(Parser *p, Assertion a) {
        return add_node(p, (Tree) { .type = NODE_ASSERT, .assertion = a });
}

static int read_either(Parser *p);

/* (?flags), (?flags:, (?P<name>, (?<name>: 1 when a group follows, 0 when that was all. */
static int read_group_head(Parser *p, const char *from) {
        bool on = true;

        if (p->p[0] != '?')
                return 1;
        p->p++;
        if (*p->p == 'P' || *p->p == '<') {
                const char *name = p->p + 1 + (*p->p == 'P'), *end;

                for (end = name; (*end >= '0' && *end <= '9') || ((*end | 0x20) >= 'a' && (*end | 0x20) <= 'z') || *end == '_'; end++)
                        ;
                if (name[-1] != '<' || end == name || *end != '>')
                        return invalid(p, "invalid or unsupported Perl syntax", from, MIN(strlen(from), (size_t) 3));
                p->p = end + 1;
                return 1;
        }
        for (;; p->p++)
                switch (*p->p) {
                case 'i':
                        p->fold = on;
                        break;
                case 's':
                        p->dot_all = on;
                        break;
                case 'm':
                        p->multiline = on;
                        break;
                case 'U':
                        break;
                case '-':
                        on = false;
                        break;
                case ':':
                        p->p++;
                        return 1;
                case ')':
                        return 0;
                default:
                        return invalid(p, "invalid or unsupported Perl syntax", from, MIN(strlen(from), (size_t) 3));
                }
}

static int read_group(Parser *p) {
        bool fold = p->fold, dot_all = p->dot_all, multiline = p->multiline;
        const char *from = p->p++;
        int r, node;

        if (++p->depth > DEPTH_MAX)
                return error_set(p->error, -EINVAL, "error parsing regexp: expression nests too deeply: `%s`", p->start);
        r = read_group_head(p, from);
        if (r < 0)
                return r;
        node = r > 0 ? read_either(p) : add_node(p, (Tree) { .type = NODE_EMPTY });
        if (node < 0)
                return node;
        if (*p->p != ')')
                return invalid(p, "missing closing )", p->start, strlen(p->start));
        p->p++;
        p->depth--;
        if (r > 0) { /* flags by themselves are for the rest of what surrounds them */
                p->fold = fold;
                p->dot_all = dot_all;
                p->multiline = multiline;
        }
        return node;
}

/* \Q...\E */
static int read_literal(Parser *p) {
        int node = add_node(p, (Tree) { .type = NODE_EMPTY }), letter;

        for (p->p += 2; node >= 0 && *p->p && strncmp(p->p, "\\E", 2) != 0;) {
                letter = letter_node(p, read_letter(p));
                if (letter < 0)
                        return letter;
                node = add_node(p, (Tree) { .type = NODE_BOTH, .a = (uint32_t) node, .b = (uint32_t) letter });
        }
        p->p += *p->p ? 2 : 0;
        return node;
}

static int read_backslash(Parser *p) {
        static const struct {
                char name;
                Assertion assertion;
        } assertions[] = { { 'b', ASSERT_WORD }, { 'B', ASSERT_NO_WORD }, { 'A', ASSERT_BEGIN }, { 'z', ASSERT_END } };
        size_t first = p->pattern->n_ranges;
        uint32_t c;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(assertions); i++)
                if (p->p[1] == assertions[i].name) {
                        p->p += 2;
                        return assert_node(p, assertions[i].assertion);
                }
        if (p->p[1] == 'Q')
                return read_literal(p);
        if (is_named(p->p[1])) {
                r = read_named(p);
                return r < 0 ? r : class_node(p, first, false);
        }
        r = read_escape(p, &c);
        return r < 0 ? r : letter_node(p, c);
}

static int read_atom(Parser *p) {
        size_t first = p->pattern->n_ranges;
        int r;

        switch (*p->p) {
        case '(':
                return read_group(p);
        case '[':
                return read_brackets(p);
        case '\\':
                return read_backslash(p);
        case '^':
                p->p++;
                return assert_node(p, p->multiline ? ASSERT_LINE_BEGIN : ASSERT_BEGIN);
        case '$':
                p->p++;
                return assert_node(p, p->multiline ? ASSERT_LINE_END : ASSERT_END);
        case '.':
                p->p++;
                r = p->dot_all ? 0 : add_range(p, '\n', '\n');
                return r < 0 ? r : class_node(p, first, true);
        case '*':
        case '+':
        case '?':
                return invalid(p, "missing argument to repetition operator", p->p, 1);
        default:
                return letter_node(p, read_letter(p));
        }
}

static bool read_number(const char **s, int *ret) {
        const char *from = *s;

        for (*ret = 0; **s >= '0' && **s <= '9' && *ret <= REPEAT_MAX; ++*s)
                *ret = *ret * 10 + (**s - '0');
        return *s > from;
}

/* *, +, ?, {n}, {n,}, {n,m}: 1, or 0 when there is none (a brace may stand for itself). */
static int read_repeat(Parser *p, Tree *ret) {
        const char *from = p->p, *s = p->p + 1;

        if (*from == '*' || *from == '+' || *from == '?') {
                *ret = (Tree) { .type = NODE_REPEAT, .min = *from == '+', .max = *from == '?' ? 1 : -1 };
                p->p = s;
                return 1;
        }
        if (*from != '{')
                return 0;
        *ret = (Tree) { .type = NODE_REPEAT };
        if (!read_number(&s, &ret->min))
                return 0;
        ret->max = ret->min;
        if (*s == ',') {
                s++;
                if (*s == '}')
                        ret->max = -1;
                else if (!read_number(&s, &ret->max))
                        return 0;
        }
        if (*s != '}')
                return 0;
        if (ret->min > REPEAT_MAX || ret->max > REPEAT_MAX || (ret->max >= 0 && ret->max < ret->min))
                return invalid(p, "invalid repeat count", from, (size_t) (s + 1 - from));
        p->p = s + 1;
        return 1;
}

static int read_repeated(Parser *p) {
        const char *operator = NULL;
        int node = read_atom(p), r;
        Tree repeat;

        while (node >= 0) {
                const char *from = p->p;

                r = read_repeat(p, &repeat);
                if (r <= 0)
                        return r < 0 ? r : node;
                if (operator)
                        return invalid(p, "invalid nested repetition operator", operator, (size_t) (p->p - operator));
                operator = from;
                p->p += *p->p == '?'; /* not greedy: the same here */
                repeat.a = (uint32_t) node;
                node = add_node(p, repeat);
        }
        return node;
}

static int read_sequence(Parser *p) {
        int node = add_node(p, (Tree) { .type = NODE_EMPTY });

        while (node >= 0 && *p->p != '\0' && *p->p != '|' && *p->p != ')') {
                int next = read_repeated(p);

                if (next < 0)
                        return next;
                node = add_node(p, (Tree) { .type = NODE_BOTH, .a = (uint32_t) node, .b = (uint32_t) next });
        }
        return node;
}

static int read_either(Parser *p) {
        int node = read_sequence(p);

        while (node >= 0 && *p->p == '|') {
                int next;

                p->p++;
                next = read_sequence(p);
                if (next < 0)
                        return next;
                node = add_node(p, (Tree) { .type = NODE_EITHER, .a = (uint32_t) node, .b = (uint32_t) next });
        }
        return node;
}

/* --- Making the program: each piece goes on at the one after it --- */

static int add_op(Parser *p, Op op) {
        Pattern *t = p->pattern;

        if (t->n_ops >= PROGRAM_MAX)
                return too_large(p);
        if (!GREEDY_REALLOC(t->ops, t->ops_allocated, t->n_ops + 1))
                return -ENOMEM;
        t->ops[t->n_ops] = op;
        return (int) t->n_ops++;
}

static int emit(Parser *p, uint32_t at);

/* (a(a(a)?)?)? for what may be missing; a loop where there is no end. */
static int emit_repeat(Parser *p, const Tree *t) {
        int first = -1, r = 0;

        for (int i = 0; r >= 0 && i < t->min; i++)
                r = emit(p, t->a);
        if (r >= 0 && t->max < 0) {
                int loop = add_op(p, (Op) { .code = OP_SPLIT });

                r = loop < 0 ? loop : emit(p, t->a);
                if (r >= 0)
                        r = add_op(p, (Op) { .code = OP_SPLIT, .a = (uint32_t) loop, .b = (uint32_t) loop });
                if (r >= 0)
                        p->pattern->ops[loop] = (Op) { .code = OP_SPLIT, .a = (uint32_t) loop + 1, .b = (uint32_t) p->pattern->n_ops };
                return r;
        }
        for (int i = t->min; r >= 0 && i < t->max; i++) { /* each split knows the one before it until the end is known */
                int split = add_op(p, (Op) { .code = OP_SPLIT, .b = (uint32_t) first });

                if (split < 0)
                        return split;
                first = split;
                r = emit(p, t->a);
        }
        while (r >= 0 && first >= 0) {
                Op *op = &p->pattern->ops[first];
                int before = (int) op->b;

                *op = (Op) { .code = OP_SPLIT, .a = (uint32_t) first + 1, .b = (uint32_t) p->pattern->n_ops };
                first = before;
        }
        return r;
}

static int emit_either(Parser *p, const Tree *t) {
        int split = add_op(p, (Op) { .code = OP_SPLIT }), jump, r;

        r = split < 0 ? split : emit(p, t->a);
        if (r < 0)
                return r;
        jump = add_op(p, (Op) { .code = OP_SPLIT });
        if (jump < 0)
                return jump;
        p->pattern->ops[split] = (Op) { .code = OP_SPLIT, .a = (uint32_t) split + 1, .b = (uint32_t) p->pattern->n_ops };
        r = emit(p, t->b);
        p->pattern->ops[jump].a = p->pattern->ops[jump].b = (uint32_t) p->pattern->n_ops;
        return r;
}

static int emit(Parser *p, uint32_t at) {
        const Tree t = p->nodes[at];
        int r;

        if (++p->n_emitted > 4 * PROGRAM_MAX) /* repeated emptiness makes no instructions, but takes time */
                return too_large(p);
        switch (t.type) {
        case NODE_CLASS:
                return add_op(p, (Op) { .code = OP_CLASS, .a = t.a, .b = t.b, .negated = t.negated });
        case NODE_ASSERT:
                return add_op(p, (Op) { .code = OP_ASSERT, .assertion = (uint8_t) t.assertion });
        case NODE_BOTH:
                r = emit(p, t.a);
                return r < 0 ? r : emit(p, t.b);
        case NODE_EITHER:
                return emit_either(p, &t);
        case NODE_REPEAT:
                return emit_repeat(p, &t);
        default:
                return 0;
        }
}

static int compile(Parser *p) {
        int node = read_either(p), r;

        if (node < 0)
                return node;
        if (*p->p == ')')
                return invalid(p, "unexpected )", p->start, strlen(p->start));
        r = emit(p, (uint32_t) node);
        return r < 0 ? r : add_op(p, (Op) { .code = OP_MATCH });
}

int pattern_new(const char *s, Pattern **ret, Error *reterr) {
        _cleanup_(pattern_freep) Pattern *t = new0(Pattern, 1);
        Parser p = { .pattern = t, .start = s, .p = s, .error = reterr };
        int r;

        if (!t)
                return error_set(reterr, -ENOMEM, "out of memory");
        if (strlen(s) > PATTERN_LETTERS_MAX)
                return error_set(reterr, -E2BIG, "error parsing regexp: expression too large: there may be %d bytes", PATTERN_LETTERS_MAX);
        r = compile(&p);
        free(p.nodes);
        if (r == -ENOMEM)
                return error_set(reterr, r, "out of memory");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

Pattern *pattern_free(Pattern *p) {
        if (!p)
                return NULL;
        free(p->ranges);
        free(p->ops);
        return mfree(p);
}

/* --- Matching --- */

/* The places in the program that are being followed, each once. */
typedef struct Set {
        uint32_t *places;
        uint32_t *seen; /* by place: the step at which it was added */
        size_t n;
} Set;

typedef struct Match {
        const Pattern *pattern;
        Set now, next;
        uint32_t *stack;
        uint32_t step;
        bool matched;
        uint64_t *budget;
} Match;

static bool is_word(uint32_t c) {
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c < 0x80) || c == '_';
}

#define NO_LETTER UINT32_MAX /* before the first one and after the last */

static bool holds(Assertion a, uint32_t before, uint32_t after) {
        switch (a) {
        case ASSERT_BEGIN:
                return before == NO_LETTER;
        case ASSERT_END:
                return after == NO_LETTER;
        case ASSERT_LINE_BEGIN:
                return before == NO_LETTER || before == '\n';
        case ASSERT_LINE_END:
                return after == NO_LETTER || after == '\n';
        case ASSERT_WORD:
                return is_word(before) != is_word(after);
        default:
                return is_word(before) == is_word(after);
        }
}

/* Adds a place and all that can be reached from it without a letter. */
static int follow(Match *m, Set *set, uint32_t place, uint32_t before, uint32_t after) {
        size_t n = 0;

        m->stack[n++] = place;
        while (n > 0) {
                const Op *op;

                place = m->stack[--n];
                if (set->seen[place] == m->step)
                        continue;
                if (*m->budget == 0)
                        return -ETIME;
                --*m->budget;
                set->seen[place] = m->step;
                op = &m->pattern->ops[place];
                if (op->code == OP_MATCH)
                        m->matched = true;
                else if (op->code == OP_CLASS)
                        set->places[set->n++] = place;
                else if (op->code == OP_SPLIT) {
                        m->stack[n++] = op->b;
                        m->stack[n++] = op->a;
                } else if (holds((Assertion) op->assertion, before, after))
                        m->stack[n++] = place + 1;
        }
        return 0;
}

static bool accepts(const Pattern *p, const Op *op, uint32_t c) {
        for (uint32_t i = 0; i < op->b; i++)
                if (c >= p->ranges[op->a + i].first && c <= p->ranges[op->a + i].last)
                        return !op->negated;
        return op->negated;
}

static int run(Match *m, const char *text, size_t size) {
        uint32_t before = NO_LETTER, c, after;
        size_t n, n_after;
        int r;

        c = size > 0 ? utf8_next(text, size, &n) : NO_LETTER;
        m->step = 1;
        r = follow(m, &m->now, 0, before, c);
        for (size_t i = 0; r >= 0 && !m->matched && c != NO_LETTER; i += n, n = n_after, before = c, c = after) {
                Set swap = m->now;

                after = i + n < size ? utf8_next(text + i + n, size - i - n, &n_after) : NO_LETTER;
                m->step++;
                m->next.n = 0;
                for (size_t k = 0; r >= 0 && k < m->now.n; k++)
                        if (accepts(m->pattern, &m->pattern->ops[m->now.places[k]], c))
                                r = follow(m, &m->next, m->now.places[k] + 1, c, after);
                if (r >= 0)
                        r = follow(m, &m->next, 0, c, after); /* or it begins here */
                m->now = m->next;
                m->next = swap;
        }
        return r < 0 ? r : m->matched;
}

int pattern_matches(const Pattern *p, const char *text, size_t size, uint64_t *budget) {
        /* One block: two sets, and a stack that every place can push two onto. */
        _cleanup_free_ uint32_t *block = calloc(p->n_ops, 7 * sizeof(uint32_t));
        Match m = { .pattern = p, .budget = budget };

        if (!block)
                return -ENOMEM;
        m.now = (Set) { .places = block, .seen = block + p->n_ops };
        m.next = (Set) { .places = block + 2 * p->n_ops, .seen = block + 3 * p->n_ops };
        m.stack = block + 4 * p->n_ops;
        return run(&m, text, size);
}
