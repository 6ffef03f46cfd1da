/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/storage/writer.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/fd-util.h"
#include "basic/time-util.h"

#define WAITING_MAX 1000000
#define PROBE_MIN_USEC (250 * USEC_PER_MSEC)
#define PROBE_MAX_USEC (5 * USEC_PER_SEC)

typedef enum WriterState {
        WRITER_WORKING,
        WRITER_FAILED,    /* probes until writing works again */
        WRITER_RECOVERED, /* waits for storage_writer_resume() */
} WriterState;

typedef struct Batch {
        StoreChange *changes; /* references of the loop's thread */
        size_t n, allocated;
        uint64_t last_id;
} Batch;

/* Under `lock`: next, done, state, told, stop, stats, times, error. The thread alone: backend, state of the backend. */
struct StorageWriter {
        const StorageBackend *backend;
        void *backend_state;
        StorageWriterCallbacks callbacks;
        sd_event_source *source;
        int event_fd;
        pthread_t thread;
        bool started;

        pthread_mutex_t lock;
        pthread_cond_t work, idle;
        Batch next;     /* what has been submitted */
        Batch writing;  /* what the thread is at, or has finished: the loop drops it */
        Batch done;     /* finished, for the loop to drop the references */
        WriterState state, told; /* told: what the loop has been told of */
        bool stop, busy;
        uint64_t durable, told_durable;
        Error error;
        usec_t alive, busy_since;
        StorageStats stats;

        StoreChange *folded; /* the thread's: one change for each object */
        size_t folded_allocated;
};

static void batch_drop(Batch *b) {
        for (size_t i = 0; i < b->n; i++) {
                object_unref(b->changes[i].object);
                object_unref(b->changes[i].old);
        }
        b->n = 0;
}

static int batch_add(Batch *b, const StoreChange *changes, size_t n) {
        if (!GREEDY_REALLOC(b->changes, b->allocated, b->n + n))
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                StoreChange *c = &b->changes[b->n++];

                *c = changes[i];
                object_ref(c->object);
                if (c->old)
                        object_ref(c->old);
        }
        return 0;
}

static int compare_changes(const void *a, const void *b) {
        const StoreChange *x = a, *y = b;

        return CMP(x->object->id, y->object->id) ?: CMP(y->revision, x->revision);
}

/* One change for each object, from what is on disk to its newest version, in order of id: neighbouring rows are written together. */
static size_t fold(StorageWriter *w) {
        size_t n = 0;

        if (!GREEDY_REALLOC(w->folded, w->folded_allocated, w->writing.n))
                return SIZE_MAX;
        if (w->writing.n > 0)
                memcpy(w->folded, w->writing.changes, w->writing.n * sizeof(StoreChange));
        qsort(w->folded, w->writing.n, sizeof(StoreChange), compare_changes);
        for (size_t i = 0; i < w->writing.n; i++)
                if (n == 0 || w->folded[n - 1].object->id != w->folded[i].object->id)
                        w->folded[n++] = w->folded[i];
                else
                        w->folded[n - 1].old = w->folded[i].old;
        return n;
}

static void wake_loop(StorageWriter *w) {
        uint64_t one = 1;

        (void) !write(w->event_fd, &one, sizeof(one));
}

static void count_commit(StorageStats *stats, usec_t took, size_t n) {
        unsigned i = 0;

        while (i < ELEMENTSOF(stats->histogram) - 1 && took >= (UINT64_C(50) << i))
                i++;
        stats->histogram[i]++;
        stats->n_batches++;
        stats->n_changes += n;
        stats->commit_usec += took;
        stats->commit_max_usec = MAX(stats->commit_max_usec, took);
}

/* Writes w->writing without the lock; takes it again to say how it went. */
static void write_batch(StorageWriter *w) {
        _cleanup_error_ Error error = ERROR_NULL;
        usec_t begun = now_monotonic();
        uint64_t revision = w->writing.n > 0 ? w->writing.changes[w->writing.n - 1].revision : 0;
        size_t n = fold(w);
        int r;

        r = n == SIZE_MAX ? -ENOMEM : w->backend->commit(w->backend_state, w->folded, n, revision, w->writing.last_id, &error);

        pthread_mutex_lock(&w->lock);
        if (r >= 0) {
                w->durable = revision;
                count_commit(&w->stats, now_monotonic() - begun, w->writing.n);
        } else {
                w->state = WRITER_FAILED;
                w->stats.n_failures++;
                error_done(&w->error);
                (void) error_set(&w->error, r, "%s", error.code < 0 ? error_message(&error) : "out of memory");
        }
}

