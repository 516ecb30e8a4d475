#include <criterion/criterion.h>

#include "statesync/base/breaks.h"
#include "statesync/lease/seq_reserve.h"

static const struct env ENV;
static const struct incarnation IN1 = { { 1 } }, IN2 = { { 2 } };
#define P2(n) ((uint64_t)1 << (n))

static struct child_record child(bool esn, uint64_t next, uint64_t end)
{
    return (struct child_record){
        .esn = esn, .seq_next = next, .reserved_end = end, .reserved_in = IN1, .blocks = 1
    };
}

Test(seq_reserve, block_follows_the_rate)
{
    cr_assert_eq(seq_block(true, 0, 600), P2(16));
    cr_assert_eq(seq_block(true, 54, 600), P2(16)); /* 2 x 32400 is below the floor */
    cr_assert_eq(seq_block(true, 1000, 600), 1200000);
    cr_assert_eq(seq_block(true, 1000000, 600), P2(28));
    cr_assert_eq(seq_block(false, 1000000, 600), P2(24));
    cr_assert_eq(seq_block(true, UINT64_MAX, 600), P2(28));
    cr_assert_eq(seq_block(true, UINT64_MAX, 0), P2(16));
    cr_assert_eq(seq_block(true, P2(63), UINT32_MAX), P2(28));
}

/* What is left when half is used still covers the outage at that rate. */
Test(seq_reserve, half_covers_the_outage)
{
    for (uint64_t pps = 1; pps < 200000; pps = pps * 3 + 1)
        cr_expect_geq(seq_block(true, pps, 600) / 2, pps * 600 < P2(15) ? P2(15) : pps * 600);
}

Test(seq_reserve, first)
{
    struct seq_plan p = seq_first(true);

    cr_assert_eq(p.what, SEQ_EXTEND);
    cr_assert_eq(p.start, 1);
    cr_assert_eq(p.end, 1 + P2(16));
    cr_assert_eq(p.blocks, 1);
}

Test(seq_reserve, keeps_and_extends)
{
    struct child_record c = child(true, 1, 1 + P2(16));
    struct seq_plan p = seq_extend(&ENV, &c, 1000, 0, 600, &IN1, false);

    cr_assert_eq(p.what, SEQ_KEEP);
    p = seq_extend(&ENV, &c, P2(15) + 1, 0, 600, &IN1, false);
    cr_assert_eq(p.what, SEQ_EXTEND);
    cr_assert_eq(p.end, P2(15) + 2 + P2(16));
    cr_assert_eq(p.blocks, 2);
    cr_assert(!p.rekey);
    /* The rate went up: the block grows before half of the small one is used. */
    p = seq_extend(&ENV, &c, 1000, 10000, 600, &IN1, false);
    cr_assert_eq(p.what, SEQ_EXTEND);
    cr_assert_eq(p.end, 1001 + 12000000);
}

Test(seq_reserve, forced_keeps_the_size_of_a_large_block)
{
    struct child_record c = child(true, 1, 1 + 12000000);
    struct seq_plan p = seq_extend(&ENV, &c, 6000000, 0, 600, &IN1, true);

    cr_assert_eq(p.what, SEQ_EXTEND);
    cr_assert_eq(p.end, 6000001 + 12000000);
    p = seq_extend(&ENV, &c, 6000000, 0, 600, &IN1, false);
    cr_assert_eq(p.what, SEQ_KEEP);
}

/* DESIGN: beyond its stored reservation a key is used only within the incarnation that stored it.
 */
Test(seq_reserve, owner_after_a_change_of_incarnation)
{
    struct child_record c = child(true, 1, 1 + P2(16));
    struct seq_plan p = seq_extend(&ENV, &c, 10, 0, 600, &IN2, false);

    cr_assert_eq(p.what, SEQ_KEEP); /* uses up what it has */
    p = seq_extend(&ENV, &c, P2(15) + 10, 0, 600, &IN2, true);
    cr_assert_eq(p.what, SEQ_REKEY);
    cr_assert_eq(p.end, c.reserved_end);
    cr_assert(p.rekey);
    p = seq_extend(&ENV, &c, P2(16), 0, 600, &IN2, true);
    cr_assert_eq(p.what, SEQ_DELETE);
    c.reserved_in = (struct incarnation){ { 0 } };
    cr_assert_eq(seq_extend(&ENV, &c, P2(15) + 10, 0, 600, &IN1, true).what, SEQ_REKEY);
}

