/* SPDX-License-Identifier: Apache-2.0 */
/* A kubesimd of which parts fail on demand: linked with --wrap for what is below, it reads what is to fail from the file that
 * KUBESIM_FAULTS names, an array of words (tests/e2e/test_failures.py writes it). */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "kubesimd/http/server.h"
#include "kubesimd/storage/writer.h"
#include "tests/lib/wrap-memory.h"

typedef enum Broken {
        BROKEN_SUBMIT,      /* so many batches cannot be queued for the disk */
        BROKEN_REPLY,       /* so many answers cannot be made */
        BROKEN_REPLY_ERROR, /* so many answers that tell of an error cannot be made */
        BROKEN_DISK,        /* while it is not 0, the disk is full */
        BROKEN_UNDONE,      /* while it is not 0, there is no memory to tell those whose changes the disk refused */
        BROKEN_MEMORY,      /* one of so many allocations fails, by lot; 0: none */
        BROKEN_FAILED,      /* says how many have failed */
        BROKEN_SEED,
        _BROKEN_MAX,
} Broken;

static _Atomic uint32_t nothing[_BROKEN_MAX], *faults = nothing;
static _Thread_local bool no_memory;

int __real_storage_writer_submit(StorageWriter *w, const StoreChange *changes, size_t n, uint64_t last_id);
int __wrap_storage_writer_submit(StorageWriter *w, const StoreChange *changes, size_t n, uint64_t last_id);
int __real_http_reply(HttpRequest *req, unsigned status, const char *content_type, StrBuf *body, uint64_t mark);
int __wrap_http_reply(HttpRequest *req, unsigned status, const char *content_type, StrBuf *body, uint64_t mark);
int __real_http_reply_error(HttpRequest *req, int code, const Error *error);
int __wrap_http_reply_error(HttpRequest *req, int code, const Error *error);
void __real_http_server_fail_held(HttpServer *s, uint64_t mark, int code, const char *message);
void __wrap_http_server_fail_held(HttpServer *s, uint64_t mark, int code, const char *message);
int __real_sqlite3_step(sqlite3_stmt *q);
int __wrap_sqlite3_step(sqlite3_stmt *q);
int __real_sqlite3_exec(sqlite3 *db, const char *sql, int (*callback)(void*, int, char**, char**), void *userdata, char **ret_error);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*callback)(void*, int, char**, char**), void *userdata, char **ret_error);

__attribute__((constructor)) static void map_faults(void) {
        const char *path = getenv("KUBESIM_FAULTS");
        _cleanup_close_ int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *p = fd >= 0 ? mmap(NULL, sizeof(nothing), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

        if (p != MAP_FAILED)
                faults = p;
}

/* One of those that are still to fail? */
static bool is_next(Broken f) {
        uint32_t n = faults[f];

        while (n > 0)
                if (atomic_compare_exchange_weak(&faults[f], &n, n - 1))
                        return true;
        return false;
}

bool allocation_fails(void) {
        uint32_t of = faults[BROKEN_MEMORY], x;

        if (!no_memory && of == 0)
                return false;
        x = atomic_fetch_add(&faults[BROKEN_SEED], 0x9e3779b9U);
        x = (x ^ x >> 16) * 0x21f0aaadU;
        x = (x ^ x >> 15) * 0x735a2d97U;
        if (!no_memory && (x ^ x >> 15) % of != 0)
                return false;
        atomic_fetch_add(&faults[BROKEN_FAILED], 1);
        return true;
}

int __wrap_storage_writer_submit(StorageWriter *w, const StoreChange *changes, size_t n, uint64_t last_id) {
        return is_next(BROKEN_SUBMIT) ? -ENOMEM : __real_storage_writer_submit(w, changes, n, last_id);
}

int __wrap_http_reply(HttpRequest *req, unsigned status, const char *content_type, StrBuf *body, uint64_t mark) {
        return is_next(BROKEN_REPLY) ? -ENOMEM : __real_http_reply(req, status, content_type, body, mark);
}

int __wrap_http_reply_error(HttpRequest *req, int code, const Error *error) {
        return is_next(BROKEN_REPLY_ERROR) ? -ENOMEM : __real_http_reply_error(req, code, error);
}

void __wrap_http_server_fail_held(HttpServer *s, uint64_t mark, int code, const char *message) {
        no_memory = faults[BROKEN_UNDONE] != 0;
        __real_http_server_fail_held(s, mark, code, message);
        no_memory = false;
}

int __wrap_sqlite3_step(sqlite3_stmt *q) {
        /* A transaction that has begun may be ended. */
        return faults[BROKEN_DISK] != 0 && sqlite3_get_autocommit(sqlite3_db_handle(q)) ? SQLITE_FULL : __real_sqlite3_step(q);
}

int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*callback)(void*, int, char**, char**), void *userdata, char **ret_error) {
        return faults[BROKEN_DISK] != 0 ? SQLITE_FULL : __real_sqlite3_exec(db, sql, callback, userdata, ret_error);
}
