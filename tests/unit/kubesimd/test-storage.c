/* SPDX-License-Identifier: Apache-2.0 */
/* What storage promises, asked of a real file: what was committed is there, after a crash too, and a file that is not
 * ours to write is left as it was. */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "core/model/pod.h"
#include "kubesimd/storage/storage.h"

static const StorageBackend *const sqlite = &storage_sqlite;
static char dir[] = "/tmp/kubesim-test-storage.XXXXXX";
static char path[128];

typedef struct Loaded {
        size_t n;
        uint64_t ids[4096], revisions[4096];
        char names[4096][16];
        int64_t cpu[4096];
} Loaded;

static Loaded loaded;

static int keep(Object *o, void *userdata) {
        Loaded *l = userdata;

        assert_true(l->n < ELEMENTSOF(l->ids));
        l->ids[l->n] = o->id;
        l->revisions[l->n] = o->revision;
        l->cpu[l->n] = ((Pod*) o)->cpu;
        (void) snprintf(l->names[l->n++], sizeof(l->names[0]), "%s", o->name);
        return 0;
}

static Object *pod(uint64_t id, uint64_t revision, int64_t cpu) {
        char name[16];
        Pod *p;

        (void) snprintf(name, sizeof(name), "pod-%llu", (unsigned long long) id);
        assert_int_equal(pod_new(name, &p), 0);
        p->cpu = cpu;
        p->duration = USEC_INFINITY;
        p->object.id = id;
        p->object.revision = revision;
        return &p->object;
}

static int commit_one(void *state, ChangeType type, uint64_t id, uint64_t revision, int64_t cpu, Error *reterr) {
        _cleanup_(object_unrefp) Object *o = pod(id, revision, cpu);
        const StoreChange change = { .revision = revision, .type = type, .object = o };

        return sqlite->commit(state, &change, 1, revision, id, reterr);
}

static void *open_state(void) {
        _cleanup_error_ Error error = ERROR_NULL;
        void *state = NULL;

        if (sqlite->open(path, &state, &error) < 0)
                fail_msg("%s", error_message(&error));
        return state;
}

static void load(void *state, uint64_t *ret_revision, uint64_t *ret_last_id) {
        _cleanup_error_ Error error = ERROR_NULL;

        loaded.n = 0;
        if (sqlite->load(state, keep, &loaded, ret_revision, ret_last_id, &error) < 0)
                fail_msg("%s", error_message(&error));
}

static int fresh(void **state _unused_) {
        static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
        char file[160];

        (void) snprintf(path, sizeof(path), "%s/state.db", dir);
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                (void) snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
                (void) unlink(file);
        }
        return 0;
}

static void test_keeps(void **unused _unused_) {
        uint64_t revision, last_id;
        void *state = open_state();

        load(state, &revision, &last_id);
        assert_int_equal(loaded.n + revision + last_id, 0);
        assert_int_equal(commit_one(state, CHANGE_ADDED, 1, 1, 100, NULL), 0);
        assert_int_equal(commit_one(state, CHANGE_ADDED, 2, 2, 200, NULL), 0);
        assert_int_equal(commit_one(state, CHANGE_MODIFIED, 1, 3, 150, NULL), 0);
        assert_int_equal(commit_one(state, CHANGE_ADDED, 3, 4, 300, NULL), 0);
        assert_int_equal(commit_one(state, CHANGE_DELETED, 3, 5, 300, NULL), 0);
        sqlite->close(state);

        state = open_state();
        load(state, &revision, &last_id);
        assert_int_equal(loaded.n, 2);
        assert_int_equal(revision, 5);
        assert_int_equal(last_id, 3); /* is not given again, though its object is gone */
        assert_string_equal(loaded.names[0], "pod-1");
        assert_int_equal(loaded.cpu[0], 150);
        assert_int_equal(loaded.revisions[0], 3);
        assert_int_equal(loaded.ids[1], 2);
        sqlite->close(state);
}

