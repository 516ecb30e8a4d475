#include "node/sa/proposal.h"

#include <criterion/criterion.h>

#include "statesync/base/wr.h"

static const struct ike_suite gcm = { ENCR_AES_GCM_16, 256, INTEG_NONE, PRF_HMAC_SHA2_256,
                                      DH_CURVE25519 };
static const struct ike_suite cbc = { ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, PRF_HMAC_SHA2_256,
                                      DH_ECP_256 };
static const struct ike_suite chacha = { ENCR_CHACHA20_POLY1305, 0, INTEG_NONE, PRF_HMAC_SHA2_512,
                                         DH_CURVE448 };
static const struct esp_suite esp_gcm = { ENCR_AES_GCM_16, 128, INTEG_NONE, DH_NONE, false };
static const struct esp_suite esp_esn = { ENCR_AES_GCM_16, 128, INTEG_NONE, DH_NONE, true };
static const struct esp_suite esp_pfs = { ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_512_256, DH_CURVE25519,
                                          false };

static struct pl_sa sa, wire_sa;
static struct ike_choice ike;
static struct esp_choice esp;
static uint8_t wire[8192], spi_buf[8];

static void clear(void)
{
    sa = (struct pl_sa){ 0 };
}

TestSuite(proposal, .init = clear);

static struct proposal *offer(uint8_t protocol, struct span spi)
{
    struct proposal *p = &sa.p[sa.n++];

    *p = (struct proposal){ .num = (uint8_t)sa.n, .protocol = protocol, .spi = spi };
    return p;
}

static void with(struct proposal *p, uint8_t type, uint16_t id, uint16_t bits)
{
    p->t[p->n++] = (struct transform){ .type = type, .id = id, .key_bits = bits };
}

/* Through the wire form, as it would arrive. */
static const struct pl_sa *sent(const struct pl_sa *s)
{
    struct wr w = wr_of(wire, sizeof wire);

    pl_sa_write(&w, s);
    cr_assert_eq(wr_ok(&w), OK);
    cr_assert_eq(pl_sa_parse(rd_of(wr_span(&w)), &wire_sa), OK);
    return &wire_sa;
}

Test(proposal, ike_offer_choose_answer_accept)
{
    struct ike_suite client[] = { gcm, cbc, chacha }, server[] = { chacha, cbc };
    uint8_t answer_buf[8];
    static struct pl_sa answer;

    cr_assert_eq(proposal_offer_ike(client, 3, 0, spi_buf, &sa), OK);
    cr_assert_eq(sa.n, 3);
    cr_assert_eq(proposal_choose_ike(sent(&sa), server, 2, false, &ike), OK);
    cr_assert_eq(ike.suite.encr, ENCR_CHACHA20_POLY1305, "our order decides");
    cr_assert_eq(ike.num, 3);
    cr_assert_eq(ike.spi, 0);
    proposal_answer_ike(&ike, 0, answer_buf, &answer);
    cr_assert_eq(proposal_accept_ike(sent(&answer), client, 3, false, &ike), OK);
    cr_assert_eq(ike.suite.dh, DH_CURVE448);
    cr_assert_eq(ike.num, 3);
}

Test(proposal, ike_rekey_carries_spis)
{
    uint8_t answer_buf[8];
    static struct pl_sa answer;

    cr_assert_eq(proposal_offer_ike(&cbc, 1, 0x1122334455667788, spi_buf, &sa), OK);
    cr_assert_eq(proposal_choose_ike(sent(&sa), &cbc, 1, false, &ike), E_NO_PROPOSAL,
                 "an SPI where there must be none");
    cr_assert_eq(proposal_choose_ike(sent(&sa), &cbc, 1, true, &ike), OK);
    cr_assert_eq(ike.spi, 0x1122334455667788);
    proposal_answer_ike(&ike, 0x99, answer_buf, &answer);
    cr_assert_eq(proposal_accept_ike(sent(&answer), &cbc, 1, true, &ike), OK);
    cr_assert_eq(ike.spi, 0x99);
    /* SPI zero, and none at all. */
    memset(spi_buf, 0, sizeof spi_buf);
    cr_assert_eq(proposal_choose_ike(sent(&sa), &cbc, 1, true, &ike), E_NO_PROPOSAL);
    sa.p[0].spi = SPAN_NONE;
    cr_assert_eq(proposal_choose_ike(sent(&sa), &cbc, 1, true, &ike), E_NO_PROPOSAL);
}

