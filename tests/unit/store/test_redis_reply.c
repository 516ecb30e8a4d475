/* Replies: every type in every place, every truncation, lying counts. The live counterpart is
 * tests/store/test_store_redis_fake.c. */
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <string.h>

#include "statesync/store/redis_hello.h"
#include "statesync/store/redis_reader.h"
#include "statesync/store/redis_reply.h"

/* One reply out of its bytes, fed octet by octet; NULL: the reader refused. */
static redisReply *parse(const char *text, size_t len)
{
    struct redis_reader *r;
    struct redisReply *reply = NULL;

    cr_assert_eq(redis_reader_new(4096, 64, &r), OK);
    for (size_t i = 0; i < len && reply == NULL; i++) {
        if (redis_reader_feed(r, span_of(text + i, 1)) != OK || redis_reader_next(r, &reply) != OK)
            break;
    }
    redis_reader_free(r);
    return reply;
}

static struct redis_asked ask(enum store_kind kind)
{
    return (struct redis_asked){ .kind = kind,
                                 .ticket = 42,
                                 .slot = 7,
                                 .n_slots = 2,
                                 .expect = 3,
                                 .token = { 2, 1, 1 },
                                 .expect_token = { 1, 1, 1 } };
}

static struct redisReply *kept;

static struct redis_answer answer_n(struct redis_asked asked, const char *text, size_t len)
{
    struct redis_answer a;

    redis_reply_free(kept);
    kept = parse(text, len);
    cr_assert_not_null(kept, "%s", text);
    cr_assert_eq(redis_answer_of(&asked, kept, &a), OK);
    cr_assert_eq(a.result.kind, asked.kind);
    cr_assert_eq(a.result.ticket, 42);
    cr_assert_eq(a.result.slot, 7);
    return a;
}

#define ANSWER(kind, text) answer_n(ask(kind), (text), sizeof(text) - 1)

static enum err err_of(struct redis_answer a)
{
    enum err e = a.result.err;

    redis_answer_done(&a);
    return e;
}

TestSuite(redis_reply, .timeout = 20);

Test(redis_reply, commit)
{
    struct redis_answer a;

    cr_assert_eq(err_of(ANSWER(STORE_COMMIT, ":1\r\n")), OK);
    cr_assert_eq(err_of(ANSWER(STORE_COMMIT, ":0\r\n")), E_LEASE_LOST);
    a = ANSWER(STORE_COMMIT, "$8\r\n\0\0\0\0\0\0\1\2\r\n");
    cr_assert_eq(a.result.version, 258);
    cr_assert_eq(err_of(a), E_CONFLICT);
    a = ANSWER(STORE_COMMIT, "$0\r\n\r\n");
    cr_assert_eq(a.result.version, 0);
    cr_assert_eq(err_of(a), E_CONFLICT);
    cr_assert_eq(err_of(ANSWER(STORE_COMMIT, ":2\r\n")), E_STORE_UNKNOWN);
    cr_assert_eq(err_of(ANSWER(STORE_COMMIT, "+OK\r\n")), E_STORE_UNKNOWN);
    cr_assert_eq(err_of(ANSWER(STORE_COMMIT, "$-1\r\n")), E_STORE_UNKNOWN);
    cr_assert_eq(err_of(ANSWER(STORE_COMMIT, "*1\r\n:1\r\n")), E_STORE_UNKNOWN);
    redis_reply_free(kept);
}

Test(redis_reply, load)
{
    struct redis_answer a = ANSWER(STORE_LOAD, "*4\r\n$8\r\n\0\0\0\0\0\0\0\5\r\n"
                                               "$9\r\n\0\0\0\0\0\0\0\2x\r\n"
                                               "$3\r\nabc\r\n$3\r\nabc\r\n");

    cr_assert_eq(a.result.err, OK);
    cr_assert_eq(a.result.n_entries, 1);
    cr_assert_eq(a.result.entries[0].id, 5);
    cr_assert_eq(a.result.entries[0].version, 2);
    cr_assert(span_eq(a.result.entries[0].value, span_str("x")));
    cr_assert_eq(a.skipped, 1);
    redis_answer_done(&a);
    cr_assert_eq(err_of(ANSWER(STORE_LOAD, "*0\r\n")), OK);
    cr_assert_eq(err_of(ANSWER(STORE_LOAD, "*1\r\n$1\r\nx\r\n")), E_STORE_DOWN);
    cr_assert_eq(err_of(ANSWER(STORE_LOAD, "*2\r\n$-1\r\n$1\r\nx\r\n")), E_STORE_DOWN);
    cr_assert_eq(err_of(ANSWER(STORE_LOAD, "*2\r\n*0\r\n*0\r\n")), E_STORE_DOWN);
    cr_assert_eq(err_of(ANSWER(STORE_LOAD, ":1\r\n")), E_STORE_DOWN);
    redis_reply_free(kept);
}

