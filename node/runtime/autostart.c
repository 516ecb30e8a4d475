#include "node/runtime/autostart.h"

#include <stdlib.h>
#include <string.h>

#include "node/runtime/runtime.h"
#include "statesync/record/session_record.h"

/* Event ids below this are those of the control socket; UINT64_MAX is the shutdown's. */
enum { LOOK_MS = 100, BACKOFF_FIRST_MS = 1000, BACKOFF_MAX_MS = 60000 };
#define ID_BASE ((uint64_t)1 << 62)

struct autostart_conn {
    const struct policy_conn *conn;
    uint16_t slot; /* its owner begins it */
    bool found;
    uint64_t next_ms, backoff_ms;
};

static bool wants(const struct policy_conn *c)
{
    for (size_t i = 0; i < c->n_children; i++)
        if (c->children[i].start == START_AUTO)
            return true;
    return false;
}

/* The same on every node: FNV-1a of the name. */
static uint16_t slot_of(const char *name, uint16_t slots)
{
    uint32_t h = 2166136261u;

    for (; *name != '\0'; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return (uint16_t)((h >> 16 ^ h) & (slots - 1u));
}

static bool mark(void *ctx, const struct session_record *r)
{
    struct autostart *a = ctx;

    for (size_t i = 0; i < a->n; i++)
        if (r->state != SS_DELETED && r->state != SS_NONE && r->role == ROLE_INITIATOR &&
            strcmp(r->conn, a->conns[i].conn->name) == 0)
            a->conns[i].found = true;
    return true;
}

static void on_timer(uv_timer_t *t)
{
    struct autostart *a = t->data;
    struct runtime *rt = a->rt;
    struct now now = runtime_now();

    if (!rt->started || rt->shutdown.leaving || !node_ready(rt->node) ||
        node_engine(rt->node) == NULL)
        return;
    for (size_t i = 0; i < a->n; i++)
        a->conns[i].found = false;
    engine_each_session(node_engine(rt->node), mark, a);
    for (size_t i = 0; i < a->n; i++) {
        struct autostart_conn *c = &a->conns[i];

        if (c->found || now.mono_ms < c->next_ms ||
            node_slot_owner(rt->node, now, c->slot) != rt->cfg->node_id)
            continue;
        c->next_ms = now.mono_ms + c->backoff_ms;
        c->backoff_ms = c->backoff_ms * 2 < BACKOFF_MAX_MS ? c->backoff_ms * 2 : BACKOFF_MAX_MS;
        engine_initiate(node_engine(rt->node), now, c->conn->name, ID_BASE + i, &rt->acts);
        runtime_step_done(rt);
    }
}

void autostart_open(struct autostart *a, struct runtime *rt)
{
    const struct policy *p = &rt->cfg->policy;

    a->rt = rt;
    uv_timer_init(&rt->loop, &a->timer);
    a->timer.data = a;
    a->open = true;
    a->conns = calloc(p->n_conns + 1, sizeof *a->conns);
    for (size_t i = 0; a->conns != NULL && i < p->n_conns; i++)
        if (wants(&p->conns[i]))
            a->conns[a->n++] =
                (struct autostart_conn){ .conn = &p->conns[i],
                                         .slot = slot_of(p->conns[i].name, rt->cfg->cluster.slots),
                                         .backoff_ms = BACKOFF_FIRST_MS };
    if (a->n > 0)
        (void)uv_timer_start(&a->timer, on_timer, LOOK_MS, LOOK_MS);
}

void autostart_close(struct autostart *a)
{
    if (a->open)
        uv_close((uv_handle_t *)&a->timer, NULL);
    a->open = false;
    free(a->conns);
    a->conns = NULL;
    a->n = 0;
}

void autostart_event(struct autostart *a, const struct action *ev)
{
    if (ev->event_id < ID_BASE || ev->event_id - ID_BASE >= a->n)
        return;
    if (ev->event == EV_CHILD_UP)
        a->conns[ev->event_id - ID_BASE].backoff_ms = BACKOFF_FIRST_MS;
    else if (ev->event == EV_FAILED)
        LOG(&a->rt->env, LOG_WARN, "auto-start-failed",
            F_STR("conn", a->conns[ev->event_id - ID_BASE].conn->name), F_ERR("error", ev->err));
}
