/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/config.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/log.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/model/pod.h"
#include "core/sched/algorithms.h"

#define LIST_ITEMS_MAX 64

typedef enum ValueType {
        VALUE_SPAN,      /* usec_t */
        VALUE_NUMBER,    /* uint64_t */
        VALUE_BYTES,     /* uint64_t */
        VALUE_CORES,     /* int64_t, millicores */
        VALUE_ALGORITHM, /* char* */
        VALUE_NAME,      /* char* */
        VALUE_ROLE,      /* Role */
        VALUE_NODE_LOSS, /* NodeLossPolicy */
        VALUE_LIST,      /* char** */
        VALUE_LEVEL,     /* int */
} ValueType;

/* One key. `conf` comes first: the parser hands a row back as the ConfItem that it found. */
typedef struct Key {
        ConfItem conf;
        ValueType type;
        const char *standard; /* the default, as text */
        uint64_t min, max;    /* of numbers, bytes, cores (in thousandths) and spans (in microseconds) */
} Key;

static int parse_value(const ConfLine *line, void *target, Error *reterr);

#define KEY(s, k, field, t, standard_, min_, max_)                                                   \
        { { s, k, parse_value, offsetof(Config, field) }, VALUE_##t, standard_, min_, max_ }

static const Key keys[] = {
        KEY("Cluster", "NodeTimeoutSec", node_timeout_usec, SPAN, "15s", 100 * USEC_PER_MSEC, USEC_INFINITY),
        KEY("Cluster", "RemoveAfterSec", remove_after_usec, SPAN, "30s", 0, USEC_INFINITY),
        KEY("Cluster", "PodBackoffSec", backoff_initial_usec, SPAN, "1s", 0, USEC_PER_HOUR),
        KEY("Cluster", "PodBackoffMaxSec", backoff_max_usec, SPAN, "10s", 0, USEC_PER_HOUR),
        KEY("Cluster", "HeartbeatIntervalSec", heartbeat_interval_usec, SPAN, "5s", 50 * USEC_PER_MSEC, USEC_PER_HOUR),
        KEY("Cluster", "StopGraceSec", stop_grace_usec, SPAN, "5s", 0, USEC_INFINITY),
        KEY("Cluster", "NodeLossPolicy", node_loss, NODE_LOSS, "kubesim", 0, 0),
        KEY("Cluster", "SchedulerAlgorithm", algorithm, ALGORITHM, "kube", 0, 0),
        KEY("Cluster", "SchedulerName", scheduler_name, NAME, POD_SCHEDULER_DEFAULT, 0, 0),
        KEY("Limits", "MaxNodes", nodes_max, NUMBER, "150000", 1, 10000000),
        KEY("Limits", "MaxObjects", objects_max, NUMBER, "1000000", 100, 100000000),
        KEY("Limits", "MaxPods", pods_max, NUMBER, "1500000", 1, 100000000),
        KEY("Limits", "PodsPerNode", pods_per_node_max, NUMBER, "110", 1, 1000000),
        KEY("Limits", "MaxNodeCPU", node_cpu_max, CORES, "10000", 1, 1000000000),
        KEY("Limits", "MaxConnections", connections_max, NUMBER, "16384", 4, 1000000),
        KEY("Limits", "MaxConnectionsPerUser", connections_per_user_max, NUMBER, "0", 0, 1000000),
        KEY("Limits", "MaxRequestBytes", request_bytes_max, BYTES, "3M", 1024, 1 << 30),
        KEY("Limits", "MaxRequestsPerSecond", requests_per_second_max, NUMBER, "0", 0, 1000000),
        KEY("Limits", "MaxWatchers", watchers_max, NUMBER, "1024", 0, 100000),
        KEY("Limits", "WatchLogEntries", watch_log_max, NUMBER, "65536", 1, 10000000),
        KEY("Limits", "EventLogEntries", event_log_max, NUMBER, "10000", 0, 10000000),
        KEY("Access", "Anonymous", anonymous, ROLE, "no", 0, 0),
        KEY("Access", "AllowOrigin", allow_origin, LIST, "", 0, 0),
        KEY("Access", "AllowHost", allow_host, LIST, "", 0, 0),
        KEY("Log", "Level", log_level, LEVEL, "info", 0, 0),
};

static const ConfItem *find_key(const char *section, const char *key) {
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i].conf.section, section) && streq(keys[i].conf.key, key))
                        return &keys[i].conf;
        return NULL;
}

static void free_list(char **list) {
        for (char **p = list; p && *p; p++)
                free(*p);
        free(list);
}

/* Adds the words of s to the list. */
static int add_words(char ***list, const char *s, Error *reterr) {
        _cleanup_free_ char *copy = strdup(s);
        char *rest = copy, *word;
        size_t n = 0;

        if (!copy)
                return error_set(reterr, -ENOMEM, "out of memory");
        while (*list && (*list)[n])
                n++;
        while ((word = strsep(&rest, " \t"))) {
                char **longer;

                if (*word == '\0')
                        continue;
                if (n >= LIST_ITEMS_MAX)
                        return error_set(reterr, -EINVAL, "at most %d items are taken", LIST_ITEMS_MAX);
                longer = realloc(*list, (n + 2) * sizeof(char*));
                if (!longer)
                        return error_set(reterr, -ENOMEM, "out of memory");
                *list = longer;
                longer[n] = strdup(word);
                longer[n + 1] = NULL;
                if (!longer[n++])
                        return error_set(reterr, -ENOMEM, "out of memory");
        }
        return 0;
}

