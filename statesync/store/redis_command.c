#include "statesync/store/redis_command.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/base/secret.h"
#include "statesync/store/redis_form.h"

enum { ARGS_MAX = 8 + 3 * LIMIT_COMMIT_WRITES };

/* Arguments being collected; they point to memory of the caller. */
struct args {
    const char *p[ARGS_MAX];
    size_t len[ARGS_MAX];
    int n;
};

static void add(struct args *a, const void *p, size_t len)
{
    assert(a->n < ARGS_MAX);
    a->p[a->n] = len == 0 ? "" : p;
    a->len[a->n] = len;
    a->n++;
}

static void add_str(struct args *a, const char *s)
{
    add(a, s, strlen(s));
}

/* hiredis 0.14 returns int, 1.x long long; both -1 on failure. */
static enum err frame(int n, const char **p, const size_t *len, struct redis_command *ret_cmd)
{
    size_t total = 0;
    char *text = NULL;
    long long done;

    for (int i = 0; i < n; i++) {
        if (len[i] > LIMIT_REDIS_COMMAND || total > LIMIT_REDIS_COMMAND - len[i])
            return E_LIMIT;
        total += len[i] + 16;
    }
    done = redisFormatCommandArgv(&text, n, p, len);
    if (done < 0)
        return E_NOMEM;
    if (done > LIMIT_REDIS_COMMAND) {
        redisFreeCommand(text);
        return E_LIMIT;
    }
    *ret_cmd = (struct redis_command){ text, (size_t)done };
    return OK;
}

static void script_head(struct args *a, const struct redis_scripts *scripts, enum redis_script s,
                        const char *n_keys)
{
    add_str(a, "EVALSHA");
    add(a, scripts->sha[s], REDIS_SHA_LEN);
    add_str(a, n_keys);
}

/* "version || sealed octets" of one write, on the heap: hiredis copies arguments as they are. */
static enum err versioned(struct span value, uint64_t version, uint8_t **ret_p, size_t *ret_len)
{
    uint8_t *p;

    if (value.len > LIMIT_REDIS_COMMAND)
        return E_LIMIT;
    p = malloc(REDIS_VERSION_LEN + value.len);
    if (p == NULL)
        return E_NOMEM;
    redis_u64_write(version, p);
    if (value.len > 0)
        memcpy(p + REDIS_VERSION_LEN, value.p, value.len);
    *ret_p = p;
    *ret_len = REDIS_VERSION_LEN + value.len;
    return OK;
}

static bool writes_ok(const struct store_op *op)
{
    /* None at all asks only whether the slot still carries the token. */
    if (op->n_writes > LIMIT_COMMIT_WRITES)
        return false;
    for (unsigned i = 0; i < op->n_writes; i++) {
        if (op->writes[i].expect == UINT64_MAX)
            return false;
        for (unsigned k = 0; k < i; k++) {
            if (op->writes[i].id == op->writes[k].id)
                return false;
        }
    }
    return true;
}

static enum err commit(const struct store_op *op, uint8_t pop, const struct redis_scripts *scripts,
                       struct redis_command *ret_cmd)
{
    struct args a = { .n = 0 };
    struct redis_key row, slot;
    uint8_t token[REDIS_TOKEN_LEN];
    uint8_t id[LIMIT_COMMIT_WRITES][REDIS_VERSION_LEN];
    uint8_t expect[LIMIT_COMMIT_WRITES][REDIS_VERSION_LEN];
    uint8_t *value[LIMIT_COMMIT_WRITES] = { NULL };
    size_t len = 0;
    enum err e = OK;

    if (!writes_ok(op))
        return E_BAD_VALUE;
    redis_key_row(pop, op->slot, &row);
    redis_key_slot(pop, op->slot, &slot);
    redis_token_write(&op->token, token);
    script_head(&a, scripts, SCRIPT_COMMIT, "2");
    add(&a, row.text, row.len);
    add(&a, slot.text, slot.len);
    add(&a, token, sizeof token);
    for (unsigned i = 0; i < op->n_writes; i++) {
        const struct store_write *w = &op->writes[i];

        redis_u64_write(w->id, id[i]);
        redis_u64_write(w->expect, expect[i]);
        add(&a, id[i], sizeof id[i]);
        add(&a, expect[i], w->expect == 0 ? 0 : sizeof expect[i]);
        if (w->remove) {
            add(&a, "", 0);
            continue;
        }
        e = versioned(w->value, w->expect + 1, &value[i], &len);
        if (e != OK)
            goto out;
        add(&a, value[i], len);
    }
    e = frame(a.n, a.p, a.len, ret_cmd);
out:
    for (unsigned i = 0; i < LIMIT_COMMIT_WRITES; i++)
        free(value[i]);
    return e;
}

