/* nat_hash: the data of NAT_DETECTION_*_IP: SHA-1(SPIi | SPIr | IP | port). RFC 7296 2.23. Not a
 * secret and not an integrity check; SHA-1 because the RFC says so. */
#pragma once

#include "statesync/base/addr.h"

enum { NAT_HASH_LEN = 20 };

MUST_USE enum err nat_hash(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e,
                           uint8_t ret[NAT_HASH_LEN]);
