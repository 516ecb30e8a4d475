/* pl_skf: Encrypted Fragment payload, framing only. RFC 7383 2.5. As pl_sk, with two numbers. */
#pragma once

#include "node/wire/pl_sk.h"

struct pl_skf {
    uint16_t number, total; /* 1 <= number <= total */
    struct pl_sk sk;        /* aad reaches over the two numbers */
};

/* E_BAD_VALUE: number 0, or above total. RFC 7383 2.6: inner_first (next payload) is zero in all
 * but the first fragment; that is for the caller, who has the list. */
MUST_USE enum err pl_skf_parse(struct span message, const struct payload *skf,
                               const struct sk_shape *shape, struct pl_skf *ret);

/* One fragment's whole message, as pl_sk_layout. first: of the joined content; it is written into
 * fragment 1 only. */
MUST_USE enum err pl_skf_layout(struct wr *w, const struct ike_header *h, uint16_t number,
                                uint16_t total, uint8_t first, struct span content,
                                const struct sk_shape *shape, struct sk_room *ret);

size_t pl_skf_message_len(size_t content_len, const struct sk_shape *shape);
