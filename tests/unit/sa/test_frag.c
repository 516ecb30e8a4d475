#include "node/sa/frag.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "node/wire/ike_numbers.h"
#include "node/wire/pl_skf.h"

static struct frag f;
static enum frag_result result;
static struct bytes message;
static uint8_t first;

static void setup(void)
{
    frag_init(&f);
    message = (struct bytes){ NULL, 0 };
}

static void teardown(void)
{
    frag_done(&f);
    bytes_wipe_free(&message);
}

TestSuite(frag, .init = setup, .fini = teardown);

static enum err feed(uint32_t msgid, uint16_t number, uint16_t total, const char *text)
{
    struct frag_part p = { .msgid = msgid,
                           .exchange = EX_IKE_AUTH,
                           .number = number,
                           .total = total,
                           .first = number == 1 ? PL_IDI : PL_NONE,
                           .content = span_str(text) };

    return frag_feed(&f, &p, &result, &message, &first);
}

static void expect(const char *text)
{
    cr_assert_eq(result, FRAG_COMPLETE);
    cr_assert(span_eq(span_bytes(message), span_str(text)));
    cr_assert_eq(first, PL_IDI);
    cr_assert_not(f.active);
    cr_assert_eq(f.size, 0);
    bytes_wipe_free(&message);
}

Test(frag, every_order_of_three)
{
    static const uint16_t orders[6][3] = { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 },
                                           { 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 } };
    static const char *const text[] = { "one", "two", "three" };

    for (size_t o = 0; o < 6; o++) {
        for (size_t i = 0; i < 3; i++) {
            cr_assert_eq(feed(1, orders[o][i], 3, text[orders[o][i] - 1]), OK);
            if (i < 2)
                cr_assert_eq(result, FRAG_MORE);
        }
        expect("onetwothree");
    }
}

Test(frag, single_and_empty)
{
    cr_assert_eq(feed(1, 1, 1, "all"), OK);
    expect("all");
    cr_assert_eq(feed(1, 1, 1, ""), OK);
    cr_assert_eq(result, FRAG_COMPLETE);
    cr_assert_eq(message.len, 0);
    bytes_wipe_free(&message);
    cr_assert_eq(feed(1, 1, 2, ""), OK);
    cr_assert_eq(feed(1, 1, 2, ""), OK);
    cr_assert_eq(result, FRAG_MORE, "an empty fragment repeated is a duplicate too");
    cr_assert_eq(feed(1, 2, 2, "x"), OK);
    expect("x");
}

Test(frag, duplicates_are_ignored)
{
    cr_assert_eq(feed(1, 1, 2, "one"), OK);
    cr_assert_eq(feed(1, 1, 2, "ONE"), OK);
    cr_assert_eq(result, FRAG_MORE);
    cr_assert_eq(f.size, 3);
    cr_assert_eq(feed(1, 2, 2, "two"), OK);
    expect("onetwo");
}

Test(frag, larger_total_starts_anew)
{
    cr_assert_eq(feed(1, 1, 2, "long one"), OK);
    cr_assert_eq(feed(1, 2, 3, "b"), OK);
    cr_assert_eq(f.have, 1);
    cr_assert_eq(feed(1, 2, 2, "late"), E_BAD_VALUE, "of the older attempt");
    cr_assert_eq(f.have, 1);
    cr_assert_eq(feed(1, 1, 3, "a"), OK);
    cr_assert_eq(feed(1, 3, 3, "c"), OK);
    expect("abc");
}

Test(frag, another_message_starts_anew)
{
    cr_assert_eq(feed(1, 1, 2, "old"), OK);
    cr_assert_eq(feed(2, 2, 2, "new2"), OK);
    cr_assert_eq(feed(2, 1, 2, "new1"), OK);
    expect("new1new2");
}

Test(frag, bad_numbers)
{
    struct frag_part p = { .number = 2, .total = 3, .first = PL_IDI };

    cr_assert_eq(feed(1, 0, 2, "x"), E_BAD_VALUE);
    cr_assert_eq(feed(1, 3, 2, "x"), E_BAD_VALUE);
    cr_assert_eq(feed(1, 0, 0, "x"), E_BAD_VALUE);
    cr_assert_eq(frag_feed(&f, &p, &result, &message, &first), E_BAD_VALUE,
                 "a payload type in another than the first");
    cr_assert_eq(feed(1, 1, LIMIT_FRAGMENTS + 1, "x"), E_LIMIT);
    cr_assert_eq(feed(1, 1, 65535, "x"), E_LIMIT);
    cr_assert_not(f.active);
}

