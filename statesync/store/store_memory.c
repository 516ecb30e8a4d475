/* store_memory: connections and operations of the memory store; what operations do is
 * memory_data.c.
 *
 * An operation owns copies of all that its request points to. It is on its handle's list until it
 * is freed, so a handle that goes away (its node crashed) leaves operations that may still be
 * executed but answer nobody. Embedded, that list is the queue. */
#include "statesync/store/store_memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/store/memory_data.h"

struct memstore {
    struct memory_data *data;
    struct incarnation in;
    bool down;
    struct memstore_breaks breaks;
    void (*schedule)(void *ctx, struct memop *op);
    void *schedule_ctx;
};

struct handle {
    struct store store; /* first: the handle is the store */
    struct memstore *m;
    uint16_t node;
    bool told, told_up;
    struct incarnation told_in;
    void (*wake)(void *ctx);
    void *wake_ctx;
    struct memop *first, *last;
};

struct memop {
    struct memstore *m;
    struct handle *handle; /* NULL: gone */
    struct memop *prev, *next;
    uint16_t node;
    struct store_op op;
    bool executed, answered, failed;
    bool embedded;
    struct incarnation in; /* under which it was executed */
    struct memory_answer answer;
    uint8_t *blob; /* what op points to */
};

static struct handle *handle_of(struct store *s)
{
    return (struct handle *)s;
}

/* ---- the shared part ---- */

enum err memstore_new(const struct incarnation *first, struct memstore **ret)
{
    struct memstore *m = calloc(1, sizeof *m);
    enum err e;

    if (m == NULL)
        return E_NOMEM;
    e = memory_data_new(&m->data);
    if (e != OK) {
        free(m);
        return e;
    }
    m->in = *first;
    *ret = m;
    return OK;
}

struct memstore *memstore_free(struct memstore *m)
{
    if (m == NULL)
        return NULL;
    memory_data_free(m->data);
    free(m);
    return NULL;
}

void memstore_set_breaks(struct memstore *m, const struct memstore_breaks *b)
{
    m->breaks = *b;
}

void memstore_set_schedule(struct memstore *m, void (*schedule)(void *ctx, struct memop *op),
                           void *ctx)
{
    m->schedule = schedule;
    m->schedule_ctx = ctx;
}

/* ---- operations ---- */

static void unlink_op(struct memop *op)
{
    struct handle *h = op->handle;

    if (h == NULL)
        return;
    if (op->prev != NULL)
        op->prev->next = op->next;
    else
        h->first = op->next;
    if (op->next != NULL)
        op->next->prev = op->prev;
    else
        h->last = op->prev;
    op->prev = op->next = NULL;
    op->handle = NULL;
}

static void link_op(struct handle *h, struct memop *op)
{
    op->prev = h->last;
    if (h->last != NULL)
        h->last->next = op;
    else
        h->first = op;
    h->last = op;
}

static struct span keep(uint8_t *blob, size_t *at, struct span s)
{
    uint8_t *p = blob + *at;

    if (s.len > 0)
        memcpy(p, s.p, s.len);
    *at += s.len;
    return span_of(p, s.len);
}

/* Request and everything it points to. Aborts when memory is out, as every submit does. */
static struct memop *copy_op(struct handle *h, const struct store_op *op)
{
    struct memop *c = calloc(1, sizeof *c);
    size_t slots = op->kind == STORE_ROWS ? op->n_slots * sizeof *op->slots : 0;
    bool named = op->kind == STORE_PUT || op->kind == STORE_GET;
    size_t name = named && op->name != NULL ? strlen(op->name) + 1 : 0;
    struct span value = op->kind == STORE_PUT ? op->value : SPAN_NONE;
    size_t n_writes = op->kind == STORE_COMMIT ? op->n_writes : 0;
    size_t len = slots + name + value.len, at = 0;

