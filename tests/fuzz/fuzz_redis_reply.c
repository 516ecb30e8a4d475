/* Replies of Redis: bytes in pieces -> reader -> tree -> result of each kind; besides, the first
 * words of a connection and the text of INFO. */
#include <hiredis/hiredis.h>

#include "statesync/store/redis_hello.h"
#include "statesync/store/redis_reader.h"
#include "statesync/store/redis_reply.h"
#include "tests/fuzz/fuzz.h"

enum { KINDS = STORE_GET + 1 };

static void answer(enum store_kind kind, const struct redisReply *reply)
{
    struct redis_asked asked = {
        .kind = kind, .ticket = 9, .slot = 3, .n_slots = 2, .expect = 4, .token = { 1, 1, 1 }
    };
    struct redis_answer a;
    const struct store_result *r = &a.result;

    if (redis_answer_of(&asked, reply, &a) != OK)
        return;
    MUST(r->kind == kind && r->ticket == 9);
    switch (r->err) {
    case OK:
        MUST(a.verdict == REPLY_ANSWER);
        MUST(kind != STORE_ROWS || (r->n_rows == 2 && r->rows != NULL));
        MUST(kind != STORE_CLAIM ||
             (token_eq(&r->row.token, &asked.token) && r->previous.token.epoch == 0));
        for (size_t i = 0; i < r->n_entries; i++)
            MUST(r->entries[i].version != 0);
        break;
    case E_CONFLICT:
        MUST(kind == STORE_COMMIT || kind == STORE_CLAIM || kind == STORE_PUT);
        break;
    case E_LEASE_LOST:
        MUST(kind == STORE_COMMIT);
        break;
    case E_NOT_FOUND:
        MUST(kind == STORE_GET);
        break;
    default:
        MUST(r->err == E_STORE_DOWN || r->err == E_STORE_UNKNOWN);
    }
    /* Every octet that the result points to is there. */
    for (size_t i = 0; i < r->n_entries; i++)
        MUST(r->entries[i].value.len == 0 ||
             r->entries[i].value.p[r->entries[i].value.len - 1] < 256);
    MUST(r->value.len == 0 || r->value.p[r->value.len - 1] < 256);
    MUST(redis_refusal_name(a.refusal)[0] != '\0' && redis_refusal_advice(a.refusal)[0] != '\0');
    redis_answer_done(&a);
}

static void facts(const uint8_t *data, size_t size)
{
    struct redis_facts f;

    if (redis_facts_parse(span_of(data, size), &f) != OK)
        return;
    MUST(strlen(f.run_id) == REDIS_RUN_ID_LEN && strlen(f.replid) == REDIS_RUN_ID_LEN);
    MUST(strlen(f.policy) < sizeof f.policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct redis_scripts scripts;
    struct redis_hello hello;
    uint8_t mode = fuzz_choice(&data, &size) % (KINDS + 2), room[8192];
    size_t piece = 1 + fuzz_choice(&data, &size);
    struct wr out = wr_of(room, sizeof room);
    struct redis_login login = { .password = span_str("p") };
    struct redis_reader *r;
    bool talking = mode == KINDS;

    if (mode > KINDS) {
        facts(data, size);
        return 0;
    }
    if (scripts.sha[0][0] == '\0')
        redis_scripts_init(&scripts);
    if (talking)
        MUST(redis_hello_start(&hello, &login, &scripts, "", 0, &out) == OK);
    MUST(redis_reader_new(1 << 20, 4096, &r) == OK);
    while (size > 0) {
        size_t n = piece < size ? piece : size;
        struct redisReply *reply;

        if (redis_reader_feed(r, span_of(data, n)) != OK)
            break;
        data += n;
        size -= n;
        for (;;) {
            reply = NULL;
            if (redis_reader_next(r, &reply) != OK) {
                size = 0;
                break;
            }
            if (reply == NULL)
                break;
            if (!talking)
                answer((enum store_kind)mode, reply);
            else if (redis_hello_reply(&hello, reply, &out) != HELLO_MORE)
                talking = false, mode = STORE_LOAD;
            redis_reply_free(reply);
        }
    }
    redis_reader_free(r);
    return 0;
}
