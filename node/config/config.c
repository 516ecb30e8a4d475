/* config: the whole file, from octets to struct config, and its defaults. */
#include "node/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/config/config_read.h"

enum { CONFIG_FILE_MAX = 4 << 20, CONNS_MAX = 1024, POOLS_MAX = 64 };

static void defaults(struct config *c)
{
    c->node_id = 1;
    c->pop = 1;
    c->cluster.slots = LIMIT_SLOTS;
    c->cluster.heartbeat_ms = 50;
    c->cluster.suspect_missed = 3;
    c->cluster.deadline_ms = 3000;
    c->cluster.lease_ms = 5000;
    c->cluster.holddown_ms = 1000;
    snprintf(c->redis.host, sizeof c->redis.host, "127.0.0.1");
    c->redis.port = 6379;
    c->redis.timeout_ms = 500;
    c->tun.offload = true;
    c->tun.raw_esp = true;
    c->listen4.family = 4;
    snprintf(c->control_socket, sizeof c->control_socket, "/run/ikestra/control.sock");
    c->log_level = LOG_INFO;
    c->policy.retransmit_ms = 2000;
    c->policy.retransmit_tries = 6;
    c->policy.half_open_ms = 30000;
    c->policy.reply_keep_ms = 60000;
    c->policy.cookie_threshold = 200;
    c->policy.half_open_per_prefix = 1000;
    c->policy.keepalive_s = 20;
    c->policy.outage_s = 600;
    c->policy.rekey_pace_per_s = 50;
}

enum err config_read_pools(const struct jat *root, struct policy_pool **ret, size_t *ret_n)
{
    static const char *const known[] = { "name", "prefix", NULL };
    struct policy_pool *pools;
    struct jat m, p;
    const char *s;
    size_t n;

    if (!jmember(root, "pools", &m))
        return OK;
    TRY(jarray(&m, POOLS_MAX, &n));
    pools = *ret = calloc(n + 1, sizeof *pools);
    if (pools == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct jat el = jelement(&m, i);

        TRY(jobject(&el, known));
        TRY(jneed(&el, "name", "connections use a pool by its name", &p));
        TRY(config_read_name(&p, pools[i].name));
        for (size_t k = 0; k < i; k++)
            if (strcmp(pools[k].name, pools[i].name) == 0)
                return jfail(&p, "\"%s\" is the name of two pools", pools[i].name);
        TRY(jneed(&el, "prefix", "write for example \"10.9.0.0/16\"", &p));
        TRY(jstring(&p, &s));
        if (prefix_parse(s, &pools[i].prefix) != OK)
            return jfail(&p, "\"%.60s\" is no prefix; write for example \"10.9.0.0/16\"", s);
        for (size_t k = 0; k < i; k++)
            if (prefix_contains(&pools[k].prefix, &pools[i].prefix.addr) ||
                prefix_contains(&pools[i].prefix, &pools[k].prefix.addr))
                return jfail(&p, "\"%.60s\" overlaps pool \"%s\"", s, pools[k].name);
    }
    *ret_n = n;
    return OK;
}

static enum err keep_pools(struct config *c, const struct policy_pool *pools, size_t n)
{
    c->pools = calloc(n + 1, sizeof *c->pools);
    if (c->pools == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < n; i++)
        c->pools[c->n_pools++] = pools[i].prefix;
    return OK;
}

static enum err read_connections(const struct jat *root, const struct policy_pool *pools,
                                 size_t n_pools, struct policy *p)
{
    struct jat m, name;
    size_t n;

    TRY(jneed(root, "connections", "list at least one; docs/configuration.md has examples", &m));
    TRY(jarray(&m, CONNS_MAX, &n));
    if (n == 0)
        return jfail(&m, "empty; list at least one; docs/configuration.md has examples");
    p->conns = calloc(n, sizeof *p->conns);
    if (p->conns == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct jat el = jelement(&m, i);

        /* Counted first, so that a half-read one is freed too. */
        p->n_conns = i + 1;
        TRY(config_read_conn(&el, pools, n_pools, &p->conns[i]));
        for (size_t k = 0; k < i; k++)
            if (strcmp(p->conns[k].name, p->conns[i].name) == 0 && jmember(&el, "name", &name))
                return jfail(&name, "\"%s\" is the name of two connections", p->conns[i].name);
    }
    return OK;
}

