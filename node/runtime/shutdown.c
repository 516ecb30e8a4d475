#include "node/runtime/shutdown.h"

#include <signal.h>

#include "node/runtime/runtime.h"

enum { LIMIT_MS = 10000, LINGER_MS = 100, DELETE_MS = 1500, LOOK_MS = 20 };

static void on_limit(uv_timer_t *t)
{
    uv_stop(t->loop);
}

static void drain(struct shutdown *s)
{
    uv_timer_start(&s->limit, on_limit, LIMIT_MS, 0);
    node_drain(s->rt->node, runtime_now(), UINT64_MAX, &s->rt->acts);
    runtime_step_done(s->rt);
}

static void on_look(uv_timer_t *t)
{
    struct shutdown *s = t->data;

    s->waited_ms += LOOK_MS;
    if (engine_stats(node_engine(s->rt->node))->established > 0 && s->waited_ms < DELETE_MS)
        return;
    drain(s);
}

/* The memory store ends with us, and with it every session: the peers are told. */
static void terminate_all(struct shutdown *s)
{
    struct engine *e = node_engine(s->rt->node);

    if (s->rt->cfg->store != CONFIG_STORE_MEMORY || e == NULL ||
        engine_stats(e)->established == 0) {
        drain(s);
        return;
    }
    engine_terminate(e, runtime_now(), TERMINATE_IKE, NULL, 0, 0, 0, &s->rt->acts);
    runtime_step_done(s->rt);
    uv_timer_start(&s->limit, on_look, LOOK_MS, LOOK_MS);
}

static void on_signal(uv_signal_t *h, int signum)
{
    struct shutdown *s = h->data;

    (void)signum;
    if (s->leaving) {
        uv_stop(h->loop);
        return;
    }
    s->leaving = true;
    LOG(&s->rt->env, LOG_INFO, "draining", F_U64("slots", node_owned(s->rt->node)));
    terminate_all(s);
}

void shutdown_open(struct shutdown *s, struct runtime *rt)
{
    s->rt = rt;
    uv_signal_init(&rt->loop, &s->term);
    uv_signal_init(&rt->loop, &s->intr);
    uv_timer_init(&rt->loop, &s->limit);
    s->term.data = s->intr.data = s->limit.data = s;
    uv_signal_start(&s->term, on_signal, SIGTERM);
    uv_signal_start(&s->intr, on_signal, SIGINT);
    s->open = true;
}

void shutdown_close(struct shutdown *s)
{
    if (!s->open)
        return;
    uv_close((uv_handle_t *)&s->term, NULL);
    uv_close((uv_handle_t *)&s->intr, NULL);
    uv_close((uv_handle_t *)&s->limit, NULL);
    s->open = false;
}

void shutdown_drained(struct shutdown *s)
{
    /* The last write of the membership and the notices to the new owners are still on their way. */
    if (s->leaving)
        uv_timer_start(&s->limit, on_limit, LINGER_MS, 0);
}