static void test_one_process_at_a_time(void **unused _unused_) {
        void *state = open_state();
        pid_t child = fork();
        int status;

        if (child == 0) {
                _cleanup_error_ Error error = ERROR_NULL;
                void *other;

                _exit(sqlite->open(path, &other, &error) == -EBUSY && strstr(error_message(&error), "in use by process") ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        sqlite->close(state);
}

#define CRASH_PODS 500 /* so many are made, then they are changed in turn */

/* A child opens what the one before has left, commits and says so after each; it is killed that long after it began, or after its first
 * commit. All that was there before and all it has said is there: a child that was killed before it said anything has lost nothing. */
static void crash_once(unsigned after_usec, bool after_first, uint64_t *durable) {
        uint64_t revision, last_id, said = *durable, n;
        int fds[2];
        pid_t child;
        void *state;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        child = fork();
        if (child == 0) {
                state = open_state();
                load(state, &revision, &last_id);
                for (n = revision + 1;; n++)
                        if (commit_one(state, n <= CRASH_PODS ? CHANGE_ADDED : CHANGE_MODIFIED, 1 + (n - 1) % CRASH_PODS, n, 1 + (int64_t) n, NULL) < 0 ||
                            write(fds[1], &n, sizeof(n)) != sizeof(n))
                                _exit(1);
        }
        (void) close(fds[1]);
        if (after_first) {
                assert_int_equal(read(fds[0], &said, sizeof(said)), sizeof(said));
                assert_int_equal(said, *durable + 1);
        }
        (void) usleep(after_usec);
        (void) kill(child, SIGKILL);
        while (read(fds[0], &n, sizeof(n)) == sizeof(n))
                said = n;
        assert_int_equal(waitpid(child, NULL, 0), child);
        (void) close(fds[0]);

        state = open_state();
        load(state, &revision, &last_id);
        assert_true(revision >= said);
        assert_true(revision <= said + 1); /* the one that it had no time to tell of */
        assert_int_equal(loaded.n, MIN(revision, (uint64_t) CRASH_PODS));
        for (size_t i = 0; i < loaded.n; i++) {
                assert_int_equal(loaded.revisions[i], revision - (revision - loaded.ids[i]) % CRASH_PODS); /* its last one */
                assert_int_equal(loaded.cpu[i], 1 + (int64_t) loaded.revisions[i]);
        }
        sqlite->close(state);
        *durable = revision;
}

static void test_crash(void **unused _unused_) {
        uint64_t durable = 0;

        for (unsigned i = 0; i < 20; i++)
                crash_once(5000 + 7919 * i % 40000, i % 2 == 1, &durable);
        assert_true(durable >= 10);
}

/* A file that may not grow further stands for a disk that is full: the kernel refuses the same write(2). */
static void test_full_disk(void **unused _unused_) {
        struct rlimit before, small = { .rlim_cur = 64 * KIB };
        uint64_t revision, last_id, n = 0, durable = 0;
        void *state = open_state();
        int r = 0;

        (void) signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        small.rlim_max = before.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        while (r >= 0 && n < 1000) {
                _cleanup_error_ Error error = ERROR_NULL;

                n++;
                r = commit_one(state, CHANGE_ADDED, n, n, (int64_t) n, &error);
                if (r >= 0)
                        durable = n;
                else
                        assert_true(strlen(error_message(&error)) > 0);
        }
        assert_true(r == -ENOSPC || r == -EIO);
        assert_true(durable > 0 && durable < 1000);
        assert_true(sqlite->commit(state, NULL, 0, 0, 0, NULL) < 0); /* a probe does not say that all is well */
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(sqlite->commit(state, NULL, 0, 0, 0, NULL), 0);
        assert_int_equal(commit_one(state, CHANGE_ADDED, durable + 1, durable + 1, 7, NULL), 0);
        sqlite->close(state);

        state = open_state();
        load(state, &revision, &last_id);
        assert_int_equal(revision, durable + 1);
        assert_int_equal(loaded.n, durable + 1);
        sqlite->close(state);
}

static void write_at(long offset, const void *data, size_t size) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_int_equal(pwrite(fd, data, size, offset), size);
        (void) close(fd);
}

static void slurp(char *buf, size_t size, ssize_t *ret) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        *ret = read(fd, buf, size);
        (void) close(fd);
}

