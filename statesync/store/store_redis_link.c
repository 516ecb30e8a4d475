/* store_redis_link: the life of the connection.
 *
 *   WAIT --back-off--> HELLO --all answered--> READY --silence, loss, refusal--> WAIT
 *
 * on_state(up) is told when READY begins and before any operation is written, so a new incarnation
 * is known before any result of it. While READY, INFO is asked once a second: a demoted primary and
 * a changed replication id are noticed without traffic, and so is a dead path. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "statesync/store/store_redis_inner.h"

enum {
    BACKOFF_MIN_MS = 50,
    BACKOFF_MAX_MS = 2000,
    PROBE_MS = 1000,
    HELLO_MIN_MS = 1000,
    SILENCE_FACTOR = 3 /* deadlines of silence until the connection is given up */
};

static void on_link_timer(uv_timer_t *t);

/* ---- what the owner hears ---- */

static void state_tell(struct redis_store *s, bool up, const char *why)
{
    struct store_state st = { .up = up };

    if (up)
        st.incarnation = s->facts.incarnation;
    if (why != NULL)
        (void)snprintf(st.reason, sizeof st.reason, "%s %s", s->where, why);
    /* One line per reason, not one per attempt to connect. */
    if (!up && !s->told_up && span_eq(span_str(st.reason), span_str(s->told_reason)))
        return;
    s->told_up = up;
    (void)snprintf(s->told_reason, sizeof s->told_reason, "%s", st.reason);
    if (s->base.on_state != NULL)
        s->base.on_state(s->base.ctx, &st);
}

static void state_tell_up(struct redis_store *s)
{
    char warning[96];

    if (!s->facts.evicts) {
        state_tell(s, true, NULL);
        return;
    }
    (void)snprintf(warning, sizeof warning,
                   "may evict keys (maxmemory-policy %s): set it to noeviction", s->facts.policy);
    state_tell(s, true, warning);
}

void link_facts(struct redis_store *s, const struct redis_facts *facts)
{
    bool changed = !incarnation_eq(&s->facts.incarnation, &facts->incarnation);

    if (s->incarnation_told && changed)
        s->stats.incarnations++;
    s->facts = *facts;
    s->incarnation_told = true;
    (void)snprintf(s->last_run_id, sizeof s->last_run_id, "%s", facts->run_id);
    state_tell_up(s);
}

/* ---- silence ---- */

void link_sign(struct redis_store *s)
{
    s->quiet_ms = uv_now(s->loop);
    s->received = redis_conn_received(s->conn);
    if (s->stalled) {
        s->stalled = false;
        state_tell_up(s);
    }
}

uint64_t link_next_watch(const struct redis_store *s)
{
    if (s->link != LINK_READY || s->flight.n == 0)
        return UINT64_MAX;
    return s->quiet_ms + (uint64_t)s->timeout_ms * (s->stalled ? SILENCE_FACTOR : 1);
}

void link_watch(struct redis_store *s, uint64_t now_ms)
{
    if (s->link != LINK_READY || s->flight.n == 0)
        return;
    if (redis_conn_received(s->conn) != s->received) {
        link_sign(s);
        return;
    }
    if (now_ms < link_next_watch(s))
        return;
    if (s->stalled) {
        link_lose(s, "does not answer: see whether it is overloaded or stopped");
        return;
    }
    /* What was written may still be executed; adding to it would only make more of it unknown. */
    s->stalled = true;
    state_tell(s, false, "does not answer: see whether it is overloaded or stopped");
}

/* ---- connection ---- */

static uint64_t backoff_next(struct redis_store *s)
{
    uint64_t ms = s->backoff_ms;

    s->backoff_ms = s->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : s->backoff_ms * 2;
    return ms / 2 + env_uniform(s->env, ms / 2 + 1);
}

void link_lose(struct redis_store *s, const char *why)
{
    bool was_ready = s->link == LINK_READY;

    s->conn = redis_conn_close(s->conn);
    s->link = LINK_WAIT;
    s->stalled = false;
    if (was_ready)
        s->stats.disconnects++;
    else
        s->attempt++;
    (void)uv_timer_start(&s->link_timer, on_link_timer, backoff_next(s), 0);
    state_tell(s, false, why);
    if (!gone(s))
        ops_lost(s);
}

