#include "node/core/hold.h"

#include <criterion/criterion.h>

static struct held meta(uint16_t slot, enum held_kind kind, uint64_t since)
{
    return (struct held){ .slot = slot, .kind = kind, .since_ms = since };
}

static void add(struct hold *h, uint16_t slot, enum held_kind kind, uint64_t since, uint8_t mark)
{
    struct held m = meta(slot, kind, since);

    cr_assert_eq(hold_add(h, &m, span_of(&mark, 1)), OK);
}

static int take(struct hold *h, uint16_t slot, unsigned kinds)
{
    struct held m;
    int mark;

    if (!hold_take(h, slot, kinds, &m))
        return -1;
    mark = m.packet.p[0];
    bytes_free(&m.packet);
    return mark;
}

Test(hold, oldest_first_and_by_slot)
{
    struct hold *h = hold_new();

    add(h, 1, HELD_IKE, 10, 1);
    add(h, 2, HELD_IKE, 11, 2);
    add(h, 1, HELD_ESP, 12, 3);
    cr_assert_eq(hold_count(h), 3);
    cr_assert(hold_has(h, 1));
    cr_assert_not(hold_has(h, 3));
    cr_assert_eq(take(h, 3, ~0u), -1);
    cr_assert_eq(take(h, 1, ~0u), 1);
    cr_assert_eq(take(h, 1, ~0u), 3);
    cr_assert_eq(take(h, 1, ~0u), -1);
    cr_assert_eq(take(h, 2, ~0u), 2);
    cr_assert_eq(hold_count(h), 0);
    add(h, 4, HELD_IKE, 13, 9); /* the list's end was right after all that */
    cr_assert_eq(take(h, 4, ~0u), 9);
    hold_free(h);
}

Test(hold, by_kind)
{
    struct hold *h = hold_new();

    add(h, 1, HELD_ESP, 1, 1);
    add(h, 1, HELD_IKE, 2, 2);
    add(h, 1, HELD_INNER, 3, 3);
    cr_assert_eq(take(h, 1, 1u << HELD_IKE), 2);
    cr_assert_eq(take(h, 1, 1u << HELD_IKE), -1);
    cr_assert_eq(take(h, 1, 1u << HELD_INNER | 1u << HELD_ESP), 1);
    hold_free(h); /* with one left */
}

Test(hold, a_full_slot_loses_its_oldest)
{
    struct hold *h = hold_new();

    for (unsigned i = 0; i < LIMIT_HELD_PER_SLOT + 3; i++)
        add(h, 7, HELD_IKE, i, (uint8_t)i);
    cr_assert_eq(hold_count(h), LIMIT_HELD_PER_SLOT);
    cr_assert_eq(take(h, 7, ~0u), 3);
    hold_free(h);
}

Test(hold, bounded_in_all)
{
    static uint8_t big[9000];
    struct hold *h = hold_new();
    size_t added = 0;

    for (unsigned i = 0; i < 100000; i++) {
        struct held m = meta((uint16_t)(i % LIMIT_SLOTS), HELD_ESP, i);

        if (hold_add(h, &m, span_of(big, sizeof big)) == E_LIMIT)
            break;
        added++;
    }
    cr_assert_gt(added, 100);
    cr_assert_lt(added * sizeof big, 16u * 1024 * 1024);
    hold_free(h);
}

Test(hold, slot_out_of_range)
{
    struct hold *h = hold_new();
    struct held m = meta(LIMIT_SLOTS, HELD_IKE, 1);

    cr_assert_eq(hold_add(h, &m, span_of("x", 1)), E_BAD_VALUE);
    cr_assert_eq(hold_count(h), 0);
    hold_free(h);
}

Test(hold, expires)
{
    struct hold *h = hold_new();

    add(h, 1, HELD_IKE, 100, 1);
    add(h, 1, HELD_IKE, 200, 2);
    add(h, 2, HELD_IKE, 300, 3);
    cr_assert_eq(hold_expire(h, 350, 200), 1);
    cr_assert_eq(take(h, 1, ~0u), 2);
    cr_assert_eq(hold_expire(h, 1000, 200), 1);
    cr_assert_eq(hold_count(h), 0);
    hold_free(h);
}
