/* Sub-pools: whoever owns a slot gives out its block, and an address tells its slot. INV-VIP. */
#include "tests/unit/core/engine_rig.h"

static struct ip_addr ip(const char *text)
{
    struct ip_addr a;

    cr_assert_eq(ip_parse(text, &a), OK);
    return a;
}

static void pool(struct rig *r, const char *prefix)
{
    cr_assert_eq(prefix_parse(prefix, &r->conn.pools[r->conn.n_pools++].prefix), OK);
}

static int slot_of_text(struct rig *r, const char *text)
{
    struct ip_addr a = ip(text);
    uint16_t slot;

    return engine_slot_of_inner(r->engine, &a, &slot) ? slot : -1;
}

Test(pool, blocks_of_a_slash_24)
{
    struct rig r = { 0 };
    unsigned count[16] = { 0 }, outside = 0;
    struct ip_addr base = ip("10.77.0.0");

    pool(&r, "10.77.0.0/24");
    rig_start(&r, 1, 16);
    for (unsigned i = 0; i < 256; i++) {
        struct ip_addr a = ip_add(&base, i);
        uint16_t slot;

        if (engine_slot_of_inner(r.engine, &a, &slot))
            count[slot]++;
        else
            outside++;
    }
    for (unsigned s = 0; s < 16; s++)
        cr_assert_eq(count[s], 254 / 16, "slot %u has %u", s, count[s]);
    cr_assert_eq(outside, 256 - 16 * (254 / 16));
    cr_assert_eq(slot_of_text(&r, "10.77.0.0"), -1);
    cr_assert_eq(slot_of_text(&r, "10.77.0.255"), -1);
    cr_assert_eq(slot_of_text(&r, "10.77.0.1"), 0);
    cr_assert_eq(slot_of_text(&r, "10.78.0.1"), -1);
    rig_stop(&r);
}

/* What a slot takes belongs to it, and is never given twice. */
static void take_all(const char *prefix, uint16_t slots, unsigned per_slot)
{
    struct rig r = { 0 };
    struct actions out = { 0 };
    struct map seen = { 0 };

    pool(&r, prefix);
    rig_start(&r, 1, slots);
    r.engine->lease_out = &out;
    for (uint16_t s = 0; s < slots; s++) {
        struct slot_open so = { .slot = s, .token = { 1, 1, 1 } };

        engine_slot_open(r.engine, (struct now){ 1, 1 }, &so);
        engine_slot_records(r.engine, (struct now){ 1, 1 }, s, NULL, 0, &out);
        for (unsigned i = 0; i < per_slot; i++) {
            struct ike_sa *sa = ike_sa_new();
            struct ip_addr a;
            bool leased;
            uint16_t back;
            uint64_t key = 0;

            sa->slot = s;
            sa->r.role = ROLE_RESPONDER;
            sa->r.state = SS_ESTABLISHED;
            sa->r.spi_r = ike_spi_make(1, s, i + 1);
            cr_assert_eq(sa_table_add(&r.engine->table, sa, &r.engine->slots[s].head), OK);
            cr_assert_eq(pool_take(r.engine, sa, &r.conn.pools[0], &a, &leased), OK);
            cr_assert_not(leased);
            sa->r.vips[0] = a;
            sa->r.n_vips = 1;
            cr_assert(engine_slot_of_inner(r.engine, &a, &back));
            cr_assert_eq(back, s);
            cr_assert_eq(engine_session_of_inner(r.engine, &a), sa->r.spi_r);
            for (size_t b = ip_len(&a) - 4; b < ip_len(&a); b++)
                key = key << 8 | a.ip[b];
            cr_assert_null(map_get(&seen, key), "INV-VIP");
            cr_assert_eq(map_put(&seen, key, sa), OK);
        }
    }
    map_done(&seen);
    actions_free(&out);
    rig_stop(&r);
}

Test(pool, every_address_once)
{
    take_all("10.77.0.0/24", 16, 15);
    take_all("10.64.0.0/16", 64, 20);
    take_all("2001:db8:77::/64", 64, 20);
    take_all("2001:db8:77::/112", 16, 20);
}

/* The block is used up: the next one is leased through the store, named after the address. */
Test(pool, then_leases)
{
    struct rig r = { 0 };
    struct actions out = { 0 };
    struct ike_sa *sa = ike_sa_new();
    struct ip_addr a;
    bool leased;
    struct store_result ok = { .kind = STORE_PUT, .err = OK };

    pool(&r, "10.77.0.0/29"); /* six addresses, eight slots: nobody has a block */
    rig_start(&r, 1, 8);
    r.engine->lease_out = &out;
    r.engine->slots[0].open = true;
    sa->r.role = ROLE_RESPONDER;
    sa->r.spi_r = ike_spi_make(1, 0, 1);
    cr_assert_eq(sa_table_add(&r.engine->table, sa, &r.engine->slots[0].head), OK);
    sa_table_schedule(&r.engine->table, sa, 1000);
    cr_assert_eq(pool_take(r.engine, sa, &r.conn.pools[0], &a, &leased), E_TEMPORARY);
    cr_assert_eq(out.n, 1);
    cr_assert_eq(out.v[0].kind, ACT_STORE);
    cr_assert_eq(out.v[0].op.kind, STORE_PUT);
    cr_assert_eq(out.v[0].op.expect, 0, "it must not exist");
    cr_assert_eq(strncmp(out.v[0].op.name, "vip:10.77.0.", 12), 0);
    ok.ticket = out.v[0].op.ticket;
    cr_assert_eq(pool_take(r.engine, sa, &r.conn.pools[0], &a, &leased), E_TEMPORARY,
                 "not before the store said yes");
    engine_store_result(r.engine, (struct now){ 1, 1 }, &ok, &out);
    cr_assert_eq(pool_take(r.engine, sa, &r.conn.pools[0], &a, &leased), OK);
    cr_assert(leased);
    actions_free(&out);
    rig_stop(&r);
}
