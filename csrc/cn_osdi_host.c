/* What a library of compiled models asks its host for: a place for messages, and limiters. */
#include "cn_limit.h"
#include "cn_osdi_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep_message(void *handle, char *text, uint32_t level)
{
    cn_osdi *o = handle;
    if (o && text) {
        char *const line = o->log + o->log_used;
        const size_t room = CN_OSDI_LOG_BYTES - o->log_used;
        const int length = snprintf(line, room, "%u%d %s\n", level & CN_OSDI_LOG_LEVEL, (int)o->current, text);
        if (length > 0 && (size_t)length < room) {
            for (int k = 0; k < length - 1; k++)
                if (line[k] == '\n') line[k] = ' ';
            o->log_used += (size_t)length;
        } else {
            *line = '\0';
        }
    }
    if (!(level & CN_OSDI_LOG_RAW)) free(text);
}

static double limit_pn(bool init, bool *limited, double value, double old, double vt, double vcrit)
{
    int held = 0;
    const double v = init ? vcrit : cn_limit_pn(value, old, vt, vcrit, &held);
    *limited = init || held;
    return v;
}

static double limit_fet(bool init, bool *limited, double value, double old, double vto)
{
    int held = 0;
    const double v = init ? vto + 0.1 : cn_limit_fet(value, old, vto, &held);
    *limited = init || held;
    return v;
}

static double limit_vds(bool init, bool *limited, double value, double old)
{
    int held = 0;
    const double v = init ? 0.1 : cn_limit_vds(value, old, &held);
    *limited = init || held;
    return v;
}

/* A step that is not small becomes a step of its logarithm, as of a self-heated temperature. */
static double limit_log(bool init, bool *limited, double value, double old, double tolerance)
{
    const double step = value - old;
    if (init || fabs(step) <= tolerance) return value;
    *limited = true;
    return old + copysign(tolerance + log10(fabs(step) / tolerance), step);
}

const char *cn_osdi_attach(cn_osdi_limiter *table, uint32_t n, void **log)
{
    typedef void (*function)(void);
    static const struct {
        const char *name;
        uint32_t n_args;
        function f;
    } known[] = {{"pnjlim", 2, (function)limit_pn},
                 {"fetlim", 1, (function)limit_fet},
                 {"limvds", 0, (function)limit_vds},
                 {"limitlog", 1, (function)limit_log}};
    const char *unknown = NULL;
    for (uint32_t k = 0; k < n; k++) {
        function found = NULL;
        for (size_t j = 0; j < sizeof known / sizeof *known; j++)
            if (table[k].n_args == known[j].n_args && strcmp(table[k].name, known[j].name) == 0) found = known[j].f;
        memcpy(&table[k].function, &found, sizeof found);
        if (!found) unknown = table[k].name;
    }
    if (log) {
        void (*const keep)(void *, char *, uint32_t) = keep_message;
        memcpy(log, &keep, sizeof keep);
    }
    return unknown;
}