    assert(n_writes <= LIMIT_COMMIT_WRITES);
    for (size_t i = 0; i < n_writes; i++)
        len += op->writes[i].value.len;
    if (c == NULL || (c->blob = malloc(len + 1)) == NULL)
        abort();
    c->op = *op;
    /* Slots first: malloc's alignment is theirs. */
    c->op.slots = (const uint16_t *)(const void *)keep(c->blob, &at, span_of(op->slots, slots)).p;
    c->op.name = NULL;
    if (name > 0)
        c->op.name = (const char *)keep(c->blob, &at, span_of(op->name, name)).p;
    c->op.value = keep(c->blob, &at, value);
    for (size_t i = 0; i < n_writes; i++)
        c->op.writes[i].value = keep(c->blob, &at, op->writes[i].value);
    c->m = h->m;
    c->handle = h;
    c->node = h->node;
    return c;
}

void memop_free(struct memop *op)
{
    unlink_op(op);
    memory_answer_done(&op->answer);
    free(op->blob);
    free(op);
}

void memop_execute(struct memop *op, uint64_t now_ms)
{
    struct memory_run run = { .in = op->m->in, .now_ms = now_ms };

    assert(!op->executed && !op->failed);
#ifdef IKESTRA_PLANTED_BREAKS
    run.ignore_token = op->m->breaks.ignore_token;
    run.claim_without_cas = op->m->breaks.claim_without_cas;
#endif
    op->executed = true;
    op->in = op->m->in;
    if (op->m->down) {
        op->answer.result = (struct store_result){
            .kind = op->op.kind, .ticket = op->op.ticket, .slot = op->op.slot, .err = E_STORE_DOWN
        };
        return;
    }
    memory_data_execute(op->m->data, &run, &op->op, &op->answer);
}

static void deliver(struct memop *op, const struct store_result *r)
{
    struct handle *h = op->handle;

    op->answered = true;
    if (h != NULL && h->store.on_result != NULL)
        h->store.on_result(h->store.ctx, r);
}

static void deliver_error(struct memop *op, enum err e)
{
    struct store_result r = {
        .kind = op->op.kind, .ticket = op->op.ticket, .slot = op->op.slot, .err = e
    };

    deliver(op, &r);
}

void memop_reply(struct memop *op)
{
    struct handle *h = op->handle;

    assert(op->executed);
    if (op->answered)
        return;
    if (h == NULL || op->answer.result.err == E_STORE_DOWN) {
        deliver(op, &op->answer.result);
        return;
    }
    /* Executed under an incarnation that the node has not heard of: that comes first. */
    if (h->m == op->m && !op->m->down && incarnation_eq(&op->in, &op->m->in))
        memstore_tell(&h->store);
    if (!h->told_up || !incarnation_eq(&h->told_in, &op->in))
        deliver_error(op, E_STORE_UNKNOWN);
    else
        deliver(op, &op->answer.result);
}

void memop_lose(struct memop *op)
{
    if (!op->answered)
        deliver_error(op, E_STORE_UNKNOWN);
}

void memop_fail(struct memop *op)
{
    if (op->answered)
        return;
    assert(!op->executed);
    op->failed = true;
    deliver_error(op, E_STORE_DOWN);
}

uint16_t memop_node(const struct memop *op)
{
    return op->node;
}

const struct store_op *memop_request(const struct memop *op)
{
    return &op->op;
}

bool memop_executed(const struct memop *op)
{
    return op->executed;
}

bool memop_answered(const struct memop *op)
{
    return op->answered;
}

enum err memop_outcome(const struct memop *op)
{
    return op->executed ? op->answer.result.err : E_STORE_UNKNOWN;
}

/* ---- handles ---- */

static void submit(struct store *s, const struct store_op *op)
{
    struct handle *h = handle_of(s);
    struct memop *c = copy_op(h, op);

    link_op(h, c);
    if (h->m->schedule != NULL) {
        h->m->schedule(h->m->schedule_ctx, c);
        return;
    }
    c->embedded = true;
    if (h->wake != NULL)
        h->wake(h->wake_ctx);
}

