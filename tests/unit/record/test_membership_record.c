#include <criterion/criterion.h>

#include "statesync/record/membership_record.h"
#include "tests/unit/record/sample.h"
#include "tests/vectors/vector_file.h"

static struct membership sample_membership(void)
{
    struct membership m = { .slots = 4096, .n = 3, .n_out = 2 };

    for (uint8_t i = 0; i < 3; i++) {
        m.members[i].node = (uint16_t)(i * 2 + 1);
        m.members[i].boot = 1700000000u + i;
        m.members[i].cluster_addr = sample_endpoint(i == 2 ? "[fd00::5]:4789" : "10.9.0.1:4789");
        sample_name(m.members[i].name, i == 0 ? "alpha" : i == 1 ? "beta" : "gamma");
    }
    m.members[1].leaving = true;
    m.out[0] = (struct member_out){ 2, 1690000000, 1700000005000 };
    m.out[1] = (struct member_out){ 4095, 1690000001, 0 };
    return m;
}

static void expect_same(const struct membership *a, const struct membership *b)
{
    cr_assert_eq(a->slots, b->slots);
    cr_assert_eq(a->n, b->n);
    cr_assert_eq(a->n_out, b->n_out);
    for (size_t i = 0; i < a->n; i++) {
        cr_assert_eq(a->members[i].node, b->members[i].node);
        cr_assert_eq(a->members[i].boot, b->members[i].boot);
        cr_assert(endpoint_eq(&a->members[i].cluster_addr, &b->members[i].cluster_addr));
        cr_assert_eq(a->members[i].leaving, b->members[i].leaving);
        cr_assert_str_eq(a->members[i].name, b->members[i].name);
    }
    for (size_t i = 0; i < a->n_out; i++) {
        cr_assert_eq(a->out[i].node, b->out[i].node);
        cr_assert_eq(a->out[i].boot, b->out[i].boot);
        cr_assert_eq(a->out[i].holddown_until_ms, b->out[i].holddown_until_ms);
    }
}

Test(membership_record, round_trip_and_golden_bytes)
{
    struct membership m = sample_membership(), back;
    struct bytes b;

    cr_assert_eq(membership_encode(&m, &b), OK);
    cr_assert(vector_matches("membership.txt", "three", span_bytes(b)));
    cr_assert_eq(membership_decode(span_bytes(b), &back), OK);
    cr_assert_eq(back.version, 0);
    expect_same(&m, &back);
    bytes_free(&b);
}

Test(membership_record, full_house)
{
    struct membership m = { .slots = 1, .n = LIMIT_NODES, .n_out = LIMIT_NODES }, back;
    struct bytes b;

    for (uint16_t i = 0; i < LIMIT_NODES; i++) {
        m.members[i].node = (uint16_t)(i + 1);
        m.members[i].boot = 1;
        memset(m.members[i].name, 'n', LIMIT_NAME - 1);
        m.out[i].node = (uint16_t)(i + 1000);
    }
    cr_assert_eq(membership_encode(&m, &b), OK);
    cr_assert_eq(membership_decode(span_bytes(b), &back), OK);
    expect_same(&m, &back);
    bytes_free(&b);
}

static enum err changed(void (*change)(struct membership *m))
{
    struct membership m = sample_membership(), back;
    struct bytes b;
    enum err e;

    change(&m);
    cr_assert_eq(membership_encode(&m, &b), OK);
    e = membership_decode(span_bytes(b), &back);
    bytes_free(&b);
    return e;
}

#define CHANGE(name, ...)                                                                          \
    static void name(struct membership *m)                                                         \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
CHANGE(no_slots, m->slots = 0)
CHANGE(odd_slots, m->slots = 3)
CHANGE(many_slots, m->slots = 8192)
CHANGE(node_0, m->members[0].node = 0)
CHANGE(node_wide, m->members[2].node = 4096)
CHANGE(no_boot, m->members[2].boot = 0)
CHANGE(order, m->members[2].node = 3)
CHANGE(in_and_out, m->out[0].node = 3)
CHANGE(out_order, m->out[1].node = 2)
CHANGE(control, m->members[0].name[0] = 1)

Test(membership_record, every_field_is_checked)
{
    void (*const all[])(struct membership *) = { no_slots,  odd_slots, many_slots, node_0,
                                                 node_wide, no_boot,   order,      in_and_out,
                                                 out_order, control };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        cr_expect_eq(changed(all[i]), E_BAD_VALUE, "%zu", i);
}

Test(membership_record, truncations_and_formats)
{
    struct membership m = sample_membership(), back;
    struct bytes b;

    cr_assert_eq(membership_encode(&m, &b), OK);
    for (size_t len = 0; len < b.len; len++) {
        uint8_t *exact = malloc(len + (len == 0));
        enum err e;

        memcpy(exact, b.p, len);
        e = membership_decode(span_of(exact, len), &back);
        if (e == OK) /* cut between two entries */
            cr_expect(back.n + back.n_out < 5);
        free(exact);
    }
    b.p[1] = 2;
    cr_assert_eq(membership_decode(span_bytes(b), &back), E_BAD_VERSION);
    bytes_free(&b);
}
