/* boot_second: SK IVs and tokens of this process must be unlike those of every earlier one
 * (INV-NONCE). The wall clock in seconds gives that unless it goes back or two starts share a
 * second: so the last value is kept in a file, and in the store (node/core/members.c), and the next
 * start goes above both. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/runtime/daemon.h"

static uint32_t read_last(const char *path)
{
    char text[32] = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    return n > 0 ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

/* Written to a new file and renamed: a crash leaves the old value or the new one. */
static enum err write_next(const char *path, uint32_t boot)
{
    char tmp[CONFIG_PATH + 8], text[32];
    int n, fd;
    bool ok;

    snprintf(tmp, sizeof tmp, "%s.new", path);
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return E_IO;
    n = snprintf(text, sizeof text, "%u\n", boot);
    ok = write(fd, text, (size_t)n) == n && fsync(fd) == 0;
    return close(fd) == 0 && ok && rename(tmp, path) == 0 ? OK : E_IO;
}

enum err boot_second(const char *state_file, uint64_t wall_ms, uint32_t *ret,
                     char error[DAEMON_ERROR])
{
    uint32_t boot = (uint32_t)(wall_ms / 1000), last;

    if (state_file[0] != '\0') {
        last = read_last(state_file);
        if (last >= boot)
            boot = last + 1;
        if (write_next(state_file, boot) != OK) {
            snprintf(
                error, DAEMON_ERROR,
                "node.state_file: cannot write %s: %s: its directory must exist and be writable",
                state_file, strerror(errno));
            return E_CONFIG;
        }
    }
    *ret = boot;
    return OK;
}
