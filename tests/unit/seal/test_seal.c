#include <criterion/criterion.h>

#include "statesync/record/store_key.h"
#include "statesync/seal/seal.h"
#include "tests/unit/seal/fixed_env.h"
#include "tests/vectors/vector_file.h"

static const struct token TOK = { 0x01020304, 0x0506, 0x0708090a };
enum { VERSION = 7 };

struct fixture {
    struct keyring *k;
    uint8_t counter;
    struct env env;
    char name[STORE_KEY_MAX];
    struct span key;
    struct bytes sealed;
};

static void setup_ring(struct fixture *f)
{
    uint8_t key[32];

    cr_assert_eq(keyring_new(&f->k), OK);
    cr_assert_eq(keyring_add(f->k, 1, KEY_DECRYPT_ONLY, fixed_key(key, 0x11)), OK);
    cr_assert_eq(keyring_add(f->k, 2, KEY_ACTIVE, fixed_key(key, 0x22)), OK);
}

static struct fixture *setup(const char *plain)
{
    struct fixture *f = calloc(1, sizeof *f);

    setup_ring(f);
    f->env = fixed_env(&f->counter);
    f->key = store_key_record(1, 77, 0x0102030405060708, f->name);
    cr_assert_eq(seal_record(f->k, &f->env, SEAL_SESSION, f->key, &TOK, VERSION, span_str(plain),
                             &f->sealed),
                 OK);
    return f;
}

static void teardown(struct fixture *f)
{
    bytes_free(&f->sealed);
    keyring_free(f->k);
    free(f);
}

static enum err open_with(struct fixture *f, enum seal_type type, struct span key, uint64_t version,
                          struct span envelope)
{
    struct bytes plain = { NULL, 42 };
    struct seal_info info = { .version = 42 };
    enum err e = seal_open(f->k, type, key, version, envelope, &plain, &info);

    if (e == OK) {
        bytes_wipe_free(&plain);
    } else {
        cr_assert_eq(plain.len, 42); /* untouched */
        cr_assert_eq(info.version, 42);
    }
    return e;
}

Test(seal, opens_again)
{
    struct fixture *f = setup("a record");
    struct bytes plain;
    struct seal_info info;

    cr_assert_eq(f->sealed.len, strlen("a record") + SEAL_OVERHEAD);
    cr_assert_eq(
        seal_open(f->k, SEAL_SESSION, f->key, VERSION, span_bytes(f->sealed), &plain, &info), OK);
    cr_assert(span_eq(span_bytes(plain), span_str("a record")));
    cr_assert_eq(info.key_id, 2);
    cr_assert_eq(info.version, VERSION);
    cr_assert_eq(info.type, SEAL_SESSION);
    cr_assert(token_eq(&info.token, &TOK));
    bytes_wipe_free(&plain);
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, 0, span_bytes(f->sealed)), OK);
    teardown(f);
}

Test(seal, empty_and_largest)
{
    struct fixture *f = setup("");
    struct bytes plain, sealed;
    uint8_t *big = calloc(1, LIMIT_RECORD);

    cr_assert_eq(seal_open(f->k, SEAL_SESSION, f->key, 0, span_bytes(f->sealed), &plain, NULL), OK);
    cr_assert_eq(plain.len, 0);
    bytes_free(&plain);
    cr_assert_eq(seal_record(f->k, &f->env, SEAL_SESSION, f->key, &TOK, 1,
                             span_of(big, LIMIT_RECORD - SEAL_OVERHEAD), &sealed),
                 OK);
    cr_assert_eq(sealed.len, LIMIT_RECORD);
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, 1, span_bytes(sealed)), OK);
    bytes_free(&sealed);
    cr_assert_eq(seal_record(f->k, &f->env, SEAL_SESSION, f->key, &TOK, 1,
                             span_of(big, LIMIT_RECORD - SEAL_OVERHEAD + 1), &sealed),
                 E_LIMIT);
    free(big);
    teardown(f);
}

Test(seal, bound_to_name_type_version)
{
    struct fixture *f = setup("a record");
    char other[STORE_KEY_MAX];
    struct span s = span_bytes(f->sealed);

    cr_assert_eq(
        open_with(f, SEAL_SESSION, store_key_record(1, 77, 0x0102030405060709, other), VERSION, s),
        E_INTEGRITY);
    cr_assert_eq(
        open_with(f, SEAL_SESSION, store_key_record(1, 78, 0x0102030405060708, other), VERSION, s),
        E_INTEGRITY);
    cr_assert_eq(
        open_with(f, SEAL_SESSION, store_key_record(2, 77, 0x0102030405060708, other), VERSION, s),
        E_INTEGRITY);
    cr_assert_eq(open_with(f, SEAL_MEMBERSHIP, f->key, VERSION, s), E_BAD_VALUE);
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, VERSION + 1, s), E_BAD_VALUE);
    teardown(f);
}

