#include "node/runtime/boot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 64, NAME = 512 };

static const char head[] = "ikestra-state 1 ";

static enum err parse(const char *text, uint32_t *ret)
{
    const char *digits = text + sizeof head - 1;
    unsigned long long v;
    char *end;

    if (strncmp(text, head, sizeof head - 1) != 0 || *digits < '0' || *digits > '9')
        return E_BAD_VALUE;
    errno = 0;
    v = strtoull(digits, &end, 10);
    if (errno != 0 || v > UINT32_MAX || strcmp(end, "\n") != 0)
        return E_BAD_VALUE;
    *ret = (uint32_t)v;
    return OK;
}

/* *ret 0: no file yet. */
static enum err read_file(const char *path, uint32_t *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[LINE + 1];
    ssize_t n;

    if (fd < 0) {
        *ret = 0;
        return errno == ENOENT ? OK : E_IO;
    }
    n = read(fd, text, LINE);
    close(fd);
    if (n < 0)
        return E_IO;
    text[n] = '\0';
    return parse(text, ret);
}

static enum err sync_directory(const char *path)
{
    char dir[NAME];
    const char *slash = strrchr(path, '/');
    int fd, r;

    snprintf(dir, sizeof dir, "%.*s",
             slash == NULL   ? 1
             : slash == path ? 1
                             : (int)(slash - path),
             slash == NULL ? "." : path);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return E_IO;
    r = fsync(fd);
    close(fd);
    return r == 0 ? OK : E_IO;
}

enum err boot_file_keep(const char *path, uint32_t boot)
{
    char tmp[NAME], text[LINE];
    int fd, n, bad;

    if (path[0] == '\0')
        return OK;
    snprintf(tmp, sizeof tmp, "%s.new", path);
    n = snprintf(text, sizeof text, "%s%u\n", head, boot);
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return E_IO;
    bad = write(fd, text, (size_t)n) != n || fsync(fd) != 0;
    if (close(fd) != 0 || bad || rename(tmp, path) != 0)
        return E_IO;
    return sync_directory(path);
}

enum err boot_file_next(const char *path, uint64_t wall_s, uint32_t *ret)
{
    uint32_t last = 0, boot = (uint32_t)wall_s;

    if (path[0] != '\0')
        TRY(read_file(path, &last));
    if (boot <= last) {
        if (last == UINT32_MAX)
            return E_BAD_VALUE;
        boot = last + 1;
    }
    TRY(boot_file_keep(path, boot));
    *ret = boot;
    return OK;
}
