/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-reader.h"

#include <string.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

const char *json_type_to_string(JsonType t) {
        static const char *const names[_JSON_TYPE_MAX] = {
                [JSON_NULL] = "null",     [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
                [JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
        };

        return t >= 0 && t < _JSON_TYPE_MAX ? names[t] : "nothing";
}

void json_reader_init(JsonReader *r, char *text, size_t size) {
        assert(r);
        assert(text);
        *r = (JsonReader) { .begin = text, .p = text, .end = text + size };
        text[size] = '\0';
}

static void skip_white(JsonReader *r) {
        while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
                r->p++;
}

JsonType json_peek(JsonReader *r) {
        skip_white(r);
        if (r->p >= r->end)
                return _JSON_TYPE_INVALID;
        switch (*r->p) {
        case '{':
                return JSON_OBJECT;
        case '[':
                return JSON_ARRAY;
        case '"':
                return JSON_STRING;
        case 't':
        case 'f':
                return JSON_BOOL;
        case 'n':
                return JSON_NULL;
        case '-':
        case '0' ... '9':
                return JSON_NUMBER;
        default:
                return _JSON_TYPE_INVALID;
        }
}

static int expect_type(JsonReader *r, JsonType type) {
        JsonType t = json_peek(r);

        return t == type ? 0 : t < 0 ? -EBADMSG : -EINVAL;
}

static int take_word(JsonReader *r, const char *word) {
        size_t n = strlen(word);

        if ((size_t) (r->end - r->p) < n || memcmp(r->p, word, n) != 0)
                return -EBADMSG;
        r->p += n;
        return 0;
}

static int hex_digit(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
               c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int take_hex4(const char *p, const char *end, uint32_t *ret) {
        uint32_t v = 0;

        if (end - p < 4)
                return -EBADMSG;
        for (unsigned i = 0; i < 4; i++) {
                int d = hex_digit(p[i]);

                if (d < 0)
                        return -EBADMSG;
                v = v << 4 | (uint32_t) d;
        }
        *ret = v;
        return 0;
}

static char *put_utf8(char *w, uint32_t c) {
        if (c < 0x80)
                *w++ = (char) c;
        else if (c < 0x800) {
                *w++ = (char) (0xc0 | c >> 6);
                *w++ = (char) (0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
                *w++ = (char) (0xe0 | c >> 12);
                *w++ = (char) (0x80 | (c >> 6 & 0x3f));
                *w++ = (char) (0x80 | (c & 0x3f));
        } else {
                *w++ = (char) (0xf0 | c >> 18);
                *w++ = (char) (0x80 | (c >> 12 & 0x3f));
                *w++ = (char) (0x80 | (c >> 6 & 0x3f));
                *w++ = (char) (0x80 | (c & 0x3f));
        }
        return w;
}

/* Takes the escape whose backslash *p has passed and writes what it means at *w (never longer). */
static int take_escape(JsonReader *r, char **p, char **w) {
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *known;
        uint32_t c, low;

        if (*p >= r->end)
                return -EBADMSG;
        known = **p ? strchr(from, **p) : NULL;
        if (known) {
                *(*w)++ = to[known - from];
                (*p)++;
                return 0;
        }
        if (**p != 'u' || take_hex4(*p + 1, r->end, &c) < 0 || c == 0)
                return -EBADMSG;
        *p += 5;
        if (c >= 0xd800 && c < 0xdc00) {
                if (r->end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' || take_hex4(*p + 2, r->end, &low) < 0 ||
                    low < 0xdc00 || low > 0xdfff)
                        return -EBADMSG;
                *p += 6;
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        } else if (c >= 0xdc00 && c < 0xe000)
                return -EBADMSG;
        *w = put_utf8(*w, c);
        return 0;
}

static const bool is_plain[256] = { [0x20 ... '"' - 1] = true, ['"' + 1 ... '\\' - 1] = true, ['\\' + 1 ... 0x7f] = true };

/* The first byte from p on that is no plain letter: a quote, a backslash, a control character, one of UTF-8. Eight at a time: a
 * byte of `special` has its top bit set where the text has such a letter (Warren, "Hacker's Delight", 6-1). */
static char *skip_plain(char *p, const char *end) {
        const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);

        for (; end - p >= 8; p += 8) {
                uint64_t v, quotes, slashes, special;

                memcpy(&v, p, 8);
                quotes = v ^ ones * '"';
                slashes = v ^ ones * '\\';
                special = ((quotes - ones) | (slashes - ones) | (v - ones * 0x20) | v) & tops;
                if (special)
                        break;
        }
        while (p < end && is_plain[(unsigned char) *p])
                p++;
        return p;
}

int json_read_string(JsonReader *r, char **ret, size_t *ret_size) {
        bool ascii = true;
        char *p, *w, *begin;
        int k;

        k = expect_type(r, JSON_STRING);
        if (k < 0)
                return k;

        begin = r->p + 1;
        p = w = skip_plain(begin, r->end);
        for (;;) {
                if (p >= r->end || (unsigned char) *p < 0x20)
                        return -EBADMSG;
                if (*p == '"')
                        break;
                if (*p == '\\') {
                        p++;
                        k = take_escape(r, &p, &w);
                        if (k < 0)
                                return k;
                        continue;
                }
                ascii &= (unsigned char) *p < 0x80;
                *w++ = *p++;
        }
        if (!ascii && !utf8_is_valid(begin, (size_t) (w - begin)))
                return -EBADMSG;
        *w = '\0';
        r->p = p + 1;
        *ret = begin;
        if (ret_size)
                *ret_size = (size_t) (w - begin);
        return 0;
}

int json_read_bool(JsonReader *r, bool *ret) {
        bool b;
        int k;

        k = expect_type(r, JSON_BOOL);
        if (k < 0)
                return k;
        b = *r->p == 't';
        k = take_word(r, b ? "true" : "false");
        if (k < 0)
                return k;
        *ret = b;
        return 0;
}

static const char *skip_digits(const char *p, const char *end) {
        while (p < end && *p >= '0' && *p <= '9')
                p++;
        return p;
}

/* Takes a number as RFC 8259 writes it and gives its text. */
static int take_number(JsonReader *r, const char **ret, size_t *ret_size) {
        const char *p, *q;
        int k;

        k = expect_type(r, JSON_NUMBER);
        if (k < 0)
                return k;
        p = r->p + (*r->p == '-');
        q = skip_digits(p, r->end);
        if (q == p || (*p == '0' && q - p > 1))
                return -EBADMSG;
        if (q < r->end && *q == '.') {
                p = q + 1;
                q = skip_digits(p, r->end);
                if (q == p)
                        return -EBADMSG;
        }
        if (q < r->end && (*q == 'e' || *q == 'E')) {
                p = q + 1;
                if (p < r->end && (*p == '+' || *p == '-'))
                        p++;
                q = skip_digits(p, r->end);
                if (q == p)
                        return -EBADMSG;
        }
        *ret = r->p;
        *ret_size = (size_t) (q - r->p);
        r->p += *ret_size;
        return 0;
}

int json_read_milli(JsonReader *r, int64_t *ret) {
        const char *s;
        bool negative;
        int64_t v;
        size_t n;
        int k;

        k = take_number(r, &s, &n);
        if (k < 0)
                return k;
        negative = s[0] == '-';
        k = parse_milli_n(s + negative, n - negative, &v);
        if (k < 0)
                return k;
        *ret = negative ? -v : v;
        return 0;
}

int json_read_i64(JsonReader *r, int64_t *ret) {
        const char *s;
        bool negative;
        uint64_t v = 0;
        size_t n;
        int k;

        k = take_number(r, &s, &n);
        if (k < 0)
                return k;
        negative = s[0] == '-';
        for (size_t i = negative; i < n; i++) {
                if (s[i] < '0' || s[i] > '9')
                        return -EINVAL;
                if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t) (s[i] - '0'), &v) ||
                    v > INT64_MAX)
                        return -ERANGE;
        }
        *ret = negative ? -(int64_t) v : (int64_t) v;
        return 0;
}