static void wait_until(StorageWriter *w, usec_t when) {
        struct timespec ts = { (time_t) (when / USEC_PER_SEC), (long) (when % USEC_PER_SEC * 1000) };

        (void) pthread_cond_timedwait(&w->work, &w->lock, &ts);
}

/* Tries to write nothing, less and less often, until it works. Called and left with the lock. */
static void probe(StorageWriter *w) {
        usec_t delay = PROBE_MIN_USEC;

        while (!w->stop && w->state == WRITER_FAILED) {
                int r;

                wait_until(w, now_monotonic() + delay);
                w->alive = now_monotonic();
                if (w->stop || w->told != WRITER_FAILED)
                        continue; /* the loop must have undone what failed first */
                pthread_mutex_unlock(&w->lock);
                r = w->backend->commit(w->backend_state, NULL, 0, 0, 0, NULL);
                pthread_mutex_lock(&w->lock);
                if (r >= 0)
                        w->state = WRITER_RECOVERED;
                delay = MIN(delay * 2, PROBE_MAX_USEC);
        }
        wake_loop(w);
}

/* Takes all that is submitted. */
static void take_batch(StorageWriter *w) {
        Batch b = w->writing;

        assert(b.n == 0);
        w->writing = w->next;
        w->next = b;
}

/* Gives the finished batch to the loop, behind what it has not yet dropped. Without memory for that it waits: the
 * loop takes what is there in its next turn. */
static void hand_back(StorageWriter *w) {
        Batch *b = &w->writing;

        while (w->done.n > 0 && !GREEDY_REALLOC(w->done.changes, w->done.allocated, w->done.n + b->n)) {
                wake_loop(w);
                wait_until(w, now_monotonic() + PROBE_MIN_USEC);
        }
        if (w->done.n == 0) {
                Batch finished = *b;

                *b = w->done;
                w->done = finished;
                return;
        }
        memcpy(w->done.changes + w->done.n, b->changes, b->n * sizeof(StoreChange));
        w->done.n += b->n;
        b->n = 0;
}

static void *writer_thread(void *userdata) {
        StorageWriter *w = userdata;

        pthread_mutex_lock(&w->lock);
        for (;;) {
                w->alive = now_monotonic();
                if (w->state == WRITER_FAILED)
                        probe(w);
                if (w->stop && (w->next.n == 0 || w->state != WRITER_WORKING))
                        break;
                if (w->state != WRITER_WORKING || w->next.n == 0) {
                        wait_until(w, now_monotonic() + USEC_PER_HOUR);
                        continue;
                }
                take_batch(w);
                w->busy = true;
                w->busy_since = w->alive = now_monotonic();
                pthread_mutex_unlock(&w->lock);
                write_batch(w); /* comes back with the lock */
                w->busy = false;
                w->busy_since = 0;
                hand_back(w);
                pthread_cond_broadcast(&w->idle);
                wake_loop(w);
        }
        pthread_mutex_unlock(&w->lock);
        return NULL;
}

static void drop_done(StorageWriter *w, Batch *done) {
        batch_drop(done);
        pthread_mutex_lock(&w->lock);
        if (!w->done.changes)
                w->done = *done; /* its room serves again */
        else
                free(done->changes);
        pthread_mutex_unlock(&w->lock);
}

/* Tells the loop's side how far things are. */
static void report(StorageWriter *w) {
        _cleanup_error_ Error error = ERROR_NULL;
        uint64_t durable, before;
        WriterState state, told;
        Batch done;

        pthread_mutex_lock(&w->lock);
        done = w->done;
        w->done = (Batch) {};
        durable = w->durable;
        before = w->told_durable;
        w->told_durable = durable;
        state = w->state;
        told = w->told;
        w->told = state;
        if (state == WRITER_FAILED && told != state)
                (void) error_set(&error, w->error.code, "%s", error_message(&w->error));
        pthread_mutex_unlock(&w->lock);
        if (told != state)
                pthread_cond_signal(&w->work); /* it waits to be told that we know, see probe() */

        if (durable > before)
                w->callbacks.on_durable(durable, w->callbacks.userdata);
        if (state == WRITER_FAILED && told != state)
                w->callbacks.on_failed(durable, &error, w->callbacks.userdata);
        if (state == WRITER_RECOVERED && told != state)
                w->callbacks.on_recovered(w->callbacks.userdata);
        drop_done(w, &done); /* after the replies, which somebody waits for */
}

static int on_event(sd_event_source *source _unused_, int fd, uint32_t revents _unused_, void *userdata) {
        uint64_t n;

        (void) !read(fd, &n, sizeof(n));
        report(userdata);
        return 0;
}

