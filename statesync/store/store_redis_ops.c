/* store_redis_ops: operations between submit and result.
 *
 * Deadlines run from submit and are equal for all operations of a list, so each list is in order by
 * itself. An operation that passed its deadline after it was written stays in flight, because its
 * reply still comes and must be matched with it; nobody hears of that reply. */
#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/store/store_redis_inner.h"

enum { BULK_FACTOR = 10, WRITES_PER_TURN = 16 };

/* ---- lists ---- */

static void list_push(struct op_list *l, struct redis_op *op)
{
    op->next = NULL;
    if (l->tail == NULL)
        l->head = op;
    else
        l->tail->next = op;
    l->tail = op;
    l->n++;
}

static struct redis_op *list_pop(struct op_list *l)
{
    struct redis_op *op = l->head;

    if (op == NULL)
        return NULL;
    l->head = op->next;
    if (l->head == NULL)
        l->tail = NULL;
    l->n--;
    op->next = NULL;
    return op;
}

static void due_add(struct redis_store *s, struct redis_op *op)
{
    int b = op->bulk;

    op->due_prev = s->due_tail[b];
    op->due_next = NULL;
    if (s->due_tail[b] == NULL)
        s->due_head[b] = op;
    else
        s->due_tail[b]->due_next = op;
    s->due_tail[b] = op;
    op->in_due = true;
}

static void due_remove(struct redis_store *s, struct redis_op *op)
{
    int b = op->bulk;

    if (!op->in_due)
        return;
    if (op->due_prev == NULL)
        s->due_head[b] = op->due_next;
    else
        op->due_prev->due_next = op->due_next;
    if (op->due_next == NULL)
        s->due_tail[b] = op->due_prev;
    else
        op->due_next->due_prev = op->due_prev;
    op->in_due = false;
}

static void op_free(struct redis_op *op)
{
    redis_command_done(&op->cmd);
    free(op);
}

/* ---- results ---- */

static void count_latency(struct redis_store *s, const struct redis_op *op)
{
    uint64_t us = (uv_hrtime() - op->start_ns) / 1000;
    unsigned i = 0;

    while (i < STORE_REDIS_LATENCY_BUCKETS - 1 && us >= (uint64_t)64 << i)
        i++;
    s->stats.latency[i]++;
    s->stats.latency_sum_us += us;
    s->stats.latency_count++;
}

/* Tells the owner, once. The callback may submit, and may free the store. */
static void tell(struct redis_store *s, struct redis_op *op, const struct store_result *r)
{
    assert(!op->answered);
    op->answered = true;
    due_remove(s, op);
    if (r->err == E_STORE_DOWN)
        s->stats.down++;
    else if (r->err == E_STORE_UNKNOWN)
        s->stats.unknown++;
    else if (r->err == E_CONFLICT || r->err == E_LEASE_LOST)
        s->stats.conflicts++;
    if (s->base.on_result != NULL)
        s->base.on_result(s->base.ctx, r);
}

static void tell_err(struct redis_store *s, struct redis_op *op, enum err e)
{
    struct store_result r = {
        .kind = op->asked.kind, .ticket = op->asked.ticket, .slot = op->asked.slot, .err = e
    };

    tell(s, op, &r);
}

void ops_tell_done(struct redis_store *s)
{
    /* Those that the callbacks add wait for the next turn. */
    size_t n = s->done.n;

    while (n-- > 0 && !gone(s)) {
        struct redis_op *op = list_pop(&s->done);

        tell_err(s, op, op->err);
        op_free(op);
    }
    if (!gone(s) && s->done.n > 0)
        store_redis_wake(s);
}

static void done_push(struct redis_store *s, struct redis_op *op, enum err e)
{
    op->err = e;
    list_push(&s->done, op);
    store_redis_wake(s);
}

/* ---- in ---- */

static void queue_push(struct redis_store *s, struct redis_op *op)
{
    list_push(&s->queue, op);
    op->queued = true;
    s->queue_octets += op->cmd.len;
}

static struct redis_op *queue_pop(struct redis_store *s)
{
    struct redis_op *op = list_pop(&s->queue);

    op->queued = false;
    s->queue_octets -= op->cmd.len;
    return op;
}

static bool room_for(const struct redis_store *s, size_t octets)
{
    return s->queue.n + s->flight.n < LIMIT_REDIS_OPS && octets <= LIMIT_REDIS_QUEUE &&
           s->queue_octets <= LIMIT_REDIS_QUEUE - octets;
}

