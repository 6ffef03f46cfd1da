/* SPDX-License-Identifier: Apache-2.0 */
/* A reading gives what there was at its revision, whatever happens while it goes on. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "basic/prng.h"
#include "core/model/pod.h"
#include "core/store/reading.h"

#define NAMES 40
#define READINGS 6

static const uint64_t secret[2] = { 1, 2 };
static StoreKind kinds[_KIND_MAX];

/* What a reading is to give, in order. */
typedef struct Expected {
        Object *objects[NAMES];
        size_t n, next;
        Reading *reading;
        bool planned;      /* what there was at the revision is known; the reading begins later */
        uint64_t revision;
} Expected;

static void put(Store *s, const char *name) {
        Pod *p;

        assert_int_equal(pod_new(name, &p), 0);
        assert_int_equal(store_put(s, &p->object), 0);
        pod_unref(p);
}

static void some_name(Prng *p, char *buf, size_t size) {
        static const char *const namespaces[] = { "", "a/", "team/" };
        unsigned n = (unsigned) prng_below(p, NAMES);

        (void) snprintf(buf, size, "%spod-%u", namespaces[n % ELEMENTSOF(namespaces)], n);
}

static void change(Store *s, Prng *p) {
        StoreEntry *e;
        char name[32];

        some_name(p, name, sizeof(name));
        e = store_find(s, KIND_POD, name);
        if (e && prng_below(p, 2) == 0)
                assert_int_equal(store_delete(s, e), 0);
        else
                put(s, name);
}

static void expect(Expected *x, Object *o) {
        assert_true(x->n < NAMES);
        x->objects[x->n++] = object_ref(o);
}

static void end(Expected *x) {
        for (size_t i = 0; i < x->n; i++)
                object_unref(x->objects[i]);
        reading_free(x->reading);
        *x = (Expected) {};
}

static void begin_by_key(Store *s, Expected *x, const char *namespace, const char *after) {
        Object position = { .name = after };

        for (StoreEntry *e = store_find_from(s, KIND_POD, NULL); e; e = store_following(e))
                if ((!namespace || object_is_in(e->object, namespace)) && (!after || object_compare(e->object, &position) > 0))
                        expect(x, e->object);
        assert_int_equal(reading_by_key(s, KIND_POD, namespace, after, store_revision(s), &x->reading), 0);
}

static void begin_by_id(Store *s, Expected *x, uint64_t after, uint64_t last) {
        size_t hint = 0;

        for (StoreEntry *e = NULL; (e = store_next(s, KIND_POD, e ? e->object->id : after, &hint)) && e->object->id <= last;)
                expect(x, e->object);
        assert_int_equal(reading_by_id(s, KIND_POD, after, last, &x->reading), 0);
}

static void begin(Store *s, Prng *p, Expected *x) {
        static const char *const namespaces[] = { NULL, "default", "a", "team", "none" };
        const char *namespace = namespaces[prng_below(p, ELEMENTSOF(namespaces))];
        uint64_t after = prng_below(p, store_last_id(s) + 1);
        char name[32];

        *x = (Expected) {};
        some_name(p, name, sizeof(name));
        if (prng_below(p, 2) == 0)
                begin_by_id(s, x, after, after + prng_below(p, NAMES * 2));
        else
                begin_by_key(s, x, namespace, prng_below(p, 2) == 0 ? NULL : name);
}

/* The same in two: first what is expected, later the reading of that revision. */
static void plan(Store *s, Prng *p _unused_, Expected *x) {
        *x = (Expected) {};
        begin_by_key(s, x, NULL, NULL);
        x->revision = reading_revision(x->reading);
        x->reading = reading_free(x->reading);
        x->planned = true;
}

static void begin_planned(Store *s, Expected *x) {
        int r = reading_by_key(s, KIND_POD, NULL, NULL, x->revision, &x->reading);

        assert_true(r == 0 || (r == -ERANGE && x->revision + 1 < store_log_first(s)));
        x->planned = false;
        if (r < 0)
                end(x);
}

/* What is not durable goes: nobody may read on who has yet to be told of it by the log. */
static void undo(Store *s, Expected *all) {
        for (unsigned i = 0; i < READINGS; i++)
                if ((all[i].planned && all[i].revision > store_durable(s)) || (all[i].reading && reading_lag(all[i].reading) > 0))
                        end(&all[i]);
        assert_int_equal(store_undo(s), 0);
}