Test(frag, size_is_bounded)
{
    size_t each = LIMIT_MESSAGE / 2;
    char *text = malloc(each + 2);

    memset(text, 'x', each + 1);
    text[each + 1] = '\0';
    cr_assert_eq(feed(1, 1, 3, text), OK);
    cr_assert_eq(feed(1, 2, 3, text), E_LIMIT);
    cr_assert_not(f.active, "what was held is dropped");
    text[each] = '\0';
    cr_assert_eq(feed(1, 1, 2, text), OK);
    cr_assert_eq(feed(1, 2, 2, text), OK);
    cr_assert_eq(message.len, 2 * each);
    free(text);
}

Test(frag, as_many_as_allowed)
{
    for (uint16_t i = LIMIT_FRAGMENTS; i >= 1; i--)
        cr_assert_eq(feed(1, i, LIMIT_FRAGMENTS, "ab"), OK);
    cr_assert_eq(result, FRAG_COMPLETE);
    cr_assert_eq(message.len, 2 * (size_t)LIMIT_FRAGMENTS);
}

Test(frag, datagram_sizes)
{
    cr_assert_eq(frag_message_max(1232, 4, false), 1232 - 28);
    cr_assert_eq(frag_message_max(1232, 4, true), 1232 - 32);
    cr_assert_eq(frag_message_max(1232, 6, false), 1232 - 48);
    cr_assert_eq(frag_message_max(1232, 6, true), 1232 - 52);
    cr_assert_eq(frag_message_max(52, 6, true), 0);
    cr_assert_eq(frag_message_max(0, 4, false), 0);
}

Test(frag, plan)
{
    size_t each;
    uint16_t total;

    cr_assert_eq(frag_plan(1000, 300, 50, &each, &total), OK);
    cr_assert_eq(each, 250);
    cr_assert_eq(total, 4);
    cr_assert_eq(frag_plan(1001, 300, 50, &each, &total), OK);
    cr_assert_eq(total, 5);
    cr_assert_eq(frag_plan(0, 300, 50, &each, &total), OK);
    cr_assert_eq(total, 1);
    cr_assert_eq(frag_plan(1, 50, 50, &each, &total), E_LIMIT);
    cr_assert_eq(frag_plan(1, 0, 50, &each, &total), E_LIMIT);
    cr_assert_eq(frag_plan(LIMIT_FRAGMENTS * 10, 60, 50, &each, &total), OK);
    cr_assert_eq(total, LIMIT_FRAGMENTS);
    cr_assert_eq(frag_plan(LIMIT_FRAGMENTS * 10 + 1, 60, 50, &each, &total), E_LIMIT);
}

/* Cut, framed, joined: nothing is lost, no datagram too large. */
Test(frag, cut_and_joined)
{
    static const struct sk_shape cbc = { 16, 16, 32 };
    uint8_t content[3000];
    size_t overhead = pl_skf_message_len(0, &cbc), each;
    uint16_t total;

    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= sizeof content; len += 37) {
        struct span whole = span_of(content, len);
        size_t max = frag_message_max(576, 4, true);

        cr_assert_eq(frag_plan(len, max, overhead, &each, &total), OK);
        for (uint16_t i = 1; i <= total; i++) {
            struct frag_part p = { .msgid = 1,
                                   .exchange = EX_IKE_AUTH,
                                   .number = i,
                                   .total = total,
                                   .first = i == 1 ? PL_IDI : PL_NONE,
                                   .content = frag_slice(whole, each, i) };

            cr_assert_leq(pl_skf_message_len(p.content.len, &cbc), max);
            cr_assert_eq(frag_feed(&f, &p, &result, &message, &first), OK);
        }
        cr_assert_eq(result, FRAG_COMPLETE);
        cr_assert(span_eq(span_bytes(message), whole));
        bytes_wipe_free(&message);
    }
    cr_assert_eq(frag_slice(span_of(content, 10), 10, 2).len, 0);
}
