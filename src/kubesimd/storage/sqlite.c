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
#include "kubesimd/storage/storage.h"

/* "KbSm", in the file's header: this database is ours (sqlite.org/fileformat2.html, offset 68). */
#define APPLICATION_ID 0x4b62536d
#define SCHEMA_VERSION 1
#define DOCUMENT_MAX (6 * MIB) /* more than any front door takes */

typedef struct Sqlite {
        sqlite3 *db;
        int lock_fd; /* holds a lock on FILE.lock for as long as we live */
        sqlite3_stmt *begin, *commit, *rollback, *put, *delete, *set_meta;
        StrBuf document;
} Sqlite;

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
        (void) sqlite3_finalize(s->set_meta);
        (void) sqlite3_close(s->db);
        strbuf_done(&s->document);
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
                { &s->put, "INSERT INTO objects(id, kind, revision, body) VALUES(?1, ?2, ?3, ?4) "
                           "ON CONFLICT(id) DO UPDATE SET revision = ?3, body = ?4" },
                { &s->delete, "DELETE FROM objects WHERE id = ?1" },
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
                           "PRAGMA application_id = 1264735085; PRAGMA user_version = 1;"
                           "CREATE TABLE IF NOT EXISTS objects(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, revision INTEGER NOT NULL,"
                           " body BLOB NOT NULL);"
                           "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
                           "INSERT OR IGNORE INTO meta VALUES('revision', 0), ('last_id', 0); COMMIT;", reterr);
                if (r < 0)
                        return r;
        }
        return prepare_all(s, reterr);
}
_Static_assert(APPLICATION_ID == 1264735085, "the pragma and the check must agree");

static int sqlite_open(const char *location, void **ret_state, Error *reterr) {
        _cleanup_(sqlite_closep) Sqlite *s = NULL;
        int r, rc;

        s = new0(Sqlite, 1);
        if (!s)
                return error_set(reterr, -ENOMEM, "out of memory");
        s->lock_fd = -EBADF;
        s->document = STRBUF_INIT(DOCUMENT_MAX);
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

/* Makes an object of the row that q stands at. */
static int load_row(sqlite3_stmt *q, storage_load_t load, void *userdata, Error *reterr) {
        _cleanup_(object_unrefp) Object *o = NULL;
        _cleanup_free_ char *text = NULL;
        int64_t id = sqlite3_column_int64(q, 0), kind = sqlite3_column_int64(q, 1), revision = sqlite3_column_int64(q, 2);
        int size = sqlite3_column_bytes(q, 3);
        int r;

        if (kind < 0 || kind >= _KIND_MAX || !kind_exists((Kind) kind) || id <= 0 || revision <= 0)
                return error_set(reterr, -EBADMSG, "object %lld has impossible numbers", (long long) id);
        text = malloc((size_t) size + 1);
        if (!text)
                return error_set(reterr, -ENOMEM, "out of memory");
        memcpy(text, sqlite3_column_blob(q, 3) ?: "", (size_t) size);
        r = object_decode((Kind) kind, text, (size_t) size, &o, reterr);
        if (r < 0) {
                (void) error_prefix(reterr, "object %lld is damaged", (long long) id);
                return r;
        }
        o->id = (uint64_t) id;
        o->revision = (uint64_t) revision;
        r = load(o, userdata);
        return r < 0 ? error_set(reterr, r, "object %lld cannot be loaded: %s", (long long) id, strerror(-r)) : 0;
}

static int sqlite_load(void *state, storage_load_t load, void *userdata, uint64_t *ret_revision, uint64_t *ret_last_id, Error *reterr) {
        Sqlite *s = state;
        sqlite3_stmt *q = NULL;
        int64_t revision, last_id;
        int r, rc;

        r = query_number(s, "SELECT value FROM meta WHERE key = 'revision'", &revision, reterr);
        if (r >= 0)
                r = query_number(s, "SELECT value FROM meta WHERE key = 'last_id'", &last_id, reterr);
        if (r < 0)
                return error_set(reterr, -EBADMSG, "the state has no revision");
        r = prepare(s, "SELECT id, kind, revision, body FROM objects ORDER BY id", &q, reterr);
        if (r < 0)
                return r;
        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
                r = load_row(q, load, userdata, reterr);
                if (r < 0)
                        break;
        }
        (void) sqlite3_finalize(q);
        if (r < 0)
                return r;
        if (rc != SQLITE_DONE)
                return fail(s, rc, "cannot read the state", reterr);
        (void) sqlite3_db_release_memory(s->db);
        *ret_revision = (uint64_t) revision;
        *ret_last_id = (uint64_t) last_id;
        return 0;
}

static int step(sqlite3_stmt *q) {
        int rc = sqlite3_step(q);

        (void) sqlite3_reset(q);
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int put_object(Sqlite *s, const Object *o) {
        strbuf_clear(&s->document);
        object_encode(o, &s->document);
        if (strbuf_error(&s->document) < 0)
                return SQLITE_NOMEM;
        (void) sqlite3_bind_int64(s->put, 1, (sqlite3_int64) o->id);
        (void) sqlite3_bind_int64(s->put, 2, o->kind);
        (void) sqlite3_bind_int64(s->put, 3, (sqlite3_int64) o->revision);
        (void) sqlite3_bind_blob(s->put, 4, s->document.data, (int) s->document.size, SQLITE_STATIC);
        return step(s->put);
}

static int write_change(Sqlite *s, const StoreChange *c) {
        if (c->type != CHANGE_DELETED)
                return put_object(s, c->object);
        (void) sqlite3_bind_int64(s->delete, 1, (sqlite3_int64) c->object->id);
        return step(s->delete);
}

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
        int rc;

        rc = step(s->begin);
        for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
                rc = write_change(s, &changes[i]);
        if (rc == SQLITE_OK)
                rc = write_meta(s, n > 0 ? revision : 0, last_id);
        if (rc == SQLITE_OK)
                rc = step(s->commit);
        if (rc == SQLITE_OK)
                return 0;
        (void) fail(s, rc, "cannot write the state", reterr);
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
