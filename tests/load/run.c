/* run: sessions start C at a time; a session's event id is its number plus one. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/load/load.h"

struct run {
    const struct load_options *o;
    struct load_host *h;
    struct load_counts c;
    uint64_t *start_us; /* by session; 0: over */
    uint64_t *spis;     /* own IKE SPIs of sessions that came up, until they are deleted */
    size_t n_spis;
    uint64_t first_us, last_up_us;
    uint32_t next, open; /* next to start; started and neither up nor failed */
    bool counting;       /* failures after the sessions are up are no failed handshakes */
};

static void on_event(void *ctx, const struct action *a)
{
    struct run *r = ctx;
    uint64_t i = a->event_id - 1, now = host_now_us();

    if (a->event == EV_IKE_DOWN)
        r->c.down++;
    if (a->event_id == 0 || i >= r->o->sessions || r->start_us[i] == 0 || !r->counting)
        return;
    if (a->event == EV_CHILD_UP) {
        r->c.latency_us[r->c.n++] = (uint32_t)(now - r->start_us[i]);
        r->spis[r->n_spis++] = a->event_spi;
        r->last_up_us = now;
    } else if (a->event == EV_FAILED) {
        r->c.failed++;
    } else {
        return;
    }
    r->start_us[i] = 0;
    r->open--;
}

static void start_more(struct run *r)
{
    while (r->open < r->o->concurrency && r->next < r->o->sessions) {
        char conn[32];

        snprintf(conn, sizeof conn, "c%u", r->next % r->o->identities);
        r->start_us[r->next] = host_now_us();
        r->open++;
        r->next++;
        r->c.started++;
        engine_initiate(node_engine(r->h->node), host_now(), conn, r->next, &r->h->acts);
        host_run(r->h);
    }
}

static void delete_some(struct run *r, size_t most)
{
    while (r->n_spis > 0 && most-- > 0) {
        uint64_t spi = r->spis[--r->n_spis];

        engine_terminate(node_engine(r->h->node), host_now(), TERMINATE_IKE, NULL, spi, 0, 0,
                         &r->h->acts);
        host_run(r->h);
    }
}

static void handshakes(struct run *r, uint64_t end_ms)
{
    r->counting = true;
    r->first_us = host_now_us();
    while ((r->open > 0 || r->next < r->o->sessions) && host_now().mono_ms < end_ms) {
        start_more(r);
        if (r->o->churn)
            delete_some(r, r->n_spis);
        host_wait(r->h, 100);
    }
    r->counting = false;
    r->c.failed += r->open; /* out of time */
    r->c.up_s = r->last_up_us > r->first_us ? (double)(r->last_up_us - r->first_us) / 1e6 : 0;
}

static void hold(struct run *r, uint64_t end_ms)
{
    uint64_t until = host_now().mono_ms + (uint64_t)r->o->hold_s * 1000;

    while (host_now().mono_ms < until && host_now().mono_ms < end_ms)
        host_wait(r->h, 100);
}

static bool stop_at_first(void *ctx, const struct session_record *s)
{
    (void)s;
    *(bool *)ctx = true;
    return false;
}

static bool sessions_left(struct run *r)
{
    bool any = false;

    engine_each_session(node_engine(r->h->node), stop_at_first, &any);
    return any;
}

/* A rekeyed IKE SA has another SPI: what is left goes by connection. */
static void delete_all(struct run *r, uint64_t end_ms)
{
    for (uint32_t i = 0; i < r->o->identities; i++) {
        char conn[32];

        snprintf(conn, sizeof conn, "c%u", i);
        engine_terminate(node_engine(r->h->node), host_now(), TERMINATE_IKE, conn, 0, 0, 0,
                         &r->h->acts);
        host_run(r->h);
        if (i % 16 == 15)
            host_wait(r->h, 1);
    }
    while (sessions_left(r) && host_now().mono_ms < end_ms)
        host_wait(r->h, 50);
}

int load_run(const struct load_options *o, struct load_host *h)
{
    struct run r = { .o = o, .h = h };
    uint64_t end_ms = host_now().mono_ms + (uint64_t)o->limit_s * 1000;
    bool all;

    r.start_us = calloc(o->sessions, sizeof *r.start_us);
    r.spis = calloc(o->sessions, sizeof *r.spis);
    r.c.latency_us = calloc(o->sessions, sizeof *r.c.latency_us);
    if (r.start_us == NULL || r.spis == NULL || r.c.latency_us == NULL)
        abort();
    h->on_event = on_event;
    h->ctx = &r;
    if (o->pid != 0)
        r.c.before = load_usage_of(o->pid);
    handshakes(&r, end_ms);
    if (o->pid != 0)
        r.c.after = load_usage_of(o->pid);
    hold(&r, end_ms);
    if (o->delete_all)
        delete_all(&r, end_ms);
    load_report(o, &r.c, engine_stats(node_engine(h->node)));
    all = r.c.n == o->sessions;
    h->on_event = NULL;
    free(r.start_us);
    free(r.spis);
    free(r.c.latency_us);
    return all ? 0 : 1;
}
