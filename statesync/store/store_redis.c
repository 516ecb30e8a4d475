/* store_redis: the redis backend's outside, and its turns of the loop.
 *
 * prepare (before the loop waits) writes what was queued since: timers, packets and results of one
 * turn leave together. check (after it waited) tells results that need no reply and judges
 * deadlines: after reading, so that a process that was itself stopped for a while does not call
 * replies late that lie in its socket. */
#include "statesync/store/store_redis.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/base/secret.h"
#include "statesync/store/store_redis_inner.h"

enum { DEFAULT_PORT = 6379, DEFAULT_TIMEOUT_MS = 500, PASSWORD_MAX = 1024, POP_MAX = 63 };

static void submit(struct store *base, const struct store_op *op)
{
    struct redis_store *s = (struct redis_store *)base;

    assert(!gone(s));
    ops_submit(s, op);
}

/* ---- turns ---- */

static void on_idle(uv_idle_t *h)
{
    (void)h; /* its being active is the point: the loop does not wait */
}

void store_redis_wake(struct redis_store *s)
{
    if (!gone(s))
        (void)uv_idle_start(&s->idle, on_idle);
}

static void on_due_timer(uv_timer_t *t)
{
    struct redis_store *s = t->data;

    s->check_due = true;
    store_redis_wake(s);
}

void store_redis_arm(struct redis_store *s)
{
    uv_timer_t *t = &s->due_timer;
    uint64_t now = uv_now(s->loop);
    uint64_t next = ops_next_due(s), watch = link_next_watch(s);

    if (watch < next)
        next = watch;
    if (next == UINT64_MAX || gone(s))
        return;
    next = next > now ? next - now : 0;
    if (!uv_is_active((uv_handle_t *)t) || uv_timer_get_due_in(t) > next)
        (void)uv_timer_start(t, on_due_timer, next, 0);
}

static void on_prepare(uv_prepare_t *h)
{
    struct redis_store *s = h->data;

    /* What stays in the queue while the server is silent ends as "down", not as "unknown". */
    if (s->link != LINK_READY || s->queue.n == 0 || s->stalled)
        return;
    if (ops_write(s) != OK)
        link_lose(s, "was lost while writing: see its log");
    else
        store_redis_arm(s);
}

static void on_check(uv_check_t *h)
{
    struct redis_store *s = h->data;

    (void)uv_idle_stop(&s->idle);
    if (s->check_due) {
        s->check_due = false;
        ops_expire(s, uv_now(s->loop));
        if (!gone(s))
            link_watch(s, uv_now(s->loop));
        if (!gone(s))
            store_redis_arm(s);
    }
    if (!gone(s) && s->done.n > 0)
        ops_tell_done(s);
}

/* ---- life ---- */

static void on_closed(uv_handle_t *h)
{
    struct redis_store *s = h->data;

    if (--s->handles > 0)
        return;
    bytes_wipe_free(&s->password);
    free(s);
}

static void release(struct store *base)
{
    struct redis_store *s = (struct redis_store *)base;

    if (s == NULL || s->freed)
        return;
    s->freed = true;
    s->base.on_result = NULL;
    s->base.on_state = NULL;
    ops_free_all(s);
    s->conn = redis_conn_close(s->conn);
    uv_close((uv_handle_t *)&s->prepare, on_closed);
    uv_close((uv_handle_t *)&s->check, on_closed);
    uv_close((uv_handle_t *)&s->idle, on_closed);
    uv_close((uv_handle_t *)&s->due_timer, on_closed);
    uv_close((uv_handle_t *)&s->link_timer, on_closed);
}

static const struct store_ops redis_ops = { submit, release };

static bool printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

/* NULL, or what is wrong. */
static const char *config_check(const struct store_redis_config *cfg)
{
    if (cfg->path != NULL) {
        if (cfg->path[0] == '\0' || strlen(cfg->path) >= sizeof((struct redis_endpoint *)0)->path)
            return "store.redis: the path of the UNIX socket is empty or longer than 107 octets";
    } else if (cfg->host == NULL || cfg->host[0] == '\0' ||
               strlen(cfg->host) >= sizeof((struct redis_endpoint *)0)->host) {
        return "store.redis: host is empty or longer than 255 octets";
    }
    if (cfg->pop == 0 || cfg->pop > POP_MAX)
        return "store.redis: pop must be 1 to 63";
    if (cfg->db < 0)
        return "store.redis: db must not be negative";
    if (cfg->user != NULL && (cfg->user[0] == '\0' || strlen(cfg->user) > 127))
        return "store.redis: user is empty or longer than 127 octets";
    if (cfg->user != NULL && cfg->password.len == 0)
        return "store.redis: user without a password";
    if (cfg->password.len > PASSWORD_MAX)
        return "store.redis: the password is longer than 1024 octets";
    if (cfg->client_name != NULL && (cfg->client_name[0] == '\0' || strlen(cfg->client_name) > 63 ||
                                     !printable(cfg->client_name)))
        return "store.redis: the client name must be 1 to 63 printable octets without spaces";
    if (cfg->op_timeout_ms > 60000)
        return "store.redis: the timeout must be at most 60 s";
    return NULL;
}