int json_enter_object(JsonReader *r) {
        int k;

        k = expect_type(r, JSON_OBJECT);
        if (k < 0)
                return k;
        if (++r->depth > JSON_DEPTH_MAX)
                return -EBADMSG;
        r->p++;
        return 0;
}

int json_enter_array(JsonReader *r) {
        int k;

        k = expect_type(r, JSON_ARRAY);
        if (k < 0)
                return k;
        if (++r->depth > JSON_DEPTH_MAX)
                return -EBADMSG;
        r->p++;
        return 0;
}

/* Takes the comma before a further member, or the closing bracket: 1, 0 or -EBADMSG. */
static int next_of(JsonReader *r, bool *first, char close) {
        skip_white(r);
        if (r->p < r->end && *r->p == close) {
                r->p++;
                r->depth--;
                return 0;
        }
        if (!*first) {
                if (r->p >= r->end || *r->p != ',')
                        return -EBADMSG;
                r->p++;
                skip_white(r);
        }
        *first = false;
        return r->p < r->end ? 1 : -EBADMSG;
}

int json_next_item(JsonReader *r, bool *first) {
        return next_of(r, first, ']');
}

int json_next_member(JsonReader *r, bool *first, char **ret_key) {
        char *key;
        int k;

        k = next_of(r, first, '}');
        if (k <= 0)
                return k;
        if (json_peek(r) != JSON_STRING)
                return -EBADMSG;
        k = json_read_string(r, &key, NULL);
        if (k < 0)
                return k;
        skip_white(r);
        if (r->p >= r->end || *r->p != ':')
                return -EBADMSG;
        r->p++;
        *ret_key = key;
        return 1;
}

