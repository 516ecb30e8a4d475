/* store_io: the configured store on the loop. */
#include <stdio.h>

#include "node/runtime/daemon.h"
#include "statesync/store/store_redis.h"

static void on_result(void *ctx, const struct store_result *r)
{
    struct daemon *d = ctx;

    node_store_result(d->node, daemon_now(d), r, &d->acts);
    daemon_run(d);
}

static void on_state(void *ctx, const struct store_state *st)
{
    struct daemon *d = ctx;

    d->store_state = *st;
    LOG(&d->env, st->up ? LOG_INFO : LOG_ERROR, st->up ? "store-up" : "store-down",
        F_STR("reason", st->reason));
    node_store_state(d->node, daemon_now(d), st, &d->acts);
    daemon_run(d);
}

static void on_memory_idle(uv_idle_t *h)
{
    struct daemon *d = h->data;

    store_memory_poll(d->store, uv_now(&d->loop));
    if (!store_memory_pending(d->store))
        uv_idle_stop(h);
}

static void on_memory_wake(void *ctx)
{
    struct daemon *d = ctx;

    uv_idle_start(&d->memory_idle, on_memory_idle);
}

static enum err start_memory(struct daemon *d)
{
    struct incarnation first;

    env_random(&d->env, first.id, sizeof first.id);
    TRY(memstore_new(&first, &d->memory));
    d->store = memstore_connect(d->memory, d->cfg->node_id);
    if (d->store == NULL)
        return E_NOMEM;
    store_memory_set_wake(d->store, on_memory_wake, d);
    uv_idle_start(&d->memory_idle, on_memory_idle);
    return OK;
}

enum err store_io_start(struct daemon *d, char error[DAEMON_ERROR])
{
    const struct config_redis *r = &d->cfg->redis;
    struct store_redis_config rc = { .host = r->host,
                                     .port = r->port,
                                     .path = r->unix_path[0] != '\0' ? r->unix_path : NULL,
                                     .user = r->user[0] != '\0' ? r->user : NULL,
                                     .password = span_bytes(r->password),
                                     .db = (int)r->db,
                                     .pop = d->cfg->pop,
                                     .op_timeout_ms = r->timeout_ms,
                                     .client_name = "ikestrad",
                                     .env = &d->env,
                                     .loop = &d->loop };
    const char *why = "";
    enum err e = d->cfg->store == CONFIG_STORE_REDIS ? store_redis_new(&rc, &d->store, &why)
                                                     : start_memory(d);

    if (e != OK) {
        snprintf(error, DAEMON_ERROR, "store: %s %s", err_name(e), why);
        return e;
    }
    d->store->on_result = on_result;
    d->store->on_state = on_state;
    d->store->ctx = d;
    return OK;
}