/* It is refused with that code and a message, and not a byte of it changes. */
static void refused(int code, const char *says) {
        _cleanup_error_ Error error = ERROR_NULL;
        static char before[MIB], after[MIB];
        uint64_t revision, last_id;
        ssize_t n, m;
        void *state = NULL;
        int r;

        slurp(before, sizeof(before), &n);
        r = sqlite->open(path, &state, &error);
        if (r >= 0)
                r = sqlite->load(state, keep, &loaded, &revision, &last_id, &error);
        sqlite->close(state);
        assert_int_equal(r, code);
        if (!strstr(error_message(&error), says))
                fail_msg("\"%s\" does not say \"%s\"", error_message(&error), says);
        slurp(after, sizeof(after), &m);
        assert_int_equal(n, m);
        assert_memory_equal(before, after, (size_t) n);
}

static void make_file(void) {
        void *state = open_state();

        for (uint64_t i = 1; i <= 200; i++)
                assert_int_equal(commit_one(state, CHANGE_ADDED, i, i, 5, NULL), 0);
        sqlite->close(state);
}

static void test_newer(void **unused _unused_) {
        make_file();
        write_at(60, "\0\0\0\x63", 4); /* user_version 99 */
        refused(-EPROTO, "newer");
}

static void test_of_another(void **unused _unused_) {
        make_file();
        write_at(68, "abcd", 4);
        refused(-EMEDIUMTYPE, "another program");
}

static void test_no_database(void **unused _unused_) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, "hello", 5), 5);
        (void) close(fd);
        refused(-EBADMSG, "left untouched");
}

static void test_truncated(void **unused _unused_) {
        make_file();
        assert_int_equal(truncate(path, 3 * 4096), 0);
        refused(-EBADMSG, path);
}

static void test_garbled_page(void **unused _unused_) {
        static char garbage[4096];

        memset(garbage, 0xa5, sizeof(garbage));
        make_file();
        write_at(4096, garbage, sizeof(garbage));
        refused(-EBADMSG, path);
}

static void test_null_keeps_nothing(void **unused _unused_) {
        _cleanup_(object_unrefp) Object *o = pod(1, 1, 5);
        const StoreChange change = { .revision = 1, .type = CHANGE_ADDED, .object = o };
        uint64_t revision, last_id;
        void *state = NULL;

        assert_int_equal(storage_null.open(":memory:", &state, NULL), 0);
        assert_int_equal(storage_null.commit(state, &change, 1, 1, 1, NULL), 0);
        loaded.n = 0;
        assert_int_equal(storage_null.load(state, keep, &loaded, &revision, &last_id, NULL), 0);
        assert_int_equal(loaded.n + revision + last_id, 0);
        storage_null.close(state);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_keeps, fresh),          cmocka_unit_test_setup(test_one_process_at_a_time, fresh),
                cmocka_unit_test_setup(test_crash, fresh),          cmocka_unit_test_setup(test_full_disk, fresh),
                cmocka_unit_test_setup(test_newer, fresh),          cmocka_unit_test_setup(test_of_another, fresh),
                cmocka_unit_test_setup(test_no_database, fresh),    cmocka_unit_test_setup(test_truncated, fresh),
                cmocka_unit_test_setup(test_garbled_page, fresh),   cmocka_unit_test(test_null_keeps_nothing),
        };
        int r;

        if (!mkdtemp(dir))
                return 1;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        (void) fresh(NULL);
        (void) rmdir(dir);
        return r;
}
