/* sk_message: an input as a whole message: its length field is made right and its version too, so
 * that the fuzzer works behind the header. */
#pragma once

#include "tests/fuzz/fuzz.h"

#include "node/wire/ike_header.h"
#include "node/wire/payload_chain.h"
#include "node/wire/pl_sk.h"

static const struct sk_shape fuzz_shapes[] = {
    { .iv_len = 8, .block = 1, .icv_len = 16 },
    { .iv_len = 16, .block = 16, .icv_len = 16 },
    { .iv_len = 16, .block = 16, .icv_len = 32 },
    { .iv_len = 0, .block = 1, .icv_len = 0 },
};

/* A heap copy of exactly size octets in *ret_copy, to free. False: no message. */
static inline bool fuzz_message(const uint8_t *data, size_t size, uint8_t **ret_copy,
                                struct ike_header *ret_h, struct payload_list *ret_list)
{
    uint8_t critical;
    struct wr w;
    struct rd r;

    *ret_copy = NULL;
    if (size < IKE_HEADER_LEN)
        return false;
    *ret_copy = malloc(size);
    memcpy(*ret_copy, data, size);
    w = (struct wr){ *ret_copy, size, size, false };
    wr_put_u8(&w, 17, 0x20);
    wr_put_u32(&w, IKE_HEADER_LENGTH_AT, (uint32_t)size);
    r = rd_of(span_of(*ret_copy, size));
    MUST(ike_header_parse(&r, ret_h) == OK);
    return payload_chain_clear(ret_h->next_payload, rd_rest(&r), ret_list, &critical) == OK;
}

/* The parts of SK lie one behind the other and fill the message. */
static inline void check_sk(const struct pl_sk *sk, struct span m, const struct sk_shape *shape)
{
    MUST(sk->aad.p == m.p);
    MUST(sk->iv.p == m.p + sk->aad.len && sk->iv.len == shape->iv_len);
    MUST(sk->text.p == sk->iv.p + sk->iv.len && sk->text.len >= 1);
    MUST(sk->text.len % shape->block == 0);
    MUST(sk->icv.len == shape->icv_len && sk->covered.len + sk->icv.len == m.len);
    MUST(sk->aad.len + sk->iv.len + sk->text.len + sk->icv.len == m.len);
}
