/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "core/model/codec.h"
#include "core/model/doc-pool.h"
#include "kubesimd/storage/storage.h"

/* "KbSm", in the file's header: this database is ours (sqlite.org/fileformat2.html, offset 68). */
#define APPLICATION_ID 0x4b62536d
#define SCHEMA_VERSION 3 /* 1: documents within their objects; 2: those of pods by themselves; 3: those of nodes, too */
#define BODY_MAX (6 * MIB) /* more than any front door takes */

typedef struct Sqlite {
        sqlite3 *db;
        int lock_fd; /* holds a lock on FILE.lock for as long as we live */
        sqlite3_stmt *begin, *commit, *rollback, *put, *delete, *put_document, *delete_document, *set_meta;
        StrBuf body;
        char *blob; /* while loading */
        size_t blob_allocated;
        bool upgrading; /* in a transaction that load() ends: what it loads is written again in the form of this version */
} Sqlite;

/* Documents that are being loaded, by number. */
typedef struct Documents {
        DocPool *pool;
        Doc **docs; /* owned references, ascending by number */
        size_t n, allocated;
        size_t last; /* where the one was that was asked for last */
} Documents;

static int error_from_sqlite(int rc) {
        switch (rc & 0xff) {
        case SQLITE_OK:
        case SQLITE_DONE:
        case SQLITE_ROW:
                return 0;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
                return -EROFS;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return -EBADMSG;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        default:
                return -EIO;
        }
}

