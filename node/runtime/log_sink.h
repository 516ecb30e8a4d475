/* log_sink: where log events become lines of JSON: standard error or a file. */
#pragma once

#include "statesync/base/env.h"

struct log_sink {
    int fd;
    uint64_t lost; /* lines that could not be written */
};

/* path "": standard error. E_IO: errno. */
MUST_USE enum err log_sink_open(struct log_sink *s, const char *path);
void log_sink_close(struct log_sink *s);
/* For struct env.log; ctx is the struct log_sink. */
void log_sink_write(void *ctx, enum log_level level, const char *event,
                    const struct log_field *fields);
