#include <criterion/criterion.h>

#include "statesync/lease/membership.h"

static struct member who(uint16_t node, uint32_t boot)
{
    return (struct member){ .node = node, .boot = boot };
}

static enum err join(struct membership *m, uint16_t node, uint32_t boot, uint64_t wall_ms)
{
    struct member in = who(node, boot);

    return membership_join(m, &in, 4096, wall_ms);
}

Test(membership, join_keeps_order)
{
    struct membership m = { 0 };

    cr_assert_eq(join(&m, 7, 100, 0), OK);
    cr_assert_eq(join(&m, 3, 100, 0), OK);
    cr_assert_eq(join(&m, 9, 100, 0), OK);
    cr_assert_eq(m.n, 3);
    cr_assert_eq(m.slots, 4096);
    cr_assert_eq(m.members[0].node, 3);
    cr_assert_eq(m.members[1].node, 7);
    cr_assert_eq(m.members[2].node, 9);
    cr_assert_null(membership_find(&m, 4));
    cr_assert_eq(membership_find(&m, 7)->boot, 100);
}

Test(membership, restart_replaces_the_entry)
{
    struct membership m = { 0 };

    cr_assert_eq(join(&m, 7, 100, 0), OK);
    cr_assert_eq(membership_leaving(&m, 7, 100), OK);
    cr_assert(membership_find(&m, 7)->leaving);
    cr_assert_eq(join(&m, 7, 101, 0), OK);
    cr_assert_eq(m.n, 1);
    cr_assert_eq(membership_find(&m, 7)->boot, 101);
    cr_assert(!membership_find(&m, 7)->leaving);
    /* The former process comes late. */
    cr_assert_eq(join(&m, 7, 100, 0), E_NOT_ALLOWED);
    cr_assert_eq(membership_leaving(&m, 7, 100), E_NOT_FOUND);
    cr_assert_eq(membership_remove(&m, 7, 100, 0, 0), E_NOT_FOUND);
}

Test(membership, holddown)
{
    struct membership m = { 0 };

    cr_assert_eq(join(&m, 7, 100, 0), OK);
    cr_assert_eq(membership_remove(&m, 7, 100, 5000, 1000), OK);
    cr_assert_null(membership_find(&m, 7));
    cr_assert_eq(membership_find_out(&m, 7)->holddown_until_ms, 6000);
    cr_assert_eq(join(&m, 7, 100, 5999), E_NOT_ALLOWED);
    cr_assert_eq(join(&m, 7, 99, 9000), E_NOT_ALLOWED);
    cr_assert_eq(join(&m, 7, 100, 6000), OK);
    cr_assert_null(membership_find_out(&m, 7));
    /* A restarted process need not wait. */
    cr_assert_eq(membership_remove(&m, 7, 100, 7000, 1000), OK);
    cr_assert_eq(join(&m, 7, 101, 7001), OK);
    /* Who leaves by itself may come back at once. */
    cr_assert_eq(membership_remove(&m, 7, 101, 8000, 0), OK);
    cr_assert_eq(join(&m, 7, 101, 8000), OK);
}

Test(membership, refuses)
{
    struct membership m = { 0 };
    struct member in = who(1, 1);

    cr_assert_eq(join(&m, 0, 1, 0), E_BAD_VALUE);
    cr_assert_eq(join(&m, 4096, 1, 0), E_BAD_VALUE);
    cr_assert_eq(join(&m, 1, 0, 0), E_BAD_VALUE);
    cr_assert_eq(membership_join(&m, &in, 100, 0), E_BAD_VALUE);
    cr_assert_eq(membership_join(&m, &in, 64, 0), OK);
    in = who(2, 1);
    cr_assert_eq(membership_join(&m, &in, 128, 0), E_CONFIG);
    for (uint16_t i = 2; i <= LIMIT_NODES; i++) {
        in = who(i, 1);
        cr_assert_eq(membership_join(&m, &in, 64, 0), OK);
    }
    in = who(LIMIT_NODES + 1, 1);
    cr_assert_eq(membership_join(&m, &in, 64, 0), E_LIMIT);
}

Test(membership, what_it_makes_can_be_stored)
{
    struct membership m = { 0 }, back;
    struct bytes b;

    for (uint16_t i = 40; i > 0; i--)
        cr_assert_eq(join(&m, i, 5, 0), OK);
    for (uint16_t i = 2; i <= 40; i += 2)
        cr_assert_eq(membership_remove(&m, i, 5, 100, 1000), OK);
    cr_assert_eq(join(&m, 4, 6, 0), OK);
    cr_assert_eq(membership_encode(&m, &b), OK);
    cr_assert_eq(membership_decode(span_bytes(b), &back), OK);
    cr_assert_eq(back.n, 21);
    cr_assert_eq(back.n_out, 19);
    bytes_free(&b);
}

Test(membership, two_accuse_or_one_of_two)
{
    struct membership m = { 0 };

    cr_assert_eq(join(&m, 1, 1, 0), OK);
    cr_assert(!membership_condemned(&m, 1, 1)); /* nobody else is there */
    cr_assert_eq(join(&m, 2, 1, 0), OK);
    cr_assert(membership_condemned(&m, 2, 1));
    cr_assert(!membership_condemned(&m, 2, 0));
    cr_assert(!membership_condemned(&m, 3, 5)); /* not a member */
    cr_assert_eq(join(&m, 3, 1, 0), OK);
    cr_assert(!membership_condemned(&m, 2, 1));
    cr_assert(membership_condemned(&m, 2, 2));
    cr_assert_eq(membership_majority(1), 1);
    cr_assert_eq(membership_majority(2), 2);
    cr_assert_eq(membership_majority(3), 2);
    cr_assert_eq(membership_majority(4), 3);
}