static void free_handle(struct store *s)
{
    struct handle *h = handle_of(s);

    while (h->first != NULL) {
        struct memop *op = h->first;

        unlink_op(op);
        if (op->embedded)
            memop_free(op);
    }
    free(h);
}

struct store *memstore_connect(struct memstore *m, uint16_t node)
{
    static const struct store_ops ops = { .submit = submit, .free = free_handle };
    struct handle *h = calloc(1, sizeof *h);

    if (h == NULL)
        return NULL;
    h->store.ops = &ops;
    h->m = m;
    h->node = node;
    return &h->store;
}

void store_memory_set_wake(struct store *s, void (*wake)(void *ctx), void *ctx)
{
    handle_of(s)->wake = wake;
    handle_of(s)->wake_ctx = ctx;
}

void memstore_tell(struct store *s)
{
    struct handle *h = handle_of(s);
    struct store_state st = { .up = !h->m->down, .incarnation = h->m->in };
    static const char reason[] = "the memory store is switched off";

    if (h->told && h->told_up == st.up && incarnation_eq(&h->told_in, &st.incarnation))
        return;
    if (!st.up) {
        static_assert(sizeof reason <= sizeof st.reason, "fits");
        memcpy(st.reason, reason, sizeof reason);
    }
    h->told = true;
    h->told_up = st.up;
    h->told_in = st.incarnation;
    if (h->store.on_state != NULL)
        h->store.on_state(h->store.ctx, &st);
}

size_t store_memory_poll(struct store *s, uint64_t now_ms)
{
    struct handle *h = handle_of(s);
    size_t n = 0, done = 0;

    memstore_tell(s);
    for (struct memop *op = h->first; op != NULL; op = op->next)
        if (op->embedded)
            n++;
    while (done < n) {
        struct memop *op = h->first;

        while (!op->embedded)
            op = op->next;
        memop_execute(op, now_ms);
        memop_reply(op);
        memop_free(op);
        done++;
    }
    return done;
}

bool store_memory_pending(const struct store *s)
{
    const struct handle *h = (const struct handle *)s;

    return h->first != NULL || !h->told;
}

/* ---- faults ---- */

void memstore_set_down(struct memstore *m, bool down)
{
    m->down = down;
}

struct memstore *memstore_snapshot(const struct memstore *m)
{
    struct memstore *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    *c = *m;
    c->data = memory_data_copy(m->data);
    if (c->data == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

enum err memstore_rollback(struct memstore *m, const struct memstore *snapshot,
                           const struct incarnation *next)
{
    struct memory_data *data = memory_data_copy(snapshot->data);

    if (data == NULL)
        return E_NOMEM;
    memory_data_free(m->data);
    m->data = data;
    m->in = *next;
    return OK;
}

void memstore_failover(struct memstore *m, const struct incarnation *next)
{
    m->in = *next;
}

void memstore_wipe(struct memstore *m, const struct incarnation *next)
{
    struct memory_data *data;

    if (memory_data_new(&data) != OK)
        abort();
    memory_data_free(m->data);
    m->data = data;
    m->in = *next;
}

void memstore_move(struct store *s, struct memstore *to)
{
    handle_of(s)->m = to;
}

/* ---- looking in ---- */

struct incarnation memstore_incarnation(const struct memstore *m)
{
    return m->in;
}

struct store_row memstore_row(const struct memstore *m, uint16_t slot)
{
    return memory_data_row(m->data, slot);
}

bool memstore_record(const struct memstore *m, uint16_t slot, uint64_t id, struct store_entry *ret)
{
    return memory_data_record(m->data, slot, id, ret);
}

bool memstore_named(const struct memstore *m, const char *name, uint64_t now_ms,
                    uint64_t *ret_version, struct span *ret_value)
{
    return memory_data_named(m->data, name, now_ms, ret_version, ret_value);
}

void memstore_each(const struct memstore *m, uint16_t slot,
                   bool (*fn)(void *ctx, const struct store_entry *e), void *ctx)
{
    memory_data_each(m->data, slot, fn, ctx);
}
