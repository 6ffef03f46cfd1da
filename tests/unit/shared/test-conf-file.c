/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of configuration: which file counts, in which order, and what is said about mistakes. */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/strbuf.h"
#include "basic/string-util.h"
#include "shared/conf-file.h"
#include "tests/lib/directory.h"

typedef struct Target {
        char one[64], two[64], list[256];
        char warnings[512];
} Target;

static char root[TEST_DIRECTORY_MAX];

static int parse_text(const ConfLine *l, void *target, Error *reterr) {
        if (streq(l->value, "bad"))
                return error_set(reterr, -EINVAL, "must not be bad");
        (void) snprintf(target, sizeof(((Target*) 0)->one), "%s", l->value);
        return 0;
}

static int parse_list(const ConfLine *l, void *target, Error *reterr _unused_) {
        char *list = target;

        if (streq(l->value, ""))
                list[0] = '\0';
        else
                (void) snprintf(list + strlen(list), sizeof(((Target*) 0)->list) - strlen(list), "%s;", l->value);
        return 0;
}

static const ConfItem items[] = {
        { "A", "One", parse_text, offsetof(Target, one) },
        { "A", "Two", parse_text, offsetof(Target, two) },
        { "B", "List", parse_list, offsetof(Target, list) },
};

static const ConfItem *find(const char *section, const char *key) {
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                if (streq(items[i].section, section) && streq(items[i].key, key))
                        return &items[i];
        return NULL;
}

static void warn(const char *file, unsigned line, const char *message, void *userdata) {
        Target *t = userdata;

        (void) snprintf(t->warnings + strlen(t->warnings), sizeof(t->warnings) - strlen(t->warnings), "%s:%u: %s\n",
                        startswith(file, root) ?: file, line, message);
}

static int text(const char *s, Target *t, Error *reterr) {
        const ConfParser p = { find, t, warn, t };
        _cleanup_free_ char *copy = strdup(s);

        *t = (Target) {};
        return conf_parse_text(&p, copy, strlen(s), "f", reterr);
}

static int load(Target *t, const char *main_file, Error *reterr) {
        const ConfParser p = { find, t, warn, t };

        *t = (Target) {};
        return conf_load(&p, root, "sim", "d.conf", main_file, reterr);
}

static void put(const char *file, const char *content) {
        char path[256];
        int fd;

        (void) snprintf(path, sizeof(path), "%s%s", root, file);
        for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                (void) mkdir(path, 0755);
                *slash = '/';
        }
        (void) unlink(path);
        if (!content) {
                assert_int_equal(symlink("/dev/null", path), 0);
                return;
        }
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_int_equal(write(fd, content, strlen(content)), strlen(content));
        (void) close(fd);
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw) {
        return ftw->level == 0 ? 0 : remove(path);
}

static int clean(void **state _unused_) {
        return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_syntax(void **state _unused_) {
        Target t;

        assert_int_equal(text("# c\n; c\n\n[A]\n  One = x y \t\r\nTwo=a\\\n  b\n[B]\nList=1\nList=2\n", &t, NULL), 0);
        assert_string_equal(t.one, "x y");
        assert_string_equal(t.two, "a   b");
        assert_string_equal(t.list, "1;2;");
        assert_string_equal(t.warnings, "");
        assert_int_equal(text("[B]\nList=1\nList=\nList=3\n[A]\nOne=x\nOne=", &t, NULL), 0);
        assert_string_equal(t.list, "3;");
        assert_string_equal(t.one, "");
}

static void test_unknown_is_a_warning(void **state _unused_) {
        Target t;

        assert_int_equal(text("[A]\nThree=1\nOne=x\n[C]\nOne=2\n", &t, NULL), 0);
        assert_string_equal(t.one, "x");
        assert_non_null(strstr(t.warnings, "f:2: "));
        assert_non_null(strstr(t.warnings, "Three"));
        assert_non_null(strstr(t.warnings, "C"));
}

static void test_wrong_is_refused(void **state _unused_) {
        static const struct {
                const char *text, *says;
        } cases[] = {
                { "[A]\nOne=x\n\nTwo=bad\n", "f:4: " }, { "[A]\nTwo=bad\n", "Two" }, { "[A]\nTwo=bad\n", "must not be bad" },
                { "[A\n", "f:1: " }, { "[A]\nnonsense\n", "f:2: " }, { "One=x\n", "f:1: " }, { "[A]\n=x\n", "f:2: " },
                { "[A]\nOne=\xff\n", "f:2: " },
        };
        Target t;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                int r = text(cases[i].text, &t, &error);

                if (r < 0 ? !strstr(error_message(&error), cases[i].says) : !strstr(t.warnings, cases[i].says))
                        fail_msg("\"%s\": \"%s\" and \"%s\" do not say \"%s\"", cases[i].text, r < 0 ? error_message(&error) : "", t.warnings,
                                 cases[i].says);
        }
}

static void test_too_long(void **state _unused_) {
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *s = malloc(CONF_LINE_MAX + 100);
        Target t;

        memset(s, 'x', CONF_LINE_MAX + 99);
        memcpy(s, "[A]\nOne=", 8);
        s[CONF_LINE_MAX + 99] = '\0';
        assert_int_equal(text(s, &t, &error), -EINVAL);
        assert_non_null(strstr(error_message(&error), "f:2: "));
}

