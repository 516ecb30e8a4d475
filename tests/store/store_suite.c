#include "tests/store/store_suite.h"

#include <stdlib.h>
#include <string.h>

/* ---- a client that submits and waits ---- */

enum { KEEP = 256, PUMPS = 5000, NAME_MAX_LEN = 64 };

struct kept {
    struct store_result r;
    struct store_row rows[64];
    struct store_entry entries[64];
    uint8_t values[64][128];
    uint8_t *big;
    size_t big_len;
    uint8_t value[128];
};

struct client {
    const struct suite_backend *b;
    struct store *s;
    struct kept *results[KEEP];
    size_t n;
    bool in_submit, early;
    unsigned states;
    struct store_state state;
    uint64_t next_ticket;
};

#define CHECK(c, cond)                                                                             \
    do {                                                                                           \
        if (!(cond))                                                                               \
            (c)->b->fail((c)->b->ctx, __FILE__, __LINE__, #cond);                                  \
    } while (0)

static void keep_entries(struct client *c, struct kept *k, const struct store_result *r)
{
    if (r->n_entries > 64)
        return; /* the large case looks at the count and at big */
    for (size_t i = 0; i < r->n_entries; i++) {
        k->entries[i] = r->entries[i];
        if (r->entries[i].value.len > 128) {
            k->big = malloc(r->entries[i].value.len);
            CHECK(c, k->big != NULL);
            memcpy(k->big, r->entries[i].value.p, r->entries[i].value.len);
            k->big_len = r->entries[i].value.len;
            k->entries[i].value = span_of(k->big, k->big_len);
            continue;
        }
        if (r->entries[i].value.len > 0)
            memcpy(k->values[i], r->entries[i].value.p, r->entries[i].value.len);
        k->entries[i].value = span_of(k->values[i], r->entries[i].value.len);
    }
}

static void on_result(void *ctx, const struct store_result *r)
{
    struct client *c = ctx;
    struct kept *k = calloc(1, sizeof *k);

    CHECK(c, k != NULL);
    if (c->in_submit)
        c->early = true;
    k->r = *r;
    CHECK(c, r->n_rows <= 64);
    for (size_t i = 0; i < r->n_rows; i++)
        k->rows[i] = r->rows[i];
    keep_entries(c, k, r);
    CHECK(c, r->value.len <= sizeof k->value);
    if (r->value.len > 0)
        memcpy(k->value, r->value.p, r->value.len);
    k->r.value = span_of(k->value, r->value.len);
    k->r.rows = k->rows;
    k->r.entries = k->entries;
    CHECK(c, c->n < KEEP);
    c->results[c->n++] = k;
}

static void on_state(void *ctx, const struct store_state *st)
{
    struct client *c = ctx;

    c->states++;
    c->state = *st;
}

static void pump_until_up(struct client *c)
{
    for (unsigned i = 0; i < PUMPS && !c->state.up; i++)
        c->b->pump(c->b->ctx, c->s);
    CHECK(c, c->state.up);
}

static struct client *client_new(const struct suite_backend *b)
{
    struct client *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    c->b = b;
    c->next_ticket = 1;
    c->s = b->connect(b->ctx);
    CHECK(c, c->s != NULL);
    c->s->on_result = on_result;
    c->s->on_state = on_state;
    c->s->ctx = c;
    pump_until_up(c);
    return c;
}

static void client_free(struct client *c)
{
    c->s->ops->free(c->s);
    for (size_t i = 0; i < c->n; i++) {
        free(c->results[i]->big);
        free(c->results[i]);
    }
    free(c);
}

static uint64_t submit(struct client *c, struct store_op *op)
{
    op->ticket = c->next_ticket++;
    c->in_submit = true;
    c->s->ops->submit(c->s, op);
    c->in_submit = false;
    CHECK(c, !c->early);
    return op->ticket;
}

static const struct kept *find(struct client *c, uint64_t ticket)
{
    const struct kept *found = NULL;

    for (size_t i = 0; i < c->n; i++)
        if (c->results[i]->r.ticket == ticket) {
            CHECK(c, found == NULL); /* each exactly once */
            found = c->results[i];
        }
    return found;
}

static const struct kept *wait_for(struct client *c, uint64_t ticket)
{
    const struct kept *k = find(c, ticket);

    for (unsigned i = 0; i < PUMPS && k == NULL; i++) {
        c->b->pump(c->b->ctx, c->s);
        k = find(c, ticket);
    }
    CHECK(c, k != NULL);
    return k;
}

static const struct kept *run(struct client *c, struct store_op *op)
{
    const struct kept *k = wait_for(c, submit(c, op));

    CHECK(c, k->r.kind == op->kind);
    return k;
}

/* ---- the operations, short ---- */

static const struct token T1 = { 1, 11, 1000 }, T2 = { 2, 22, 2000 }, NO_ROW = { 0, 0, 0 };

static const struct kept *claim(struct client *c, uint16_t slot, struct token from, struct token to,
                                bool vouch)
{
    struct store_op op = {
        .kind = STORE_CLAIM, .slot = slot, .token = to, .expect_token = from, .vouch = vouch
    };

    return run(c, &op);
}

static const struct kept *commit(struct client *c, uint16_t slot, struct token t, uint64_t id,
                                 uint64_t expect, const char *value)
{
    struct store_op op = { .kind = STORE_COMMIT, .slot = slot, .token = t, .n_writes = 1 };

    op.writes[0] = (struct store_write){ .id = id, .expect = expect };
    if (value != NULL)
        op.writes[0].value = span_str(value);
    else
        op.writes[0].remove = true;
    return run(c, &op);
}

static const struct kept *load(struct client *c, uint16_t slot)
{
    struct store_op op = { .kind = STORE_LOAD, .slot = slot };

    return run(c, &op);
}

static const struct kept *put(struct client *c, const char *name, uint64_t expect,
                              const char *value, uint32_t ttl_ms)
{
    struct store_op op = { .kind = STORE_PUT,
                           .name = name,
                           .expect = expect,
                           .value = span_str(value),
                           .ttl_ms = ttl_ms };

    return run(c, &op);
}

static const struct kept *get(struct client *c, const char *name)
{
    struct store_op op = { .kind = STORE_GET, .name = name };

    return run(c, &op);
}

static bool is(struct span s, const char *text)
{
    return span_eq(s, span_str(text));
}

static const struct store_entry *entry(const struct kept *k, uint64_t id)
{
    for (size_t i = 0; i < k->r.n_entries; i++)
        if (k->entries[i].id == id)
            return &k->entries[i];
    return NULL;
}

/* ---- cases ---- */

static void case_state_first(const struct suite_backend *b)
{
    struct client *c = client_new(b);

    CHECK(c, c->states >= 1 && c->n == 0);
    CHECK(c, incarnation_known(&c->state.incarnation));
    client_free(c);
}

static void case_claim_absent(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    const struct kept *k = claim(c, 5, NO_ROW, T1, false);

    CHECK(c, k->r.err == OK && k->r.slot == 5);
    CHECK(c, token_eq(&k->r.row.token, &T1));
    CHECK(c, k->r.previous.token.epoch == 0);
    CHECK(c, incarnation_eq(&k->r.incarnation, &c->state.incarnation));
    /* A row that did not exist is always vouched. */
    CHECK(c, incarnation_eq(&k->r.row.vouched, &k->r.incarnation));
    client_free(c);
}

static void case_claim_conflict(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    const struct kept *k;
    struct token other_boot = T1, other_node = T1;

    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    k = claim(c, 5, NO_ROW, T2, false);
    CHECK(c, k->r.err == E_CONFLICT && token_eq(&k->r.row.token, &T1));
    /* The same epoch of another node or process is another token. */
    other_boot.boot++;
    other_node.node++;
    CHECK(c, claim(c, 5, other_boot, T2, false)->r.err == E_CONFLICT);
    CHECK(c, claim(c, 5, other_node, T2, false)->r.err == E_CONFLICT);
    CHECK(c, claim(c, 5, T2, T1, false)->r.err == E_CONFLICT);
    client_free(c);
}

static void case_claim_takes_over(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    const struct kept *k;

    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    k = claim(c, 5, T1, T2, false);
    CHECK(c, k->r.err == OK && token_eq(&k->r.row.token, &T2));
    CHECK(c, token_eq(&k->r.previous.token, &T1));
    CHECK(c, incarnation_eq(&k->r.previous.vouched, &k->r.incarnation));
    client_free(c);
}

static void case_vouch_only(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    const struct kept *k;

    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    k = claim(c, 5, T1, T1, true);
    CHECK(c, k->r.err == OK && token_eq(&k->r.row.token, &T1));
    CHECK(c, incarnation_eq(&k->r.row.vouched, &k->r.incarnation));
    CHECK(c, claim(c, 5, T2, T2, true)->r.err == E_CONFLICT);
    client_free(c);
}

static void case_rows(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    static const uint16_t slots[] = { 9, 4095, 0, 7 };
    struct store_op op = { .kind = STORE_ROWS, .slots = slots, .n_slots = 4 };
    const struct kept *k;

    CHECK(c, claim(c, 4095, NO_ROW, T1, false)->r.err == OK);
    CHECK(c, claim(c, 7, NO_ROW, T2, false)->r.err == OK);
    k = run(c, &op);
    CHECK(c, k->r.err == OK && k->r.n_rows == 4);
    CHECK(c, k->rows[0].token.epoch == 0 && k->rows[2].token.epoch == 0);
    CHECK(c, token_eq(&k->rows[1].token, &T1) && token_eq(&k->rows[3].token, &T2));
    CHECK(c, incarnation_eq(&k->rows[1].vouched, &c->state.incarnation));
    client_free(c);
}

static void case_commit_and_load(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    const struct kept *k;

    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    CHECK(c, commit(c, 5, T1, 0xfedcba9876543210u, 0, "one")->r.err == OK);
    CHECK(c, commit(c, 5, T1, 2, 0, "two")->r.err == OK);
    CHECK(c, commit(c, 5, T1, 0xfedcba9876543210u, 1, "one again")->r.err == OK);
    k = load(c, 5);
    CHECK(c, k->r.err == OK && k->r.n_entries == 2);
    CHECK(c, entry(k, 0xfedcba9876543210u) != NULL && entry(k, 2) != NULL);
    CHECK(c, entry(k, 0xfedcba9876543210u)->version == 2);
    CHECK(c, is(entry(k, 0xfedcba9876543210u)->value, "one again"));
    CHECK(c, entry(k, 2)->version == 1 && is(entry(k, 2)->value, "two"));
    CHECK(c, load(c, 6)->r.n_entries == 0);
    client_free(c);
}

static void case_commit_other_token(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    struct token other_boot = T1;

    other_boot.boot++;
    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    CHECK(c, commit(c, 5, T2, 1, 0, "x")->r.err == E_LEASE_LOST);
    CHECK(c, commit(c, 5, other_boot, 1, 0, "x")->r.err == E_LEASE_LOST);
    CHECK(c, commit(c, 5, NO_ROW, 1, 0, "x")->r.err == E_LEASE_LOST);
    CHECK(c, load(c, 5)->r.n_entries == 0);
    client_free(c);
}

static void case_commit_without_row(const struct suite_backend *b)
{
    struct client *c = client_new(b);

    CHECK(c, commit(c, 5, T1, 1, 0, "x")->r.err == E_LEASE_LOST);
    CHECK(c, commit(c, 5, NO_ROW, 1, 0, "x")->r.err == E_LEASE_LOST);
    CHECK(c, load(c, 5)->r.n_entries == 0);
    client_free(c);
}

static void case_commit_after_takeover(const struct suite_backend *b)
{
    struct client *one = client_new(b), *two = client_new(b);
    const struct kept *k;

    CHECK(one, claim(one, 5, NO_ROW, T1, false)->r.err == OK);
    CHECK(one, commit(one, 5, T1, 1, 0, "mine")->r.err == OK);
    CHECK(two, claim(two, 5, T1, T2, false)->r.err == OK);
    CHECK(one, commit(one, 5, T1, 1, 1, "late")->r.err == E_LEASE_LOST);
    CHECK(two, commit(two, 5, T2, 1, 1, "theirs")->r.err == OK);
    k = load(one, 5);
    CHECK(one, k->r.n_entries == 1 && is(k->entries[0].value, "theirs"));
    CHECK(one, k->entries[0].version == 2);
    client_free(one);
    client_free(two);
}

static void case_commit_other_version(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    const struct kept *k;

    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    CHECK(c, commit(c, 5, T1, 1, 1, "too early")->r.err == E_CONFLICT);
    CHECK(c, commit(c, 5, T1, 1, 0, "first")->r.err == OK);
    CHECK(c, commit(c, 5, T1, 1, 0, "again")->r.err == E_CONFLICT);
    CHECK(c, commit(c, 5, T1, 1, 2, "ahead")->r.err == E_CONFLICT);
    k = load(c, 5);
    CHECK(c, k->r.n_entries == 1 && is(k->entries[0].value, "first"));
    client_free(c);
}

static void case_commit_all_or_nothing(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    struct store_op op = { .kind = STORE_COMMIT, .slot = 5, .token = T1, .n_writes = 3 };
    const struct kept *k;

    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    CHECK(c, commit(c, 5, T1, 2, 0, "old")->r.err == OK);
    op.writes[0] = (struct store_write){ .id = 1, .expect = 0, .value = span_str("a") };
    op.writes[1] = (struct store_write){ .id = 2, .expect = 7, .value = span_str("b") };
    op.writes[2] = (struct store_write){ .id = 3, .expect = 0, .value = span_str("c") };
    CHECK(c, run(c, &op)->r.err == E_CONFLICT);
    k = load(c, 5);
    CHECK(c, k->r.n_entries == 1 && is(k->entries[0].value, "old"));
    op.writes[1].expect = 1;
    CHECK(c, run(c, &op)->r.err == OK);
    k = load(c, 5);
    CHECK(c, k->r.n_entries == 3 && is(entry(k, 2)->value, "b"));
    CHECK(c, entry(k, 2)->version == 2 && entry(k, 3)->version == 1);
    client_free(c);
}

static void case_remove(const struct suite_backend *b)
{
    struct client *c = client_new(b);

    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    CHECK(c, commit(c, 5, T1, 1, 0, "x")->r.err == OK);
    CHECK(c, commit(c, 5, T1, 1, 0, NULL)->r.err == E_CONFLICT);
    CHECK(c, commit(c, 5, T1, 1, 1, NULL)->r.err == OK);
    CHECK(c, load(c, 5)->r.n_entries == 0);
    CHECK(c, commit(c, 5, T1, 1, 0, "y")->r.err == OK);
    client_free(c);
}

static void case_empty_commit(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    struct store_op op = { .kind = STORE_COMMIT, .slot = 5, .token = T1 };

    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    CHECK(c, run(c, &op)->r.err == OK);
    op.token = T2;
    CHECK(c, run(c, &op)->r.err == E_LEASE_LOST);
    client_free(c);
}

static void case_binary_and_large(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    struct store_op op = { .kind = STORE_COMMIT, .slot = 5, .token = T1, .n_writes = 1 };
    const struct kept *k;
    uint8_t *big = malloc(LIMIT_RECORD);

    if (big == NULL)
        abort();
    for (size_t i = 0; i < LIMIT_RECORD; i++)
        big[i] = (uint8_t)(i * 7 + (i >> 8)); /* every octet, NUL, CR and LF among them */
    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    op.writes[0] = (struct store_write){ .id = UINT64_MAX, .value = span_of(big, LIMIT_RECORD) };
    CHECK(c, run(c, &op)->r.err == OK);
    k = load(c, 5);
    CHECK(c, k->r.n_entries == 1 && k->entries[0].id == UINT64_MAX);
    CHECK(c, span_eq(k->entries[0].value, span_of(big, LIMIT_RECORD)));
    free(big);
    client_free(c);
}

static void case_pipeline(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    uint64_t tickets[100];
    const struct kept *k;
    unsigned conflicts = 0;

    CHECK(c, claim(c, 5, NO_ROW, T1, false)->r.err == OK);
    /* Two writers of each version, all in flight at once: one of each pair wins. */
    for (unsigned i = 0; i < 100; i++) {
        struct store_op op = { .kind = STORE_COMMIT, .slot = 5, .token = T1, .n_writes = 1 };

        op.writes[0] = (struct store_write){ .id = 1, .expect = i / 2, .value = span_str("v") };
        tickets[i] = submit(c, &op);
    }
    for (unsigned i = 0; i < 100; i++) {
        k = wait_for(c, tickets[i]);
        CHECK(c, k->r.err == OK || k->r.err == E_CONFLICT);
        conflicts += k->r.err == E_CONFLICT;
    }
    CHECK(c, conflicts == 50);
    k = load(c, 5);
    CHECK(c, k->r.n_entries == 1 && k->entries[0].version == 50);
    client_free(c);
}

static void case_put_get(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    const struct kept *k;

    CHECK(c, get(c, "membership")->r.err == E_NOT_FOUND);
    k = put(c, "membership", 0, "one", 0);
    CHECK(c, k->r.err == OK && k->r.version == 1);
    k = get(c, "membership");
    CHECK(c, k->r.err == OK && k->r.version == 1 && is(k->r.value, "one"));
    k = put(c, "membership", 0, "two", 0);
    CHECK(c, k->r.err == E_CONFLICT && k->r.version == 1);
    k = put(c, "membership", 1, "two", 0);
    CHECK(c, k->r.err == OK && k->r.version == 2);
    CHECK(c, put(c, "membership", 1, "three", 0)->r.err == E_CONFLICT);
    k = get(c, "membership");
    CHECK(c, k->r.version == 2 && is(k->r.value, "two"));
    CHECK(c, put(c, "other:name.x_-9", 1, "x", 0)->r.err == E_CONFLICT);
    client_free(c);
}

static void case_put_delete(const struct suite_backend *b)
{
    struct client *c = client_new(b);

    CHECK(c, put(c, "a", 0, "x", 0)->r.err == OK);
    CHECK(c, put(c, "a", 2, "", 0)->r.err == E_CONFLICT);
    CHECK(c, put(c, "a", 1, "", 0)->r.err == OK);
    CHECK(c, get(c, "a")->r.err == E_NOT_FOUND);
    CHECK(c, put(c, "a", 1, "y", 0)->r.err == E_CONFLICT);
    CHECK(c, put(c, "a", 0, "y", 0)->r.err == OK);
    client_free(c);
}

static void case_ttl(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    const struct kept *k;

    CHECK(c, put(c, "lease", 0, "x", 300)->r.err == OK);
    CHECK(c, get(c, "lease")->r.err == OK);
    b->wait(b->ctx, 500);
    CHECK(c, get(c, "lease")->r.err == E_NOT_FOUND);
    /* Expired is absent: the next one begins at 0 again. A renewal without TTL stays. */
    CHECK(c, put(c, "lease", 1, "x", 300)->r.err == E_CONFLICT);
    CHECK(c, put(c, "lease", 0, "x", 300)->r.err == OK);
    k = put(c, "lease", 1, "y", 0);
    CHECK(c, k->r.err == OK && k->r.version == 2);
    b->wait(b->ctx, 500);
    CHECK(c, get(c, "lease")->r.err == OK);
    client_free(c);
}

static void case_names(const struct suite_backend *b)
{
    struct client *c = client_new(b);
    char longest[NAME_MAX_LEN];

    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK(c, put(c, longest, 0, "x", 0)->r.err == OK);
    CHECK(c, is(get(c, longest)->r.value, "x"));
    longest[62] = '\0';
    CHECK(c, get(c, longest)->r.err == E_NOT_FOUND);
    client_free(c);
}

const struct suite_case store_suite[] = {
    { "state_first", case_state_first },
    { "claim_absent", case_claim_absent },
    { "claim_conflict", case_claim_conflict },
    { "claim_takes_over", case_claim_takes_over },
    { "vouch_only", case_vouch_only },
    { "rows", case_rows },
    { "commit_and_load", case_commit_and_load },
    { "commit_other_token", case_commit_other_token },
    { "commit_without_row", case_commit_without_row },
    { "commit_after_takeover", case_commit_after_takeover },
    { "commit_other_version", case_commit_other_version },
    { "commit_all_or_nothing", case_commit_all_or_nothing },
    { "remove", case_remove },
    { "empty_commit", case_empty_commit },
    { "binary_and_large", case_binary_and_large },
    { "pipeline", case_pipeline },
    { "put_get", case_put_get },
    { "put_delete", case_put_delete },
    { "ttl", case_ttl },
    { "names", case_names },
    { NULL, NULL },
};

_Static_assert(sizeof store_suite / sizeof store_suite[0] == STORE_SUITE_CASES + 1,
               "STORE_SUITE_CASES");