void ops_submit(struct redis_store *s, const struct store_op *o)
{
    struct redis_op *op = calloc(1, sizeof *op);
    enum err e = E_STORE_DOWN;

    /* Without these few octets the caller would wait for ever: as bad as wrong state. */
    if (op == NULL)
        abort();
    assert((unsigned)o->kind <= STORE_GET);
    op->asked = (struct redis_asked){ .kind = o->kind,
                                      .ticket = o->ticket,
                                      .slot = o->slot,
                                      .n_slots = o->n_slots,
                                      .expect = o->expect,
                                      .token = o->token,
                                      .expect_token = o->expect_token,
                                      .put_delete = o->kind == STORE_PUT && o->value.len == 0,
                                      .incarnation = s->facts.incarnation };
    op->vouch = o->vouch;
    op->bulk = o->kind == STORE_LOAD;
    op->start_ns = uv_hrtime();
    op->due_ms = uv_now(s->loop) + (uint64_t)s->timeout_ms * (op->bulk ? BULK_FACTOR : 1);
    s->stats.ops[o->kind]++;
    if (s->link == LINK_READY && !s->stalled) {
        e = redis_command_of(o, s->pop, &s->scripts, &s->facts, &op->cmd);
        if (e == E_NOMEM || (e == OK && !room_for(s, op->cmd.len)))
            e = E_STORE_DOWN;
    }
    if (e != OK) {
        done_push(s, op, e);
        return;
    }
    queue_push(s, op);
    due_add(s, op);
    store_redis_arm(s);
}

enum err ops_internal(struct redis_store *s, enum op_role role, enum redis_script script,
                      struct redis_command *cmd)
{
    struct redis_op *op = calloc(1, sizeof *op);

    if (op == NULL) {
        redis_command_done(cmd);
        return E_NOMEM;
    }
    op->role = role;
    op->script = script;
    op->answered = true;
    op->start_ns = uv_hrtime();
    op->cmd = *cmd;
    *cmd = (struct redis_command){ NULL, 0 };
    queue_push(s, op);
    return OK;
}

/* ---- out ---- */

enum err ops_write(struct redis_store *s)
{
    for (int round = 0; round < WRITES_PER_TURN && s->queue.n > 0; round++) {
        struct wr *out = redis_conn_out(s->conn);

        if (out == NULL)
            return OK;
        if (s->flight.n == 0)
            link_sign(s);
        while (s->queue.n > 0 && s->queue.head->cmd.len <= out->cap - out->len) {
            struct redis_op *op = queue_pop(s);

            if (op->role == OP_STORE && op->answered) {
                op_free(op);
                continue;
            }
            wr_bytes(out, span_of(op->cmd.text, op->cmd.len));
            s->stats.written += op->cmd.len;
            list_push(&s->flight, op);
        }
        s->stats.writes++;
        TRY(redis_conn_flush(s->conn));
    }
    if (s->queue.n > 0)
        store_redis_wake(s);
    return OK;
}

/* ---- replies ---- */

static void log_refusal(struct redis_store *s, enum redis_refusal r, enum store_kind kind)
{
    static const char *const names[] = { "commit", "load", "claim", "rows", "put", "get" };
    uint64_t now = uv_now(s->loop);

    s->stats.refused++;
    if (s->refusal_logged_ms[r] != 0 && now - s->refusal_logged_ms[r] < 1000)
        return;
    s->refusal_logged_ms[r] = now == 0 ? 1 : now;
    LOG(s->env, LOG_WARN, "store-refused", F_STR("store", s->where),
        F_STR("error", redis_refusal_name(r)), F_STR("operation", names[kind]),
        F_STR("advice", redis_refusal_advice(r)));
}

/* Put op at the end of the queue again: the server did not execute it. Its deadline stays. */
static void again(struct redis_store *s, struct redis_op *op)
{
    op->tries++;
    queue_push(s, op);
}

/* The server forgot its scripts (SCRIPT FLUSH): load this one again, then repeat. */
static bool retry_noscript(struct redis_store *s, struct redis_op *op)
{
    enum redis_script script = op->asked.kind == STORE_COMMIT  ? SCRIPT_COMMIT
                               : op->asked.kind == STORE_CLAIM ? SCRIPT_CLAIM
                                                               : SCRIPT_PUT;
    struct span args[] = { span_str("SCRIPT"), span_str("LOAD"), redis_script_text(script) };
    struct redis_command cmd = { NULL, 0 };

    if (op->tries > 0)
        return false;
    if (!s->script_loading[script]) {
        if (redis_command_args(args, 3, &cmd) != OK ||
            ops_internal(s, OP_SCRIPT, script, &cmd) != OK)
            return false;
        s->script_loading[script] = true;
    }
    s->stats.noscript++;
    again(s, op);
    return true;
}

/* The claim met another incarnation than we knew: adopt that one, tell it, claim under it. */
static bool retry_claim(struct redis_store *s, struct redis_op *op, const struct redis_facts *seen)
{
    struct store_op o = { .kind = STORE_CLAIM,
                          .slot = op->asked.slot,
                          .token = op->asked.token,
                          .expect_token = op->asked.expect_token,
                          .vouch = op->vouch };
    struct redis_facts facts = s->facts;

    (void)snprintf(facts.run_id, sizeof facts.run_id, "%s", seen->run_id);
    (void)snprintf(facts.replid, sizeof facts.replid, "%s", seen->replid);
    facts.incarnation = seen->incarnation;
    link_facts(s, &facts);
    if (gone(s) || op->tries > 0 || s->link != LINK_READY)
        return false;
    redis_command_done(&op->cmd);
    if (redis_command_of(&o, s->pop, &s->scripts, &s->facts, &op->cmd) != OK)
        return false;
    op->asked.incarnation = s->facts.incarnation;
    again(s, op);
    return true;
}