#define ROW                                                                                        \
    "\1\0\0\0\1\0\1\0\0\0\1"                                                                       \
    "0123456789abcdef"
#define ROW2                                                                                       \
    "\1\0\0\0\2\0\1\0\0\0\1"                                                                       \
    "0123456789abcdef"

Test(redis_reply, claim)
{
    struct redis_answer a =
        ANSWER(STORE_CLAIM, "*3\r\n:1\r\n$27\r\n" ROW "\r\n$27\r\n" ROW2 "\r\n");

    cr_assert_eq(a.result.previous.token.epoch, 1);
    cr_assert_eq(a.result.row.token.epoch, 2);
    cr_assert_eq(err_of(a), OK);
    a = ANSWER(STORE_CLAIM, "*2\r\n:0\r\n$27\r\n" ROW2 "\r\n");
    cr_assert_eq(a.result.row.token.epoch, 2);
    cr_assert_eq(err_of(a), E_CONFLICT);
    cr_assert_eq(err_of(ANSWER(STORE_CLAIM, "*2\r\n:0\r\n$0\r\n\r\n")), E_CONFLICT);
    /* Done, but not what was asked for. */
    cr_assert_eq(err_of(ANSWER(STORE_CLAIM, "*3\r\n:1\r\n$27\r\n" ROW "\r\n$27\r\n" ROW "\r\n")),
                 E_STORE_UNKNOWN);
    cr_assert_eq(err_of(ANSWER(STORE_CLAIM, "*3\r\n:1\r\n$27\r\n" ROW2 "\r\n$27\r\n" ROW2 "\r\n")),
                 E_STORE_UNKNOWN);
    cr_assert_eq(err_of(ANSWER(STORE_CLAIM, "*3\r\n:1\r\n$0\r\n\r\n$27\r\n" ROW2 "\r\n")),
                 E_STORE_UNKNOWN);
    cr_assert_eq(err_of(ANSWER(STORE_CLAIM, "*3\r\n:1\r\n$27\r\n" ROW "\r\n$0\r\n\r\n")),
                 E_STORE_UNKNOWN);
    /* A row that is not ours: not executed. */
    a = ANSWER(STORE_CLAIM, "*2\r\n:0\r\n$3\r\nabc\r\n");
    cr_assert_eq(a.verdict, REPLY_REFUSED);
    cr_assert_eq(err_of(a), E_STORE_DOWN);
    /* Executed by its word, and unreadable: who knows. */
    a = ANSWER(STORE_CLAIM, "*3\r\n:1\r\n$0\r\n\r\n$3\r\nabc\r\n");
    cr_assert_eq(a.verdict, REPLY_MALFORMED);
    cr_assert_eq(err_of(a), E_STORE_UNKNOWN);
    cr_assert_eq(err_of(ANSWER(STORE_CLAIM, "*2\r\n:1\r\n$0\r\n\r\n")), E_STORE_UNKNOWN);
    cr_assert_eq(err_of(ANSWER(STORE_CLAIM, "*3\r\n:3\r\n:1\r\n:1\r\n")), E_STORE_UNKNOWN);
    cr_assert_eq(err_of(ANSWER(STORE_CLAIM, "*2\r\n$1\r\n1\r\n:1\r\n")), E_STORE_UNKNOWN);
    redis_reply_free(kept);
}

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(redis_reply, claim_in_another_incarnation)
{
    struct redis_answer a =
        ANSWER(STORE_CLAIM, "*4\r\n:2\r\n$40\r\n" ID_A "\r\n$40\r\n" ID_A "\r\n$6\r\nmaster\r\n");

    cr_assert_eq(a.verdict, REPLY_INCARNATION);
    cr_assert(a.facts.primary);
    cr_assert(incarnation_known(&a.facts.incarnation));
    cr_assert_eq(err_of(a), E_STORE_DOWN);
    a = ANSWER(STORE_CLAIM, "*4\r\n:2\r\n$40\r\n" ID_A "\r\n$3\r\nabc\r\n$6\r\nmaster\r\n");
    cr_assert_eq(a.verdict, REPLY_MALFORMED);
    redis_answer_done(&a);
    a = ANSWER(STORE_CLAIM, "*2\r\n:2\r\n$40\r\n" ID_A "\r\n");
    cr_assert_eq(a.verdict, REPLY_MALFORMED);
    redis_answer_done(&a);
    redis_reply_free(kept);
}

