/* proposal: SA payloads <-> suites: offer, choose, answer, accept. RFC 7296 2.7, 3.3.
 *
 * A suite is one concrete combination, so an offer is one proposal per suite: the responder can
 * then never combine what we did not list, and AEAD and other ciphers never share a proposal
 * (RFC 7296 3.3). The order is preference. Pure; knows no SA. */
#pragma once

#include "node/crypto/suite.h"
#include "node/wire/pl_sa.h"

enum { IKE_SPI_LEN = 8, ESP_SPI_LEN = 4 };

struct ike_choice {
    struct ike_suite suite;
    uint8_t num;  /* of the peer's proposal: repeat it in the answer */
    uint64_t spi; /* rekey: the peer's new IKE SPI, never 0; else 0 */
};

struct esp_choice {
    struct esp_suite suite;
    uint8_t num;
    uint32_t spi; /* the peer's inbound SPI: our outbound one; never below 256 */
};

/* Responder: the first of ours (in our order) that one of their proposals allows (first in their
 * order). rekey: SPIs of 8 octets, otherwise none. A proposal that carries a transform type without
 * a choice that we know, another SPI size or an unusable transform is passed over; Key Length must
 * be equal, and absent where the cipher has none. E_NO_PROPOSAL. */
MUST_USE enum err proposal_choose_ike(const struct pl_sa *theirs, const struct ike_suite *ours,
                                      size_t n_ours, bool rekey, struct ike_choice *ret);

/* The same for ESP. with_dh false (IKE_AUTH: there is no KE): groups on both sides count for
 * nothing and suite.dh is 0. Otherwise a suite without group wants none or NONE. An ESN transform
 * is required. */
MUST_USE enum err proposal_choose_esp(const struct pl_sa *theirs, const struct esp_suite *ours,
                                      size_t n_ours, bool with_dh, struct esp_choice *ret);

/* The KE payload fits the chosen group: equal, or no group was chosen (a KE is then ignored).
 * have_ke false: there is none. E_INVALID_KE: answer INVALID_KE_PAYLOAD with the group dh. */
MUST_USE enum err proposal_check_ke(uint16_t dh, bool have_ke, uint16_t ke_group);

/* Initiator: suite i becomes proposal i + 1. spi: our new SPI, rekey only (else 0). n is at most
 * LIMIT_PROPOSALS; E_LIMIT. ret points to spi_buf, which must live as long. */
MUST_USE enum err proposal_offer_ike(const struct ike_suite *ours, size_t n, uint64_t spi,
                                     uint8_t spi_buf[IKE_SPI_LEN], struct pl_sa *ret);
/* with_dh false: no groups are offered (IKE_AUTH); suites that then are equal to an earlier one are
 * still offered, so that numbers stay positions. */
MUST_USE enum err proposal_offer_esp(const struct esp_suite *ours, size_t n, bool with_dh,
                                     uint32_t spi, uint8_t spi_buf[ESP_SPI_LEN], struct pl_sa *ret);

/* Responder: the one chosen proposal, with our SPI (IKE: 0 unless a rekey). */
void proposal_answer_ike(const struct ike_choice *c, uint64_t our_spi, uint8_t spi_buf[IKE_SPI_LEN],
                         struct pl_sa *ret);
void proposal_answer_esp(const struct esp_choice *c, uint32_t our_spi, uint8_t spi_buf[ESP_SPI_LEN],
                         struct pl_sa *ret);

/* Initiator: the answer is one proposal with one transform per type, and is the suite that we
 * offered under its number. E_NO_PROPOSAL: anything else. */
MUST_USE enum err proposal_accept_ike(const struct pl_sa *answer, const struct ike_suite *ours,
                                      size_t n_ours, bool rekey, struct ike_choice *ret);
MUST_USE enum err proposal_accept_esp(const struct pl_sa *answer, const struct esp_suite *ours,
                                      size_t n_ours, bool with_dh, struct esp_choice *ret);

/* One of ours uses this group: for INVALID_KE_PAYLOAD from a responder, which may only name a group
 * that we offered (RFC 7296 1.2). */
bool proposal_offers_group_ike(const struct ike_suite *ours, size_t n_ours, uint16_t group);
bool proposal_offers_group_esp(const struct esp_suite *ours, size_t n_ours, uint16_t group);