static void test_nul(void **state _unused_) {
        _cleanup_error_ Error error = ERROR_NULL;
        char s[] = "[A]\nOne=a\0b\n";
        Target t = {};
        const ConfParser p = { find, &t, warn, &t };

        assert_int_equal(conf_parse_text(&p, s, sizeof(s) - 1, "f", &error), -EINVAL);
}

static void test_main_file_precedence(void **state _unused_) {
        Target t;

        put("/usr/lib/sim/d.conf", "[A]\nOne=usr\nTwo=usr\n");
        assert_int_equal(load(&t, NULL, NULL), 0);
        assert_string_equal(t.one, "usr");
        put("/run/sim/d.conf", "[A]\nOne=run\n");
        assert_int_equal(load(&t, NULL, NULL), 0);
        assert_string_equal(t.one, "run");
        assert_string_equal(t.two, ""); /* the other one is not read at all */
        put("/etc/sim/d.conf", "[A]\nOne=etc\n");
        assert_int_equal(load(&t, NULL, NULL), 0);
        assert_string_equal(t.one, "etc");
        put("/etc/sim/d.conf", NULL); /* masked */
        assert_int_equal(load(&t, NULL, NULL), 0);
        assert_string_equal(t.one, "");
}

static void test_drop_ins(void **state _unused_) {
        Target t;

        put("/etc/sim/d.conf", "[A]\nOne=main\n[B]\nList=main\n");
        put("/usr/lib/sim/d.conf.d/50-b.conf", "[A]\nOne=usr50\n[B]\nList=usr50\n");
        put("/etc/sim/d.conf.d/10-a.conf", "[A]\nOne=etc10\n[B]\nList=etc10\n");
        put("/run/sim/d.conf.d/70-c.conf", "[B]\nList=run70\n");
        put("/etc/sim/d.conf.d/ignored.txt", "[A]\nOne=txt\n");
        put("/etc/sim/d.conf.d/.hidden.conf", "[A]\nOne=hidden\n");
        assert_int_equal(load(&t, NULL, NULL), 0);
        assert_string_equal(t.one, "usr50"); /* by file name, whatever the directory */
        assert_string_equal(t.list, "main;etc10;usr50;run70;");
        put("/etc/sim/d.conf.d/50-b.conf", "[B]\nList=etc50\n"); /* takes the place of the one of that name */
        assert_int_equal(load(&t, NULL, NULL), 0);
        assert_string_equal(t.one, "etc10");
        assert_string_equal(t.list, "main;etc10;etc50;run70;");
        put("/etc/sim/d.conf.d/70-c.conf", NULL);
        put("/etc/sim/d.conf.d/50-b.conf", "");
        assert_int_equal(load(&t, NULL, NULL), 0);
        assert_string_equal(t.list, "main;etc10;");
}

static void test_mistakes_name_the_file(void **state _unused_) {
        _cleanup_error_ Error error = ERROR_NULL;
        Target t;

        put("/usr/lib/sim/d.conf.d/50-b.conf", "[A]\nOne=ok\nTwo=bad\n");
        assert_int_equal(load(&t, NULL, &error), -EINVAL);
        assert_non_null(strstr(error_message(&error), "/usr/lib/sim/d.conf.d/50-b.conf:3: "));
}

static void test_given_file(void **state _unused_) {
        _cleanup_error_ Error error = ERROR_NULL;
        char path[256];
        Target t;

        put("/etc/sim/d.conf", "[A]\nOne=etc\n");
        put("/etc/sim/d.conf.d/10-a.conf", "[A]\nTwo=drop-in\n");
        put("/mine", "[A]\nOne=mine\n");
        (void) snprintf(path, sizeof(path), "%s/mine", root);
        assert_int_equal(load(&t, path, NULL), 0);
        assert_string_equal(t.one, "mine");
        assert_string_equal(t.two, "");
        assert_true(load(&t, "/nonexistent/file", &error) < 0);
        assert_non_null(strstr(error_message(&error), "/nonexistent/file"));
}

static void test_assign(void **state _unused_) {
        Target t = {};
        const ConfParser p = { find, &t, warn, &t };
        _cleanup_error_ Error error = ERROR_NULL;

        assert_int_equal(conf_assign(&p, "A.One=x=y", NULL), 0);
        assert_string_equal(t.one, "x=y");
        assert_true(conf_assign(&p, "A.Three=1", NULL) < 0);
        assert_true(conf_assign(&p, "nonsense", NULL) < 0);
        assert_int_equal(conf_assign(&p, "A.Two=bad", &error), -EINVAL);
        assert_non_null(strstr(error_message(&error), "must not be bad"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_syntax),
                cmocka_unit_test(test_unknown_is_a_warning),
                cmocka_unit_test(test_wrong_is_refused),
                cmocka_unit_test(test_too_long),
                cmocka_unit_test(test_nul),
                cmocka_unit_test_teardown(test_main_file_precedence, clean),
                cmocka_unit_test_teardown(test_drop_ins, clean),
                cmocka_unit_test_teardown(test_mistakes_name_the_file, clean),
                cmocka_unit_test_teardown(test_given_file, clean),
                cmocka_unit_test(test_assign),
        };
        int r;

        if (!make_test_directory(root))
                return 1;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        (void) rmdir(root);
        return r;
}
