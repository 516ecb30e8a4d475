#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/store/redis_command.h"
#include "statesync/store/redis_facts.h"
#include "statesync/store/redis_form.h"

static const uint8_t golden_row[REDIS_ROW_LEN] = { 1,    0, 0, 0,  9,  1,  0x23, 0x65, 0x53,
                                                   0xf1, 0, 0, 1,  2,  3,  4,    5,    6,
                                                   7,    8, 9, 10, 11, 12, 13,   14,   15 };

Test(redis_form, golden_row)
{
    struct token t = { 9, 0x123, 1700000000 };
    struct store_row row;
    uint8_t token[REDIS_TOKEN_LEN];

    redis_token_write(&t, token);
    cr_assert_arr_eq(token, golden_row, REDIS_TOKEN_LEN);
    cr_assert_eq(redis_row_parse(span_of(golden_row, sizeof golden_row), &row), OK);
    cr_assert(token_eq(&row.token, &t));
    cr_assert_arr_eq(row.vouched.id, golden_row + 11, 16);
}

Test(redis_form, row_of_every_other_length)
{
    uint8_t longer[REDIS_ROW_LEN + 1] = { 0 };
    struct store_row row = { .token = { 7, 7, 7 } };

    memcpy(longer, golden_row, sizeof golden_row);
    for (size_t n = 1; n <= sizeof longer; n++) {
        if (n == REDIS_ROW_LEN)
            continue;
        cr_assert_neq(redis_row_parse(span_of(longer, n), &row), OK, "%zu octets", n);
        cr_assert_eq(row.token.epoch, 7, "changed on failure");
    }
    cr_assert_eq(redis_row_parse(SPAN_NONE, &row), OK);
    cr_assert_eq(row.token.epoch, 0);
}

Test(redis_form, row_of_other_format_or_epoch_0)
{
    uint8_t bad[REDIS_ROW_LEN];
    struct store_row row;

    memcpy(bad, golden_row, sizeof bad);
    bad[0] = 2;
    cr_assert_eq(redis_row_parse(span_of(bad, sizeof bad), &row), E_BAD_VERSION);
    bad[0] = 1;
    bad[4] = 0;
    cr_assert_eq(redis_row_parse(span_of(bad, sizeof bad), &row), E_BAD_VALUE);
}

Test(redis_form, keys)
{
    struct redis_key k;
    char name[LIMIT_STORE_NAME + 2];

    redis_key_row(63, 4095, &k);
    cr_assert_str_eq(k.text, "ikestra:{63:4095}:row");
    cr_assert_eq(k.len, strlen(k.text));
    redis_key_slot(1, 0, &k);
    cr_assert_str_eq(k.text, "ikestra:{1:0}:s");
    cr_assert_eq(redis_key_object(1, "lease:a.b_c-9", &k), OK);
    cr_assert_str_eq(k.text, "ikestra:{1}:o:lease:a.b_c-9");
    memset(name, 'a', sizeof name);
    name[LIMIT_STORE_NAME] = '\0';
    cr_assert_eq(redis_key_object(63, name, &k), OK);
    cr_assert_eq(k.len, strlen(k.text));
    name[LIMIT_STORE_NAME] = 'a';
    name[LIMIT_STORE_NAME + 1] = '\0';
    cr_assert_eq(redis_key_object(63, name, &k), E_BAD_VALUE);
    /* Nothing that could end a hash tag, a line, or be read as a pattern. */
    for (int c = 1; c < 256; c++) {
        char one[] = { (char)c, '\0' };
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr(":._-", c) != NULL;

        cr_assert_eq(redis_key_object(1, one, &k) == OK, good, "octet %d", c);
    }
    cr_assert_eq(redis_key_object(1, NULL, &k), E_BAD_VALUE);
}

Test(redis_form, value)
{
    const uint8_t stored[] = { 0, 0, 0, 0, 0, 0, 1, 0, 'x' };
    uint64_t version = 5;
    struct span v;

    cr_assert_eq(redis_value_parse(span_of(stored, 9), &version, &v), OK);
    cr_assert_eq(version, 256);
    cr_assert(span_eq(v, span_str("x")));
    cr_assert_eq(redis_value_parse(span_of(stored, 8), &version, &v), OK);
    cr_assert_eq(v.len, 0);
    for (size_t n = 0; n < 8; n++)
        cr_assert_eq(redis_value_parse(span_of(stored, n), &version, &v), E_TRUNCATED);
    cr_assert_eq(redis_value_parse(span_of("\0\0\0\0\0\0\0\0x", 9), &version, &v), E_BAD_VALUE);
}

/* ---- commands ---- */

static struct redis_scripts scripts;

static struct redis_command cmd_of(struct store_op op, enum err expected)
{
    struct redis_facts facts = { .run_id = "run", .replid = "repl" };
    struct redis_command c = { NULL, 0 };

    redis_scripts_init(&scripts);
    cr_assert_eq(redis_command_of(&op, 1, &scripts, &facts, &c), expected);
    return c;
}

static void is(struct redis_command c, const char *expected, size_t len)
{
    cr_assert_eq(c.len, len, "%zu: %.*s", c.len, (int)c.len, c.text);
    cr_assert_arr_eq(c.text, expected, len);
    redis_command_done(&c);
    cr_assert_null(c.text);
}

Test(redis_command, load_get)
{
    static const char load[] = "*2\r\n$7\r\nHGETALL\r\n$15\r\nikestra:{1:7}:s\r\n";
    static const char get[] = "*2\r\n$3\r\nGET\r\n$15\r\nikestra:{1}:o:a\r\n";

    is(cmd_of((struct store_op){ .kind = STORE_LOAD, .slot = 7 }, OK), load, sizeof load - 1);
    is(cmd_of((struct store_op){ .kind = STORE_GET, .name = "a" }, OK), get, sizeof get - 1);
}