static int parse_list(const char *value, char ***list, Error *reterr) {
        if (!isempty(value))
                return add_words(list, value, reterr);
        free_list(*list);
        *list = NULL;
        return 0;
}

static int set_text(const char *value, char **target, Error *reterr) {
        char *copy = strdup(value);

        if (!copy)
                return error_set(reterr, -ENOMEM, "out of memory");
        free(*target);
        *target = copy;
        return 0;
}

static int parse_algorithm(const char *value, char **target, Error *reterr) {
        _cleanup_strbuf_ StrBuf names = STRBUF_INIT(4 * KIB);

        if (sched_algorithm_find(value))
                return set_text(value, target, reterr);
        for (size_t i = 0; i < sched_algorithm_count(); i++)
                strbuf_printf(&names, "%s%s", i > 0 ? ", " : "", sched_algorithm_get(i)->name);
        return error_set(reterr, -EINVAL, "it must be one of %s", strbuf_str(&names));
}

static int parse_name(const char *value, char **target, Error *reterr) {
        int r = name_validate(value, "SchedulerName", reterr);

        return r < 0 ? r : set_text(value, target, reterr);
}

static const char *const node_losses[_NODE_LOSS_MAX] = { [NODE_LOSS_KUBESIM] = "kubesim", [NODE_LOSS_KUBERNETES] = "kubernetes" };

static int parse_node_loss(const char *value, void *target, Error *reterr) {
        for (NodeLossPolicy p = 0; p < _NODE_LOSS_MAX; p++)
                if (streq(node_losses[p], value)) {
                        *(NodeLossPolicy*) target = p;
                        return 0;
                }
        return error_set(reterr, -EINVAL, "must be \"kubesim\" or \"kubernetes\"");
}

static int parse_role(const char *value, Role *target, Error *reterr) {
        if (streq(value, "no"))
                *target = ROLE_NONE;
        else if (streq(value, "viewer"))
                *target = ROLE_VIEWER;
        else if (streq(value, "admin"))
                *target = ROLE_ADMIN;
        else
                return error_set(reterr, -EINVAL, "it must be no, viewer or admin");
        return 0;
}

static int parse_level(const char *value, int *target, Error *reterr) {
        int level = log_level_from_string(value);

        if (level < 0)
                return error_set(reterr, -EINVAL, "it must be err, warning, notice, info or debug");
        *target = level;
        return 0;
}

static int check_range(const Key *k, uint64_t v, Error *reterr) {
        char min[64], max[64];

        if (v >= k->min && v <= k->max)
                return 0;
        if (k->type == VALUE_SPAN)
                return error_set(reterr, -EINVAL, "it must be at least %s and at most %s", format_timespan(min, sizeof(min), k->min),
                                 format_timespan(max, sizeof(max), k->max));
        return error_set(reterr, -EINVAL, "it must be at least %g and at most %g", (double) k->min / (k->type == VALUE_CORES ? 1000 : 1),
                         (double) k->max / (k->type == VALUE_CORES ? 1000 : 1));
}

static int parse_number(const Key *k, const char *value, void *target, Error *reterr) {
        static const char *const forms[] = {
                [VALUE_SPAN] = "it must be a time span such as 15s, 2min or infinity",
                [VALUE_NUMBER] = "it must be a whole number",
                [VALUE_BYTES] = "it must be a number of bytes such as 65536, 64K or 1M",
                [VALUE_CORES] = "it must be a number of cores such as 64 or 0.5",
        };
        uint64_t v = 0;
        int64_t milli;
        int r;

        if (k->type == VALUE_SPAN)
                r = parse_usec(value, &v);
        else if (k->type == VALUE_NUMBER)
                r = parse_u64(value, &v);
        else if (k->type == VALUE_BYTES)
                r = parse_size(value, &v);
        else {
                r = parse_milli(value, &milli);
                v = r < 0 ? 0 : (uint64_t) milli;
        }
        if (r < 0)
                return error_set(reterr, -EINVAL, "%s", forms[k->type]);
        r = check_range(k, v, reterr);
        if (r < 0)
                return r;
        *(uint64_t*) target = v; /* spans, numbers and millicores are all 64 bits wide */
        return 0;
}

static int parse_value(const ConfLine *line, void *target, Error *reterr) {
        const Key *k = line->item;
        const char *value = isempty(line->value) && k->type != VALUE_LIST ? k->standard : line->value;

        switch (k->type) {
        case VALUE_ALGORITHM:
                return parse_algorithm(value, target, reterr);
        case VALUE_NAME:
                return parse_name(value, target, reterr);
        case VALUE_ROLE:
                return parse_role(value, target, reterr);
        case VALUE_NODE_LOSS:
                return parse_node_loss(value, target, reterr);
        case VALUE_LIST:
                return parse_list(value, target, reterr);
        case VALUE_LEVEL:
                return parse_level(value, target, reterr);
        default:
                return parse_number(k, value, target, reterr);
        }
}

