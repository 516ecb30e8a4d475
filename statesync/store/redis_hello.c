#include "statesync/store/redis_hello.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "statesync/store/redis_command.h"

enum step { STEP_AUTH, STEP_SELECT, STEP_NAME, STEP_ID, STEP_INFO, STEP_SCRIPT, STEP_KILL };

static enum err say(struct redis_hello *h, enum step step, const struct span *args, size_t n,
                    struct wr *out)
{
    struct redis_command cmd = { NULL, 0 };

    TRY(redis_command_args(args, n, &cmd));
    wr_bytes(out, span_of(cmd.text, cmd.len));
    redis_command_done(&cmd);
    h->steps[h->n_steps++] = (uint8_t)step;
    return wr_ok(out);
}

static enum err say_auth(struct redis_hello *h, const struct redis_login *l, struct wr *out)
{
    struct span with_user[] = { span_str("AUTH"), SPAN_NONE, l->password };
    struct span plain[] = { span_str("AUTH"), l->password };

    if (l->user == NULL)
        return say(h, STEP_AUTH, plain, 2, out);
    with_user[1] = span_str(l->user);
    return say(h, STEP_AUTH, with_user, 3, out);
}

enum err redis_hello_start(struct redis_hello *h, const struct redis_login *login,
                           const struct redis_scripts *scripts, const char *last_run_id,
                           int64_t last_client_id, struct wr *out)
{
    struct span client_id[] = { span_str("CLIENT"), span_str("ID") };
    struct span info[] = { span_str("INFO") };

    *h = (struct redis_hello){ .scripts = scripts, .last_client_id = last_client_id };
    (void)snprintf(h->last_run_id, sizeof h->last_run_id, "%s", last_run_id);
    if (login->password.len > 0)
        TRY(say_auth(h, login, out));
    if (login->db != 0) {
        char db[16];
        struct span select[] = { span_str("SELECT"), SPAN_NONE };

        (void)snprintf(db, sizeof db, "%d", login->db);
        select[1] = span_str(db);
        TRY(say(h, STEP_SELECT, select, 2, out));
    }
    if (login->client_name != NULL) {
        struct span name[] = { span_str("CLIENT"), span_str("SETNAME"),
                               span_str(login->client_name) };

        TRY(say(h, STEP_NAME, name, 3, out));
    }
    TRY(say(h, STEP_ID, client_id, 2, out));
    TRY(say(h, STEP_INFO, info, 1, out));
    for (int i = 0; i < SCRIPT_COUNT; i++) {
        struct span load[] = { span_str("SCRIPT"), span_str("LOAD"),
                               redis_script_text((enum redis_script)i) };

        TRY(say(h, STEP_SCRIPT, load, 3, out));
    }
    return OK;
}

static enum redis_hello_verdict fail(struct redis_hello *h, const char *why)
{
    (void)snprintf(h->why, sizeof h->why, "%s", why);
    return HELLO_FAILED;
}

static enum redis_hello_verdict fail_error(struct redis_hello *h, enum step step,
                                           const struct redisReply *reply)
{
    enum redis_refusal r = redis_refusal_of(span_of(reply->str, reply->len));

    if (r != REFUSED_OTHER)
        return fail(h, redis_refusal_advice(r));
    switch (step) {
    case STEP_AUTH:
        return fail(
            h, "takes no password: remove store.redis.password_file, or set one at the server");
    case STEP_SELECT:
        return fail(h, "has no database of that number: correct store.redis.db");
    case STEP_SCRIPT:
        return fail(h, "cannot load scripts: it must be Redis 6.2 or later");
    default:
        return fail(h, "does not answer like Redis 6.2 or later: correct store.redis");
    }
}

static bool reply_is(const struct redisReply *reply, int type)
{
    return reply->type == type;
}

/* OK of the step's own content; errors were judged before. */
static bool step_good(struct redis_hello *h, enum step step, const struct redisReply *reply)
{
    unsigned script;

    switch (step) {
    case STEP_AUTH:
    case STEP_SELECT:
        return reply_is(reply, REDIS_REPLY_STATUS);
    case STEP_NAME:
        return true;
    case STEP_ID:
        if (!reply_is(reply, REDIS_REPLY_INTEGER) || reply->integer < 0)
            return false;
        h->client_id = reply->integer;
        return true;
    case STEP_INFO:
        return reply_is(reply, REDIS_REPLY_STRING) &&
               redis_facts_parse(span_of(reply->str, reply->len), &h->facts) == OK;
    case STEP_SCRIPT:
        /* Its name must be the one that we call it by. */
        script = h->at + SCRIPT_COUNT - (unsigned)h->n_steps;
        return script < SCRIPT_COUNT && reply_is(reply, REDIS_REPLY_STRING) &&
               span_eq(span_of(reply->str, reply->len), span_str(h->scripts->sha[script]));
    case STEP_KILL:
        return reply_is(reply, REDIS_REPLY_INTEGER);
    }
    return false;
}

/* All first words are answered. */
static enum redis_hello_verdict judge(struct redis_hello *h, struct wr *out)
{
    char id[24];
    struct span kill[] = { span_str("CLIENT"), span_str("KILL"), span_str("ID"), SPAN_NONE };

    if (h->facts.loading)
        return fail(h, redis_refusal_advice(REFUSED_LOADING));
    if (!h->facts.primary)
        return fail(h, redis_refusal_advice(REFUSED_READONLY));
    /* Client ids mean something within one run of the server only. */
    if (!span_eq(span_str(h->last_run_id), span_str(h->facts.run_id)))
        return HELLO_READY;
    if (h->last_client_id == 0) {
        h->unfenced = true; /* CLIENT ID was denied then */
        return HELLO_READY;
    }
    (void)snprintf(id, sizeof id, "%lld", (long long)h->last_client_id);
    kill[3] = span_str(id);
    h->n_steps = h->at = 0;
    if (say(h, STEP_KILL, kill, 4, out) != OK)
        return fail(h, "cannot be asked: out of memory");
    return HELLO_MORE;
}

enum redis_hello_verdict redis_hello_reply(struct redis_hello *h, const struct redisReply *reply,
                                           struct wr *out)
{
    enum step step;

    if (h->at >= h->n_steps)
        return fail(h, "talks without being asked: correct store.redis");
    step = (enum step)h->steps[h->at];
    if (reply_is(reply, REDIS_REPLY_ERROR)) {
        /* Without these rights everything still works, less conveniently or less strictly. */
        if (step == STEP_KILL)
            h->unfenced = true;
        else if (step != STEP_NAME && step != STEP_ID)
            return fail_error(h, step, reply);
    } else if (!step_good(h, step, reply)) {
        return fail(h, "does not answer like Redis 6.2 or later: correct store.redis");
    }
    h->at++;
    if (h->at < h->n_steps)
        return HELLO_MORE;
    if (step == STEP_KILL)
        return HELLO_READY;
    return judge(h, out);
}
