#include "node/runtime/timer_io.h"

#include "node/runtime/runtime.h"

static void on_timer(uv_timer_t *h)
{
    struct timer_io *t = h->data;

    t->at_ms = UINT64_MAX;
    node_tick(t->rt->node, runtime_now(), &t->rt->acts);
    runtime_step_done(t->rt);
}

void timer_io_open(struct timer_io *t, struct runtime *rt)
{
    t->rt = rt;
    t->at_ms = UINT64_MAX;
    uv_timer_init(&rt->loop, &t->timer);
    t->timer.data = t;
    t->open = 1;
}

void timer_io_close(struct timer_io *t)
{
    if (t->open)
        uv_close((uv_handle_t *)&t->timer, NULL);
    t->open = 0;
}

void timer_io_set(struct timer_io *t)
{
    uint64_t at = node_next_deadline(t->rt->node), now = runtime_now().mono_ms;

    if (at == t->at_ms && uv_is_active((uv_handle_t *)&t->timer))
        return;
    t->at_ms = at;
    if (at == UINT64_MAX)
        uv_timer_stop(&t->timer);
    else
        uv_timer_start(&t->timer, on_timer, at > now ? at - now : 1, 0);
}
