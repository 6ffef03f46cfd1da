/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/storage/storage.h"

static int null_open(const char *location _unused_, void **ret_state, Error *reterr _unused_) {
        *ret_state = NULL;
        return 0;
}

static int null_load(void *state _unused_, DocPool *documents _unused_, storage_load_t load _unused_, void *userdata _unused_,
                     uint64_t *ret_revision, uint64_t *ret_last_id, Error *reterr _unused_) {
        *ret_revision = *ret_last_id = 0;
        return 0;
}

static int null_commit(void *state _unused_, const StoreChange *changes _unused_, size_t n _unused_, uint64_t revision _unused_,
                       uint64_t last_id _unused_, Error *reterr _unused_) {
        return 0;
}

static void null_close(void *state _unused_) {
}

const StorageBackend storage_null = {
        .name = "null",
        .open = null_open,
        .load = null_load,
        .commit = null_commit,
        .close = null_close,
};
