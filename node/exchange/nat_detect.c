#include "node/exchange/nat_detect.h"

#include "node/crypto/nat_hash.h"

void nat_detect_add(struct exchange *x, struct msg *m, uint64_t spi_i, uint64_t spi_r,
                    const struct endpoint *local, const struct endpoint *remote, bool hide)
{
    uint8_t h[NAT_HASH_LEN];

    if (nat_hash(spi_i, spi_r, local, h) != OK)
        return;
    if (hide)
        env_random(x->env, h, sizeof h);
    msg_add_notify(m, N_NAT_DETECTION_SOURCE_IP, span_of(h, sizeof h));
    if (nat_hash(spi_i, spi_r, remote, h) == OK)
        msg_add_notify(m, N_NAT_DETECTION_DESTINATION_IP, span_of(h, sizeof h));
}

static bool matches(const struct pl_notify *n, const uint8_t h[NAT_HASH_LEN])
{
    return span_eq(n->data, span_of(h, NAT_HASH_LEN));
}

struct nat_found nat_detect_check(const struct exchange *x, uint64_t spi_i, uint64_t spi_r)
{
    struct nat_found f = { false, false, false };
    uint8_t theirs[NAT_HASH_LEN], ours[NAT_HASH_LEN];
    struct pl_notify n;
    bool source_ok = false;

    if (nat_hash(spi_i, spi_r, &x->remote, theirs) != OK ||
        nat_hash(spi_i, spi_r, &x->local, ours) != OK)
        return f;
    /* RFC 7296 2.23: there may be several source notifies, one per address the peer may use. */
    for (size_t i = 0; notify_find(x->clear, N_NAT_DETECTION_SOURCE_IP, i, &n); i++) {
        f.supported = true;
        source_ok |= matches(&n, theirs);
    }
    if (!notify_find(x->clear, N_NAT_DETECTION_DESTINATION_IP, 0, &n))
        f.supported = false;
    else
        f.here = !matches(&n, ours);
    f.there = f.supported && !source_ok;
    f.here &= f.supported;
    return f;
}