int json_skip(JsonReader *r) {
        bool first = true, b;
        const char *number;
        size_t n;
        char *s;
        int k;

        switch (json_peek(r)) {
        case JSON_NULL:
                return take_word(r, "null");
        case JSON_BOOL:
                return json_read_bool(r, &b);
        case JSON_NUMBER:
                return take_number(r, &number, &n);
        case JSON_STRING:
                return json_read_string(r, &s, NULL);
        case JSON_ARRAY:
                k = json_enter_array(r);
                while (k >= 0 && (k = json_next_item(r, &first)) > 0)
                        k = json_skip(r);
                return k;
        case JSON_OBJECT:
                k = json_enter_object(r);
                while (k >= 0 && (k = json_next_member(r, &first, &s)) > 0)
                        k = json_skip(r);
                return k;
        default:
                return -EBADMSG;
        }
}

int json_finish(JsonReader *r) {
        skip_white(r);
        return r->p == r->end ? 0 : -EBADMSG;
}

static int read_strings(JsonReader *r, size_t max, JsonStrings *ret) {
        _cleanup_free_ char **items = NULL;
        size_t n = 0, allocated = 0;
        bool first = true;
        int k;

        k = json_enter_array(r);
        while (k >= 0 && (k = json_next_item(r, &first)) > 0) {
                if (max > 0 && n >= max)
                        return -E2BIG;
                if (!GREEDY_REALLOC(items, allocated, n + 1))
                        return -ENOMEM;
                k = json_read_string(r, &items[n], NULL);
                if (k >= 0)
                        n++;
        }
        if (k < 0)
                return k;
        free(ret->items);
        *ret = (JsonStrings) { .items = TAKE_PTR(items), .n_items = n };
        return 0;
}

static int read_time(JsonReader *r, usec_t *ret) {
        char *s;
        int k;

        k = json_read_string(r, &s, NULL);
        return k < 0 ? k : parse_rfc3339(s, ret);
}

static int read_seconds(JsonReader *r, usec_t *ret) {
        int64_t milli;
        int k;

        k = json_read_milli(r, &milli);
        if (k < 0)
                return k;
        if (milli < 0 || milli > INT64_MAX / 1000)
                return -ERANGE;
        *ret = (usec_t) milli * USEC_PER_MSEC;
        return 0;
}

/* Finds the end of an array or object without touching it; whoever reads its text then judges it. */
static int read_raw(JsonReader *r, JsonRaw *ret) {
        bool in_string = false;
        unsigned depth = 0;
        char *begin;

        (void) json_peek(r);
        begin = r->p;
        do {
                if (r->p >= r->end)
                        return -EBADMSG;
                if (in_string && *r->p == '\\')
                        r->p += r->p + 1 < r->end;
                else if (*r->p == '"')
                        in_string = !in_string;
                else if (!in_string && (*r->p == '{' || *r->p == '['))
                        depth++;
                else if (!in_string && depth > 0 && (*r->p == '}' || *r->p == ']'))
                        depth--;
                r->p++;
        } while (depth > 0);
        *ret = (JsonRaw) { .text = begin, .size = (size_t) (r->p - begin) };
        return 0;
}

static const char *const field_type_names[] = {
        [JSON_FIELD_STRING] = "a string",
        [JSON_FIELD_STRINGS] = "an array of strings",
        [JSON_FIELD_I64] = "a whole number",
        [JSON_FIELD_MILLI] = "a number with at most three decimals",
        [JSON_FIELD_USEC] = "a number of seconds with at most three decimals, not negative",
        [JSON_FIELD_BOOL] = "true or false",
        [JSON_FIELD_TIME] = "an RFC 3339 time",
        [JSON_FIELD_OBJECT] = "an object",
        [JSON_FIELD_RAW] = "a value",
};

