/* redis_reply: what came back, judged against what was asked.
 *
 * A write whose reply we cannot read may have been executed: E_STORE_UNKNOWN. A read that failed
 * changed nothing: E_STORE_DOWN. Single stored values of a foreign form are left out and counted,
 * so that one of them does not hide all others of a slot. */
#include "statesync/store/redis_reply.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/base/rd.h"
#include "statesync/store/redis_form.h"

static bool is_write(enum store_kind kind)
{
    return kind == STORE_COMMIT || kind == STORE_CLAIM || kind == STORE_PUT;
}

static bool is_text(const struct redisReply *r)
{
    return r != NULL && r->type == REDIS_REPLY_STRING && (r->str != NULL || r->len == 0);
}

static struct span text_of(const struct redisReply *r)
{
    return span_of(r->str, r->len);
}

static bool is_array(const struct redisReply *r, size_t n)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements == n && (n == 0 || r->element != NULL);
}

static void malformed(struct redis_answer *a)
{
    a->verdict = REPLY_MALFORMED;
    a->result.err = is_write(a->result.kind) ? E_STORE_UNKNOWN : E_STORE_DOWN;
}

static void refused(struct redis_answer *a, const struct redisReply *r)
{
    a->refusal = redis_refusal_of(text_of(r));
    a->verdict = REPLY_REFUSED;
    a->result.err = is_write(a->result.kind) && !redis_refusal_clean(a->refusal) ? E_STORE_UNKNOWN
                                                                                 : E_STORE_DOWN;
}

/* 1; 0: another token; octets: the version in the way. */
static void commit_answer(struct redis_answer *a, const struct redisReply *r)
{
    struct rd in;
    uint64_t version = 0;

    if (r->type == REDIS_REPLY_INTEGER && r->integer == 1) {
        a->result.err = OK;
    } else if (r->type == REDIS_REPLY_INTEGER && r->integer == 0) {
        a->result.err = E_LEASE_LOST;
    } else if (is_text(r)) {
        in = rd_of(text_of(r));
        /* A stored value shorter than a version is foreign: a conflict all the same, version 0. */
        if (r->len > 0 && (rd_u64(&in, &version) != OK || rd_end(&in) != OK))
            a->skipped++;
        a->result.err = E_CONFLICT;
        a->result.version = version;
    } else {
        malformed(a);
    }
}

/* HGETALL: field, value, field, value. */
static enum err load_answer(struct redis_answer *a, const struct redisReply *r)
{
    size_t n = r->elements / 2;
    size_t kept = 0;

    if (r->type != REDIS_REPLY_ARRAY || r->elements % 2 != 0 ||
        (r->elements > 0 && r->element == NULL)) {
        malformed(a);
        return OK;
    }
    a->entries = calloc(n + 1, sizeof *a->entries);
    if (a->entries == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct redisReply *field = r->element[2 * i], *value = r->element[2 * i + 1];
        struct store_entry *out = &a->entries[kept];
        struct rd in;

        if (!is_text(field) || !is_text(value)) {
            malformed(a);
            return OK;
        }
        in = rd_of(text_of(field));
        if (rd_u64(&in, &out->id) != OK || rd_end(&in) != OK ||
            redis_value_parse(text_of(value), &out->version, &out->value) != OK)
            a->skipped++;
        else
            kept++;
    }
    a->result.entries = a->entries;
    a->result.n_entries = kept;
    a->result.err = OK;
    return OK;
}

/* {2, run id, replication id, role} */
static void claim_moved(struct redis_answer *a, const struct redisReply *r)
{
    if (r->elements != 4 || !is_text(r->element[1]) || !is_text(r->element[2]) ||
        !is_text(r->element[3]) ||
        redis_facts_ids(text_of(r->element[1]), text_of(r->element[2]), &a->facts) != OK) {
        malformed(a);
        return;
    }
    a->facts.primary = span_eq(text_of(r->element[3]), span_str("master"));
    a->verdict = REPLY_INCARNATION;
    a->result.err = E_STORE_DOWN;
}

/* {1, row before, row now}: they must be what was expected and what was asked for. */
static bool claim_done(struct redis_answer *a, const struct redis_asked *asked,
                       const struct redisReply *r)
{
    struct store_row before, now;

    if (!is_array(r, 3) || !is_text(r->element[1]) || !is_text(r->element[2]) ||
        redis_row_parse(text_of(r->element[1]), &before) != OK ||
        redis_row_parse(text_of(r->element[2]), &now) != OK || !token_eq(&now.token, &asked->token))
        return false;
    if (asked->expect_token.epoch == 0 ? before.token.epoch != 0
                                       : !token_eq(&before.token, &asked->expect_token))
        return false;
    a->result.previous = before;
    a->result.row = now;
    return true;
}