static enum err config_copy(struct redis_store *s, const struct store_redis_config *cfg)
{
    unsigned port = cfg->port == 0 ? DEFAULT_PORT : cfg->port;

    if (cfg->path != NULL) {
        (void)snprintf(s->at.path, sizeof s->at.path, "%s", cfg->path);
        (void)snprintf(s->where, sizeof s->where, "redis unix:%.60s", cfg->path);
    } else {
        (void)snprintf(s->at.host, sizeof s->at.host, "%s", cfg->host);
        (void)snprintf(s->at.port, sizeof s->at.port, "%u", port);
        (void)snprintf(s->where, sizeof s->where, "redis %.46s:%u", cfg->host, port);
    }
    if (cfg->user != NULL) {
        (void)snprintf(s->user, sizeof s->user, "%s", cfg->user);
        s->login.user = s->user;
    }
    if (cfg->client_name != NULL) {
        (void)snprintf(s->client_name, sizeof s->client_name, "%s", cfg->client_name);
        s->login.client_name = s->client_name;
    }
    TRY(bytes_copy(cfg->password, &s->password));
    s->login.password = span_bytes(s->password);
    s->login.db = cfg->db;
    s->pop = cfg->pop;
    s->timeout_ms = cfg->op_timeout_ms == 0 ? DEFAULT_TIMEOUT_MS : cfg->op_timeout_ms;
    s->env = cfg->env;
    s->loop = cfg->loop;
    return OK;
}

static void handle_ready(struct redis_store *s, uv_handle_t *h)
{
    h->data = s;
    s->handles++;
}

/* libuv writes to sockets without MSG_NOSIGNAL: a server that died would kill this process. A
 * handler that somebody has set is left alone. */
static void sigpipe_ignore(void)
{
    struct sigaction sa;

    if (sigaction(SIGPIPE, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL) {
        sa.sa_handler = SIG_IGN;
        (void)sigaction(SIGPIPE, &sa, NULL);
    }
}

enum err store_redis_new(const struct store_redis_config *cfg, struct store **ret_s,
                         const char **ret_why)
{
    const char *why = config_check(cfg);
    struct redis_store *s;

    if (why != NULL) {
        if (ret_why != NULL)
            *ret_why = why;
        return E_CONFIG;
    }
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return E_NOMEM;
    if (config_copy(s, cfg) != OK) {
        free(s);
        return E_NOMEM;
    }
    sigpipe_ignore();
    redis_scripts_init(&s->scripts);
    s->base.ops = &redis_ops;
    /* None of these can fail in libuv. */
    (void)uv_prepare_init(s->loop, &s->prepare);
    handle_ready(s, (uv_handle_t *)&s->prepare);
    (void)uv_check_init(s->loop, &s->check);
    handle_ready(s, (uv_handle_t *)&s->check);
    (void)uv_idle_init(s->loop, &s->idle);
    handle_ready(s, (uv_handle_t *)&s->idle);
    (void)uv_timer_init(s->loop, &s->due_timer);
    handle_ready(s, (uv_handle_t *)&s->due_timer);
    (void)uv_timer_init(s->loop, &s->link_timer);
    handle_ready(s, (uv_handle_t *)&s->link_timer);
    (void)uv_prepare_start(&s->prepare, on_prepare);
    (void)uv_check_start(&s->check, on_check);
    link_start(s);
    *ret_s = &s->base;
    return OK;
}

void store_redis_stats(const struct store *base, struct store_redis_stats *ret_stats)
{
    const struct redis_store *s = (const struct redis_store *)base;

    *ret_stats = s->stats;
    ret_stats->in_flight = s->flight.n;
    ret_stats->queued = s->queue.n;
}