Test(proposal, one_proposal_with_many_transforms)
{
    struct proposal *p = offer(PROTO_IKE, SPAN_NONE);

    with(p, TRANSFORM_ENCR, ENCR_3DES, 0);
    with(p, TRANSFORM_ENCR, ENCR_AES_CBC, 256);
    with(p, TRANSFORM_ENCR, ENCR_AES_CBC, 128);
    with(p, TRANSFORM_INTEG, AUTH_HMAC_SHA1_96, 0);
    with(p, TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, 0);
    with(p, TRANSFORM_PRF, PRF_HMAC_SHA1, 0);
    with(p, TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0);
    with(p, TRANSFORM_DH, DH_MODP_1024, 0);
    with(p, TRANSFORM_DH, DH_ECP_256, 0);
    cr_assert_eq(proposal_choose_ike(sent(&sa), &cbc, 1, false, &ike), OK);
    cr_assert_eq(ike.suite.encr_key_bits, 128);
    cr_assert_eq(proposal_choose_ike(sent(&sa), &gcm, 1, false, &ike), E_NO_PROPOSAL);
    cr_assert_eq(proposal_accept_ike(sent(&sa), &cbc, 1, false, &ike), E_NO_PROPOSAL,
                 "an answer has one transform per type");
}

Test(proposal, key_length_is_strict)
{
    static const uint16_t bits[] = { 0, 64, 128, 192, 256, 512 };

    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        clear();
        cr_assert_eq(proposal_offer_ike(&gcm, 1, 0, spi_buf, &sa), OK);
        sa.p[0].t[0].key_bits = bits[i];
        cr_assert_eq(proposal_choose_ike(sent(&sa), &gcm, 1, false, &ike) == OK, bits[i] == 256);
        clear();
        cr_assert_eq(proposal_offer_ike(&chacha, 1, 0, spi_buf, &sa), OK);
        sa.p[0].t[0].key_bits = bits[i];
        cr_assert_eq(proposal_choose_ike(sent(&sa), &chacha, 1, false, &ike) == OK, bits[i] == 0);
    }
    /* A key length where there is none to have: on the PRF. */
    clear();
    cr_assert_eq(proposal_offer_ike(&gcm, 1, 0, spi_buf, &sa), OK);
    sa.p[0].t[1].key_bits = 256;
    cr_assert_eq(proposal_choose_ike(sent(&sa), &gcm, 1, false, &ike), E_NO_PROPOSAL);
    clear();
    cr_assert_eq(proposal_offer_ike(&gcm, 1, 0, spi_buf, &sa), OK);
    sa.p[0].t[0].unusable = true;
    cr_assert_eq(proposal_choose_ike(&sa, &gcm, 1, false, &ike), E_NO_PROPOSAL);
}

Test(proposal, integrity_beside_aead)
{
    cr_assert_eq(proposal_offer_ike(&gcm, 1, 0, spi_buf, &sa), OK);
    with(&sa.p[0], TRANSFORM_INTEG, INTEG_NONE, 0);
    cr_assert_eq(proposal_choose_ike(sent(&sa), &gcm, 1, false, &ike), OK);
    sa.p[0].t[sa.p[0].n - 1].id = AUTH_HMAC_SHA2_256_128;
    cr_assert_eq(proposal_choose_ike(sent(&sa), &gcm, 1, false, &ike), E_NO_PROPOSAL);
    clear();
    cr_assert_eq(proposal_offer_ike(&cbc, 1, 0, spi_buf, &sa), OK);
    for (size_t i = 0; i < sa.p[0].n; i++)
        if (sa.p[0].t[i].type == TRANSFORM_INTEG)
            sa.p[0].t[i].id = INTEG_NONE;
    cr_assert_eq(proposal_choose_ike(sent(&sa), &cbc, 1, false, &ike), E_NO_PROPOSAL);
}

/* Leaving out each of the types that a suite needs. */
Test(proposal, missing_types)
{
    for (size_t drop = 0; drop < 4; drop++) {
        clear();
        cr_assert_eq(proposal_offer_ike(&cbc, 1, 0, spi_buf, &sa), OK);
        cr_assert_eq(sa.p[0].n, 4);
        sa.p[0].t[drop] = sa.p[0].t[3];
        sa.p[0].n = 3;
        if (drop == 3)
            cr_assert_eq(sa.p[0].t[2].type, TRANSFORM_INTEG);
        cr_assert_eq(proposal_choose_ike(sent(&sa), &cbc, 1, false, &ike), E_NO_PROPOSAL);
    }
}

