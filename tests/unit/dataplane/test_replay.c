/* The replay window against a set of all numbers ever accepted, and RFC 4303 Appendix A2's cases.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "node/dataplane/replay.h"

enum { MODEL = 1 << 16 };

static uint32_t rnd(uint64_t *s)
{
    *s = *s * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*s >> 33);
}

static const struct dp_window fresh = { .bitmap_valid = true };

/* Numbers base + 0 .. base + MODEL. */
struct model {
    uint64_t base, top;
    bool seen[MODEL];
};

static bool model_takes(const struct model *m, unsigned bits, uint64_t seq)
{
    if (seq <= m->top && m->top - seq >= bits)
        return false;
    return seq != 0 && !m->seen[seq - m->base];
}

static void run_model(unsigned bits, bool esn, uint64_t base, uint64_t seed)
{
    struct model *m = calloc(1, sizeof(*m));
    struct dp_window from = { .top = base, .bitmap_valid = true };
    struct replay w;
    uint64_t at = base + 1, seq, accepted = 0, refused = 0;

    m->base = base;
    m->top = base;
    replay_init(&w, (uint16_t)bits, esn, &from);
    /* A valid empty bitmap says that nothing of the window was seen; so does the model. */
    while (at < base + MODEL - 3000) {
        uint32_t r = rnd(&seed), back = rnd(&seed) % (bits + bits / 2 + 2);
        uint64_t n = r % 3 == 0 && at > base + back ? at - back
                     : r % 401 == 0                 ? at + r % 2500
                                                    : at++;
        bool want = model_takes(m, bits, n);
        enum err e = replay_check(&w, (uint32_t)n, &seq);

        if (e == OK && seq != n) {
            /* Below the window, ESN infers the next 2^32 numbers: the ICV would fail. */
            cr_assert(esn && !want && seq == n + (1ULL << 32));
            continue;
        }
        cr_assert_eq(e == OK, want, "number %llu top %llu", (unsigned long long)n,
                     (unsigned long long)m->top);
        want ? accepted++ : refused++;
        if (e != OK)
            continue;
        cr_assert_eq(replay_update(&w, n), OK);
        cr_assert_eq(replay_update(&w, n), E_REPLAY);
        m->seen[n - base] = true;
        if (n > m->top)
            m->top = n;
        if (n > at)
            at = n;
        cr_assert_eq(w.top, m->top);
    }
    cr_assert_gt(accepted, 1000);
    cr_assert(esn || refused > 100);
    free(m);
}

Test(replay, agrees_with_a_set)
{
    static const unsigned sizes[] = { 32, 64, 100, 256, 1000, 1024 };

    for (unsigned i = 0; i < 6; i++) {
        run_model(sizes[i], false, 0, i + 1);
        run_model(sizes[i], true, 0, i + 50);
        run_model(sizes[i], true, (7ULL << 32) - 20000,
                  i + 100); /* the low half wraps on the way */
        run_model(sizes[i], true, (1ULL << 32) - 500, i + 150);
    }
}

Test(replay, the_first_number_is_one)
{
    struct replay w;
    uint64_t seq = 99;

    replay_init(&w, 64, false, &fresh);
    cr_assert_eq(replay_check(&w, 0, &seq), E_REPLAY);
    cr_assert_eq(seq, 99);
    cr_assert_eq(replay_check(&w, 1, &seq), OK);
    replay_init(&w, 64, true, &fresh);
    cr_assert_eq(replay_check(&w, 0, &seq), E_REPLAY);
    /* Appendix A2.1 case B with a high half of zero: no number lies below the window. */
    cr_assert_eq(replay_check(&w, UINT32_MAX, &seq), E_REPLAY);
    cr_assert_eq(replay_check(&w, UINT32_MAX - 63, &seq), OK);
}

Test(replay, high_half_is_inferred)
{
    struct dp_window from = { .top = (5ULL << 32) + 10, .bitmap_valid = true };
    struct replay w;
    uint64_t seq;

    replay_init(&w, 64, true, &from);
    cr_assert_eq(replay_check(&w, 11, &seq), OK);
    cr_assert_eq(seq, (5ULL << 32) + 11);
    /* The window straddles the wrap: the last numbers of the 2^32 before. */
    cr_assert_eq(replay_check(&w, UINT32_MAX - 5, &seq), OK);
    cr_assert_eq(seq, (4ULL << 32) + UINT32_MAX - 5);
    from.top = (5ULL << 32) + UINT32_MAX - 3;
    replay_init(&w, 64, true, &from);
    cr_assert_eq(replay_check(&w, 4, &seq), OK);
    cr_assert_eq(seq, (6ULL << 32) + 4);
    from.top = UINT64_MAX - 3;
    replay_init(&w, 64, true, &from);
    cr_assert_eq(replay_check(&w, 4, &seq), E_REPLAY);
}

Test(replay, a_bounded_takeover_takes_everything_up_to_the_top_as_seen)
{
    struct dp_window from = { .top = 5000, .bitmap_valid = false };
    struct replay w;
    uint64_t seq;

    replay_init(&w, 1024, false, &from);
    for (uint32_t n = 1; n <= 5000; n++)
        cr_assert_eq(replay_check(&w, n, &seq), E_REPLAY);
    cr_assert_eq(replay_check(&w, 5001, &seq), OK);
    cr_assert_eq(replay_update(&w, 5002), OK);
    cr_assert_eq(replay_check(&w, 5001, &seq), OK);
    cr_assert_eq(replay_check(&w, 5000, &seq), E_REPLAY);
}

Test(replay, export_and_import_keep_every_bit)
{
    struct replay a, b;
    struct dp_window out, again;
    uint64_t seed = 4, seq;

    replay_init(&a, 256, true, &fresh);
    for (uint64_t n = 3000; n < 9000; n++)
        if (rnd(&seed) % 3 != 0)
            cr_assert_eq(replay_update(&a, n), OK);
    replay_export(&a, &out);
    replay_init(&b, 256, true, &out);
    replay_export(&b, &again);
    cr_assert_eq(memcmp(&out, &again, sizeof(out)), 0);
    for (uint64_t n = a.top - 400; n < a.top + 100; n++)
        cr_assert_eq(replay_check(&a, (uint32_t)n, &seq), replay_check(&b, (uint32_t)n, &seq));
    /* A wider window at the new owner learns nothing about what was outside the old one. */
    replay_init(&b, 1024, true, &out);
    for (uint64_t n = a.top - 1000; n <= a.top - 256; n++)
        cr_assert_eq(replay_check(&b, (uint32_t)n, &seq), E_REPLAY);
}

Test(replay, sizes_are_brought_into_range)
{
    struct replay w;

    replay_init(&w, 0, false, &fresh);
    cr_assert_eq(w.bits, 32);
    replay_init(&w, 60000, false, &fresh);
    cr_assert_eq(w.bits, DP_WINDOW_BITS);
}

Test(replay, a_jump_beyond_the_window_clears_it)
{
    struct replay w;
    uint64_t seq;

    replay_init(&w, 1024, false, &fresh);
    for (uint64_t n = 1; n <= 2000; n++)
        cr_assert_eq(replay_update(&w, n), OK);
    cr_assert_eq(replay_update(&w, 1000000), OK);
    for (uint32_t n = 1000000 - 1023; n < 1000000; n++)
        cr_assert_eq(replay_check(&w, n, &seq), OK);
    cr_assert_eq(replay_check(&w, 1000000 - 1024, &seq), E_REPLAY);
}
