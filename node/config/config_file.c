#include "node/config/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 256 * 1024, RING_KEY = 32 };

static const char credential[] = "credential:";

enum err config_path(const struct jat *at, char *ret, size_t cap)
{
    const char *s, *dir;
    int n;

    TRY(jstring(at, &s));
    if (s[0] == '\0')
        return jfail(at, "must not be empty; name a file");
    if (strncmp(s, credential, sizeof credential - 1) == 0) {
        s += sizeof credential - 1;
        dir = getenv("CREDENTIALS_DIRECTORY");
        if (dir == NULL)
            return jfail(at, "\"credential:%.60s\" needs systemd's LoadCredential= in the unit", s);
        if (s[0] == '\0' || strchr(s, '/') != NULL)
            return jfail(at, "\"credential:%.60s\": a credential has a plain name", s);
        n = snprintf(ret, cap, "%s/%s", dir, s);
    } else if (s[0] == '/' || at->ctx->dir[0] == '\0') {
        n = snprintf(ret, cap, "%s", s);
    } else {
        n = snprintf(ret, cap, "%s/%s", at->ctx->dir, s);
    }
    if (n < 0 || (size_t)n >= cap)
        return jfail(at, "file name longer than %zu characters", cap - 1);
    return OK;
}

static enum err read_all(int fd, struct bytes *ret)
{
    struct bytes b = { malloc(FILE_MAX), 0 };
    ssize_t n = 1;

    if (b.p == NULL)
        return E_NOMEM;
    while (n > 0 && b.len < FILE_MAX) {
        n = read(fd, b.p + b.len, FILE_MAX - b.len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            b.len += (size_t)n;
    }
    if (n == 0) {
        *ret = b;
        return OK;
    }
    bytes_wipe_free(&b);
    if (n > 0)
        errno = EFBIG;
    return E_IO;
}

enum err config_file_read(const struct jat *at, const char *what, bool secret, struct bytes *ret)
{
    char path[CONFIG_PATH];
    struct stat st;
    enum err e;
    int fd;

    TRY(config_path(at, path, sizeof path));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return jfail(at, "cannot open %s: %s; put %s there%s", path, strerror(errno), what,
                     secret ? " (chmod 600)" : "");
    if (secret && fstat(fd, &st) == 0 && (st.st_mode & S_IRWXO) != 0)
        jwarn(at, "%s is open to every user of this host; chmod 600 it", path);
    e = read_all(fd, ret);
    if (e == E_IO)
        e = jfail(at, "cannot read %s: %s; %s belongs there", path, strerror(errno), what);
    close(fd);
    if (e == OK && ret->len == 0) {
        bytes_wipe_free(ret);
        return jfail(at, "%s is empty; put %s there", path, what);
    }
    return e;
}

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The line at *pos, which moves behind it; trimmed. */
static struct span next_line(struct span file, size_t *pos)
{
    size_t from = *pos, end;

    while (*pos < file.len && file.p[*pos] != '\n')
        (*pos)++;
    end = *pos;
    if (*pos < file.len)
        (*pos)++;
    while (from < end && blank(file.p[from]))
        from++;
    while (end > from && blank(file.p[end - 1]))
        end--;
    return span_of(file.p + from, end - from);
}

enum err config_file_line(const struct jat *at, const char *what, struct bytes *ret)
{
    struct bytes file;
    struct span line;
    size_t pos = 0;
    enum err e;

    TRY(config_file_read(at, what, true, &file));
    line = next_line(span_bytes(file), &pos);
    e = line.len == 0 ? jfail(at, "the first line is empty; put %s there", what)
                      : bytes_copy(line, ret);
    bytes_wipe_free(&file);
    return e;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The next word of the line; empty at its end. */
static struct span word(struct span *line)
{
    size_t n = 0, skip;
    struct span w;

    while (n < line->len && !blank(line->p[n]))
        n++;
    w = span_of(line->p, n);
    skip = n;
    while (skip < line->len && blank(line->p[skip]))
        skip++;
    *line = span_of(line->p + skip, line->len - skip);
    return w;
}

static bool word_is(struct span w, const char *s)
{
    return span_eq(w, span_str(s));
}

static bool ring_key(struct span line, struct config_key *k)
{
    struct span id = word(&line), hex = word(&line), state = word(&line);
    uint64_t n = 0;

    if (id.len == 0 || id.len > 10 || hex.len != (size_t)RING_KEY * 2 || line.len != 0)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        if (id.p[i] < '0' || id.p[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(id.p[i] - '0');
    }
    if (n == 0 || n > UINT32_MAX)
        return false;
    k->id = (uint32_t)n;
    k->key.len = RING_KEY;
    for (size_t i = 0; i < RING_KEY; i++) {
        int hi = hex_digit(hex.p[2 * i]), lo = hex_digit(hex.p[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return false;
        k->key.data[i] = (uint8_t)(hi << 4 | lo);
    }
    if (state.len == 0 || word_is(state, "active"))
        k->state = CONFIG_KEY_ACTIVE;
    else if (word_is(state, "decrypt-only"))
        k->state = CONFIG_KEY_DECRYPT_ONLY;
    else if (word_is(state, "retired"))
        k->state = CONFIG_KEY_RETIRED;
    else
        return false;
    return true;
}

static enum err ring_lines(const struct jat *at, struct span file, struct config_cluster *c)
{
    size_t pos = 0, active = 0;

    for (unsigned no = 1; pos < file.len; no++) {
        struct span line = next_line(file, &pos);
        struct config_key *k = &c->keys[c->n_keys];

        if (line.len == 0 || line.p[0] == '#')
            continue;
        if (c->n_keys == CONFIG_KEYS)
            return jfail(at, "line %u: more than %d keys; drop retired ones", no, CONFIG_KEYS);
        /* The line itself is never quoted: it holds a key. */
        if (!ring_key(line, k))
            return jfail(at,
                         "line %u: must be an id from 1, 64 hex digits and a state (active, "
                         "decrypt-only, retired)",
                         no);
        for (size_t i = 0; i < c->n_keys; i++)
            if (c->keys[i].id == k->id)
                return jfail(at, "line %u: key id %u is there twice", no, k->id);
        active += k->state == CONFIG_KEY_ACTIVE;
        c->n_keys++;
    }
    if (active != 1)
        return jfail(at,
                     "%zu active keys; exactly one is needed, for example: "
                     "echo \"1 $(openssl rand -hex 32) active\"",
                     active);
    return OK;
}

enum err config_ring_keys(const struct jat *at, struct config_cluster *c)
{
    struct bytes file;
    enum err e;

    TRY(config_file_read(at, "the cluster's keys (echo \"1 $(openssl rand -hex 32) active\")", true,
                         &file));
    e = ring_lines(at, span_bytes(file), c);
    bytes_wipe_free(&file);
    return e;
}
