/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/node-facts.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/hashtable.h"
#include "basic/string-util.h"

/* Of sd_id128_get_machine_app_specific(3): what is derived with it cannot be turned back into the machine ID. */
#define APPLICATION_ID SD_ID128_MAKE(5b, 0d, 41, 4a, 1b, 86, 4c, 1e, 9c, 8c, 9a, 5b, 58, 0b, 5a, 3f)

static int64_t affinity_cpu(void) {
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof(set), &set) < 0)
                return MAX((int64_t) sysconf(_SC_NPROCESSORS_ONLN), (int64_t) 1) * 1000;
        return (int64_t) CPU_COUNT(&set) * 1000;
}

/* "MAX PERIOD" or "max PERIOD" of the unified hierarchy (cgroup v2). */
static int64_t cgroup_cpu(void) {
        _cleanup_free_ char *own = NULL, *limit = NULL, *path = NULL;
        unsigned long long max, period;
        char *group, *end;

        if (read_file("/proc/self/cgroup", 64 * KIB, &own, NULL) < 0)
                return INT64_MAX;
        group = strstr(own, "0::");
        if (!group)
                return INT64_MAX;
        group += strlen("0::");
        end = strchr(group, '\n');
        if (end)
                *end = '\0';
        if (asprintf(&path, "/sys/fs/cgroup%s/cpu.max", group) < 0) {
                path = NULL;
                return INT64_MAX;
        }
        if (read_file(path, KIB, &limit, NULL) < 0 || sscanf(limit, "%llu %llu", &max, &period) != 2 || period == 0)
                return INT64_MAX;
        return (int64_t) (max * 1000 / period);
}

int64_t facts_cpu(void) {
        int64_t cpu = MIN(affinity_cpu(), cgroup_cpu());

        return MAX(cpu, (int64_t) 1);
}

void facts_machine(char *buf) {
        static const uint64_t no_secret[2] = { 0, 0 };
        char id_string[SD_ID128_STRING_MAX], host[256] = "";
        sd_id128_t id;

        if (sd_id128_get_machine_app_specific(APPLICATION_ID, &id) >= 0)
                (void) snprintf(buf, FACTS_MACHINE_MAX, "%.16s", sd_id128_to_string(id, id_string));
        else {
                (void) gethostname(host, sizeof(host) - 1);
                (void) snprintf(buf, FACTS_MACHINE_MAX, "%016llx", (unsigned long long) siphash13(host, strlen(host), no_secret));
        }
}

void facts_instance(const char *machine, const char *node, usec_t started, char *buf) {
        static const uint64_t no_secret[2] = { 0, 0 };

        (void) snprintf(buf, FACTS_INSTANCE_MAX, "%s-%016llx/%llu", machine, (unsigned long long) siphash13(node, strlen(node), no_secret),
                        (unsigned long long) started);
}