Test(proposal, unknown_types)
{
    cr_assert_eq(proposal_offer_ike(&gcm, 1, 0, spi_buf, &sa), OK);
    with(&sa.p[0], 77, 1, 0);
    cr_assert_eq(proposal_choose_ike(sent(&sa), &gcm, 1, false, &ike), E_NO_PROPOSAL);
    sa.p[0].t[sa.p[0].n - 1].type = TRANSFORM_ESN;
    cr_assert_eq(proposal_choose_ike(sent(&sa), &gcm, 1, false, &ike), E_NO_PROPOSAL,
                 "ESN is not for IKE");
    sa.p[0].t[sa.p[0].n - 1].type = TRANSFORM_ADDKE1;
    sa.p[0].t[sa.p[0].n - 1].id = DH_MLKEM_768;
    cr_assert_eq(proposal_choose_ike(sent(&sa), &gcm, 1, false, &ike), E_NO_PROPOSAL);
    with(&sa.p[0], TRANSFORM_ADDKE1, DH_NONE, 0);
    cr_assert_eq(proposal_choose_ike(sent(&sa), &gcm, 1, false, &ike), OK,
                 "a second key exchange that may be NONE");
    clear();
    cr_assert_eq(proposal_offer_esp(&esp_gcm, 1, true, 0x1000, spi_buf, &sa), OK);
    with(&sa.p[0], TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0);
    cr_assert_eq(proposal_choose_esp(sent(&sa), &esp_gcm, 1, true, &esp), E_NO_PROPOSAL);
}

Test(proposal, a_bad_proposal_does_not_spoil_the_next)
{
    struct ike_suite both[] = { cbc, gcm };

    cr_assert_eq(proposal_offer_ike(both, 2, 0, spi_buf, &sa), OK);
    sa.p[0].protocol = PROTO_ESP;
    cr_assert_eq(proposal_choose_ike(sent(&sa), both, 2, false, &ike), OK);
    cr_assert_eq(ike.num, 2);
    cr_assert_eq(ike.suite.encr, ENCR_AES_GCM_16);
    cr_assert_eq(proposal_choose_ike(sent(&sa), both, 0, false, &ike), E_NO_PROPOSAL);
}

Test(proposal, esp)
{
    struct esp_suite client[] = { esp_pfs, esp_esn }, server[] = { esp_gcm, esp_esn };
    uint8_t answer_buf[4];
    static struct pl_sa answer;

    cr_assert_eq(proposal_offer_esp(client, 2, true, 0xc0ffee00, spi_buf, &sa), OK);
    cr_assert_eq(proposal_choose_esp(sent(&sa), server, 2, true, &esp), OK);
    cr_assert(esp.suite.esn);
    cr_assert_eq(esp.num, 2);
    cr_assert_eq(esp.spi, 0xc0ffee00);
    proposal_answer_esp(&esp, 0x12345678, answer_buf, &answer);
    cr_assert_eq(proposal_accept_esp(sent(&answer), client, 2, true, &esp), OK);
    cr_assert_eq(esp.spi, 0x12345678);
    cr_assert(esp.suite.esn);
}

Test(proposal, esp_spi_and_esn)
{
    static const uint32_t bad[] = { 0, 1, 255 };

    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(proposal_offer_esp(&esp_gcm, 1, true, bad[i], spi_buf, &sa), OK);
        cr_assert_eq(proposal_choose_esp(sent(&sa), &esp_gcm, 1, true, &esp), E_NO_PROPOSAL);
    }
    cr_assert_eq(proposal_offer_esp(&esp_gcm, 1, true, 256, spi_buf, &sa), OK);
    cr_assert_eq(proposal_choose_esp(sent(&sa), &esp_gcm, 1, true, &esp), OK);
    cr_assert_eq(proposal_choose_esp(sent(&sa), &esp_esn, 1, true, &esp), E_NO_PROPOSAL);
    cr_assert_eq(sa.p[0].t[sa.p[0].n - 1].type, TRANSFORM_ESN);
    sa.p[0].n--;
    cr_assert_eq(proposal_choose_esp(sent(&sa), &esp_gcm, 1, true, &esp), E_NO_PROPOSAL,
                 "ESN or not must be said");
}

Test(proposal, esp_groups)
{
    struct esp_suite plain = esp_pfs;

    plain.dh = DH_NONE;
    /* Offered with a group, wanted without, and the other way round. */
    cr_assert_eq(proposal_offer_esp(&esp_pfs, 1, true, 0x1000, spi_buf, &sa), OK);
    cr_assert_eq(proposal_choose_esp(sent(&sa), &plain, 1, true, &esp), E_NO_PROPOSAL);
    with(&sa.p[0], TRANSFORM_DH, DH_NONE, 0);
    cr_assert_eq(proposal_choose_esp(sent(&sa), &plain, 1, true, &esp), OK, "NONE is offered too");
    cr_assert_eq(esp.suite.dh, DH_NONE);
    cr_assert_eq(proposal_choose_esp(sent(&sa), &esp_pfs, 1, true, &esp), OK);
    cr_assert_eq(esp.suite.dh, DH_CURVE25519);
    cr_assert_eq(proposal_offer_esp(&plain, 1, true, 0x1000, spi_buf, &sa), OK);
    cr_assert_eq(proposal_choose_esp(sent(&sa), &esp_pfs, 1, true, &esp), E_NO_PROPOSAL);
    /* IKE_AUTH: no group either way. */
    cr_assert_eq(proposal_choose_esp(sent(&sa), &esp_pfs, 1, false, &esp), OK);
    cr_assert_eq(esp.suite.dh, DH_NONE);
    cr_assert_eq(proposal_offer_esp(&esp_pfs, 1, false, 0x1000, spi_buf, &sa), OK);
    for (size_t i = 0; i < sa.p[0].n; i++)
        cr_assert_neq(sa.p[0].t[i].type, TRANSFORM_DH);
    cr_assert_eq(proposal_offer_esp(&esp_pfs, 1, true, 0x1000, spi_buf, &sa), OK);
    cr_assert_eq(proposal_choose_esp(sent(&sa), &esp_pfs, 1, false, &esp), OK);
}

