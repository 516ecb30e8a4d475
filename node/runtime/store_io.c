#include "node/runtime/store_io.h"

#include <stdio.h>
#include <string.h>

#include "node/runtime/runtime.h"
#include "statesync/store/store_redis.h"

static void on_result(void *ctx, const struct store_result *r)
{
    struct store_io *s = ctx;

    node_store_result(s->rt->node, runtime_now(), r, &s->rt->acts);
    runtime_step_done(s->rt);
}

static void on_state(void *ctx, const struct store_state *st)
{
    struct store_io *s = ctx;

    if (!s->told || s->state.up != st->up || strcmp(s->state.reason, st->reason) != 0)
        LOG(&s->rt->env, st->up ? LOG_INFO : LOG_ERROR, st->up ? "store-up" : "store-down",
            F_STR("reason", st->reason));
    s->told = true;
    s->state = *st;
    node_store_state(s->rt->node, runtime_now(), st, &s->rt->acts);
    runtime_step_done(s->rt);
}

static void on_idle(uv_idle_t *h)
{
    struct store_io *s = h->data;

    store_memory_poll(s->store, runtime_now().mono_ms);
    if (!store_memory_pending(s->store))
        uv_idle_stop(h);
}

static void on_wake(void *ctx)
{
    struct store_io *s = ctx;

    uv_idle_start(&s->idle, on_idle);
}

static enum err open_memory(struct store_io *s)
{
    struct incarnation first;

    env_random(&s->rt->env, first.id, sizeof first.id);
    TRY(memstore_new(&first, &s->memory));
    s->store = memstore_connect(s->memory, s->rt->cfg->node_id);
    if (s->store == NULL)
        return E_NOMEM;
    uv_idle_init(&s->rt->loop, &s->idle);
    s->idle.data = s;
    s->idle_open = true;
    store_memory_set_wake(s->store, on_wake, s);
    on_wake(s);
    return OK;
}

enum err store_io_open(struct store_io *s, struct runtime *rt, char error[CONFIG_ERROR])
{
    const struct config_redis *r = &rt->cfg->redis;
    struct store_redis_config rc = { .host = r->host,
                                     .port = r->port,
                                     .path = r->unix_path[0] != '\0' ? r->unix_path : NULL,
                                     .user = r->user[0] != '\0' ? r->user : NULL,
                                     .password = span_bytes(r->password),
                                     .db = (int)r->db,
                                     .pop = rt->cfg->pop,
                                     .op_timeout_ms = r->timeout_ms,
                                     .client_name = "ikestrad",
                                     .env = &rt->env,
                                     .loop = &rt->loop };
    const char *why = "";
    enum err e;

    s->rt = rt;
    e = rt->cfg->store == CONFIG_STORE_REDIS ? store_redis_new(&rc, &s->store, &why)
                                             : open_memory(s);
    if (e != OK) {
        snprintf(error, CONFIG_ERROR, "store: %s %s", err_name(e), why);
        return e;
    }
    s->store->on_result = on_result;
    s->store->on_state = on_state;
    s->store->ctx = s;
    return OK;
}

void store_io_close(struct store_io *s)
{
    if (s->store != NULL)
        s->store->ops->free(s->store);
    s->store = NULL;
    if (s->idle_open)
        uv_close((uv_handle_t *)&s->idle, NULL);
    s->idle_open = false;
}

void store_io_free(struct store_io *s)
{
    s->memory = memstore_free(s->memory);
}