/* Reads one more; false at the end. */
static bool go_on(Expected *x) {
        Object *o;
        int r;

        while ((r = reading_next(x->reading, &o)) == -EAGAIN)
                ;
        if (r == -ENOBUFS) { /* the log has gone on before it was asked */
                assert_true(reading_lag(x->reading) > 0);
                return false;
        }
        assert_true(r >= 0);
        assert_int_equal(r, x->next < x->n);
        if (r > 0)
                assert_ptr_equal(o, x->objects[x->next++]);
        return r > 0;
}

static void run_world(uint64_t seed) {
        Expected expected[READINGS] = {};
        Prng p;
        Store *s;

        prng_init(&p, seed);
        assert_int_equal(store_new(kinds, NULL, 50, secret, &s), 0);
        for (unsigned i = 0; i < 3000; i++) {
                Expected *x = &expected[prng_below(&p, READINGS)];

                switch (prng_below(&p, 8)) {
                case 0:
                        if (x->planned)
                                begin_planned(s, x);
                        else if (!x->reading)
                                (prng_below(&p, 2) == 0 ? begin : plan)(s, &p, x);
                        break;
                case 1: case 2: case 3:
                        if (x->reading && !go_on(x))
                                end(x);
                        break;
                case 4:
                        store_set_durable(s, store_revision(s));
                        break;
                case 5: /* what is taken back changes, too */
                        if (prng_below(&p, 8) == 0)
                                undo(s, expected);
                        break;
                default:
                        change(s, &p);
                }
        }
        for (unsigned i = 0; i < READINGS; i++)
                if (expected[i].reading) {
                        while (go_on(&expected[i]))
                                ;
                        end(&expected[i]);
                } else
                        end(&expected[i]);
        store_free(s);
}

static void test_any(void **unused _unused_) {
        for (uint64_t seed = 1; seed <= 200; seed++)
                run_world(seed);
}

/* As of an older revision, by the log; and not further than that reaches. */
static void read_the_past(unsigned n_changes) {
        Expected x = {};
        Prng p;
        Store *s;

        prng_init(&p, 7);
        assert_int_equal(store_new(kinds, NULL, n_changes + 10, secret, &s), 0);
        for (unsigned i = 0; i < 200; i++)
                change(s, &p);
        begin_by_key(s, &x, NULL, NULL);
        reading_free(x.reading);
        for (unsigned i = 0; i < n_changes; i++)
                change(s, &p);
        store_set_durable(s, store_revision(s));
        assert_int_equal(reading_by_key(s, KIND_POD, NULL, NULL, 200, &x.reading), 0);
        assert_int_equal(reading_revision(x.reading), 200);
        while (go_on(&x))
                change(s, &p);
        end(&x);
        for (unsigned i = 0; i < n_changes + 10; i++)
                change(s, &p);
        store_set_durable(s, store_revision(s));
        assert_int_equal(reading_by_key(s, KIND_POD, NULL, NULL, 200, &x.reading), -ERANGE);
        store_free(s);
}

static void test_of_the_past(void **unused _unused_) {
        read_the_past(90);
        read_the_past(20000); /* more than is looked at at once */
}

/* One that is not read while too much changes ends in an error, and gives back what it kept. */
static void test_too_slow(void **unused _unused_) {
        Reading *slow, *other;
        char name[32];
        Object *o;
        Store *s;

        assert_int_equal(store_new(kinds, NULL, 10, secret, &s), 0);
        put(s, "a");
        put(s, "b");
        for (unsigned i = 0; i <= READING_KEPT_MAX; i++) {
                (void) snprintf(name, sizeof(name), "c-%u", i);
                put(s, name);
        }
        assert_int_equal(reading_by_key(s, KIND_POD, NULL, NULL, store_revision(s), &slow), 0);
        assert_int_equal(reading_by_id(s, KIND_POD, 0, 2, &other), 0);
        assert_int_equal(reading_next(slow, &o), 1);
        for (unsigned i = 0; i <= READING_KEPT_MAX; i++) {
                (void) snprintf(name, sizeof(name), "c-%u", i);
                assert_int_equal(store_delete(s, store_find(s, KIND_POD, name)), 0);
                store_set_durable(s, store_revision(s));
        }
        assert_int_equal(reading_next(slow, &o), -ENOBUFS);
        assert_int_equal(reading_next(slow, &o), -ENOBUFS);
        for (unsigned i = 0; i < 2; i++) /* what is after its end is none of this one's business */
                assert_int_equal(reading_next(other, &o), 1);
        assert_int_equal(reading_next(other, &o), 0);
        reading_free(slow);
        reading_free(other);
        store_free(s);
}

