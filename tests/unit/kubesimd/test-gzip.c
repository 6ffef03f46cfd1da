/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include <string.h>
#include <zlib.h>

#include "basic/alloc-util.h"
#include "basic/prng.h"
#include "kubesimd/http/gzip.h"

/* RFC 9110, sections 12.4.2 and 12.5.3 */
static void test_is_wanted(void **state _unused_) {
        static const struct {
                const char *header;
                bool wanted;
        } cases[] = {
                { NULL, false }, { "", false }, { "gzip", true }, { "GZIP", true }, { "x-gzip", true }, { "gzipped", false }, { "deflate, br", false },
                { "deflate, gzip, br", true }, { "deflate,gzip;q=1.0", true }, { " gzip ; q=0.001", true }, { "gzip;q=0", false }, { "gzip;q=0.000", false },
                { "gzip;Q=0.5", true }, { "*", true }, { "*;q=0", false }, { "*;q=0, gzip", true }, { "gzip;q=0, *", false }, { "identity", false },
                { "identity, gzip", true }, { "identity, gzip;q=0.5", false }, { "identity;q=0.5, gzip;q=0.6", true }, { "identity;q=0, *", true },
                { "gzip;q=x", false }, { "gzip;q=", false }, { "gzip;", true }, { ",,gzip", true }, { "gzip;q=9", true }, { ";q=1", false }, { "gzip;level=1", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (gzip_is_wanted(cases[i].header) != cases[i].wanted)
                        fail_msg("%s", cases[i].header);
}

typedef struct Source {
        const char *data;
        size_t size, sent, step;
        ssize_t end; /* what it says at the end */
        bool sleepy, slept;
        ssize_t nothing; /* what it says while it sleeps */
        unsigned freed;
} Source;

static ssize_t source_read(char *buffer, size_t size, void *userdata) {
        Source *s = userdata;

        s->slept = s->sleepy && !s->slept;
        if (s->slept)
                return s->nothing;
        size = MIN(size, s->step);
        size = MIN(size, s->size - s->sent);
        if (size == 0)
                return s->end;
        memcpy(buffer, s->data + s->sent, size);
        s->sent += size;
        return (ssize_t) size;
}

static void source_free(void *userdata) {
        ((Source*) userdata)->freed++;
}

/* Reads to the end in pieces of that size. Returns what was said at the end. */
static ssize_t compress_all(Source *s, size_t piece, StrBuf *out) {
        unsigned counter = 0;
        ssize_t n;
        Gzip *g;

        assert_int_equal(gzip_new(source_read, source_free, s, &counter, &g), 0);
        assert_int_equal(counter, 1);
        for (;;) {
                size_t before = s->sent;

                n = gzip_read(strbuf_reserve(out, piece), piece, g);
                if (n < 0 && s->slept && n == s->nothing)
                        n = 0;
                if (n < 0)
                        break;
                assert_true(n > 0 || s->sleepy);
                assert_true((size_t) n <= piece);
                assert_true(s->sent - before <= 64 * KIB + piece * 1100); /* no long turns: deflate makes one byte of at most about 1,030 */
                out->size += (size_t) n;
        }
        assert_int_equal(gzip_read(strbuf_reserve(out, 1), 1, g), n);
        gzip_free(g);
        assert_int_equal(counter, 0);
        assert_int_equal(s->freed, 1);
        return n;
}

static void check_same(const StrBuf *packed, const char *data, size_t size) {
        _cleanup_free_ char *unpacked = malloc(size + 1);
        z_stream z = { .next_in = (unsigned char*) packed->data, .avail_in = (uInt) packed->size };

        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        z.next_out = (unsigned char*) unpacked;
        z.avail_out = (uInt) size + 1;
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.total_out, size);
        assert_int_equal(z.avail_in, 0);
        assert_memory_equal(unpacked, data, size);
        inflateEnd(&z);
}

static void test_filter(void **state _unused_) {
        enum { SIZE = 3 * MIB };
        _cleanup_free_ char *data = malloc(SIZE);
        static const size_t sizes[] = { 0, 1, 1000, 32 * KIB, 32 * KIB + 1, SIZE }, pieces[] = { 1, 100, 4 * KIB, 64 * KIB };
        Prng prng;

        prng_init(&prng, 1);
        for (unsigned kind = 0; kind < 3; kind++) { /* all alike, like text, like nothing */
                for (size_t i = 0; i < SIZE; i++)
                        data[i] = kind == 0 ? 'a' : kind == 1 ? "{\"metadata\":{\"name\":"[i % 20] + (i % 97 == 0) : (char) prng_next(&prng);
                for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                        for (size_t k = sizes[i] > MIB; k < ELEMENTSOF(pieces); k++) {
                                _cleanup_strbuf_ StrBuf out = STRBUF_INIT(8 * MIB);
                                Source s = { .data = data, .size = sizes[i], .step = k == 2 ? 777 : SIZE, .end = -ENODATA, .sleepy = k == 3,
                                             .nothing = i % 2 ? -EAGAIN : 0 };

                                assert_int_equal(compress_all(&s, pieces[k], &out), -ENODATA);
                                check_same(&out, data, sizes[i]);
                                assert_true(kind == 2 || sizes[i] < 1000 || s.step == 777 || out.size < sizes[i] / 3);
                        }
        }
}

static void test_broken_source(void **state _unused_) {
        _cleanup_strbuf_ StrBuf out = STRBUF_INIT(MIB);
        Source s = { .data = "abc", .size = 3, .step = 3, .end = -ENOMEM };

        assert_int_equal(compress_all(&s, 100, &out), -ENOMEM);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_is_wanted), cmocka_unit_test(test_filter), cmocka_unit_test(test_broken_source) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
