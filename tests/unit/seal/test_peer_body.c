#include <criterion/criterion.h>

#include "statesync/seal/peer_seal.h"
#include "tests/vectors/vector_file.h"

static struct endpoint ep(const char *text)
{
    struct endpoint e;

    cr_assert_eq(endpoint_parse(text, &e), OK);
    return e;
}

static void expect_same(const struct peer_packet *a, const struct peer_packet *b)
{
    cr_assert_eq(a->encap, b->encap);
    cr_assert(endpoint_eq(&a->local, &b->local) && endpoint_eq(&a->remote, &b->remote));
    cr_assert(span_eq(a->packet, b->packet));
}

Test(peer_body, packets)
{
    struct peer_packet cases[] = {
        { ep("192.0.2.1:4500"), ep("198.51.100.7:1025"), true, span_str("four") },
        { ep("[2001:db8::1]:500"), ep("[2001:db8::2]:500"), false, span_str("six") },
        { { { 0 }, 0 }, { { 0 }, 0 }, false, span_str("inner") },
    };
    static const char *const names[] = { "packet-ipv4", "packet-ipv6", "packet-inner" };
    struct peer_packet back;
    uint8_t out[128];
    size_t len;

    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(peer_packet_encode(&cases[i], out, sizeof out, &len), OK);
        cr_assert_leq(len, cases[i].packet.len + PEER_PACKET_MAX_HEAD);
        cr_expect(vector_matches("cluster-datagram.txt", names[i], span_of(out, len)));
        cr_assert_eq(peer_packet_decode(span_of(out, len), &back), OK);
        expect_same(&cases[i], &back);
        cr_assert_eq(peer_packet_encode(&cases[i], out, len - 1, &len), E_LIMIT);
    }
}

Test(peer_body, packet_truncations)
{
    struct peer_packet p = { ep("192.0.2.1:4500"), ep("[2001:db8::2]:500"), true, span_str("x") };
    struct peer_packet back;
    uint8_t out[128];
    size_t len;

    cr_assert_eq(peer_packet_encode(&p, out, sizeof out, &len), OK);
    for (size_t n = 0; n < len; n++) {
        uint8_t *exact = malloc(n + (n == 0));

        memcpy(exact, out, n);
        cr_expect_eq(peer_packet_decode(span_of(exact, n), &back), E_TRUNCATED);
        free(exact);
    }
    out[0] = 2;
    cr_assert_eq(peer_packet_decode(span_of(out, len), &back), E_BAD_VALUE);
    out[0] = 1;
    out[1] = 5;
    cr_assert_eq(peer_packet_decode(span_of(out, len), &back), E_BAD_VALUE);
}

Test(peer_body, slots)
{
    static struct peer_slots back;
    static uint16_t all[LIMIT_SLOTS + 1];
    static uint8_t out[2 * LIMIT_SLOTS + 2];
    const uint16_t some[] = { 4095, 0, 17 };
    size_t len;

    cr_assert_eq(peer_slots_encode(some, 3, out, sizeof out, &len), OK);
    cr_assert(vector_matches("cluster-datagram.txt", "slots", span_of(out, len)));
    cr_assert_eq(peer_slots_decode(span_of(out, len), &back), OK);
    cr_assert_eq(back.n, 3);
    cr_assert_eq(back.slots[0], 4095);
    cr_assert_eq(back.slots[2], 17);
    for (size_t n = 0; n < len; n++)
        cr_expect_neq(peer_slots_decode(span_of(out, n), &back), OK);
    cr_assert_eq(peer_slots_decode(span_of(out, len + 1), &back), E_TRAILING);
    out[2] = 0x10; /* slot 4096 and up */
    cr_assert_eq(peer_slots_decode(span_of(out, len), &back), E_BAD_VALUE);
    for (uint16_t i = 0; i < LIMIT_SLOTS; i++)
        all[i] = i;
    cr_assert_eq(peer_slots_encode(all, LIMIT_SLOTS, out, sizeof out, &len), OK);
    cr_assert_eq(len, sizeof out);
    cr_assert_eq(peer_slots_decode(span_of(out, len), &back), OK);
    cr_assert_eq(peer_slots_encode(all, LIMIT_SLOTS + 1, out, sizeof out, &len), E_LIMIT);
    cr_assert_eq(peer_slots_encode(all, 0, out, sizeof out, &len), E_LIMIT);
}
