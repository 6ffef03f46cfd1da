/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Schedules of CronJobs: crontab(5)'s five fields, names of months and days, "@hourly" and the like, "@every 1h30m". In UTC. As in
 * Kubernetes, days of the month and of the week that are both restricted are alternatives. */

#include "basic/error.h"
#include "basic/time-util.h"

typedef struct CronSchedule {
        uint64_t minutes;                     /* one bit for each */
        uint32_t hours, days, months, weekdays; /* days and months from bit 1; Sunday is bit 0 */
        bool any_day, any_weekday;            /* not restricted */
        usec_t every;                         /* other than 0: this span, and nothing of the above */
} CronSchedule;

/* -EINVAL with what is wrong. */
int cron_parse(const char *s, CronSchedule *ret, Error *reterr);
/* The first time after that one; both realtime. USEC_INFINITY: there is none in the next five years. */
usec_t cron_next(const CronSchedule *s, usec_t after);
/* The last time that is not after `until` but after `after`; 0: there is none. */
usec_t cron_last(const CronSchedule *s, usec_t after, usec_t until);