Test(proposal, ke)
{
    cr_assert_eq(proposal_check_ke(DH_CURVE25519, true, DH_CURVE25519), OK);
    cr_assert_eq(proposal_check_ke(DH_CURVE25519, true, DH_ECP_256), E_INVALID_KE);
    cr_assert_eq(proposal_check_ke(DH_CURVE25519, false, 0), E_INVALID_KE);
    cr_assert_eq(proposal_check_ke(DH_NONE, false, 0), OK);
    cr_assert_eq(proposal_check_ke(DH_NONE, true, DH_ECP_256), OK);
    cr_assert(proposal_offers_group_ike(&cbc, 1, DH_ECP_256));
    cr_assert_not(proposal_offers_group_ike(&cbc, 1, DH_MODP_1024));
    cr_assert(proposal_offers_group_esp(&esp_pfs, 1, DH_CURVE25519));
    cr_assert_not(proposal_offers_group_esp(&esp_pfs, 1, DH_NONE));
}

Test(proposal, answers_that_are_not_ours)
{
    struct ike_suite ours[] = { gcm, cbc };

    cr_assert_eq(proposal_offer_ike(ours, 2, 0, spi_buf, &sa), OK);
    cr_assert_eq(proposal_accept_ike(sent(&sa), ours, 2, false, &ike), E_NO_PROPOSAL,
                 "two proposals");
    sa.n = 1;
    cr_assert_eq(proposal_accept_ike(sent(&sa), ours, 2, false, &ike), OK);
    sa.p[0].num = 2;
    cr_assert_eq(proposal_accept_ike(sent(&sa), ours, 2, false, &ike), E_NO_PROPOSAL,
                 "GCM under the number of CBC");
    sa.p[0].num = 0;
    cr_assert_eq(proposal_accept_ike(sent(&sa), ours, 2, false, &ike), E_NO_PROPOSAL);
    sa.p[0].num = 3;
    cr_assert_eq(proposal_accept_ike(sent(&sa), ours, 2, false, &ike), E_NO_PROPOSAL);
    sa.n = 0;
    cr_assert_eq(proposal_accept_ike(&sa, ours, 2, false, &ike), E_NO_PROPOSAL);
    /* A weaker key under the right number: downgrade. */
    cr_assert_eq(proposal_offer_ike(&gcm, 1, 0, spi_buf, &sa), OK);
    sa.p[0].t[0].key_bits = 128;
    cr_assert_eq(proposal_accept_ike(sent(&sa), &gcm, 1, false, &ike), E_NO_PROPOSAL);
    cr_assert_eq(proposal_offer_esp(&esp_gcm, 1, true, 0x1000, spi_buf, &sa), OK);
    sa.p[0].num = 9;
    cr_assert_eq(proposal_accept_esp(sent(&sa), &esp_gcm, 1, true, &esp), E_NO_PROPOSAL);
}

Test(proposal, offer_limit)
{
    static struct ike_suite many[LIMIT_PROPOSALS + 1];
    static struct esp_suite many_esp[LIMIT_PROPOSALS + 1];

    for (size_t i = 0; i <= LIMIT_PROPOSALS; i++) {
        many[i] = gcm;
        many_esp[i] = esp_gcm;
    }
    cr_assert_eq(proposal_offer_ike(many, LIMIT_PROPOSALS, 0, spi_buf, &sa), OK);
    cr_assert_eq(sent(&sa)->n, (size_t)LIMIT_PROPOSALS);
    cr_assert_eq(proposal_offer_ike(many, LIMIT_PROPOSALS + 1, 0, spi_buf, &sa), E_LIMIT);
    cr_assert_eq(proposal_offer_esp(many_esp, LIMIT_PROPOSALS + 1, true, 0x1000, spi_buf, &sa),
                 E_LIMIT);
}
