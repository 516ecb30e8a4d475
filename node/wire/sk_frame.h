/* sk_frame: what pl_sk and pl_skf share. Not for others. */
#pragma once

#include "node/wire/pl_sk.h"

enum err sk_frame_parse(struct span message, const struct payload *p, size_t skip,
                        const struct sk_shape *shape, struct pl_sk *ret);

/* numbers: octets between the generic header and the IV. */
enum err sk_frame_layout(struct wr *w, const struct ike_header *h, uint8_t type, uint8_t next,
                         struct span numbers, struct span content, const struct sk_shape *shape,
                         struct sk_room *ret);