static void on_opened(void *ctx)
{
    struct redis_store *s = ctx;
    struct wr *out = redis_conn_out(s->conn);

    if (redis_hello_start(&s->hello, &s->login, &s->scripts, s->last_run_id, s->last_client_id,
                          out) != OK ||
        redis_conn_flush_secret(s->conn) != OK)
        link_lose(s, "closed the connection at once: see its log and maxclients");
}

static void ready(struct redis_store *s)
{
    s->link = LINK_READY;
    s->stats.connects++;
    s->backoff_ms = BACKOFF_MIN_MS;
    s->last_client_id = s->hello.client_id;
    if (s->hello.unfenced) {
        s->stats.unfenced++;
        LOG(s->env, LOG_WARN, "store-unfenced", F_STR("store", s->where),
            F_STR("advice", "allow CLIENT KILL to the ACL user"));
    }
    (void)uv_timer_start(&s->link_timer, on_link_timer, PROBE_MS, 0);
    link_facts(s, &s->hello.facts);
}

static void hello_reply(struct redis_store *s, const struct redisReply *reply)
{
    struct wr *out = redis_conn_out(s->conn);

    /* A server that answers before it was asked everything: then nothing fits its place. */
    if (out == NULL) {
        link_lose(s, "does not answer like Redis 6.2 or later: correct store.redis");
        return;
    }
    switch (redis_hello_reply(&s->hello, reply, out)) {
    case HELLO_MORE:
        if (redis_conn_flush(s->conn) != OK)
            link_lose(s, "closed the connection at once: see its log and maxclients");
        break;
    case HELLO_READY:
        ready(s);
        break;
    case HELLO_FAILED:
        link_lose(s, s->hello.why);
        break;
    }
}

static void on_reply(void *ctx, const struct redisReply *reply)
{
    struct redis_store *s = ctx;
    const char *lost;

    if (s->link == LINK_HELLO) {
        hello_reply(s, reply);
        return;
    }
    link_sign(s);
    if (gone(s))
        return;
    lost = ops_reply(s, reply);
    if (lost != NULL && !gone(s))
        link_lose(s, lost);
}

static void on_failed(void *ctx, const char *why)
{
    struct redis_store *s = ctx;
    char text[112];

    (void)snprintf(text, sizeof text,
                   s->link == LINK_READY ? "was lost (%s): see its log"
                                         : "cannot be reached (%s): start it, or "
                                           "correct store.redis",
                   why);
    link_lose(s, text);
}

static const struct redis_conn_events conn_events = { on_opened, on_reply, on_failed };

static void connect_now(struct redis_store *s)
{
    uint64_t limit = (uint64_t)s->timeout_ms * 4;
    enum err e;

    s->link = LINK_HELLO;
    (void)uv_timer_start(&s->link_timer, on_link_timer, limit < HELLO_MIN_MS ? HELLO_MIN_MS : limit,
                         0);
    e = redis_conn_open(s->loop, &s->at, s->attempt, &conn_events, s, &s->conn);
    if (e != OK)
        link_lose(s, e == E_NOMEM ? "cannot be reached: out of memory"
                                  : "cannot be reached: no socket left, raise the file limit");
}

static void probe(struct redis_store *s)
{
    struct span info[] = { span_str("INFO") };
    struct redis_command cmd = { NULL, 0 };

    if (!s->probing && redis_command_args(info, 1, &cmd) == OK &&
        ops_internal(s, OP_PROBE, SCRIPT_COUNT, &cmd) == OK)
        s->probing = true;
}

static void on_link_timer(uv_timer_t *t)
{
    struct redis_store *s = t->data;

    switch (s->link) {
    case LINK_WAIT:
        connect_now(s);
        break;
    case LINK_HELLO:
        link_lose(s, "does not answer: see whether it is overloaded or stopped");
        break;
    case LINK_READY:
        (void)uv_timer_start(&s->link_timer, on_link_timer, PROBE_MS, 0);
        probe(s);
        break;
    }
}

void link_start(struct redis_store *s)
{
    s->link = LINK_WAIT;
    s->backoff_ms = BACKOFF_MIN_MS;
    (void)uv_timer_start(&s->link_timer, on_link_timer, 0, 0);
}