static int start_thread(StorageWriter *w) {
        sigset_t all, old;
        int r;

        /* Signals are for the loop. */
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &old);
        r = -pthread_create(&w->thread, NULL, writer_thread, w);
        (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
        w->started = r == 0;
        return r;
}

int storage_writer_new(sd_event *event, const StorageBackend *backend, void *state, uint64_t durable,
                       const StorageWriterCallbacks *callbacks, StorageWriter **ret) {
        _cleanup_(storage_writer_freep) StorageWriter *w = NULL;
        pthread_condattr_t attr;
        int r;

        w = new0(StorageWriter, 1);
        if (!w) {
                backend->close(state);
                return -ENOMEM;
        }
        w->backend = backend;
        w->backend_state = state;
        w->callbacks = *callbacks;
        w->durable = w->told_durable = durable;
        w->alive = now_monotonic();
        (void) pthread_mutex_init(&w->lock, NULL);
        (void) pthread_condattr_init(&attr);
        (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&w->work, &attr);
        (void) pthread_cond_init(&w->idle, &attr);
        (void) pthread_condattr_destroy(&attr);

        w->event_fd = RET_ERRNO(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (w->event_fd < 0)
                return w->event_fd;
        r = sd_event_add_io(event, &w->source, w->event_fd, EPOLLIN, on_event, w);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(w->source, "storage");
        r = start_thread(w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

StorageWriter *storage_writer_free(StorageWriter *w) {
        if (!w)
                return NULL;
        if (w->started) {
                pthread_mutex_lock(&w->lock);
                w->stop = true;
                pthread_cond_signal(&w->work);
                pthread_mutex_unlock(&w->lock);
                (void) pthread_join(w->thread, NULL);
        }
        w->backend->close(w->backend_state);
        batch_drop(&w->next);
        batch_drop(&w->writing);
        batch_drop(&w->done);
        free(w->next.changes);
        free(w->writing.changes);
        free(w->done.changes);
        free(w->folded);
        error_done(&w->error);
        sd_event_source_disable_unref(w->source);
        safe_close(w->event_fd);
        (void) pthread_cond_destroy(&w->work);
        (void) pthread_cond_destroy(&w->idle);
        (void) pthread_mutex_destroy(&w->lock);
        return mfree(w);
}

int storage_writer_submit(StorageWriter *w, const StoreChange *changes, size_t n, uint64_t last_id) {
        int r;

        pthread_mutex_lock(&w->lock);
        if (w->state != WRITER_WORKING)
                r = 0; /* it would be undone anyway, as soon as the loop hears of the failure */
        else
                r = w->next.n + n > WAITING_MAX ? -EDQUOT : batch_add(&w->next, changes, n);
        if (r >= 0)
                w->next.last_id = last_id;
        pthread_mutex_unlock(&w->lock);
        if (r >= 0)
                pthread_cond_signal(&w->work); /* without the lock, so that the thread does not wake only to wait for it */
        return r;
}

void storage_writer_resume(StorageWriter *w) {
        pthread_mutex_lock(&w->lock);
        assert(w->state == WRITER_RECOVERED);
        batch_drop(&w->next); /* queued behind what failed, and undone with it */
        w->state = w->told = WRITER_WORKING;
        pthread_cond_signal(&w->work);
        pthread_mutex_unlock(&w->lock);
}

int storage_writer_flush(StorageWriter *w, usec_t timeout) {
        usec_t until = now_monotonic() + timeout;
        struct timespec ts = { (time_t) (until / USEC_PER_SEC), (long) (until % USEC_PER_SEC * 1000) };
        int r = 0;

        report(w);
        pthread_mutex_lock(&w->lock);
        while (r == 0 && w->state == WRITER_WORKING && (w->next.n > 0 || w->busy)) {
                if (w->done.n > 0) { /* nobody else runs the loop now */
                        pthread_mutex_unlock(&w->lock);
                        report(w);
                        pthread_mutex_lock(&w->lock);
                        continue;
                }
                r = -pthread_cond_timedwait(&w->idle, &w->lock, &ts);
        }
        if (w->state != WRITER_WORKING)
                r = -EIO;
        pthread_mutex_unlock(&w->lock);
        report(w);
        return r;
}

void storage_writer_alive(StorageWriter *w, usec_t *ret_last, usec_t *ret_busy_since) {
        pthread_mutex_lock(&w->lock);
        *ret_last = w->alive;
        *ret_busy_since = w->busy_since;
        pthread_mutex_unlock(&w->lock);
}

void storage_writer_stats(StorageWriter *w, StorageStats *ret) {
        pthread_mutex_lock(&w->lock);
        *ret = w->stats;
        pthread_mutex_unlock(&w->lock);
}
