/* Errors, spans, secrets, environment, breaks. */
#include <criterion/criterion.h>
#include <string.h>

#include "statesync/base/breaks.h"
#include "statesync/base/env.h"
#include "statesync/base/secret.h"

Test(err, classes_and_names)
{
    static const enum err all[] = {
        OK,
        E_TRUNCATED,
        E_TRAILING,
        E_BAD_LENGTH,
        E_BAD_VALUE,
        E_NOT_ALLOWED,
        E_BAD_VERSION,
        E_CRITICAL_PAYLOAD,
        E_INTEGRITY,
        E_REPLAY,
        E_NO_PROPOSAL,
        E_INVALID_KE,
        E_AUTH_FAILED,
        E_TS_UNACCEPTABLE,
        E_NO_ADDRESS,
        E_TEMPORARY,
        E_STORE_DOWN,
        E_STORE_UNKNOWN,
        E_CONFLICT,
        E_LEASE_LOST,
        E_NOT_FOUND,
        E_NOMEM,
        E_LIMIT,
        E_CRYPTO,
        E_CONFIG,
        E_IO,
        E_UNSUPPORTED,
    };
    size_t n = sizeof all / sizeof all[0];

    cr_assert_eq(err_class(OK), ERR_NONE);
    cr_assert_eq(err_class(E_REPLAY), ERR_INPUT);
    cr_assert_eq(err_class(E_NO_PROPOSAL), ERR_PEER);
    cr_assert_eq(err_class(E_STORE_UNKNOWN), ERR_CLUSTER);
    cr_assert_eq(err_class(E_UNSUPPORTED), ERR_LOCAL);
    for (size_t i = 0; i < n; i++) {
        cr_assert_str_neq(err_name(all[i]), "unknown");
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(err_name(all[i]), err_name(all[j]));
    }
    cr_assert_str_eq(err_name((enum err)0x9999), "unknown");
}

static enum err twice(enum err first, int *calls)
{
    TRY(first);
    (*calls)++;
    return OK;
}

Test(err, try_returns)
{
    int calls = 0;

    cr_assert_eq(twice(E_LIMIT, &calls), E_LIMIT);
    cr_assert_eq(calls, 0);
    cr_assert_eq(twice(OK, &calls), OK);
    cr_assert_eq(calls, 1);
}

Test(span, equality_and_copies)
{
    struct bytes b;

    cr_assert(span_eq(span_str("ab"), span_of("abc", 2)));
    cr_assert_not(span_eq(span_str("ab"), span_str("ac")));
    cr_assert_not(span_eq(span_str("ab"), span_str("abc")));
    cr_assert(span_eq(SPAN_NONE, span_str("")));
    cr_assert_eq(bytes_copy(span_str("copy"), &b), OK);
    cr_assert(span_eq(span_bytes(b), span_str("copy")));
    bytes_free(&b);
    cr_assert_null(b.p);
    bytes_free(&b);
    bytes_wipe_free(&b);
    cr_assert_eq(bytes_copy(SPAN_NONE, &b), OK);
    cr_assert_null(b.p);
    cr_assert_eq(bytes_copy(span_str("secret"), &b), OK);
    bytes_wipe_free(&b);
    cr_assert_eq(b.len, 0);
}

Test(secret, set_compare_wipe)
{
    uint8_t raw[SECRET_MAX + 1];
    struct secret a = { 0 }, b = { 0 }, zero = { 0 };

    memset(raw, 0x42, sizeof raw);
    cr_assert_eq(secret_set(&a, span_of(raw, SECRET_MAX)), OK);
    cr_assert_eq(secret_set(&a, span_of(raw, SECRET_MAX + 1)), E_LIMIT);
    cr_assert_eq(a.len, SECRET_MAX, "untouched on failure");
    cr_assert_eq(secret_set(&b, span_of(raw, SECRET_MAX)), OK);
    cr_assert(secret_eq(&a, &b));
    b.data[SECRET_MAX - 1] ^= 1;
    cr_assert_not(secret_eq(&a, &b));
    cr_assert_eq(secret_set(&b, span_of(raw, 5)), OK);
    cr_assert_not(secret_eq(&a, &b));
    cr_assert(span_eq(secret_expose(&b), span_of(raw, 5)));
    cr_assert_eq(b.data[5], 0, "a shorter secret leaves nothing of the longer one");
    secret_wipe(&a);
    cr_assert_eq(memcmp(&a, &zero, sizeof a), 0);
    wipe(NULL, 10);
    wipe(raw, sizeof raw);
    cr_assert_eq(raw[0] | raw[SECRET_MAX], 0);
    cr_assert(ct_equal(raw, raw + 1, 4));
}

static void fixed(void *ctx, uint8_t *out, size_t len)
{
    uint8_t *next = ctx;

    for (size_t i = 0; i < len; i++)
        out[i] = *next;
    *next = (uint8_t)(*next + 1);
}

Test(env, uniform_is_bounded)
{
    uint8_t seed = 0xfe;
    struct env e = { .ctx = &seed, .random = fixed };

    for (uint64_t bound = 1; bound < 300; bound++)
        cr_assert_lt(env_uniform(&e, bound), bound);
    seed = 0xff; /* 2^64 - 1 is above the last multiple of 3: drawn again */
    cr_assert_lt(env_uniform(&e, 3), 3);
    cr_assert_eq(seed, 1);
}

Test(env, os_random_fills)
{
    uint8_t a[32] = { 0 }, b[32] = { 0 };

    env_os_random(NULL, a, sizeof a);
    env_os_random(NULL, b, sizeof b);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
}

Test(breaks, have_names)
{
    for (unsigned i = 0; i < BREAK_COUNT; i++) {
        cr_assert_not_null(break_name(i));
        for (unsigned j = 0; j < i; j++)
            cr_assert_str_neq(break_name(i), break_name(j));
    }
    cr_assert_null(break_name(BREAK_COUNT));
}