Test(seq_reserve, budget)
{
    struct child_record c = child(false, P2(28) - P2(20), P2(28) - P2(20) + 100);
    struct seq_plan p = seq_extend(&ENV, &c, c.reserved_end - 50, 0, 600, &IN1, true);

    cr_assert_eq(p.what, SEQ_EXTEND);
    cr_assert(!p.rekey);
    c = child(false, P2(28) - P2(17), P2(28) - P2(17) + 100);
    p = seq_extend(&ENV, &c, c.reserved_end - 50, 0, 600, &IN1, true);
    cr_assert_eq(p.what, SEQ_EXTEND);
    cr_assert(p.rekey);
    c = child(false, 1, P2(28));
    p = seq_extend(&ENV, &c, P2(28) - 50, 0, 600, &IN1, true);
    cr_assert_eq(p.what, SEQ_REKEY);
    p = seq_extend(&ENV, &c, P2(28) - 1, 0, 600, &IN1, true);
    cr_assert_eq(p.what, SEQ_DELETE);
    /* With ESN the budget is 2^32. */
    c = child(true, 1, P2(28));
    p = seq_extend(&ENV, &c, P2(28) - 50, 0, 600, &IN1, true);
    cr_assert_eq(p.what, SEQ_EXTEND);
    c = child(true, P2(32) - 100, P2(32));
    p = seq_extend(&ENV, &c, P2(32) - 50, 0, 600, &IN1, true);
    cr_assert_eq(p.what, SEQ_REKEY);
}

/* A whole life at some rate: ends rise, never pass the budget, and what is stored is never behind.
 */
Test(seq_reserve, life_of_a_key)
{
    static const uint64_t rates[] = { 1, 1000, 400000 };

    for (unsigned esn = 0; esn < 2; esn++)
        for (size_t i = 0; i < 3; i++) {
            struct seq_plan p = seq_first(esn == 1);
            struct child_record c = child(esn == 1, 1, p.end);
            uint64_t used = 0;
            unsigned steps = 0;

            for (; steps < 300000; steps++) {
                uint64_t left = c.reserved_end - used - 1;

                used += left / 2 + 1;
                if (used >= c.reserved_end)
                    used = c.reserved_end - 1;
                p = seq_extend(&ENV, &c, used, rates[i], 600, &IN1, true);
                if (p.what != SEQ_EXTEND)
                    break;
                cr_assert_gt(p.end, c.reserved_end);
                cr_assert_leq(p.end, esn == 1 ? P2(32) : P2(28));
                cr_assert_lt(p.end - used, P2(31));
                seq_apply(&c, &p, &IN1);
                seq_note_used(&c, used);
                cr_assert_eq(c.reserved_end, p.end);
                cr_assert_eq(c.seq_next, used + 1);
            }
            cr_assert(p.what == SEQ_REKEY || p.what == SEQ_DELETE);
            cr_assert_eq(c.reserved_end, esn == 1 ? P2(32) : P2(28));
        }
}

Test(seq_reserve, takeover_begins_at_the_end)
{
    struct child_record c = child(true, 500, 1 + P2(16));
    struct seq_plan p = seq_takeover(&ENV, &c, 0, 600, &IN1);

    cr_assert_eq(p.what, SEQ_EXTEND);
    cr_assert_eq(p.start, 1 + P2(16));
    cr_assert_eq(p.end, 1 + 2 * P2(16));
    seq_apply(&c, &p, &IN2);
    cr_assert_eq(c.reserved_end, p.end);
    cr_assert(incarnation_eq(&c.reserved_in, &IN2));
    cr_assert_eq(c.blocks, 2);
    /* What the claimant begins with is not known to be used. */
    cr_assert_eq(c.seq_next, 500);
}

