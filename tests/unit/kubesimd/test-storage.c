/* SPDX-License-Identifier: Apache-2.0 */
/* What storage promises, asked of a real file: what was committed is there, after a crash too, and a file that is not
 * ours to write is left as it was. */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "core/model/codec.h"
#include "core/model/doc-pool.h"
#include "core/model/pod.h"
#include "kubesimd/storage/storage.h"
#include "tests/lib/directory.h"

static const StorageBackend *const sqlite = &storage_sqlite;
static char dir[TEST_DIRECTORY_MAX];
static char path[128];
static DocPool *documents; /* as the daemon has one for its life */

typedef struct Loaded {
        size_t n;
        uint64_t ids[4096], revisions[4096];
        char names[4096][16];
        int64_t cpu[4096];
        Object *objects[4096]; /* references, with keep_objects */
} Loaded;

static Loaded loaded;
static bool keep_objects;

static int keep(Object *o, void *userdata) {
        Loaded *l = userdata;

        assert_true(l->n < ELEMENTSOF(l->ids));
        l->ids[l->n] = o->id;
        l->revisions[l->n] = o->revision;
        l->cpu[l->n] = ((Pod*) o)->cpu;
        if (keep_objects) { /* as the cluster does */
                if (o->doc)
                        o->doc = doc_pool_intern(documents, o->doc);
                l->objects[l->n] = object_ref(o);
        }
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
        if (sqlite->load(state, documents, keep, &loaded, ret_revision, ret_last_id, &error) < 0)
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

/* A child commits and says so after each; it is killed at some point. All it has said is there. */
static void crash_once(unsigned after_usec, uint64_t *before) {
        uint64_t revision, last_id, said = *before /* should it get to say nothing */, n;
        int fds[2];
        pid_t child;
        void *state;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        child = fork();
        if (child == 0) {
                state = open_state();
                load(state, &revision, &last_id);
                for (n = revision + 1; n < ELEMENTSOF(loaded.ids); n++)
                        if (commit_one(state, CHANGE_ADDED, n, n, 1 + (int64_t) n, NULL) < 0 || write(fds[1], &n, sizeof(n)) != sizeof(n))
                                _exit(1);
                _exit(0);
        }
        (void) close(fds[1]);
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
        assert_int_equal(loaded.n, revision);
        for (size_t i = 0; i < loaded.n; i++)
                assert_int_equal(loaded.cpu[i], 1 + (int64_t) loaded.ids[i]);
        sqlite->close(state);
        *before = revision;
}

static void test_crash(void **unused _unused_) {
        uint64_t revision = 0;

        for (unsigned i = 0; i < 20; i++)
                crash_once(5000 + 7919 * i % 40000, &revision);
}

/* A file that may not grow further stands for a disk that is full: the kernel refuses the same write(2). */
static void test_full_disk(void **unused _unused_) {
        struct rlimit before, small = { .rlim_cur = 68 * KIB };
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

/* --- Documents that several objects share --- */

static Object *documented(uint64_t id, uint64_t revision, const char *text) {
        _cleanup_free_ char *copy = strdup(text);
        Object *o = pod(id, revision, 1);
        Doc *d;

        assert_int_equal(doc_decode(copy, strlen(copy), &d, NULL), 0);
        o->doc = doc_pool_intern(documents, d);
        return o;
}

static int64_t ask(const char *sql) {
        sqlite3_stmt *q;
        int64_t n = -1;
        sqlite3 *db;

        assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
        if (sqlite3_step(q) == SQLITE_ROW)
                n = sqlite3_column_int64(q, 0);
        (void) sqlite3_finalize(q);
        (void) sqlite3_close(db);
        return n;
}

static int64_t n_documents(void) {
        return ask("SELECT count(*) FROM documents");
}

/* Commits the change to the new version, and lets go of the old one. */
static int replace(void *state, Object **o, Object *new, Error *reterr) {
        const Object *any = new ?: *o;
        const StoreChange change = { .revision = any->revision, .type = !new ? CHANGE_DELETED : *o ? CHANGE_MODIFIED : CHANGE_ADDED,
                                     .object = new ?: *o, .old = *o };
        int r = sqlite->commit(state, &change, 1, any->revision, any->id, reterr);

        if (r >= 0) {
                object_unref(*o);
                *o = new;
        } else
                object_unref(new);
        return r;
}

static void load_documented(void *state, size_t n) {
        uint64_t revision, last_id;

        keep_objects = true;
        load(state, &revision, &last_id);
        keep_objects = false;
        assert_int_equal(loaded.n, n);
}

static void drop_loaded(void) {
        for (size_t i = 0; i < loaded.n; i++)
                object_unref(loaded.objects[i]);
}

#define TEXT_A "{\"metadata\":{\"labels\":{\"app\":\"a\"}},\"spec\":{\"n\":1}}"
#define TEXT_B "{\"metadata\":{\"labels\":{\"app\":\"b\"}},\"spec\":{\"n\":1}}"

static void test_a_document_is_stored_once(void **unused _unused_) {
        _cleanup_(object_unrefp) Object *a = NULL, *b = NULL, *c = NULL;
        uint64_t revision, last_id;
        void *state = open_state();

        load(state, &revision, &last_id);
        assert_int_equal(replace(state, &a, documented(1, 1, TEXT_A), NULL), 0);
        assert_int_equal(replace(state, &b, documented(2, 2, TEXT_A), NULL), 0);
        assert_int_equal(replace(state, &c, documented(3, 3, TEXT_B), NULL), 0);
        assert_int_equal(n_documents(), 2);
        assert_int_equal(ask("SELECT count(DISTINCT document) FROM objects"), 2);
        assert_int_equal(ask("SELECT max(length(body)) < 240 FROM objects"), 1); /* the text is not in them */

        /* One of them changes: its sibling does not. */
        assert_int_equal(replace(state, &b, documented(2, 4, TEXT_B), NULL), 0);
        assert_int_equal(n_documents(), 2);
        sqlite->close(state);
        state = open_state();
        load_documented(state, 3);
        assert_string_equal(doc_label(loaded.objects[0]->doc, "app"), "a");
        assert_string_equal(doc_label(loaded.objects[1]->doc, "app"), "b");
        assert_ptr_equal(loaded.objects[1]->doc, loaded.objects[2]->doc);
        assert_int_equal(loaded.objects[1]->doc->n_rows, 2);
        sqlite->close(state);
        drop_loaded();
}

static void test_a_document_goes_with_its_last_object(void **unused _unused_) {
        _cleanup_(object_unrefp) Object *a = NULL, *b = NULL;
        void *state = open_state();

        load_documented(state, 0);
        assert_int_equal(replace(state, &a, documented(1, 1, TEXT_A), NULL), 0);
        assert_int_equal(replace(state, &b, documented(2, 2, TEXT_A), NULL), 0);
        assert_int_equal(replace(state, &a, documented(1, 3, TEXT_B), NULL), 0);
        assert_int_equal(n_documents(), 2);
        assert_int_equal(replace(state, &b, NULL, NULL), 0);
        assert_int_equal(n_documents(), 1);
        sqlite->close(state);
        object_unref(TAKE_PTR(a));

        /* What was loaded is counted, too. */
        state = open_state();
        load_documented(state, 1);
        assert_int_equal(replace(state, &loaded.objects[0], pod(1, 5, 1), NULL), 0);
        assert_int_equal(n_documents(), 0);
        sqlite->close(state);
        drop_loaded();
}

/* Nothing of a batch that was refused is counted: the document is written again with the next object, and goes with it. */
static void test_documents_of_a_refused_batch(void **unused _unused_) {
        struct rlimit before, none = { .rlim_cur = 0 };
        _cleanup_(object_unrefp) Object *a = NULL, *b = NULL;
        void *state = open_state();

        load_documented(state, 0);
        assert_int_equal(replace(state, &a, documented(1, 1, TEXT_A), NULL), 0);
        (void) signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        none.rlim_max = before.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        assert_true(replace(state, &b, documented(2, 2, TEXT_B), NULL) < 0);
        assert_true(replace(state, &a, documented(1, 2, TEXT_B), NULL) < 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(a->doc->n_rows, 1);
        assert_int_equal(n_documents(), 1);
        assert_int_equal(replace(state, &b, documented(2, 2, TEXT_B), NULL), 0);
        assert_int_equal(b->doc->n_rows, 1);
        assert_int_equal(n_documents(), 2);
        assert_int_equal(replace(state, &a, documented(1, 3, TEXT_B), NULL), 0);
        assert_int_equal(n_documents(), 1);
        sqlite->close(state);
}

static void run_sql(const char *sql) {
        sqlite3 *db;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        (void) sqlite3_close(db);
}

static void test_garbage_and_gaps(void **unused _unused_) {
        _cleanup_(object_unrefp) Object *a = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        uint64_t revision, last_id;
        void *state = open_state();

        load_documented(state, 0);
        assert_int_equal(replace(state, &a, documented(1, 1, TEXT_A), NULL), 0);
        sqlite->close(state);
        run_sql("INSERT INTO documents VALUES(99, '{\"metadata\":{}}')");
        state = open_state();
        load_documented(state, 1);
        assert_int_equal(n_documents(), 1); /* nobody referred to it */
        sqlite->close(state);
        drop_loaded();

        run_sql("DELETE FROM documents");
        state = open_state();
        assert_int_equal(sqlite->load(state, documents, keep, &loaded, &revision, &last_id, &error), -EBADMSG);
        assert_non_null(strstr(error_message(&error), "is not there"));
        sqlite->close(state);
}

/* A child creates, changes and deletes pods of three documents, and is killed at some point. What is there is whole. */
static void crash_with_documents(unsigned after_usec) {
        void *state;
        pid_t child;

        child = fork();
        if (child == 0) {
                Object *objects[8] = {};

                state = open_state();
                load_documented(state, loaded.n = (size_t) ask("SELECT count(*) FROM objects"));
                for (size_t i = 0; i < loaded.n; i++)
                        objects[loaded.objects[i]->id - 1] = loaded.objects[i];
                for (uint64_t n = 100; ; n++) {
                        uint64_t id = n * 7 % 8;
                        char text[64];

                        (void) snprintf(text, sizeof(text), "{\"metadata\":{},\"spec\":{\"n\":%llu}}", (unsigned long long) (n * 5 % 3));
                        if (replace(state, &objects[id], objects[id] && n % 3 == 0 ? NULL : documented(id + 1, n, text), NULL) < 0)
                                _exit(1);
                }
        }
        (void) usleep(after_usec);
        (void) kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);

        state = open_state();
        load_documented(state, (size_t) ask("SELECT count(*) FROM objects"));
        assert_int_equal(n_documents(), ask("SELECT count(DISTINCT document) FROM objects"));
        for (size_t i = 0; i < loaded.n; i++)
                assert_non_null(loaded.objects[i]->doc);
        sqlite->close(state);
        drop_loaded();
}

static void test_crash_with_documents(void **unused _unused_) {
        for (unsigned i = 0; i < 20; i++)
                crash_with_documents(5000 + 7919 * i % 40000);
}

/* --- A database of the version before --- */

static void make_old_file(void) {
        run_sql("PRAGMA journal_mode = WAL; BEGIN; PRAGMA application_id = 1264735085; PRAGMA user_version = 1;"
                "CREATE TABLE objects(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL);"
                "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
                "INSERT INTO meta VALUES('revision', 9), ('last_id', 5);"
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) INSERT INTO objects SELECT i, 1, i + 4,"
                " CAST('{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"pod-' || i || '\",\"uid\":\"00000000-0000-4000-8000-00000000000' || i ||"
                " '\",\"creationTimestamp\":\"2026-01-02T03:04:05.678Z\"},\"spec\":{\"cpu\":0.001},\"status\":{\"phase\":\"Pending\"}' ||"
                " CASE WHEN i = 5 THEN '' ELSE ',\"document\":" TEXT_A "' END || '}' AS BLOB) FROM n; COMMIT;");
}
_Static_assert(KIND_POD == 1, "as in that file");

static void test_upgrade(void **unused _unused_) {
        void *state;

        make_old_file();
        state = open_state();
        sqlite->close(state); /* killed before it was loaded: as if nothing had been */
        assert_int_equal(ask("PRAGMA user_version"), 1);

        state = open_state();
        load_documented(state, 5);
        assert_int_equal(ask("PRAGMA user_version"), 3);
        assert_int_equal(n_documents(), 1);
        assert_int_equal(ask("SELECT count(document) FROM objects"), 4);
        for (size_t i = 1; i < 4; i++)
                assert_ptr_equal(loaded.objects[i]->doc, loaded.objects[0]->doc);
        assert_null(loaded.objects[4]->doc);
        assert_int_equal(replace(state, &loaded.objects[0], documented(1, 10, TEXT_B), NULL), 0);
        sqlite->close(state);
        drop_loaded();

        state = open_state();
        load_documented(state, 5);
        assert_string_equal(doc_label(loaded.objects[0]->doc, "app"), "b");
        assert_string_equal(doc_label(loaded.objects[3]->doc, "app"), "a");
        assert_int_equal(loaded.revisions[4], 9);
        sqlite->close(state);
        drop_loaded();
}

/* Of the version between, some objects refer to their documents and others have them within. */
static void test_upgrade_of_some(void **unused _unused_) {
        _cleanup_(object_unrefp) Object *a = NULL, *b = NULL, *c = NULL;
        void *state = open_state();

        load_documented(state, 0);
        assert_int_equal(replace(state, &a, documented(1, 1, TEXT_A), NULL), 0);
        assert_int_equal(replace(state, &b, documented(2, 2, TEXT_A), NULL), 0);
        assert_int_equal(replace(state, &c, documented(3, 3, TEXT_B), NULL), 0);
        sqlite->close(state);
        object_unref(TAKE_PTR(a));
        object_unref(TAKE_PTR(b));
        object_unref(TAKE_PTR(c));
        run_sql("UPDATE objects SET document = NULL, body = CAST(substr(CAST(body AS TEXT), 1, length(CAST(body AS TEXT)) - 1) || ',\"document\":" TEXT_A
                "}' AS BLOB) WHERE id = 2; PRAGMA user_version = 2;");

        state = open_state();
        load_documented(state, 3);
        assert_int_equal(ask("PRAGMA user_version"), 3);
        assert_int_equal(ask("SELECT count(document) FROM objects"), 3);
        assert_ptr_equal(loaded.objects[0]->doc, loaded.objects[1]->doc);
        assert_int_equal(loaded.objects[0]->doc->n_rows, 2);
        assert_int_equal(loaded.objects[2]->doc->n_rows, 1);
        assert_int_equal(replace(state, &loaded.objects[0], NULL, NULL), 0);
        assert_int_equal(n_documents(), 2);
        assert_int_equal(replace(state, &loaded.objects[1], NULL, NULL), 0);
        assert_int_equal(n_documents(), 1);
        sqlite->close(state);
        drop_loaded();
}

static void refused(int code, const char *says);

static void test_damaged_old_file(void **unused _unused_) {
        make_old_file();
        run_sql("UPDATE objects SET body = 'x' WHERE id = 3; PRAGMA wal_checkpoint(TRUNCATE)");
        refused(-EBADMSG, "object 3 is damaged");
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
                r = sqlite->load(state, documents, keep, &loaded, &revision, &last_id, &error);
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
        assert_int_equal(storage_null.load(state, documents, keep, &loaded, &revision, &last_id, NULL), 0);
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
                cmocka_unit_test_setup(test_a_document_is_stored_once, fresh),
                cmocka_unit_test_setup(test_a_document_goes_with_its_last_object, fresh),
                cmocka_unit_test_setup(test_documents_of_a_refused_batch, fresh),
                cmocka_unit_test_setup(test_garbage_and_gaps, fresh),
                cmocka_unit_test_setup(test_crash_with_documents, fresh),
                cmocka_unit_test_setup(test_upgrade, fresh),
                cmocka_unit_test_setup(test_upgrade_of_some, fresh),
                cmocka_unit_test_setup(test_damaged_old_file, fresh),
        };
        int r;

        if (!make_test_directory(dir) || doc_pool_new((uint64_t[]) { 1, 2 }, &documents) < 0)
                return 1;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        (void) fresh(NULL);
        (void) rmdir(dir);
        doc_pool_free(documents);
        return r;
}
