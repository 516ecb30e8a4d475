#include <criterion/criterion.h>

#include "statesync/seal/keyring_use.h"
#include "tests/unit/seal/fixed_env.h"
#include "tests/vectors/vector_file.h"

static struct keyring *ring(void)
{
    struct keyring *k;
    uint8_t key[32];

    cr_assert_eq(keyring_new(&k), OK);
    cr_assert_eq(keyring_add(k, 1, KEY_DECRYPT_ONLY, fixed_key(key, 0x11)), OK);
    cr_assert_eq(keyring_add(k, 2, KEY_ACTIVE, fixed_key(key, 0x22)), OK);
    return k;
}

Test(keyring, empty_has_nothing)
{
    struct keyring *k;
    uint8_t out[32];
    enum key_state st;

    cr_assert_eq(keyring_new(&k), OK);
    cr_assert_eq(keyring_active(k), 0);
    cr_assert_eq(keyring_derive(k, 0, "peer", SPAN_NONE, out), E_NOT_FOUND);
    cr_assert(!keyring_state(k, 1, &st));
    cr_assert_null(keyring_free(k));
    cr_assert_null(keyring_free(NULL));
}

Test(keyring, one_active_key)
{
    struct keyring *k = ring();
    uint8_t key[32];
    enum key_state st;

    cr_assert_eq(keyring_active(k), 2);
    cr_assert_eq(keyring_add(k, 3, KEY_ACTIVE, fixed_key(key, 0x33)), OK);
    cr_assert_eq(keyring_active(k), 3);
    cr_assert(keyring_state(k, 2, &st) && st == KEY_DECRYPT_ONLY);
    cr_assert_eq(keyring_set_state(k, 1, KEY_ACTIVE), OK);
    cr_assert_eq(keyring_active(k), 1);
    cr_assert(keyring_state(k, 3, &st) && st == KEY_DECRYPT_ONLY);
    keyring_free(k);
}

Test(keyring, states_go_one_way)
{
    struct keyring *k = ring();
    uint8_t out[32];

    cr_assert_eq(keyring_set_state(k, 2, KEY_DECRYPT_ONLY), E_NOT_ALLOWED);
    cr_assert_eq(keyring_set_state(k, 2, KEY_RETIRED), E_NOT_ALLOWED);
    cr_assert_eq(keyring_set_state(k, 9, KEY_RETIRED), E_NOT_FOUND);
    cr_assert_eq(keyring_set_state(k, 1, KEY_RETIRED), OK);
    cr_assert_eq(keyring_set_state(k, 1, KEY_ACTIVE), E_NOT_ALLOWED);
    cr_assert_eq(keyring_derive(k, 1, "peer", SPAN_NONE, out), E_NOT_FOUND);
    cr_assert_eq(keyring_derive(k, 2, "peer", SPAN_NONE, out), OK);
    keyring_free(k);
}

Test(keyring, refuses_bad_keys)
{
    struct keyring *k = ring();
    uint8_t key[32];
    struct span s = fixed_key(key, 0x44);

    cr_assert_eq(keyring_add(k, 3, KEY_ACTIVE, span_of(s.p, 31)), E_BAD_LENGTH);
    cr_assert_eq(keyring_add(k, 0, KEY_ACTIVE, s), E_BAD_VALUE);
    cr_assert_eq(keyring_add(k, 2, KEY_ACTIVE, s), E_BAD_VALUE);
    cr_assert_eq(keyring_add(k, 3, (enum key_state)0, s), E_BAD_VALUE);
    for (uint32_t id = 3; id <= KEYRING_KEYS; id++)
        cr_assert_eq(keyring_add(k, id, KEY_RETIRED, s), OK);
    cr_assert_eq(keyring_add(k, 99, KEY_RETIRED, s), E_LIMIT);
    cr_assert_eq(keyring_active(k), 2);
    keyring_free(k);
}

Test(keyring, derived_keys_differ)
{
    struct keyring *k = ring();
    uint8_t a[32], b[32];

    cr_assert_eq(keyring_derive(k, 0, "cookie", span_str("1"), a), OK);
    cr_assert_eq(keyring_derive(k, 2, "cookie", span_str("1"), b), OK);
    cr_assert(ct_equal(a, b, 32));
    cr_assert_eq(keyring_derive(k, 1, "cookie", span_str("1"), b), OK);
    cr_assert(!ct_equal(a, b, 32));
    cr_assert_eq(keyring_derive(k, 0, "cookie", span_str("2"), b), OK);
    cr_assert(!ct_equal(a, b, 32));
    /* The border between label and context is part of the name. */
    cr_assert_eq(keyring_derive(k, 0, "cookie1", SPAN_NONE, b), OK);
    cr_assert(!ct_equal(a, b, 32));
    cr_assert(vector_matches("envelope.txt", "sub-key", span_of(a, 32)));
    keyring_free(k);
}
