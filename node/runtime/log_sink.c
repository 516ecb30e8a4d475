#include "node/runtime/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_OCTETS = 2048 };

enum err log_sink_open(struct log_sink *s, const char *path)
{
    s->fd = STDERR_FILENO;
    if (path[0] == '\0')
        return OK;
    s->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (s->fd >= 0)
        return OK;
    s->fd = STDERR_FILENO;
    return E_IO;
}

void log_sink_close(struct log_sink *s)
{
    if (s->fd > STDERR_FILENO)
        close(s->fd);
    s->fd = STDERR_FILENO;
}

void log_sink_write(void *ctx, enum log_level level, const char *event,
                    const struct log_field *fields)
{
    struct log_sink *s = ctx;
    char line[LINE_MAX_OCTETS];
    struct timespec ts;
    uint64_t ms;
    size_t len;
    ssize_t n;

    clock_gettime(CLOCK_REALTIME, &ts);
    ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
    len = log_format_json(line, sizeof line, ms, level, event, fields);
    /* One write, so that lines of several writers do not mix. A full pipe loses the line: the
     * daemon does not wait for who reads its log. */
    do
        n = write(s->fd, line, len);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)len)
        s->lost++;
}
