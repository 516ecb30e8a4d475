#include "node/crypto/nat_hash.h"

#include <openssl/evp.h>

#include "statesync/base/wr.h"

enum err nat_hash(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e,
                  uint8_t ret[NAT_HASH_LEN])
{
    uint8_t b[34];
    struct wr w = wr_of(b, sizeof b);
    unsigned len = NAT_HASH_LEN;

    wr_u64(&w, spi_i);
    wr_u64(&w, spi_r);
    wr_bytes(&w, ip_span(&e->addr));
    wr_u16(&w, e->port);
    return EVP_Digest(b, w.len, ret, &len, EVP_sha1(), NULL) == 1 ? OK : E_CRYPTO;
}
