/* nat_detect: NAT_DETECTION_SOURCE_IP and _DESTINATION_IP of IKE_SA_INIT. RFC 7296 2.23. */
#pragma once

#include "node/exchange/exchange.h"

/* Adds both notifies; hide: a source that never matches, which makes the peer encapsulate. */
void nat_detect_add(struct exchange *x, struct msg *m, uint64_t spi_i, uint64_t spi_r,
                    const struct endpoint *local, const struct endpoint *remote, bool hide);
/* What the peer's two kinds of notify say. false for both when it sent none: no NAT traversal. */
struct nat_found {
    bool supported, here, there;
};
struct nat_found nat_detect_check(const struct exchange *x, uint64_t spi_i, uint64_t spi_r);