static enum err claim(const struct store_op *op, uint8_t pop, const struct redis_scripts *scripts,
                      const struct redis_facts *facts, struct redis_command *ret_cmd)
{
    struct args a = { .n = 0 };
    struct redis_key row;
    uint8_t expect[REDIS_TOKEN_LEN], token[REDIS_TOKEN_LEN];

    if (op->token.epoch == 0)
        return E_BAD_VALUE;
    redis_key_row(pop, op->slot, &row);
    redis_token_write(&op->expect_token, expect);
    redis_token_write(&op->token, token);
    script_head(&a, scripts, SCRIPT_CLAIM, "1");
    add(&a, row.text, row.len);
    add(&a, expect, op->expect_token.epoch == 0 ? 0 : sizeof expect);
    add(&a, token, sizeof token);
    add_str(&a, op->vouch ? "1" : "0");
    add(&a, facts->incarnation.id, sizeof facts->incarnation.id);
    add_str(&a, facts->run_id);
    add_str(&a, facts->replid);
    return frame(a.n, a.p, a.len, ret_cmd);
}

static enum err rows(const struct store_op *op, uint8_t pop, struct redis_command *ret_cmd)
{
    struct redis_key *keys;
    const char **p;
    size_t *len;
    size_t n = (size_t)op->n_slots + 1;
    enum err e = E_NOMEM;

    if (op->n_slots == 0 || op->n_slots > LIMIT_SLOTS)
        return E_BAD_VALUE;
    keys = calloc(n, sizeof *keys);
    p = calloc(n, sizeof *p);
    len = calloc(n, sizeof *len);
    if (keys == NULL || p == NULL || len == NULL)
        goto out;
    p[0] = "MGET";
    len[0] = 4;
    for (size_t i = 1; i < n; i++) {
        if (op->slots[i - 1] >= LIMIT_SLOTS) {
            e = E_BAD_VALUE;
            goto out;
        }
        redis_key_row(pop, op->slots[i - 1], &keys[i]);
        p[i] = keys[i].text;
        len[i] = keys[i].len;
    }
    e = frame((int)n, p, len, ret_cmd);
out:
    free(keys);
    free(p);
    free(len);
    return e;
}

static enum err put(const struct store_op *op, uint8_t pop, const struct redis_scripts *scripts,
                    struct redis_command *ret_cmd)
{
    struct args a = { .n = 0 };
    struct redis_key key;
    uint8_t expect[REDIS_VERSION_LEN];
    uint8_t *value = NULL;
    size_t len = 0;
    char ttl[16];
    enum err e;

    if (op->expect == UINT64_MAX)
        return E_BAD_VALUE;
    TRY(redis_key_object(pop, op->name, &key));
    redis_u64_write(op->expect, expect);
    (void)snprintf(ttl, sizeof ttl, "%u", op->ttl_ms);
    script_head(&a, scripts, SCRIPT_PUT, "1");
    add(&a, key.text, key.len);
    add(&a, expect, op->expect == 0 ? 0 : sizeof expect);
    if (op->value.len > 0)
        TRY(versioned(op->value, op->expect + 1, &value, &len));
    add(&a, value, len);
    add_str(&a, ttl);
    e = frame(a.n, a.p, a.len, ret_cmd);
    free(value);
    return e;
}

enum err redis_command_args(const struct span *args, size_t n, struct redis_command *ret_cmd)
{
    struct args a = { .n = 0 };

    if (n == 0 || n > 8)
        return E_LIMIT;
    for (size_t i = 0; i < n; i++)
        add(&a, args[i].p, args[i].len);
    return frame(a.n, a.p, a.len, ret_cmd);
}

enum err redis_command_of(const struct store_op *op, uint8_t pop,
                          const struct redis_scripts *scripts, const struct redis_facts *facts,
                          struct redis_command *ret_cmd)
{
    struct redis_key key;

    switch (op->kind) {
    case STORE_COMMIT:
        return op->slot < LIMIT_SLOTS ? commit(op, pop, scripts, ret_cmd) : E_BAD_VALUE;
    case STORE_LOAD:
        if (op->slot >= LIMIT_SLOTS)
            return E_BAD_VALUE;
        redis_key_slot(pop, op->slot, &key);
        return redis_command_args(
            (struct span[]){ span_str("HGETALL"), span_of(key.text, key.len) }, 2, ret_cmd);
    case STORE_CLAIM:
        return op->slot < LIMIT_SLOTS ? claim(op, pop, scripts, facts, ret_cmd) : E_BAD_VALUE;
    case STORE_ROWS:
        return rows(op, pop, ret_cmd);
    case STORE_PUT:
        return put(op, pop, scripts, ret_cmd);
    case STORE_GET:
        TRY(redis_key_object(pop, op->name, &key));
        return redis_command_args((struct span[]){ span_str("GET"), span_of(key.text, key.len) }, 2,
                                  ret_cmd);
    }
    return E_BAD_VALUE;
}

void redis_command_done(struct redis_command *c)
{
    if (c->text != NULL) {
        wipe(c->text, c->len);
        redisFreeCommand(c->text);
    }
    *c = (struct redis_command){ NULL, 0 };
}
