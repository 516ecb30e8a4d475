#include <criterion/criterion.h>
#include <string.h>

#include "node/crypto/aead.h"
#include "node/crypto/suite.h"

Test(suite, ike_text_round_trip)
{
    static const char *const texts[] = {
        "aes128gcm16-prfsha256-x25519",    "aes256gcm16-prfsha384-ecp384",
        "chacha20poly1305-prfsha512-x448", "aes128-sha256-prfsha256-modp2048",
        "aes256-sha512-prfsha256-ecp521",  "aes256-sha384-prfsha384-modp4096",
        "aes128gcm16-prfsha256-modp3072",  "aes128gcm16-prfsha256-ecp256",
    };
    char out[SUITE_TEXT_MAX];
    struct ike_suite s;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_assert_eq(ike_suite_parse(texts[i], &s), OK, "%s", texts[i]);
        cr_assert_eq(ike_suite_check(&s), OK);
        cr_assert_str_eq(ike_suite_text(&s, out), texts[i]);
    }
}

Test(suite, ike_numbers)
{
    struct ike_suite s;

    cr_assert_eq(ike_suite_parse("aes256-sha384-ecp256", &s), OK);
    cr_assert_eq(s.encr, 12);
    cr_assert_eq(s.encr_key_bits, 256);
    cr_assert_eq(s.integ, 13);
    cr_assert_eq(s.prf, 6, "prf follows the integrity algorithm");
    cr_assert_eq(s.dh, 19);
    cr_assert_eq(ike_suite_parse("curve25519-prfsha256-aes128gcm16", &s), OK, "any order");
    cr_assert_eq(s.dh, 31);
    cr_assert_eq(s.integ, 0);
}

Test(suite, ike_refused)
{
    static const char *const texts[] = {
        "",
        "-",
        "aes128gcm16",
        "aes128gcm16-prfsha256",
        "aes128gcm16-x25519",
        "aes128gcm16-sha256-x25519",
        "aes128-prfsha256-x25519",
        "3des-sha256-modp2048",
        "aes128-sha1-modp2048",
        "aes128-sha256-modp1024",
        "aes128-sha256-modp2048-",
        "aes128-aes256-sha256-x25519",
        "aes128-sha256-x25519-esn",
        "aes128-sha256-x25519-x448",
        "AES128-sha256-x25519",
        "aes128-sha256-prfsha256-modp2048-noesn-aes128-sha256-prfsha256-modp2048-noesn-aes128",
    };
    struct ike_suite s = { .encr = 77 };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_eq(ike_suite_parse(texts[i], &s), E_BAD_VALUE, "%s", texts[i]);
    cr_assert_eq(s.encr, 77, "untouched on failure");
}

Test(suite, esp)
{
    char out[SUITE_TEXT_MAX];
    struct esp_suite s;

    cr_assert_eq(esp_suite_parse("aes128gcm16", &s), OK);
    cr_assert(!s.esn && s.dh == 0 && s.integ == 0);
    cr_assert_eq(esp_suite_parse("aes256-sha512-ecp256-esn", &s), OK);
    cr_assert(s.esn && s.dh == 19 && s.integ == 14);
    cr_assert_str_eq(esp_suite_text(&s, out), "aes256-sha512-ecp256-esn");
    cr_assert_eq(esp_suite_parse("chacha20poly1305-noesn", &s), OK);
    cr_assert(!s.esn);
    cr_assert_eq(esp_suite_parse("aes256", &s), E_BAD_VALUE);
    cr_assert_eq(esp_suite_parse("aes128gcm16-prfsha256", &s), E_BAD_VALUE);
    cr_assert_eq(esp_suite_parse("aes128gcm16-esn-noesn", &s), E_BAD_VALUE);
}

Test(suite, weak_and_mixed_suites_do_not_check)
{
    struct ike_suite s = { 20, 128, 0, 5, 31 };
    struct esp_suite p = { 20, 128, 0, 0, false };
    char out[SUITE_TEXT_MAX];

    cr_assert_eq(ike_suite_check(&s), OK);
    s.integ = 12;
    cr_assert_eq(ike_suite_check(&s), E_NO_PROPOSAL, "AEAD with integrity");
    cr_assert_str_eq(ike_suite_text(&s, out), "unknown");
    s.integ = 0;
    s.dh = 2;
    cr_assert_eq(ike_suite_check(&s), E_NO_PROPOSAL, "modp1024");
    s.dh = 0;
    cr_assert_eq(ike_suite_check(&s), E_NO_PROPOSAL, "no group");
    s.dh = 31;
    s.encr_key_bits = 192;
    cr_assert_eq(ike_suite_check(&s), E_NO_PROPOSAL, "AES-192");
    cr_assert_eq(esp_suite_check(&p), OK);
    p.encr = 12;
    cr_assert_eq(esp_suite_check(&p), E_NO_PROPOSAL, "CBC without integrity");
}

Test(suite, maxima_hold)
{
    static const uint16_t dhs[] = { 14, 15, 16, 19, 20, 21, 31, 32 };
    static const uint16_t encr[][2] = {
        { 20, 128 }, { 20, 256 }, { 28, 0 }, { 12, 128 }, { 12, 256 }
    };

    for (size_t i = 0; i < sizeof dhs / sizeof dhs[0]; i++) {
        cr_assert(dh_info(dhs[i])->public_len <= SUITE_DH_MAX);
        cr_assert(dh_info(dhs[i])->shared_len <= SUITE_DH_MAX);
    }
    for (size_t i = 0; i < sizeof encr / sizeof encr[0]; i++) {
        const struct encr_info *e = encr_info(encr[i][0], encr[i][1]);

        cr_assert_not_null(e);
        cr_assert(e->iv_len <= SUITE_IV_MAX);
        cr_assert(aead_icv_len(e->id, e->key_bits, e->aead ? 0 : 14) <= SUITE_ICV_MAX);
        cr_assert(aead_icv_len(e->id, e->key_bits, e->aead ? 0 : 14) > 0);
        cr_assert_eq(aead_icv_len(e->id, e->key_bits, e->aead ? 12 : 0), 0);
    }
}
