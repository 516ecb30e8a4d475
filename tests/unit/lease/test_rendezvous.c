#include <criterion/criterion.h>

#include "statesync/lease/rendezvous.h"
#include "tests/vectors/vector_file.h"

static struct membership members(uint8_t n)
{
    struct membership m = { .slots = 4096, .n = n };

    for (uint8_t i = 0; i < n; i++) {
        m.members[i].node = (uint16_t)(i + 1);
        m.members[i].boot = 1;
    }
    return m;
}

Test(rendezvous, nobody_and_one)
{
    struct membership none = members(0), one = members(1);
    uint16_t second = 9;

    cr_assert_eq(rendezvous_owner(&none, 5, &second), 0);
    cr_assert_eq(second, 0);
    cr_assert_eq(rendezvous_owner(&one, 5, &second), 1);
    cr_assert_eq(second, 0);
    one.members[0].leaving = true;
    cr_assert_eq(rendezvous_owner(&one, 5, NULL), 0);
}

Test(rendezvous, shares_are_fair)
{
    struct membership m = members(5);
    static uint16_t first[LIMIT_SLOTS], second[LIMIT_SLOTS];
    unsigned count[6] = { 0 };

    rendezvous_table(&m, first, second);
    for (unsigned s = 0; s < 4096; s++) {
        cr_assert(first[s] >= 1 && first[s] <= 5);
        cr_assert(second[s] >= 1 && second[s] <= 5 && second[s] != first[s]);
        count[first[s]]++;
    }
    /* 819 each; five standard deviations of a fair draw are 128. */
    for (unsigned n = 1; n <= 5; n++)
        cr_expect(count[n] > 691 && count[n] < 947, "node %u has %u", n, count[n]);
}

/* Who goes gives each of its slots to the second in order, and nothing else moves. */
Test(rendezvous, only_the_leavers_slots_move)
{
    struct membership m = members(5), without;
    static uint16_t first[LIMIT_SLOTS], second[LIMIT_SLOTS], after[LIMIT_SLOTS];
    unsigned moved = 0;

    rendezvous_table(&m, first, second);
    without = m;
    without.members[2].leaving = true;
    rendezvous_table(&without, after, NULL);
    for (unsigned s = 0; s < 4096; s++) {
        cr_assert_eq(after[s], first[s] == 3 ? second[s] : first[s]);
        moved += first[s] == 3;
    }
    cr_assert_gt(moved, 0);
    /* Leaving and being gone are the same here. */
    without.members[2] = without.members[3];
    without.members[3] = without.members[4];
    without.n = 4;
    for (uint16_t s = 0; s < 4096; s++)
        cr_assert_eq(rendezvous_owner(&without, s, NULL), after[s]);
}

/* Fixed for ever: nodes of different releases must agree. */
Test(rendezvous, golden_weights)
{
    static const struct {
        uint16_t slot, node;
        const char *name;
    } cases[] = { { 0, 1, "slot-0-node-1" },
                  { 4095, 4095, "slot-4095-node-4095" },
                  { 77, 5, "slot-77-node-5" } };
    uint8_t be[8];

    for (size_t i = 0; i < 3; i++) {
        uint64_t w = rendezvous_weight(cases[i].slot, cases[i].node);

        for (unsigned j = 0; j < 8; j++)
            be[j] = (uint8_t)(w >> (56 - 8 * j));
        cr_expect(vector_matches("rendezvous.txt", cases[i].name, span_of(be, 8)));
    }
}