Test(redis_reply, rows)
{
    struct redis_answer a = ANSWER(STORE_ROWS, "*2\r\n$-1\r\n$27\r\n" ROW "\r\n");

    cr_assert_eq(a.result.n_rows, 2);
    cr_assert_eq(a.result.rows[0].token.epoch, 0);
    cr_assert_eq(a.result.rows[1].token.epoch, 1);
    cr_assert_eq(err_of(a), OK);
    a = ANSWER(STORE_ROWS, "*2\r\n$3\r\nabc\r\n$27\r\n" ROW "\r\n");
    cr_assert_eq(a.skipped, 1);
    cr_assert_eq(a.result.rows[0].token.epoch, 0);
    cr_assert_eq(err_of(a), OK);
    cr_assert_eq(err_of(ANSWER(STORE_ROWS, "*1\r\n$-1\r\n")), E_STORE_DOWN);
    cr_assert_eq(err_of(ANSWER(STORE_ROWS, "*3\r\n$-1\r\n$-1\r\n$-1\r\n")), E_STORE_DOWN);
    cr_assert_eq(err_of(ANSWER(STORE_ROWS, "*2\r\n:1\r\n:1\r\n")), E_STORE_DOWN);
    redis_reply_free(kept);
}

Test(redis_reply, put_and_get)
{
    struct redis_asked asked = ask(STORE_PUT);
    struct redis_answer a = ANSWER(STORE_PUT, ":1\r\n");

    cr_assert_eq(a.result.version, 4);
    cr_assert_eq(err_of(a), OK);
    asked.put_delete = true;
    a = answer_n(asked, ":1\r\n", 4);
    cr_assert_eq(a.result.version, 0);
    cr_assert_eq(err_of(a), OK);
    a = ANSWER(STORE_PUT, "$9\r\n\0\0\0\0\0\0\0\7x\r\n");
    cr_assert_eq(a.result.version, 7);
    cr_assert(span_eq(a.result.value, span_str("x")));
    cr_assert_eq(err_of(a), E_CONFLICT);
    cr_assert_eq(err_of(ANSWER(STORE_PUT, "$0\r\n\r\n")), E_CONFLICT);
    cr_assert_eq(err_of(ANSWER(STORE_PUT, ":0\r\n")), E_STORE_UNKNOWN);
    a = ANSWER(STORE_GET, "$9\r\n\0\0\0\0\0\0\0\7x\r\n");
    cr_assert_eq(a.result.version, 7);
    cr_assert_eq(err_of(a), OK);
    cr_assert_eq(err_of(ANSWER(STORE_GET, "$-1\r\n")), E_NOT_FOUND);
    cr_assert_eq(err_of(ANSWER(STORE_GET, "$7\r\n1234567\r\n")), E_STORE_DOWN);
    cr_assert_eq(err_of(ANSWER(STORE_GET, ":1\r\n")), E_STORE_DOWN);
    redis_reply_free(kept);
}

/* ---- refusals ---- */

static const struct {
    const char *text;
    enum redis_refusal refusal;
    bool clean;
} errors[] = {
    { "NOSCRIPT No matching script. Please use EVAL.", REFUSED_NOSCRIPT, true },
    { "READONLY You can't write against a read only replica. script: 0f, on @user_script:1.",
      REFUSED_READONLY, true },
    { "LOADING Redis is loading the dataset in memory", REFUSED_LOADING, true },
    { "OOM command not allowed when used memory > 'maxmemory'.", REFUSED_OOM, true },
    { "ERR Error running script (call to f_0f): @user_script:9: @user_script: 9: -OOM command not "
      "allowed when used memory > 'maxmemory'.",
      REFUSED_OOM, true },
    { "ERR The user executing the script can't run this command or subcommand script: 0f",
      REFUSED_NOPERM, true },
    { "NOPERM this user has no permissions to run the 'evalsha' command", REFUSED_NOPERM, true },
    { "NOAUTH Authentication required.", REFUSED_NOAUTH, true },
    { "WRONGPASS invalid username-password pair or user is disabled.", REFUSED_WRONGPASS, true },
    { "MISCONF Redis is configured to save RDB snapshots", REFUSED_MISCONF, true },
    { "NOREPLICAS Not enough good replicas to write.", REFUSED_NOREPLICAS, true },
    { "BUSY Redis is busy running a script.", REFUSED_BUSY, true },
    { "MOVED 3999 127.0.0.1:6381", REFUSED_CLUSTER, true },
    { "CLUSTERDOWN Hash slot not served", REFUSED_CLUSTER, true },
    { "WRONGTYPE Operation against a key holding the wrong kind of value", REFUSED_WRONGTYPE,
      true },
    { "ERR something new", REFUSED_OTHER, false },
    { "OOMPH", REFUSED_OTHER, false },
    { "", REFUSED_OTHER, false },
    { "ERR Error running script (call to f_0f): x", REFUSED_OTHER, false },
};

