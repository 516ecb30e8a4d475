/* Every suite that is offered, end to end: IKE SA, Child SA, and a rekey of both under it. */
#include <stdio.h>

#include "tests/exchange/pair.h"

TestSuite(suites, .timeout = 120);

static void up_with(const char *ike, const char *esp_text)
{
    struct pair p;
    struct policy_conn *both[2];

    pair_init(&p, 50);
    both[0] = conn(&p.a);
    both[1] = conn(&p.b);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(ike_suite_parse(ike, &both[i]->suites[0]), OK, "%s", ike);
        cr_assert_eq(esp_suite_parse(esp_text, &both[i]->children[0].suites[0]), OK, "%s",
                     esp_text);
    }
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    check_up(&p);
    cr_assert_eq(session(&p.b, SS_ESTABLISHED)->suite.dh, both[0]->suites[0].dh);
    cr_assert_eq(child(&p.b)->esn, both[0]->children[0].suites[0].esn);
    side_rekey_child(&p.a);
    settle(&p);
    check_up(&p);
    side_rekey_ike(&p.b);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

Test(suites, every_ike_cipher_and_prf)
{
    static const char *const encr[] = {
        "aes128gcm16-prfsha256", "aes256gcm16-prfsha384", "chacha20poly1305-prfsha512",
        "aes128-sha256",         "aes256-sha384",         "aes256-sha512"
    };
    char text[SUITE_TEXT_MAX];

    for (size_t i = 0; i < sizeof encr / sizeof encr[0]; i++) {
        snprintf(text, sizeof text, "%s-x25519", encr[i]);
        up_with(text, "aes128gcm16-x25519-esn");
    }
}

Test(suites, every_dh_group)
{
    static const char *const dh[] = { "x25519", "x448",     "ecp256",   "ecp384",
                                      "ecp521", "modp2048", "modp3072", "modp4096" };
    char text[SUITE_TEXT_MAX], esp_text[SUITE_TEXT_MAX];

    for (size_t i = 0; i < sizeof dh / sizeof dh[0]; i++) {
        snprintf(text, sizeof text, "aes128gcm16-prfsha256-%s", dh[i]);
        snprintf(esp_text, sizeof esp_text, "aes128gcm16-%s-esn", dh[i]);
        up_with(text, esp_text);
    }
}

Test(suites, every_esp_cipher)
{
    static const char *const encr[] = { "aes128gcm16",   "aes256gcm16",   "chacha20poly1305",
                                        "aes128-sha256", "aes256-sha384", "aes256-sha512" };
    static const char *const tail[] = { "", "-esn", "-x25519", "-x25519-esn" };
    char text[SUITE_TEXT_MAX];

    for (size_t i = 0; i < sizeof encr / sizeof encr[0]; i++)
        for (size_t k = 0; k < sizeof tail / sizeof tail[0]; k++) {
            snprintf(text, sizeof text, "%s%s", encr[i], tail[k]);
            up_with("aes128gcm16-prfsha256-x25519", text);
        }
}

/* The responder's first choice wins among what both can. */
Test(suites, responder_chooses)
{
    struct pair p;

    pair_init(&p, 51);
    cr_assert_eq(ike_suite_parse("aes128-sha256-ecp256", &conn(&p.a)->suites[0]), OK);
    cr_assert_eq(ike_suite_parse("aes256gcm16-prfsha384-ecp256", &conn(&p.a)->suites[1]), OK);
    conn(&p.a)->n_suites = 2;
    cr_assert_eq(ike_suite_parse("aes256gcm16-prfsha384-ecp256", &conn(&p.b)->suites[0]), OK);
    cr_assert_eq(ike_suite_parse("aes128-sha256-ecp256", &conn(&p.b)->suites[1]), OK);
    conn(&p.b)->n_suites = 2;
    pair_start(&p);
    initiate(&p.a);
    settle(&p);
    check_up(&p);
    cr_assert_eq(session(&p.b, SS_ESTABLISHED)->suite.encr,
                 session(&p.a, SS_ESTABLISHED)->suite.encr);
    pair_done(&p);
}
