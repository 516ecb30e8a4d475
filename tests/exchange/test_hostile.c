/* What anybody on the network may send, and what an authenticated peer may overdo. */
#include "tests/exchange/pair.h"

TestSuite(hostile, .timeout = 60);

/* The first message of a session that moved to port 4500, again after that session is gone. */
Test(hostile, first_message_after_its_session)
{
    struct pair p;
    struct bytes init = { 0 };

    pair_init(&p, 700);
    conn(&p.a)->force_encap = conn(&p.b)->force_encap = true;
    pair_start(&p);
    initiate(&p.a);
    cr_assert_eq(bytes_copy(peek(&p, A_TO_B, 0), &init), OK);
    settle(&p);
    check_up(&p);
    cr_assert_eq(session(&p.b, SS_ESTABLISHED)->remote.port, 4500);
    side_delete(&p.a);
    settle(&p);
    run_for(&p, 15001u * 1000); /* the tombstone goes */
    cr_assert_eq(stored_count(&p.b), 0);
    inject(&p, A_TO_B, span_bytes(init)); /* HDR, SAi1, KEi, Ni: to b a new first message */
    cr_assert_eq(sessions(&p.b, SS_HALF_OPEN), 1);
    bytes_free(&init);
    pair_done(&p);
}

/* The clear message with a Vendor ID of add octets in front, and another SPIi: HDR, V, ... */
static struct bytes with_vendor(struct span m, size_t add, uint8_t spi)
{
    struct bytes b = { calloc(1, m.len + 4 + add), m.len + 4 + add };

    cr_assert_not_null(b.p);
    memcpy(b.p, m.p, 28);
    memcpy(b.p + 28 + 4 + add, m.p + 28, m.len - 28);
    b.p[28] = b.p[16];
    b.p[30] = (uint8_t)((4 + add) >> 8);
    b.p[31] = (uint8_t)(4 + add);
    b.p[16] = PL_VENDOR;
    b.p[7] ^= spi;
    b.p[26] = (uint8_t)(b.len >> 8);
    b.p[27] = (uint8_t)b.len;
    return b;
}

/* First messages of every size up to that of a datagram: what a record cannot hold is dropped. */
Test(hostile, first_message_of_64k)
{
    struct pair p;
    unsigned taken = 0;

    pair_init(&p, 701);
    pair_start(&p);
    initiate(&p.a);
    for (unsigned i = 1; i <= 63; i++) {
        struct bytes m = with_vendor(peek(&p, A_TO_B, 0), i * 1024 - 100, (uint8_t)i);

        inject(&p, A_TO_B, span_bytes(m));
        taken += m.len <= LIMIT_INIT;
        cr_assert_eq(sessions(&p.b, SS_HALF_OPEN), taken, "%zu octets", m.len);
        bytes_free(&m);
    }
    cr_assert_gt(taken, 0);
    settle(&p);
    check_up(&p);
    pair_done(&p);
}

/* The same from somebody who answers faster than the responder does. */
Test(hostile, first_answer_of_64k)
{
    struct pair p;

    pair_init(&p, 702);
    pair_start(&p);
    initiate(&p.a);
    deliver(&p, A_TO_B, 0);
    for (unsigned i = 63; i >= 8; i--) {
        struct bytes m = with_vendor(peek(&p, B_TO_A, 0), i * 1024, 0);

        inject(&p, B_TO_A, span_bytes(m));
        cr_assert_eq(sessions(&p.a, SS_INIT_SENT), 1, "%zu octets", m.len);
        bytes_free(&m);
    }
    settle(&p);
    check_up(&p);
    pair_done(&p);
}