Test(redis_reply, errors)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        char text[512];
        struct redis_answer a;
        int n = snprintf(text, sizeof text, "-%s\r\n", errors[i].text);

        cr_assert_eq(redis_refusal_of(span_str(errors[i].text)), errors[i].refusal, "%s",
                     errors[i].text);
        a = answer_n(ask(STORE_COMMIT), text, (size_t)n);
        cr_assert_eq(a.verdict, REPLY_REFUSED);
        cr_assert_eq(err_of(a), errors[i].clean ? E_STORE_DOWN : E_STORE_UNKNOWN, "%s",
                     errors[i].text);
        /* A read changed nothing, whatever happened. */
        cr_assert_eq(err_of(answer_n(ask(STORE_LOAD), text, (size_t)n)), E_STORE_DOWN);
    }
    redis_reply_free(kept);
}

Test(redis_reply, every_refusal_has_words)
{
    for (int r = 0; r < REFUSED_COUNT; r++) {
        cr_assert_gt(strlen(redis_refusal_name((enum redis_refusal)r)), 1);
        cr_assert_gt(strlen(redis_refusal_advice((enum redis_refusal)r)), 8);
    }
}

/* ---- the reader's bounds ---- */

Test(redis_reply, truncated_is_never_a_reply)
{
    static const char good[] = "*3\r\n:1\r\n$27\r\n" ROW "\r\n$27\r\n" ROW2 "\r\n";

    for (size_t n = 0; n < sizeof good - 1; n++)
        cr_assert_null(parse(good, n), "%zu octets", n);
}

Test(redis_reply, reader_limits)
{
    struct redis_reader *r;
    struct redisReply *reply = NULL;
    char big[200];

    /* 65 elements, of which 64 are allowed; the same spread over two levels. */
    cr_assert_null(parse("*65\r\n", 5));
    cr_assert_null(parse("*2\r\n*32\r\n*31\r\n", 15));
    cr_assert_null(parse("*2147483647\r\n", 13));
    cr_assert_eq(redis_reader_new(100, 10, &r), OK);
    memset(big, 'x', sizeof big);
    cr_assert_eq(redis_reader_feed(r, span_str("$150\r\n")), OK);
    cr_assert_eq(redis_reader_next(r, &reply), OK);
    cr_assert_null(reply);
    cr_assert_eq(redis_reader_feed(r, span_of(big, 94)), OK);
    cr_assert_eq(redis_reader_feed(r, span_of(big, 1)), E_LIMIT);
    redis_reader_free(r);
}

/* The bounds are per reply: a thousand small ones pass. */
Test(redis_reply, limits_are_per_reply)
{
    struct redis_reader *r;

    cr_assert_eq(redis_reader_new(100, 10, &r), OK);
    for (int i = 0; i < 1000; i++) {
        struct redisReply *reply = NULL;

        cr_assert_eq(redis_reader_feed(r, span_str("*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n")), OK);
        cr_assert_eq(redis_reader_next(r, &reply), OK);
        cr_assert_not_null(reply);
        redis_reply_free(reply);
    }
    redis_reader_free(r);
}

/* ---- the first words ---- */

Test(redis_reply, hello_asks_in_order)
{
    struct redis_scripts scripts;
    struct redis_hello h;
    uint8_t room[8192];
    struct wr out = wr_of(room, sizeof room);
    struct redis_login login = {
        .user = "u", .password = span_str("p"), .db = 3, .client_name = "n"
    };
    static const char start[] = "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n"
                                "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
                                "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$1\r\nn\r\n"
                                "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n"
                                "*1\r\n$4\r\nINFO\r\n";

    redis_scripts_init(&scripts);
    cr_assert_eq(redis_hello_start(&h, &login, &scripts, "", 0, &out), OK);
    cr_assert_gt(out.len, sizeof start);
    cr_assert_arr_eq(room, start, sizeof start - 1);
    cr_assert_eq(h.n_steps, 5 + SCRIPT_COUNT);
    out = wr_of(room, 100);
    cr_assert_eq(redis_hello_start(&h, &login, &scripts, "", 0, &out), E_LIMIT);
}

/* A server that repeats the password in its error must not bring it into the log. */
Test(redis_reply, hello_never_quotes)
{
    struct redis_scripts scripts;
    struct redis_hello h;
    uint8_t room[8192];
    struct wr out = wr_of(room, sizeof room);
    struct redis_login login = { .password = span_str("s3cret") };
    redisReply *reply = parse("-ERR unknown command 'AUTH' 's3cret'\r\n", 38);

    redis_scripts_init(&scripts);
    cr_assert_eq(redis_hello_start(&h, &login, &scripts, "", 0, &out), OK);
    cr_assert_not_null(reply);
    cr_assert_eq(redis_hello_reply(&h, reply, &out), HELLO_FAILED);
    cr_assert_null(strstr(h.why, "s3cret"));
    cr_assert_gt(strlen(h.why), 10);
    redis_reply_free(reply);
}