/* {1, ...}: done; {0, row in the way}; {2, ...}: another incarnation. */
static void claim_answer(struct redis_answer *a, const struct redis_asked *asked,
                         const struct redisReply *r)
{
    long long status;

    if (r->type != REDIS_REPLY_ARRAY || r->elements < 2 || r->element == NULL ||
        r->element[0] == NULL || r->element[0]->type != REDIS_REPLY_INTEGER) {
        malformed(a);
        return;
    }
    status = r->element[0]->integer;
    if (status == 1 && claim_done(a, asked, r)) {
        a->result.err = OK;
    } else if (status == 0 && is_array(r, 2) && is_text(r->element[1]) &&
               redis_row_parse(text_of(r->element[1]), &a->result.row) == OK) {
        a->result.err = E_CONFLICT;
    } else if (status == 0 && is_array(r, 2) && is_text(r->element[1])) {
        /* A row that is not ours, or of a later version: refused, and nothing was written. */
        a->skipped++;
        a->refusal = REFUSED_WRONGTYPE;
        a->verdict = REPLY_REFUSED;
        a->result.err = E_STORE_DOWN;
    } else if (status == 2) {
        claim_moved(a, r);
    } else {
        malformed(a);
    }
}

/* MGET: one value or nil per slot asked. */
static enum err rows_answer(struct redis_answer *a, const struct redis_asked *asked,
                            const struct redisReply *r)
{
    if (!is_array(r, asked->n_slots)) {
        malformed(a);
        return OK;
    }
    a->rows = calloc((size_t)asked->n_slots + 1, sizeof *a->rows);
    if (a->rows == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < r->elements; i++) {
        const struct redisReply *value = r->element[i];

        if (value != NULL && value->type == REDIS_REPLY_NIL)
            continue;
        if (!is_text(value)) {
            malformed(a);
            return OK;
        }
        /* What is not a row stays "no row": a claim of that slot then fails with its reason. */
        if (redis_row_parse(text_of(value), &a->rows[i]) != OK)
            a->skipped++;
    }
    a->result.rows = a->rows;
    a->result.n_rows = asked->n_slots;
    a->result.err = OK;
    return OK;
}

static void put_answer(struct redis_answer *a, const struct redis_asked *asked,
                       const struct redisReply *r)
{
    if (r->type == REDIS_REPLY_INTEGER && r->integer == 1) {
        a->result.err = OK;
        a->result.version = asked->put_delete ? 0 : asked->expect + 1;
    } else if (is_text(r)) {
        a->result.err = E_CONFLICT;
        if (r->len > 0 && redis_value_parse(text_of(r), &a->result.version, &a->result.value) != OK)
            a->skipped++;
    } else {
        malformed(a);
    }
}

static void get_answer(struct redis_answer *a, const struct redisReply *r)
{
    if (r->type == REDIS_REPLY_NIL)
        a->result.err = E_NOT_FOUND;
    else if (is_text(r) &&
             redis_value_parse(text_of(r), &a->result.version, &a->result.value) == OK)
        a->result.err = OK;
    else
        malformed(a);
}

enum err redis_answer_of(const struct redis_asked *asked, const struct redisReply *reply,
                         struct redis_answer *ret_a)
{
    struct redis_answer a = { .verdict = REPLY_ANSWER };
    enum err e = OK;

    a.result.kind = asked->kind;
    a.result.ticket = asked->ticket;
    a.result.slot = asked->slot;
    if (reply->type == REDIS_REPLY_ERROR) {
        refused(&a, reply);
        *ret_a = a;
        return OK;
    }
    switch (asked->kind) {
    case STORE_COMMIT:
        commit_answer(&a, reply);
        break;
    case STORE_LOAD:
        e = load_answer(&a, reply);
        break;
    case STORE_CLAIM:
        a.result.incarnation = asked->incarnation;
        claim_answer(&a, asked, reply);
        break;
    case STORE_ROWS:
        e = rows_answer(&a, asked, reply);
        break;
    case STORE_PUT:
        put_answer(&a, asked, reply);
        break;
    case STORE_GET:
        get_answer(&a, reply);
        break;
    }
    if (e != OK) {
        redis_answer_done(&a);
        return e;
    }
    *ret_a = a;
    return OK;
}

void redis_answer_done(struct redis_answer *a)
{
    free(a->rows);
    free(a->entries);
    *a = (struct redis_answer){ 0 };
}