static int fail(Sqlite *s, int rc, const char *what, Error *reterr) {
        int code = error_from_sqlite(rc);

        if (code == -EBADMSG)
                return error_set(reterr, code, "%s: %s is damaged (%s); it was left untouched: move it away, or restore it", what,
                                 s->db ? sqlite3_db_filename(s->db, "main") : "the file", sqlite3_errstr(rc));
        return error_set(reterr, code < 0 ? code : -EIO, "%s: %s", what, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
}

static int run(Sqlite *s, const char *sql, Error *reterr) {
        int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

        return rc == SQLITE_OK ? 0 : fail(s, rc, "cannot set up the state", reterr);
}

/* The first number of the first row, or a negative errno. */
static int query_number(Sqlite *s, const char *sql, int64_t *ret, Error *reterr) {
        sqlite3_stmt *q = NULL;
        int rc;

        rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_step(q);
        if (rc == SQLITE_ROW)
                *ret = sqlite3_column_int64(q, 0);
        (void) sqlite3_finalize(q);
        return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? -ENOENT : fail(s, rc, "cannot read the state", reterr);
}

static void sqlite_close(void *state) {
        Sqlite *s = state;

        if (!s)
                return;
        (void) sqlite3_finalize(s->begin);
        (void) sqlite3_finalize(s->commit);
        (void) sqlite3_finalize(s->rollback);
        (void) sqlite3_finalize(s->put);
        (void) sqlite3_finalize(s->delete);
        (void) sqlite3_finalize(s->put_document);
        (void) sqlite3_finalize(s->delete_document);
        (void) sqlite3_finalize(s->set_meta);
        (void) sqlite3_close(s->db);
        strbuf_done(&s->body);
        free(s->blob);
        safe_close(s->lock_fd);
        free(s);
}
DEFINE_CLEANUP(Sqlite*, sqlite_close)

/* One process at a time: SQLite's own locks would let a second one in between two batches. */
static int take_lock(Sqlite *s, const char *path, Error *reterr) {
        _cleanup_free_ char *lock = NULL;
        struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        if (asprintf(&lock, "%s.lock", path) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        s->lock_fd = RET_ERRNO(open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (s->lock_fd < 0)
                return error_set(reterr, s->lock_fd, "cannot open %s: %s", lock, strerror(-s->lock_fd));
        if (fcntl(s->lock_fd, F_SETLK, &fl) >= 0)
                return 0;
        fl = (struct flock) { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        if (fcntl(s->lock_fd, F_GETLK, &fl) >= 0 && fl.l_type != F_UNLCK)
                return error_set(reterr, -EBUSY, "%s is in use by process %d: stop that one, or give this one another --state=", path,
                                 (int) fl.l_pid);
        return error_set(reterr, -EBUSY, "%s is in use by another process", path);
}

/* Looks at a file that is there before SQLite may write to it. 1 when it is new or empty, 0 when it is ours. */
static int check_file(const char *path, Error *reterr) {
        static const char magic[16] = "SQLite format 3";
        _cleanup_close_ int fd = -EBADF;
        unsigned char header[100];
        uint32_t id, version;
        ssize_t n;

        fd = RET_ERRNO(open(path, O_RDONLY | O_CLOEXEC));
        if (fd == -ENOENT)
                return 1;
        if (fd < 0)
                return error_set(reterr, fd, "cannot open %s: %s", path, strerror(-fd));
        n = RET_ERRNO(read(fd, header, sizeof(header)));
        if (n == 0)
                return 1;
        if (n < (ssize_t) sizeof(header) || memcmp(header, magic, sizeof(magic)) != 0)
                return error_set(reterr, -EBADMSG, "%s is not a SQLite database, or it is damaged; it was left untouched: move it away, or "
                                 "restore it", path);
        id = (uint32_t) header[68] << 24 | (uint32_t) header[69] << 16 | (uint32_t) header[70] << 8 | header[71];
        version = (uint32_t) header[60] << 24 | (uint32_t) header[61] << 16 | (uint32_t) header[62] << 8 | header[63];
        if (id != APPLICATION_ID && (id != 0 || version != 0))
                return error_set(reterr, -EMEDIUMTYPE, "%s is a database of another program; it was left untouched", path);
        if (version > SCHEMA_VERSION)
                return error_set(reterr, -EPROTO, "%s has schema version %u, newer than this program's %d; it was left untouched: install "
                                 "the newer kubesim", path, version, SCHEMA_VERSION);
        return 0;
}

static int prepare(Sqlite *s, const char *sql, sqlite3_stmt **ret, Error *reterr) {
        int rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);

        return rc == SQLITE_OK ? 0 : fail(s, rc, "cannot prepare the state", reterr);
}

static int prepare_all(Sqlite *s, Error *reterr) {
        const struct {
                sqlite3_stmt **statement;
                const char *sql;
        } all[] = {
                { &s->begin, "BEGIN IMMEDIATE" },
                { &s->commit, "COMMIT" },
                { &s->rollback, "ROLLBACK" },
                { &s->put, "INSERT INTO objects(id, kind, revision, body, document) VALUES(?1, ?2, ?3, ?4, ?5) "
                           "ON CONFLICT(id) DO UPDATE SET revision = ?3, body = ?4, document = ?5" },
                { &s->delete, "DELETE FROM objects WHERE id = ?1" },
                { &s->put_document, "INSERT INTO documents(id, body) VALUES(?1, ?2)" },
                { &s->delete_document, "DELETE FROM documents WHERE id = ?1" },
                { &s->set_meta, "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)" },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                int r = prepare(s, all[i].sql, all[i].statement, reterr);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_up(Sqlite *s, bool is_new, Error *reterr) {
        int64_t version = 0;
        int r;

        r = run(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;"
                   "PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY;", reterr);
        if (r < 0)
                return r;
        r = query_number(s, "PRAGMA user_version", &version, reterr);
        if (r < 0)
                return r;
        if (is_new || version == 0) {
                r = run(s, "BEGIN IMMEDIATE;"
                           "PRAGMA application_id = 1264735085; PRAGMA user_version = 3;"
                           "CREATE TABLE IF NOT EXISTS objects(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, revision INTEGER NOT NULL,"
                           " body BLOB NOT NULL, document INTEGER);"
                           "CREATE TABLE IF NOT EXISTS documents(id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
                           "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
                           "INSERT OR IGNORE INTO meta VALUES('revision', 0), ('last_id', 0); COMMIT;", reterr);
        } else if (version < SCHEMA_VERSION) {
                s->upgrading = true;
                r = run(s, "BEGIN IMMEDIATE; PRAGMA user_version = 3;", reterr);
                if (r >= 0 && version == 1)
                        r = run(s, "ALTER TABLE objects ADD COLUMN document INTEGER; CREATE TABLE documents(id INTEGER PRIMARY KEY, body BLOB NOT NULL);", reterr);
        }
        return r < 0 ? r : prepare_all(s, reterr);
}
_Static_assert(APPLICATION_ID == 1264735085, "the pragma and the check must agree");

static int sqlite_open(const char *location, void **ret_state, Error *reterr) {
        _cleanup_(sqlite_closep) Sqlite *s = NULL;
        int r, rc;

        s = new0(Sqlite, 1);
        if (!s)
                return error_set(reterr, -ENOMEM, "out of memory");
        s->lock_fd = -EBADF;
        s->body = STRBUF_INIT(BODY_MAX);
        r = take_lock(s, location, reterr);
        if (r < 0)
                return r;
        r = check_file(location, reterr);
        if (r < 0)
                return r;
        rc = sqlite3_open_v2(location, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
        if (rc != SQLITE_OK)
                return fail(s, rc, "cannot open the state", reterr);
        r = set_up(s, r > 0, reterr);
        if (r < 0) {
                (void) error_prefix(reterr, "%s", location);
                return r;
        }
        *ret_state = TAKE_PTR(s);
        return 0;
}

static int step(sqlite3_stmt *q) {
        int rc = sqlite3_step(q);

        (void) sqlite3_reset(q);
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* --- Writing --- */

static int bind_body(Sqlite *s, sqlite3_stmt *q, int column) {
        if (strbuf_error(&s->body) < 0)
                return SQLITE_NOMEM;
        return sqlite3_bind_blob(q, column, s->body.data, (int) s->body.size, SQLITE_STATIC);
}

static int put_document(Sqlite *s, const Doc *d) {
        int rc;

        strbuf_clear(&s->body);
        doc_put(d, &s->body);
        (void) sqlite3_bind_int64(s->put_document, 1, (sqlite3_int64) d->number);
        rc = bind_body(s, s->put_document, 2);
        return rc == SQLITE_OK ? step(s->put_document) : rc;
}

static int delete_document(Sqlite *s, const Doc *d) {
        (void) sqlite3_bind_int64(s->delete_document, 1, (sqlite3_int64) d->number);
        return step(s->delete_document);
}

/* The document that o's row refers to, or NULL. */
static Doc *shared_document(const Object *o) {
        return o && o->doc && o->doc->number > 0 ? o->doc : NULL;
}

static int put_object(Sqlite *s, const Object *o) {
        const Doc *d = shared_document(o);
        int rc;

        strbuf_clear(&s->body);
        object_encode_row(o, &s->body);
        (void) sqlite3_bind_int64(s->put, 1, (sqlite3_int64) o->id);
        (void) sqlite3_bind_int64(s->put, 2, o->kind);
        (void) sqlite3_bind_int64(s->put, 3, (sqlite3_int64) o->revision);
        rc = bind_body(s, s->put, 4);
        if (rc != SQLITE_OK)
                return rc;
        (void) (d ? sqlite3_bind_int64(s->put, 5, (sqlite3_int64) d->number) : sqlite3_bind_null(s->put, 5));
        return step(s->put);
}

static int delete_object(Sqlite *s, const Object *o) {
        (void) sqlite3_bind_int64(s->delete, 1, (sqlite3_int64) o->id);
        return step(s->delete);
}

/* Which document the change takes a row from, and which it gives one to. */
static void find_documents(const StoreChange *c, Doc **ret_from, Doc **ret_to) {
        *ret_from = shared_document(c->old);
        *ret_to = c->type == CHANGE_DELETED ? NULL : shared_document(c->object);
        if (*ret_from == *ret_to)
                *ret_from = *ret_to = NULL;
}

/* Counts the rows only once all has gone well, so that what was not done need not be counted back. */
static int write_change(Sqlite *s, const StoreChange *c) {
        Doc *from, *to;
        int rc = SQLITE_OK;

        find_documents(c, &from, &to);
        assert(!from || from->n_rows > 0);
        if (to && to->n_rows == 0)
                rc = put_document(s, to);
        if (rc == SQLITE_OK && from && from->n_rows == 1)
                rc = delete_document(s, from);
        if (rc == SQLITE_OK)
                rc = c->type == CHANGE_DELETED ? delete_object(s, c->object) : put_object(s, c->object);
        if (rc != SQLITE_OK)
                return rc;
        if (to)
                to->n_rows++;
        if (from)
                from->n_rows--;
        return SQLITE_OK;
}

/* The transaction is not to be: the rows are as many as they were. */
static void count_back(const StoreChange *c) {
        Doc *from, *to;

        find_documents(c, &from, &to);
        if (to)
                to->n_rows--;
        if (from)
                from->n_rows++;
}

/* --- Loading --- */

/* A copy of a blob, with room for one more byte, as decoders want it; good until the next. NULL when memory runs out. */
static char *copy_blob(Sqlite *s, sqlite3_stmt *q, int column, size_t *ret_size) {
        *ret_size = (size_t) sqlite3_column_bytes(q, column);
        if (!GREEDY_REALLOC(s->blob, s->blob_allocated, *ret_size + 1))
                return NULL;
        memcpy(s->blob, sqlite3_column_blob(q, column) ?: "", *ret_size);
        return s->blob;
}

static int load_document(Sqlite *s, sqlite3_stmt *q, Documents *documents, Error *reterr) {
        _cleanup_(doc_unrefp) Doc *d = NULL;
        int64_t number = sqlite3_column_int64(q, 0);
        size_t size;
        char *text;
        int r;

        if (number <= 0)
                return error_set(reterr, -EBADMSG, "document %lld has an impossible number", (long long) number);
        text = copy_blob(s, q, 1, &size);
        if (!text || !GREEDY_REALLOC(documents->docs, documents->allocated, documents->n + 1))
                return error_set(reterr, -ENOMEM, "out of memory");
        r = doc_decode(text, size, &d, reterr);
        if (r < 0) {
                (void) error_prefix(reterr, "document %lld is damaged", (long long) number);
                return r;
        }
        doc_pool_add(documents->pool, d, (uint64_t) number);
        documents->docs[documents->n++] = TAKE_PTR(d);
        return 0;
}

static Doc *find_document(Documents *documents, uint64_t number) {
        size_t low = 0, high = documents->n;

        if (documents->last < documents->n && documents->docs[documents->last]->number == number)
                return documents->docs[documents->last];
        while (low < high) {
                size_t mid = low + (high - low) / 2;

                if (documents->docs[mid]->number < number)
                        low = mid + 1;
                else
                        high = mid;
        }
        documents->last = low;
        return low < documents->n && documents->docs[low]->number == number ? documents->docs[low] : NULL;
}

static int take_document(sqlite3_stmt *q, Documents *documents, Object *o, Error *reterr) {
        uint64_t number = (uint64_t) sqlite3_column_int64(q, 4);
        Doc *d;

        if (number == 0)
                return 0;
        d = find_document(documents, number);
        if (!d || o->doc)
                return error_set(reterr, -EBADMSG, "object %llu is damaged: document %llu, which it refers to, %s", (unsigned long long) o->id,
                                 (unsigned long long) number, d ? "is its second" : "is not there");
        d->n_rows++;
        o->doc = doc_ref(d);
        return 0;
}

/* Makes an object of the row that q stands at. */
static int load_row(Sqlite *s, sqlite3_stmt *q, Documents *documents, storage_load_t load, void *userdata, Error *reterr) {
        _cleanup_(object_unrefp) Object *o = NULL;
        int64_t id = sqlite3_column_int64(q, 0), kind = sqlite3_column_int64(q, 1), revision = sqlite3_column_int64(q, 2);
        bool is_within = sqlite3_column_int64(q, 4) == 0;
        size_t size;
        char *text;
        int r, rc;

        if (kind < 0 || kind >= _KIND_MAX || !kind_exists((Kind) kind) || id <= 0 || revision <= 0)
                return error_set(reterr, -EBADMSG, "object %lld has impossible numbers", (long long) id);
        text = copy_blob(s, q, 3, &size);
        if (!text)
                return error_set(reterr, -ENOMEM, "out of memory");
        r = object_decode((Kind) kind, text, size, &o, reterr);
        if (r < 0) {
                (void) error_prefix(reterr, "object %lld is damaged", (long long) id);
                return r;
        }
        o->id = (uint64_t) id;
        o->revision = (uint64_t) revision;
        r = take_document(q, documents, o, reterr);
        if (r < 0)
                return r;
        r = load(o, userdata);
        if (r < 0)
                return error_set(reterr, r, "object %lld cannot be loaded: %s", (long long) id, strerror(-r));
        if (!s->upgrading || !is_within || !shared_document(o))
                return 0;
        rc = write_change(s, &(StoreChange) { .type = CHANGE_ADDED, .object = o }); /* its document has been within its row */
        return rc == SQLITE_OK ? 0 : fail(s, rc, "cannot upgrade the state", reterr);
}

/* Calls load_row() for the objects, or load_document() when there is no `load`. */
static int load_table(Sqlite *s, const char *sql, Documents *documents, storage_load_t load, void *userdata, Error *reterr) {
        sqlite3_stmt *q = NULL;
        int r, rc;

        r = prepare(s, sql, &q, reterr);
        if (r < 0)
                return r;
        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
                r = load ? load_row(s, q, documents, load, userdata, reterr) : load_document(s, q, documents, reterr);
                if (r < 0)
                        break;
        }
        (void) sqlite3_finalize(q);
        if (r < 0)
                return r;
        return rc == SQLITE_DONE ? 0 : fail(s, rc, "cannot read the state", reterr);
}

/* What no object refers to is not written by us, but would be for ever. */
static int drop_garbage(Sqlite *s, const Documents *documents) {
        int rc = SQLITE_OK;

        for (size_t i = 0; i < documents->n && rc == SQLITE_OK; i++)
                if (documents->docs[i]->n_rows == 0)
                        rc = delete_document(s, documents->docs[i]);
        return rc;
}

static void documents_done(Documents *documents) {
        for (size_t i = 0; i < documents->n; i++)
                doc_unref(documents->docs[i]);
        free(documents->docs);
}

static int sqlite_load(void *state, DocPool *pool, storage_load_t load, void *userdata, uint64_t *ret_revision, uint64_t *ret_last_id,
                       Error *reterr) {
        _cleanup_(documents_done) Documents documents = { .pool = pool };
        Sqlite *s = state;
        int64_t revision, last_id;
        int r, rc;

        r = query_number(s, "SELECT value FROM meta WHERE key = 'revision'", &revision, reterr);
        if (r >= 0)
                r = query_number(s, "SELECT value FROM meta WHERE key = 'last_id'", &last_id, reterr);
        if (r < 0)
                return error_set(reterr, -EBADMSG, "the state has no revision");
        r = load_table(s, "SELECT id, body FROM documents ORDER BY id", &documents, NULL, NULL, reterr);
        if (r >= 0)
                r = load_table(s, "SELECT id, kind, revision, body, document FROM objects ORDER BY id", &documents, load, userdata, reterr);
        if (r < 0)
                return r;
        rc = drop_garbage(s, &documents);
        if (rc == SQLITE_OK && s->upgrading)
                rc = step(s->commit);
        if (rc != SQLITE_OK)
                return fail(s, rc, "cannot bring the state up to date", reterr);
        s->upgrading = false;
        s->blob = mfree(s->blob);
        s->blob_allocated = 0;
        (void) sqlite3_db_release_memory(s->db);
        *ret_revision = (uint64_t) revision;
        *ret_last_id = (uint64_t) last_id;
        return 0;
}

/* --- Batches --- */

static int set_meta(Sqlite *s, const char *key, uint64_t value) {
        (void) sqlite3_bind_text(s->set_meta, 1, key, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(s->set_meta, 2, (sqlite3_int64) value);
        return step(s->set_meta);
}

/* revision 0: a probe, which writes what is there already. */
static int write_meta(Sqlite *s, uint64_t revision, uint64_t last_id) {
        int rc;

        if (revision == 0)
                return sqlite3_exec(s->db, "INSERT OR REPLACE INTO meta(key, value) VALUES('probe', 1 + "
                                           "coalesce((SELECT value FROM meta WHERE key = 'probe'), 0))", NULL, NULL, NULL);
        rc = set_meta(s, "revision", revision);
        return rc == SQLITE_OK ? set_meta(s, "last_id", last_id) : rc;
}

static int sqlite_commit(void *state, const StoreChange *changes, size_t n, uint64_t revision, uint64_t last_id, Error *reterr) {
        Sqlite *s = state;
        size_t done = 0;
        int rc;

        rc = step(s->begin);
        while (done < n && rc == SQLITE_OK) {
                rc = write_change(s, &changes[done]);
                done += rc == SQLITE_OK;
        }
        if (rc == SQLITE_OK)
                rc = write_meta(s, n > 0 ? revision : 0, last_id);
        if (rc == SQLITE_OK)
                rc = step(s->commit);
        if (rc == SQLITE_OK)
                return 0;
        (void) fail(s, rc, "cannot write the state", reterr);
        while (done > 0)
                count_back(&changes[--done]);
        if (!sqlite3_get_autocommit(s->db))
                (void) step(s->rollback);
        return error_from_sqlite(rc) ?: -EIO;
}

const StorageBackend storage_sqlite = {
        .name = "sqlite",
        .open = sqlite_open,
        .load = sqlite_load,
        .commit = sqlite_commit,
        .close = sqlite_close,
};