static enum err read_root(const struct jat *root, struct config *c)
{
    static const char *const known[] = { "node",   "cluster",     "store", "dataplane",
                                         "listen", "control",     "log",   "timers",
                                         "pools",  "connections", NULL };
    struct policy_pool *pools = NULL;
    size_t n_pools = 0;
    enum err e;

    TRY(jobject(root, known));
    TRY(config_read_daemon(root, c));
    e = config_read_pools(root, &pools, &n_pools);
    if (e == OK)
        e = keep_pools(c, pools, n_pools);
    if (e == OK)
        e = read_connections(root, pools, n_pools, &c->policy);
    free(pools);
    if (e == OK && c->node_name[0] == '\0')
        snprintf(c->node_name, sizeof c->node_name, "node%u", c->node_id);
    return e;
}

enum err config_parse(struct span text, const char *dir, struct config **ret,
                      char error[CONFIG_ERROR])
{
    struct config *c = calloc(1, sizeof *c);
    struct jctx ctx = { .error = error, .cfg = c };
    struct jat root = { .ctx = &ctx };
    struct json_t *doc = NULL;
    enum err e;

    error[0] = '\0';
    if (c == NULL)
        return E_NOMEM;
    snprintf(ctx.dir, sizeof ctx.dir, "%s", dir);
    defaults(c);
    e = jdoc_parse(&ctx, text, &doc);
    if (e == OK) {
        root.v = doc;
        e = read_root(&root, c);
        jdoc_free(doc);
    }
    if (e != OK) {
        config_free(c);
        return e;
    }
    *ret = c;
    return OK;
}

static enum err slurp(const char *path, struct bytes *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
    struct bytes b = { NULL, 0 };
    enum err e = E_IO;
    ssize_t n;

    if (fd < 0)
        return E_IO;
    b.p = malloc(CONFIG_FILE_MAX);
    while (b.p != NULL && b.len < CONFIG_FILE_MAX) {
        n = read(fd, b.p + b.len, CONFIG_FILE_MAX - b.len);
        if (n == 0)
            e = OK;
        if (n <= 0)
            break;
        b.len += (size_t)n;
    }
    saved = b.len == CONFIG_FILE_MAX ? EFBIG : errno;
    close(fd);
    if (e == OK)
        *ret = b;
    else
        bytes_free(&b);
    errno = saved;
    return e;
}

enum err config_load(const char *path, struct config **ret, char error[CONFIG_ERROR])
{
    char dir[CONFIG_PATH] = "", inner[CONFIG_ERROR] = "";
    const char *slash = strrchr(path, '/');
    struct bytes file;
    enum err e;

    if (slash != NULL && (size_t)(slash - path) < sizeof dir)
        snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (slurp(path, &file) != OK) {
        snprintf(error, CONFIG_ERROR,
                 "%.200s: cannot read it: %s; name the configuration with "
                 "--config FILE",
                 path, strerror(errno));
        return E_CONFIG;
    }
    e = config_parse(span_bytes(file), dir, ret, inner);
    bytes_free(&file);
    if (e != OK)
        snprintf(error, CONFIG_ERROR, "%.150s: %.350s", path,
                 inner[0] != '\0' ? inner : "out of memory");
    return e;
}

struct config *config_free(struct config *c)
{
    if (c == NULL)
        return NULL;
    policy_done(&c->policy);
    for (size_t i = 0; i < c->cluster.n_keys; i++)
        secret_wipe(&c->cluster.keys[i].key);
    bytes_wipe_free(&c->redis.password);
    free(c->pools);
    wipe(c, sizeof *c);
    free(c);
    return NULL;
}