Test(seq_reserve, exact_counters_continue)
{
    struct child_record c = child(true, 500, 1 + P2(20));
    struct seq_plan p;

    c.exact = true;
    p = seq_takeover(&ENV, &c, 0, 600, &IN1);
    cr_assert_eq(p.what, SEQ_EXTEND);
    cr_assert_eq(p.start, 500);
    cr_assert_eq(p.end, 1 + P2(20)); /* never less than was promised */
    seq_apply(&c, &p, &IN1);
    cr_assert(!c.exact); /* the next one cannot rely on it */
}

Test(seq_reserve, claimant_in_another_incarnation_sends_nothing)
{
    struct child_record c = child(true, 500, 1 + P2(16));

    cr_assert_eq(seq_takeover(&ENV, &c, 0, 600, &IN2).what, SEQ_REKEY);
    c.exact = true;
    cr_assert_eq(seq_takeover(&ENV, &c, 0, 600, &IN2).what, SEQ_REKEY);
}

/* RFC 4303 A2.2: takeovers in a row with nothing known to be used end before the jump reaches 2^31.
 */
Test(seq_reserve, jump_stays_below_2_31)
{
    struct child_record c = child(true, 1, 1 + P2(28));
    struct seq_plan p;
    unsigned n = 0;

    for (;; n++) {
        p = seq_takeover(&ENV, &c, 1000000, 600, &IN1);
        if (p.what != SEQ_EXTEND)
            break;
        cr_assert_eq(p.start, c.reserved_end);
        cr_assert_leq(p.end - 1, P2(31) - 1); /* highest number of the block, from 0 used */
        seq_apply(&c, &p, &IN1);
        cr_assert_lt(n, 10);
    }
    cr_assert_eq(n, 7);
    cr_assert_eq(p.what, SEQ_REKEY);
    /* Once numbers are known to be used there is room again. */
    seq_note_used(&c, c.reserved_end - 1);
    cr_assert_eq(seq_takeover(&ENV, &c, 1000000, 600, &IN1).what, SEQ_EXTEND);
    /* Without ESN there is nothing to infer, but a budget. */
    c = child(false, 1, 1 + P2(24));
    for (n = 0; seq_takeover(&ENV, &c, 1000000, 600, &IN1).what == SEQ_EXTEND; n++) {
        p = seq_takeover(&ENV, &c, 1000000, 600, &IN1);
        seq_apply(&c, &p, &IN1);
        cr_assert_lt(n, 20);
    }
    cr_assert_leq(c.reserved_end, P2(28));
    cr_assert_geq(n, 14);
}

Test(seq_reserve, rate)
{
    struct seq_rate r = { 0 };
    uint64_t used = 0, ms = 1000;

    seq_rate_sample(&r, used, ms);
    for (unsigned i = 0; i < 10; i++)
        seq_rate_sample(&r, used += 500, ms += 500);
    cr_assert_eq(r.peak_pps, 1000);
    seq_rate_sample(&r, used += 100000, ms + 50); /* too short to be a rate */
    cr_assert_eq(r.peak_pps, 1000);
    for (unsigned i = 0; i < 600; i++)
        seq_rate_sample(&r, used, ms += 1000);
    cr_assert(r.peak_pps > 100 && r.peak_pps < 200000);
    for (unsigned i = 0; i < 24; i++)
        seq_rate_sample(&r, used, ms += 600000);
    cr_assert_eq(r.peak_pps, 0);
    seq_rate_sample(&r, 0, ms += 1000); /* another key: begins anew */
    cr_assert_eq(r.last_used, 0);
}

Test(seq_reserve, breaks_are_not_in_this_build)
{
    struct child_record c = child(true, 500, 1 + P2(16));
    struct env broken = { .breaks = (uint64_t)1 << BREAK_TAKEOVER_AT_LAST_USED |
                                    (uint64_t)1 << BREAK_IGNORE_INCARNATION };

    cr_assert_eq(seq_takeover(&broken, &c, 0, 600, &IN1).start, 1 + P2(16));
    cr_assert_eq(seq_takeover(&broken, &c, 0, 600, &IN2).what, SEQ_REKEY);
}
