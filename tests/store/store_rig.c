#include "tests/store/store_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what)
{
    fprintf(stderr, "store_rig: %s\n", what);
    abort();
}

static void log_print(void *ctx, enum log_level level, const char *event,
                      const struct log_field *fields)
{
    char line[1024];
    size_t n = log_format_json(line, sizeof line, 0, level, event, fields);

    (void)ctx;
    fwrite(line, 1, n, stderr);
}

static int outcome(enum err e)
{
    switch (e) {
    case OK:
        return 0;
    case E_CONFLICT:
        return 1;
    case E_LEASE_LOST:
        return 2;
    case E_STORE_DOWN:
        return 3;
    case E_STORE_UNKNOWN:
        return 4;
    default:
        die("an outcome that nobody expects");
        return -1;
    }
}

static size_t copy(uint8_t *out, struct span s)
{
    size_t n = s.len < RIG_VALUE ? s.len : RIG_VALUE;

    if (n > 0)
        memcpy(out, s.p, n);
    return n;
}

static void on_result(void *ctx, const struct store_result *r)
{
    struct rig *rig = ctx;
    struct rig_result *c;

    if (rig->in_submit)
        die("result before submit returned");
    if (rig->count_only) {
        rig->counted[outcome(r->err)]++;
        return;
    }
    for (size_t i = 0; i < rig->n_results; i++) {
        if (rig->results[i].r.ticket == r->ticket)
            die("two results for one ticket");
    }
    if (rig->n_results == rig->cap_results) {
        rig->cap_results = rig->cap_results * 2 + 16;
        rig->results = realloc(rig->results, rig->cap_results * sizeof *rig->results);
        if (rig->results == NULL)
            die("memory");
    }
    c = &rig->results[rig->n_results++];
    memset(c, 0, sizeof *c);
    c->r = *r;
    c->state_at = rig->n_states;
    c->value_len = copy(c->value, r->value);
    for (size_t i = 0; i < r->n_rows && i < 8; i++)
        c->rows[i] = r->rows[i];
    for (size_t i = 0; i < r->n_entries && i < 16; i++) {
        c->entries[i] = r->entries[i];
        copy(c->entry_value[i], r->entries[i].value);
    }
}

static void on_state(void *ctx, const struct store_state *st)
{
    struct rig *rig = ctx;

    if (rig->n_states == RIG_STATES)
        die("too many states");
    rig->states[rig->n_states++] = *st;
}

void rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    if (uv_loop_init(&rig->loop) != 0)
        die("loop");
    rig->env = (struct env){ .random = env_os_random, .log = log_print, .log_level = LOG_INFO };
    rig->next_ticket = 1000;
}

void rig_open(struct rig *rig, struct store_redis_config cfg)
{
    const char *why = "";

    cfg.loop = &rig->loop;
    cfg.env = &rig->env;
    if (cfg.pop == 0)
        cfg.pop = 1;
    if (store_redis_new(&cfg, &rig->s, &why) != OK)
        die(why);
    rig->s->on_result = on_result;
    rig->s->on_state = on_state;
    rig->s->ctx = rig;
}

static bool never(struct rig *rig)
{
    (void)rig;
    return false;
}

void rig_done(struct rig *rig)
{
    if (rig->s != NULL)
        rig->s->ops->free(rig->s);
    for (int i = 0; i < 100 && uv_loop_alive(&rig->loop); i++)
        uv_run(&rig->loop, UV_RUN_ONCE);
    if (uv_loop_close(&rig->loop) != 0)
        die("a handle is left on the loop");
    free(rig->results);
}

uint64_t rig_submit(struct rig *rig, struct store_op op)
{
    op.ticket = ++rig->next_ticket;
    rig->in_submit = true;
    rig->s->ops->submit(rig->s, &op);
    rig->in_submit = false;
    return op.ticket;
}

static void on_guard(uv_timer_t *t)
{
    *(bool *)t->data = true;
}

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

bool rig_until(struct rig *rig, bool (*holds)(struct rig *rig), unsigned ms)
{
    uv_timer_t guard, tick;
    bool over = false, held;

    uv_timer_init(&rig->loop, &guard);
    uv_timer_init(&rig->loop, &tick);
    guard.data = &over;
    uv_update_time(&rig->loop);
    uv_timer_start(&guard, on_guard, ms, 0);
    uv_timer_start(&tick, on_tick, 5, 5);
    while (!(held = holds(rig)) && !over)
        uv_run(&rig->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&guard, NULL);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&rig->loop, UV_RUN_NOWAIT);
    return held;
}

bool rig_up(struct rig *rig)
{
    return rig->n_states > 0 && rig->states[rig->n_states - 1].up;
}

bool rig_down(struct rig *rig)
{
    return rig->n_states > 0 && !rig->states[rig->n_states - 1].up;
}

void rig_run(struct rig *rig, unsigned ms)
{
    rig_until(rig, never, ms);
}

static uint64_t waited;

static const struct rig_result *find(struct rig *rig, uint64_t ticket)
{
    for (size_t i = 0; i < rig->n_results; i++) {
        if (rig->results[i].r.ticket == ticket)
            return &rig->results[i];
    }
    return NULL;
}

static bool has_waited(struct rig *rig)
{
    return find(rig, waited) != NULL;
}

const struct rig_result *rig_wait(struct rig *rig, uint64_t ticket)
{
    waited = ticket;
    rig_until(rig, has_waited, 8000);
    return find(rig, ticket);
}

const struct rig_result *rig_do(struct rig *rig, struct store_op op)
{
    const struct rig_result *r = rig_wait(rig, rig_submit(rig, op));

    if (r == NULL)
        die("no result");
    return r;
}

struct token rig_token(uint32_t epoch, uint16_t node)
{
    return (struct token){ .epoch = epoch, .node = node, .boot = 1700000000 };
}

void rig_own(struct rig *rig, uint16_t slot, struct token token)
{
    uint16_t slots[] = { slot };
    struct store_op rows = { .kind = STORE_ROWS, .slots = slots, .n_slots = 1 };
    struct store_op claim = { .kind = STORE_CLAIM, .slot = slot, .token = token };
    const struct rig_result *r = rig_do(rig, rows);

    if (r->r.err != OK)
        die("rows");
    claim.expect_token = r->rows[0].token;
    r = rig_do(rig, claim);
    if (r->r.err != OK)
        die("claim");
}

struct store_op rig_commit(uint16_t slot, struct token token, uint64_t id, uint64_t expect,
                           const void *value, size_t len)
{
    return (struct store_op){ .kind = STORE_COMMIT,
                              .slot = slot,
                              .token = token,
                              .n_writes = 1,
                              .writes = {
                                  { .id = id, .expect = expect, .value = span_of(value, len) } } };
}