static int read_field(JsonReader *r, const JsonField *f, bool strict, void *target, Error *reterr) {
        void *p = (char*) target + f->offset;

        switch (f->type) {
        case JSON_FIELD_STRING:
                return json_read_string(r, p, NULL);
        case JSON_FIELD_STRINGS:
                return read_strings(r, f->items_max, p);
        case JSON_FIELD_I64:
                return json_read_i64(r, p);
        case JSON_FIELD_MILLI:
                return json_read_milli(r, p);
        case JSON_FIELD_USEC:
                return read_seconds(r, p);
        case JSON_FIELD_BOOL:
                return json_read_bool(r, p);
        case JSON_FIELD_TIME:
                return read_time(r, p);
        case JSON_FIELD_RAW:
                return read_raw(r, p);
        case JSON_FIELD_OBJECT:
                return json_read_object(r, f->nested, f->n_nested, strict, p, reterr);
        }
        return -EINVAL;
}

/* The error for a field whose value, which began at `value`, was not right. */
static int field_error(JsonReader *r, const JsonField *f, char *value, int code, Error *reterr) {
        _cleanup_free_ char *shown = NULL;
        size_t n;

        if (code == -EBADMSG)
                return error_set(reterr, code, "not valid JSON at byte %zu, in \"%s\"", (size_t) (r->p - r->begin), f->name);
        if (code == -ENOMEM)
                return error_set(reterr, code, "out of memory");
        if (code == -E2BIG)
                return error_set_field(reterr, -EINVAL, f->name, NULL, "\"%s\" has more than %zu items", f->name, f->items_max);

        n = strnlen(value, 40);
        n = MIN(n, (size_t) (r->end - value));
        n = f->type == JSON_FIELD_TIME && *value == '"' ? n : MIN(n, strcspn(value, ",}]"));
        shown = strndup(value, n);
        return error_set_field(reterr, -EINVAL, f->name, shown, "\"%s\" must be %s", f->name,
                               field_type_names[f->type]);
}

/* Begins with the one after that which was found last: whoever writes such objects often has one order, the table's if it is us. */
static const JsonField *find_field(const JsonField *fields, size_t n, size_t from, const char *name) {
        for (size_t i = 0; i < n; i++) {
                const JsonField *f = &fields[from + i < n ? from + i : from + i - n];

                if (streq(f->name, name))
                        return f;
        }
        return NULL;
}

static int check_mandatory(const JsonField *fields, size_t n, uint64_t seen, Error *reterr) {
        for (size_t i = 0; i < n; i++)
                if (fields[i].mandatory && !(seen & (UINT64_C(1) << i)))
                        return error_set_field(reterr, -EINVAL, fields[i].name, NULL, "\"%s\" is missing: it must be %s",
                                               fields[i].name, field_type_names[fields[i].type]);
        return 0;
}

int json_read_object(JsonReader *r, const JsonField *fields, size_t n_fields, bool strict, void *target,
                     Error *reterr) {
        bool first = true;
        uint64_t seen = 0;
        char *key, *value;
        size_t next = 0;
        int k;

        assert(n_fields <= 64);

        k = json_enter_object(r);
        if (k == -EINVAL)
                return error_set(reterr, k, "the body must be a JSON object, not %s", json_type_to_string(json_peek(r)));
        while (k >= 0 && (k = json_next_member(r, &first, &key)) > 0) {
                const JsonField *f = find_field(fields, n_fields, next, key);

                if (!f && strict)
                        return error_set_field(reterr, -EINVAL, key, NULL, "unknown field \"%s\"", key);
                if (!f || json_peek(r) == JSON_NULL) {
                        k = json_skip(r);
                        continue;
                }
                if (seen & (UINT64_C(1) << (f - fields)))
                        return error_set_field(reterr, -EINVAL, f->name, NULL, "\"%s\" is given twice", f->name);
                seen |= UINT64_C(1) << (f - fields);
                next = (size_t) (f - fields) + 1;
                value = r->p;
                k = read_field(r, f, strict, target, reterr);
                if (k < 0)
                        return field_error(r, f, value, k, reterr);
        }
        if (k < 0)
                return error_set(reterr, k, "not valid JSON at byte %zu", (size_t) (r->p - r->begin));
        return check_mandatory(fields, n_fields, seen, reterr);
}

int json_parse_object(char *text, size_t size, const JsonField *fields, size_t n_fields, bool strict,
                      void *target, Error *reterr) {
        JsonReader r;
        int k;

        json_reader_init(&r, text, size);
        k = json_read_object(&r, fields, n_fields, strict, target, reterr);
        if (k < 0)
                return k;
        k = json_finish(&r);
        if (k < 0)
                return error_set(reterr, k, "something follows the JSON object at byte %zu", (size_t) (r.p - r.begin));
        return 0;
}