/* Every bit of the envelope matters: token, version and key id in the head included. */
Test(seal, every_flipped_bit_is_noticed)
{
    struct fixture *f = setup("a record");

    for (size_t i = 0; i < f->sealed.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            f->sealed.p[i] ^= (uint8_t)(1u << bit);
            cr_expect_neq(open_with(f, SEAL_SESSION, f->key, 0, span_bytes(f->sealed)), OK,
                          "octet %zu bit %u", i, bit);
            f->sealed.p[i] ^= (uint8_t)(1u << bit);
        }
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, 0, span_bytes(f->sealed)), OK);
    teardown(f);
}

Test(seal, truncated_and_longer)
{
    struct fixture *f = setup("a record");
    uint8_t *more = calloc(1, f->sealed.len + 1);

    for (size_t len = 0; len < f->sealed.len; len++) {
        uint8_t *exact = malloc(len + (len == 0));

        memcpy(exact, f->sealed.p, len);
        cr_expect_eq(open_with(f, SEAL_SESSION, f->key, 0, span_of(exact, len)),
                     len < SEAL_OVERHEAD ? E_TRUNCATED : E_INTEGRITY);
        free(exact);
    }
    memcpy(more, f->sealed.p, f->sealed.len);
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, 0, span_of(more, f->sealed.len + 1)),
                 E_INTEGRITY);
    free(more);
    teardown(f);
}

Test(seal, keys_rotate)
{
    struct fixture *f = setup("a record");
    uint8_t key[32];
    struct seal_info info;
    struct bytes again;

    cr_assert_eq(keyring_add(f->k, 3, KEY_ACTIVE, fixed_key(key, 0x33)), OK);
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, 0, span_bytes(f->sealed)), OK);
    cr_assert_eq(seal_record(f->k, &f->env, SEAL_SESSION, f->key, &TOK, VERSION + 1,
                             span_str("a record"), &again),
                 OK);
    cr_assert_eq(seal_peek(span_bytes(again), &info), OK);
    cr_assert_eq(info.key_id, 3);
    cr_assert_eq(keyring_set_state(f->k, 2, KEY_RETIRED), OK);
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, 0, span_bytes(f->sealed)), E_NOT_FOUND);
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, 0, span_bytes(again)), OK);
    bytes_free(&again);
    teardown(f);
}

Test(seal, no_key_no_seal)
{
    struct keyring *k;
    uint8_t n = 0;
    struct env env = fixed_env(&n);
    struct bytes out;

    cr_assert_eq(keyring_new(&k), OK);
    cr_assert_eq(seal_record(k, &env, SEAL_SESSION, span_str("x"), &TOK, 1, span_str("y"), &out),
                 E_NOT_FOUND);
    keyring_free(k);
}

/* Two envelopes of the same record share neither key nor ciphertext. */
Test(seal, fresh_key_each_time)
{
    struct fixture *f = setup("a record");
    struct bytes again;

    cr_assert_eq(seal_record(f->k, &f->env, SEAL_SESSION, f->key, &TOK, VERSION,
                             span_str("a record"), &again),
                 OK);
    cr_assert(!span_eq(span_of(f->sealed.p + 40, 8), span_of(again.p + 40, 8)));
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, VERSION, span_bytes(again)), OK);
    bytes_free(&again);
    teardown(f);
}

Test(seal, golden_bytes)
{
    struct fixture *f = setup("a record");
    struct bytes golden = vector_read("envelope.txt", "envelope");

    cr_assert(vector_matches("envelope.txt", "envelope", span_bytes(f->sealed)));
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, VERSION, span_bytes(golden)), OK);
    bytes_free(&golden);
    teardown(f);
}

Test(seal, unknown_format)
{
    struct fixture *f = setup("a record");
    struct seal_info info;

    f->sealed.p[0] = 2;
    cr_assert_eq(open_with(f, SEAL_SESSION, f->key, 0, span_bytes(f->sealed)), E_BAD_VERSION);
    cr_assert_eq(seal_peek(span_bytes(f->sealed), &info), E_BAD_VERSION);
    teardown(f);
}