static int set_defaults(Config *c, Error *reterr) {
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(keys) && r >= 0; i++)
                r = parse_value(&(ConfLine) { .file = "default", .key = keys[i].conf.key, .value = keys[i].standard, .item = &keys[i] },
                                (char*) c + keys[i].conf.offset, reterr);
        return r;
}

static int check_together(const Config *c, Error *reterr) {
        if (c->heartbeat_interval_usec < c->node_timeout_usec)
                return 0;
        return error_set_field(reterr, -EINVAL, "HeartbeatIntervalSec", NULL,
                               "HeartbeatIntervalSec= must be less than NodeTimeoutSec=, or every node fails");
}

int config_load(const char *root, const char *main_file, char *const *overrides,
                void (*warn)(const char *file, unsigned line, const char *message, void *userdata), Config *ret, Error *reterr) {
        _cleanup_(config_done) Config c = {};
        ConfParser p = { .find = find_key, .target = &c, .warn = warn };
        int r;

        r = set_defaults(&c, reterr);
        if (r >= 0)
                r = conf_load(&p, root, "kubesim", "kubesimd.conf", main_file, reterr);
        for (; r >= 0 && overrides && *overrides; overrides++)
                r = conf_assign(&p, *overrides, reterr);
        if (r >= 0)
                r = check_together(&c, reterr);
        if (r < 0)
                return r;
        *ret = c;
        c = (Config) {};
        return 0;
}

void config_done(Config *c) {
        free(c->algorithm);
        free(c->scheduler_name);
        free_list(c->allow_origin);
        free_list(c->allow_host);
        *c = (Config) {};
}

static void dump_value(const Key *k, const void *value, StrBuf *b) {
        static const char *const roles[_ROLE_MAX] = {
                [ROLE_NONE] = "no", [ROLE_NODE] = "no", [ROLE_VIEWER] = "viewer", [ROLE_ADMIN] = "admin",
        };
        char span[64];

        switch (k->type) {
        case VALUE_SPAN:
                if (*(const usec_t*) value == 0 || *(const usec_t*) value % USEC_PER_SEC == 0 || *(const usec_t*) value == USEC_INFINITY)
                        strbuf_puts(b, format_timespan(span, sizeof(span), *(const usec_t*) value));
                else
                        strbuf_printf(b, "%lluus", (unsigned long long) *(const usec_t*) value);
                break;
        case VALUE_CORES:
                json_put_milli(b, *(const int64_t*) value);
                break;
        case VALUE_ALGORITHM:
        case VALUE_NAME:
                strbuf_puts(b, *(char* const*) value);
                break;
        case VALUE_NODE_LOSS:
                strbuf_puts(b, node_losses[*(const NodeLossPolicy*) value]);
                break;
        case VALUE_ROLE:
                strbuf_puts(b, roles[*(const Role*) value]);
                break;
        case VALUE_LEVEL:
                strbuf_puts(b, log_level_to_string(*(const int*) value));
                break;
        case VALUE_LIST:
                for (char *const *p = *(char** const*) value; p && *p; p++)
                        strbuf_printf(b, "%s%s", p == *(char** const*) value ? "" : " ", *p);
                break;
        default:
                strbuf_put_u64(b, *(const uint64_t*) value);
        }
}

void config_dump(const Config *c, StrBuf *b) {
        const char *section = "";

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                if (!streq(section, keys[i].conf.section))
                        strbuf_printf(b, "%s[%s]\n", i > 0 ? "\n" : "", keys[i].conf.section);
                section = keys[i].conf.section;
                strbuf_printf(b, "%s=", keys[i].conf.key);
                dump_value(&keys[i], (const char*) c + keys[i].conf.offset, b);
                strbuf_putc(b, '\n');
        }
}

ClusterConfig config_cluster(const Config *c) {
        return (ClusterConfig) {
                .node_timeout_usec = c->node_timeout_usec,
                .remove_after_usec = c->remove_after_usec,
                .backoff_initial_usec = c->backoff_initial_usec,
                .backoff_max_usec = c->backoff_max_usec,
                .heartbeat_interval_usec = c->heartbeat_interval_usec,
                .stop_grace_usec = c->stop_grace_usec,
                .node_loss = c->node_loss,
                .nodes_max = (uint32_t) c->nodes_max,
                .objects_max = (uint32_t) c->objects_max,
                .pods_max = (uint32_t) c->pods_max,
                .pods_per_node_max = (uint32_t) c->pods_per_node_max,
                .node_cpu_max = c->node_cpu_max,
                .watch_log_max = c->watch_log_max,
                .event_log_max = c->event_log_max,
                .algorithm = c->algorithm,
                .scheduler_name = c->scheduler_name,
        };
}
