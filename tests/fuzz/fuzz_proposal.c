/* First octet: which choice; then an SA payload's body. Whatever is chosen is one of ours, and its
 * answer is accepted by who offered the same. */
#include "tests/fuzz/fuzz.h"

#include "node/sa/proposal.h"

static const struct ike_suite ike_suites[] = {
    { ENCR_AES_GCM_16, 128, INTEG_NONE, PRF_HMAC_SHA2_256, DH_CURVE25519 },
    { ENCR_AES_GCM_16, 256, INTEG_NONE, PRF_HMAC_SHA2_384, DH_ECP_384 },
    { ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, PRF_HMAC_SHA2_256, DH_MODP_2048 },
    { ENCR_CHACHA20_POLY1305, 0, INTEG_NONE, PRF_HMAC_SHA2_512, DH_CURVE448 },
};
static const struct esp_suite esp_suites[] = {
    { ENCR_AES_GCM_16, 128, INTEG_NONE, DH_NONE, false },
    { ENCR_AES_GCM_16, 128, INTEG_NONE, DH_CURVE25519, true },
    { ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_512_256, DH_NONE, true },
    { ENCR_CHACHA20_POLY1305, 0, INTEG_NONE, DH_ECP_256, false },
};

static void ike(const struct pl_sa *sa, bool rekey)
{
    static struct pl_sa answer;
    uint8_t buf[IKE_SPI_LEN];
    struct ike_choice c, back;

    if (proposal_choose_ike(sa, ike_suites, 4, rekey, &c) == OK) {
        MUST((c.spi != 0) == rekey);
        MUST(ike_suite_check(&c.suite) == OK);
        MUST(proposal_offers_group_ike(ike_suites, 4, c.suite.dh));
        MUST(proposal_check_ke(c.suite.dh, true, c.suite.dh) == OK);
        c.num = 1;
        proposal_answer_ike(&c, rekey ? 7 : 0, buf, &answer);
        MUST(proposal_accept_ike(&answer, &c.suite, 1, rekey, &back) == OK);
        MUST(back.suite.encr == c.suite.encr && back.spi == (rekey ? 7 : 0));
    }
    if (proposal_accept_ike(sa, ike_suites, 4, rekey, &c) == OK)
        MUST(sa->n == 1 && c.num >= 1 && c.num <= 4);
}

static void esp(const struct pl_sa *sa, bool with_dh)
{
    static struct pl_sa answer;
    uint8_t buf[ESP_SPI_LEN];
    struct esp_choice c, back;

    if (proposal_choose_esp(sa, esp_suites, 4, with_dh, &c) == OK) {
        MUST(c.spi >= 256);
        MUST(esp_suite_check(&c.suite) == OK);
        MUST(with_dh || c.suite.dh == DH_NONE);
        MUST(proposal_offers_group_esp(esp_suites, 4, c.suite.dh));
        c.num = 1;
        proposal_answer_esp(&c, 0x1000, buf, &answer);
        MUST(proposal_accept_esp(&answer, &c.suite, 1, with_dh, &back) == OK);
        MUST(back.suite.esn == c.suite.esn && back.spi == 0x1000);
    }
    if (proposal_accept_esp(sa, esp_suites, 4, with_dh, &c) == OK)
        MUST(sa->n == 1 && c.num >= 1 && c.num <= 4);
}

static void offers(void)
{
    static struct pl_sa sa;
    uint8_t buf[IKE_SPI_LEN];
    struct ike_choice i;
    struct esp_choice e;

    MUST(proposal_offer_ike(ike_suites, 4, 9, buf, &sa) == OK);
    MUST(proposal_choose_ike(&sa, &ike_suites[2], 1, true, &i) == OK && i.num == 3);
    MUST(proposal_offer_esp(esp_suites, 4, true, 0x1000, buf, &sa) == OK);
    MUST(proposal_choose_esp(&sa, &esp_suites[3], 1, true, &e) == OK && e.num == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t choice = fuzz_choice(&data, &size);
    static struct pl_sa sa;

    if (size == 0)
        offers();
    if (pl_sa_parse(rd_of(span_of(data, size)), &sa) != OK)
        return 0;
    if (choice & 2)
        esp(&sa, choice & 1);
    else
        ike(&sa, choice & 1);
    return 0;
}
