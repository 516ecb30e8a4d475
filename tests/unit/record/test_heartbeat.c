#include <criterion/criterion.h>

#include "statesync/record/heartbeat.h"
#include "tests/vectors/vector_file.h"

static struct heartbeat sample(void)
{
    struct heartbeat h = { .membership_version = 17,
                           .wall_ms = 1700000000123,
                           .leaving = true,
                           .store_unreachable = true,
                           .n_suspects = 2,
                           .suspects = { 3, 4095 },
                           .sessions = 100000 };

    memset(h.store.id, 0x5a, sizeof h.store.id);
    h.owned[0] = 0x81;
    h.owned[511] = 0x80;
    return h;
}

static void expect_same(const struct heartbeat *a, const struct heartbeat *b)
{
    cr_assert_eq(a->membership_version, b->membership_version);
    cr_assert_eq(a->wall_ms, b->wall_ms);
    cr_assert_eq(a->leaving, b->leaving);
    cr_assert_eq(a->store_unreachable, b->store_unreachable);
    cr_assert(incarnation_eq(&a->store, &b->store));
    cr_assert_eq(a->n_suspects, b->n_suspects);
    for (size_t i = 0; i < a->n_suspects; i++)
        cr_assert_eq(a->suspects[i], b->suspects[i]);
    cr_assert(span_eq(span_of(a->owned, sizeof a->owned), span_of(b->owned, sizeof b->owned)));
    cr_assert_eq(a->sessions, b->sessions);
}

Test(heartbeat, round_trip_and_golden_bytes)
{
    struct heartbeat h = sample(), none = { 0 }, back;
    uint8_t out[HEARTBEAT_MAX];
    size_t len;

    cr_assert_eq(heartbeat_encode(&h, out, sizeof out, &len), OK);
    cr_assert(vector_matches("heartbeat.txt", "full", span_of(out, len)));
    cr_assert_eq(heartbeat_decode(span_of(out, len), &back), OK);
    expect_same(&h, &back);
    cr_assert_eq(heartbeat_encode(&none, out, sizeof out, &len), OK);
    cr_assert(vector_matches("heartbeat.txt", "empty", span_of(out, len)));
    cr_assert_eq(heartbeat_decode(span_of(out, len), &back), OK);
    expect_same(&none, &back);
}

Test(heartbeat, largest_fits)
{
    struct heartbeat h = { .membership_version = UINT64_MAX,
                           .wall_ms = UINT64_MAX,
                           .leaving = true,
                           .store_unreachable = true,
                           .n_suspects = LIMIT_NODES,
                           .sessions = UINT64_MAX },
                     back;
    uint8_t out[HEARTBEAT_MAX];
    size_t len;

    for (uint16_t i = 0; i < LIMIT_NODES; i++)
        h.suspects[i] = (uint16_t)(4000 + i);
    memset(h.owned, 0xff, sizeof h.owned);
    h.store.id[3] = 1;
    cr_assert_eq(heartbeat_encode(&h, out, sizeof out, &len), OK);
    cr_assert_eq(heartbeat_decode(span_of(out, len), &back), OK);
    expect_same(&h, &back);
    cr_assert_eq(heartbeat_encode(&h, out, len - 1, &len), E_LIMIT);
}

Test(heartbeat, refused)
{
    static const struct {
        uint8_t bytes[12];
        size_t len;
        enum err want;
    } cases[] = {
        { { 0 }, 0, E_BAD_VERSION },
        { { 8, 2 }, 2, E_BAD_VERSION },
        { { 8, 1, 0x50, 1 }, 4, E_BAD_VERSION },           /* field 10 */
        { { 8, 1, 0x32, 1, 0 }, 5, E_BAD_LENGTH },         /* incarnation of one octet */
        { { 8, 1, 0x42, 1, 0 }, 5, E_BAD_LENGTH },         /* bitmap of one octet */
        { { 8, 1, 0x3a, 2, 5, 5 }, 6, E_BAD_VALUE },       /* twice the same suspect */
        { { 8, 1, 0x3a, 2, 5, 4 }, 6, E_BAD_VALUE },       /* falling */
        { { 8, 1, 0x3a, 1, 0 }, 5, E_BAD_VALUE },          /* node 0 */
        { { 8, 1, 0x3a, 2, 0x80, 0x20 }, 6, E_BAD_VALUE }, /* node 4096 */
        { { 8, 1, 0x3a, 9 }, 4, E_BAD_VALUE },             /* cut */
    };
    struct heartbeat back = { .sessions = 7 };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(heartbeat_decode(span_of(cases[i].bytes, cases[i].len), &back), cases[i].want,
                     "%zu", i);
    cr_assert_eq(back.sessions, 7);
}

Test(heartbeat, truncations)
{
    struct heartbeat h = sample(), back;
    uint8_t out[HEARTBEAT_MAX];
    size_t len;

    cr_assert_eq(heartbeat_encode(&h, out, sizeof out, &len), OK);
    for (size_t n = 0; n < len; n++) {
        uint8_t *exact = malloc(n + (n == 0));

        memcpy(exact, out, n);
        if (heartbeat_decode(span_of(exact, n), &back) == OK)
            cr_expect_eq(back.sessions, 0); /* cut before a field */
        free(exact);
    }
}