static const char *internal_reply(struct redis_store *s, struct redis_op *op,
                                  const struct redisReply *reply)
{
    struct redis_facts facts;

    if (op->role == OP_SCRIPT) {
        s->script_loading[op->script] = false;
        return NULL; /* a failure shows at the operation that needs it */
    }
    s->probing = false;
    if (reply->type == REDIS_REPLY_ERROR)
        return redis_refusal_advice(redis_refusal_of(span_of(reply->str, reply->len)));
    if (reply->type != REDIS_REPLY_STRING ||
        redis_facts_parse(span_of(reply->str, reply->len), &facts) != OK)
        return "does not answer like Redis 6.2 or later: correct store.redis";
    if (!facts.primary)
        return redis_refusal_advice(REFUSED_READONLY);
    if (!incarnation_eq(&facts.incarnation, &s->facts.incarnation))
        link_facts(s, &facts);
    return NULL;
}

/* op left the lists; freed here unless it goes back into the queue. */
static const char *store_reply(struct redis_store *s, struct redis_op *op,
                               const struct redisReply *reply)
{
    struct redis_answer a;
    const char *lost = NULL;

    if (op->answered) {
        s->stats.late++;
        op_free(op);
        return NULL;
    }
    if (redis_answer_of(&op->asked, reply, &a) != OK) {
        tell_err(s, op, E_STORE_UNKNOWN);
        op_free(op);
        return NULL;
    }
    s->stats.malformed += a.skipped;
    switch (a.verdict) {
    case REPLY_ANSWER:
        count_latency(s, op);
        break;
    case REPLY_REFUSED:
        if (a.refusal == REFUSED_NOSCRIPT && retry_noscript(s, op)) {
            redis_answer_done(&a);
            return NULL;
        }
        log_refusal(s, a.refusal, op->asked.kind);
        if (redis_refusal_reset(a.refusal))
            lost = redis_refusal_advice(a.refusal);
        break;
    case REPLY_INCARNATION:
        if (!a.facts.primary) {
            lost = redis_refusal_advice(REFUSED_READONLY);
            break;
        }
        if (retry_claim(s, op, &a.facts)) {
            redis_answer_done(&a);
            return NULL;
        }
        if (gone(s)) {
            redis_answer_done(&a);
            op_free(op);
            return NULL;
        }
        break;
    case REPLY_MALFORMED:
        s->stats.malformed++;
        lost = "answered something else than was asked: see that nothing stands between";
        break;
    }
    tell(s, op, &a.result);
    redis_answer_done(&a);
    op_free(op);
    return lost;
}

const char *ops_reply(struct redis_store *s, const struct redisReply *reply)
{
    struct redis_op *op = list_pop(&s->flight);
    const char *lost;

    if (op == NULL)
        return "talks without being asked: correct store.redis";
    if (op->role == OP_STORE)
        return store_reply(s, op, reply);
    lost = internal_reply(s, op, reply);
    op_free(op);
    return lost;
}

/* ---- loss and deadlines ---- */

static void fail_list(struct redis_store *s, struct op_list *l, enum err e)
{
    struct redis_op *op;

    while ((op = list_pop(l)) != NULL) {
        if (!op->answered && !gone(s))
            tell_err(s, op, e);
        else
            due_remove(s, op);
        op_free(op);
    }
}

void ops_lost(struct redis_store *s)
{
    /* Taken out first: the callbacks submit. */
    struct op_list flight = s->flight, queue = s->queue;

    s->flight = s->queue = (struct op_list){ 0 };
    s->queue_octets = 0;
    memset(s->script_loading, 0, sizeof s->script_loading);
    s->probing = false;
    fail_list(s, &flight, E_STORE_UNKNOWN);
    fail_list(s, &queue, E_STORE_DOWN);
}

static void expire_one(struct redis_store *s, struct redis_op *op)
{
    /* It stays where it is: in flight until its reply, in the queue until it would be written. */
    s->stats.timeouts++;
    tell_err(s, op, op->queued ? E_STORE_DOWN : E_STORE_UNKNOWN);
}

void ops_expire(struct redis_store *s, uint64_t now_ms)
{
    for (int b = 0; b < 2; b++) {
        while (!gone(s) && s->due_head[b] != NULL && s->due_head[b]->due_ms <= now_ms)
            expire_one(s, s->due_head[b]);
    }
}

uint64_t ops_next_due(const struct redis_store *s)
{
    uint64_t next = UINT64_MAX;

    for (int b = 0; b < 2; b++) {
        if (s->due_head[b] != NULL && s->due_head[b]->due_ms < next)
            next = s->due_head[b]->due_ms;
    }
    return next;
}

void ops_free_all(struct redis_store *s)
{
    struct op_list *lists[] = { &s->flight, &s->queue, &s->done };
    struct redis_op *op;

    for (size_t i = 0; i < 3; i++) {
        while ((op = list_pop(lists[i])) != NULL) {
            due_remove(s, op);
            op_free(op);
        }
    }
}
