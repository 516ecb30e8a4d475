/* pl_notify: Notify payload, and the notify data that has a form of its own. RFC 7296 3.10. */
#pragma once

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/payload_chain.h"

struct pl_notify {
    uint8_t protocol; /* of the SA that spi names; 0 when there is no SPI */
    struct span spi;
    uint16_t type; /* N_* */
    struct span data;
};

MUST_USE enum err pl_notify_parse(struct rd body, struct pl_notify *ret);
void pl_notify_write(struct wr *w, const struct pl_notify *n);

/* Every Notify of the list is well-formed. Called once per message, so that notify_find may pass
 * over malformed ones. */
MUST_USE enum err pl_notify_check(const struct payload_list *l);

/* The nth (from 0) notify of a type. False when there is none; *ret untouched then. */
bool notify_find(const struct payload_list *l, uint16_t type, size_t nth, struct pl_notify *ret);
bool notify_has(const struct payload_list *l, uint16_t type);

/* The first notify of an error type (below 16384). */
bool notify_find_error(const struct payload_list *l, struct pl_notify *ret);

/* The 32-bit SPI of a notify about an ESP SA (REKEY_SA, CHILD_SA_NOT_FOUND). E_BAD_LENGTH
 * otherwise. */
MUST_USE enum err notify_spi32(const struct pl_notify *n, uint32_t *ret);

/* INVALID_KE_PAYLOAD data: the group wanted. E_BAD_LENGTH unless 2 octets. */
MUST_USE enum err notify_ke_group(const struct pl_notify *n, uint16_t *ret);

/* SIGNATURE_HASH_ALGORITHMS data (RFC 7427 4): bit n of *ret for hash algorithm n; numbers above 31
 * are passed over. E_BAD_LENGTH: an odd number of octets, or none. */
MUST_USE enum err notify_sig_hashes(const struct pl_notify *n, uint32_t *ret);

/* The same data for the hashes whose bit is set. */
void notify_sig_hashes_write(struct wr *w, uint32_t hashes);

/* REDIRECT data (RFC 5685 7): kind of gateway (GW_*), its identity, and the nonce that follows. */
struct notify_redirect {
    uint8_t gw_type;
    struct span gw;
    struct span nonce;
};
MUST_USE enum err notify_redirect_parse(struct span data, struct notify_redirect *ret);

/* IKEV2_MESSAGE_ID_SYNC data (RFC 6311 5.2): 4-octet nonce, our next send ID, next receive ID. */
struct notify_mid_sync {
    uint32_t nonce;
    uint32_t send_next;
    uint32_t recv_next;
};
MUST_USE enum err notify_mid_sync_parse(struct span data, struct notify_mid_sync *ret);
void notify_mid_sync_write(struct wr *w, const struct notify_mid_sync *s);