Test(redis_command, rows)
{
    static const char rows[] = "*3\r\n$4\r\nMGET\r\n$17\r\nikestra:{1:9}:row\r\n"
                               "$17\r\nikestra:{1:0}:row\r\n";
    const uint16_t slots[] = { 9, 0 }, bad[] = { LIMIT_SLOTS };

    is(cmd_of((struct store_op){ .kind = STORE_ROWS, .slots = slots, .n_slots = 2 }, OK), rows,
       sizeof rows - 1);
    cmd_of((struct store_op){ .kind = STORE_ROWS, .slots = bad, .n_slots = 1 }, E_BAD_VALUE);
    cmd_of((struct store_op){ .kind = STORE_ROWS, .slots = bad, .n_slots = 0 }, E_BAD_VALUE);
    cmd_of((struct store_op){ .kind = STORE_ROWS, .slots = slots, .n_slots = LIMIT_SLOTS + 1 },
           E_BAD_VALUE);
}

Test(redis_command, commit_holds_versions)
{
    struct store_op op = { .kind = STORE_COMMIT, .slot = 7, .token = { 1, 2, 3 }, .n_writes = 2 };
    static const char tail[] = "$11\r\n\1\0\0\0\1\0\2\0\0\0\3\r\n"
                               "$8\r\n\0\0\0\0\0\0\0\5\r\n$0\r\n\r\n$9\r\n\0\0\0\0\0\0\0\1v\r\n"
                               "$8\r\n\0\0\0\0\0\0\0\6\r\n$8\r\n\0\0\0\0\0\0\0\4\r\n$0\r\n\r\n";
    struct redis_command c;

    op.writes[0] = (struct store_write){ .id = 5, .value = span_str("v") };
    op.writes[1] = (struct store_write){ .id = 6, .expect = 4, .remove = true };
    c = cmd_of(op, OK);
    cr_assert_not_null(memmem(c.text, c.len, "*12\r\n$7\r\nEVALSHA\r\n$40\r\n", 23));
    cr_assert_not_null(memmem(c.text, c.len, scripts.sha[SCRIPT_COMMIT], 40));
    cr_assert_arr_eq(c.text + c.len - (sizeof tail - 1), tail, sizeof tail - 1);
    redis_command_done(&c);
    op.n_writes = LIMIT_COMMIT_WRITES + 1;
    cmd_of(op, E_BAD_VALUE);
    op.n_writes = 2;
    op.writes[1].expect = UINT64_MAX;
    cmd_of(op, E_BAD_VALUE);
}

/* ---- facts ---- */

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "0123456789abcdef0123456789abcdef01234567"

static const char info[] = "# Server\r\nredis_version:7.0.15\r\nrun_id:" ID_A "\r\n"
                           "\r\n# Persistence\r\nloading:0\r\nmaxmemory_policy:noeviction\r\n"
                           "role:master\r\nmaster_replid:" ID_B "\r\n";

Test(redis_facts, of_a_primary)
{
    struct redis_facts f;
    /* printf "$run_id$replid" | sha256sum */
    static const uint8_t expected[16] = { 0xe9, 0x54, 0x0b, 0x45, 0x15, 0xcf, 0x43, 0x84,
                                          0x3a, 0xf4, 0x5d, 0xc3, 0x22, 0x6d, 0x5f, 0xc0 };

    cr_assert_eq(redis_facts_parse(span_str(info), &f), OK);
    cr_assert(f.primary && !f.loading && !f.evicts);
    cr_assert_str_eq(f.run_id, ID_A);
    cr_assert_str_eq(f.replid, ID_B);
    cr_assert_arr_eq(f.incarnation.id, expected, sizeof expected);
}

Test(redis_facts, every_truncation)
{
    struct redis_facts f;
    /* Two octets short only the line's end is missing. */
    size_t whole = sizeof info - 3;

    for (size_t n = 0; n < whole; n++) {
        uint8_t *exact = malloc(n + 1);

        memcpy(exact, info, n);
        cr_assert_neq(redis_facts_parse(span_of(exact, n), &f), OK, "%zu octets", n);
        free(exact);
    }
    cr_assert_eq(redis_facts_parse(span_of(info, whole), &f), OK);
}

Test(redis_facts, others)
{
    struct redis_facts f;

    cr_assert_eq(redis_facts_parse(span_str("run_id:" ID_A "\nmaster_replid:" ID_B "\nrole:slave\n"
                                            "loading:1\nmaxmemory_policy:allkeys-lru\n"),
                                   &f),
                 OK);
    cr_assert(!f.primary && f.loading && f.evicts);
    cr_assert_str_eq(f.policy, "allkeys-lru");
    cr_assert_eq(
        redis_facts_parse(span_str("run_id:short\nmaster_replid:" ID_B "\nrole:master"), &f),
        E_BAD_VALUE);
}

Test(redis_facts, incarnation_depends_on_both)
{
    struct redis_facts a = { 0 }, b = { 0 }, c = { 0 };

    cr_assert_eq(redis_facts_ids(span_str(ID_A), span_str(ID_B), &a), OK);
    cr_assert_eq(redis_facts_ids(span_str(ID_B), span_str(ID_B), &b), OK);
    cr_assert_eq(redis_facts_ids(span_str(ID_A), span_str(ID_A), &c), OK);
    cr_assert(!incarnation_eq(&a.incarnation, &b.incarnation));
    cr_assert(!incarnation_eq(&a.incarnation, &c.incarnation));
}