/* What the log has yet to tell of may be undone, and then nobody can. */
static void test_undone_before_it_was_told(void **unused _unused_) {
        Reading *reading;
        Object *o;
        Store *s;

        assert_int_equal(store_new(kinds, NULL, 10, secret, &s), 0);
        put(s, "a");
        store_set_durable(s, 1);
        put(s, "a");
        assert_int_equal(reading_by_key(s, KIND_POD, NULL, NULL, 1, &reading), 0);
        assert_int_equal(reading_lag(reading), 1);
        assert_int_equal(store_undo(s), 0);
        assert_int_equal(reading_next(reading, &o), -ENOBUFS);
        reading_free(reading);
        store_free(s);
}

static void test_ends_of_pages(void **unused _unused_) {
        Store *s;

        assert_int_equal(store_new(kinds, NULL, 10, secret, &s), 0);
        assert_int_equal(store_nth_id(s, KIND_POD, 3, 5), 3);
        for (unsigned i = 0; i < 6; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "p-%u", i);
                put(s, name);
        }
        assert_int_equal(store_delete(s, store_find(s, KIND_POD, "p-2")), 0);
        assert_int_equal(store_nth_id(s, KIND_POD, 0, 2), 2);
        assert_int_equal(store_nth_id(s, KIND_POD, 0, 3), 4);
        assert_int_equal(store_nth_id(s, KIND_POD, 4, 10), 6);
        assert_int_equal(store_nth_id(s, KIND_POD, 6, 10), 6);
        store_free(s);
}

/* What could not be queued for the disk is taken again, before what came after it. */
static void test_changes_are_given_back(void **state _unused_) {
        const StoreChange *changes;
        Store *s;

        assert_int_equal(store_new(kinds, NULL, 100, secret, &s), 0);
        put(s, "a");
        put(s, "b");
        assert_int_equal(store_take_changes(s, &changes), 2);
        assert_false(store_has_untaken_changes(s));
        store_give_back_changes(s, 2);
        assert_true(store_has_untaken_changes(s));
        put(s, "c");
        assert_int_equal(store_take_changes(s, &changes), 3);
        assert_int_equal(changes[0].revision, 1);
        assert_int_equal(store_take_changes(s, &changes), 0);
        store_free(s);
}

/* Keys are in order, whatever they have in common. */
static void test_order(void **state _unused_) {
        static const char letters[] = "ab-./9z";
        const Object *before = NULL;
        unsigned n = 0;
        Prng p;
        Store *s;

        prng_init(&p, 7);
        assert_int_equal(store_new(kinds, NULL, 10, secret, &s), 0);
        for (unsigned i = 0; i < 3000; i++) {
                char name[17];
                size_t size = 1 + prng_below(&p, sizeof(name) - 1);
                bool slash = false;

                for (size_t k = 0; k < size; k++) {
                        name[k] = i % 3 > 0 && k < 6 ? "ab-cd-"[k] : letters[prng_below(&p, sizeof(letters) - 1)];
                        if (name[k] == '/' && (slash || k == 0 || k == size - 1))
                                name[k] = 'a';
                        slash |= name[k] == '/';
                }
                name[size] = '\0';
                put(s, name);
        }
        for (StoreEntry *e = store_find_from(s, KIND_POD, NULL); e; e = store_following(e), n++) {
                assert_true(!before || object_compare(before, e->object) < 0);
                assert_ptr_equal(store_find_from(s, KIND_POD, e->object->name), e);
                before = e->object;
        }
        assert_int_equal(n, store_count(s, KIND_POD));
        assert_true(n > 1000);
        store_free(s);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order), cmocka_unit_test(test_any), cmocka_unit_test(test_of_the_past), cmocka_unit_test(test_too_slow),
                cmocka_unit_test(test_undone_before_it_was_told), cmocka_unit_test(test_ends_of_pages), cmocka_unit_test(test_changes_are_given_back),
        };

        for (Kind k = 0; k < _KIND_MAX; k++)
                kinds[k].entry_size = sizeof(StoreEntry);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
