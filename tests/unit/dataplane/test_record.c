/* dp_record, and through it dp_core: what every data plane decides. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "node/dataplane/dp_core.h"
#include "node/dataplane/dp_record.h"

struct seen {
    unsigned n[DPE_PEER_MOVED + 1];
    struct dp_event last;
    struct dataplane *dp;
    bool remove_on_reserve;
};

static void on_event(void *ctx, const struct dp_event *ev)
{
    struct seen *s = ctx;

    s->n[ev->kind]++;
    s->last = *ev;
    if (s->remove_on_reserve && ev->kind == DPE_RESERVE)
        s->dp->ops->remove(s->dp, ev->spi_in);
}

static struct ip_addr ip4(uint32_t a)
{
    struct ip_addr r = { .family = 4 };

    be32_put(r.ip, a);
    return r;
}

static struct dp_selector host(uint32_t a)
{
    return (struct dp_selector){ .port_last = UINT16_MAX, .first = ip4(a), .last = ip4(a) };
}

static struct dp_child child(uint32_t spi, uint64_t next, uint64_t end)
{
    struct dp_child c = { .slot = 5,
                          .spi_in = spi,
                          .spi_out = spi + 1000,
                          .encr = 20,
                          .encr_key_bits = 128,
                          .esn = true,
                          .udp_encap = true,
                          .local = { ip4(0x0a000001), 4500 },
                          .remote = { ip4(0x0a000002), 4500 },
                          .seq_next = next,
                          .seq_end = end,
                          .window_bits = 64,
                          .window = { .bitmap_valid = true },
                          .n_local = 1,
                          .n_remote = 1 };

    c.encr_in.len = c.encr_out.len = 20;
    memset(c.encr_in.data, 1, 20);
    memset(c.encr_out.data, 2, 20);
    c.local_ts[0] =
        (struct dp_selector){ .port_last = UINT16_MAX, .first = ip4(0), .last = ip4(UINT32_MAX) };
    c.remote_ts[0] = host(0x0a4d0000 + spi);
    return c;
}

static struct dataplane *start(struct seen *s)
{
    struct dataplane *dp = dp_record_new(on_event, s);

    cr_assert_not_null(dp);
    memset(s, 0, sizeof(*s));
    s->dp = dp;
    dp->ops->slot_deadline(dp, 5, 1000000);
    return dp;
}

Test(record, numbers_stay_inside_the_block_and_rise)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_child c = child(1, 100, 110);
    struct dp_packet p;
    uint64_t last = 99;

    dp->ops->install(dp, &c);
    cr_assert_eq(s.n[DPE_INSTALLED], 1);
    cr_assert_eq(s.last.err, OK);
    for (unsigned i = 0; i < 10; i++) {
        cr_assert_eq(dp_record_emit(dp, 1, 50, 10, &p), OK);
        cr_assert_eq(p.seq, last + 1);
        cr_assert_eq(p.iv[7], (uint8_t)p.seq);
        cr_assert_eq(p.spi, 1001);
        last = p.seq;
        if (i == 4)
            cr_assert_eq(s.n[DPE_RESERVE], 1); /* half */
    }
    cr_assert_geq(s.n[DPE_RESERVE], 2); /* and again, in case the answer got lost */
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(dp_record_emit(dp, 1, 50, 10, &p), E_LIMIT);
    dp->ops->extend(dp, 1, 105); /* never lower */
    cr_assert_eq(dp_record_emit(dp, 1, 50, 10, &p), E_LIMIT);
    dp->ops->extend(dp, 1, 112);
    cr_assert_eq(dp_record_emit(dp, 1, 50, 10, &p), OK);
    cr_assert_eq(p.seq, 110);
    dp->ops->remove(dp, 1);
    cr_assert_eq(s.last.kind, DPE_REMOVED);
    cr_assert_eq(s.last.counters.seq_used, 110);
    cr_assert_eq(dp_record_emit(dp, 1, 50, 10, &p), E_NOT_FOUND);
    dp_record_free(dp);
}

Test(record, seq_used_is_one_below_the_block_before_the_first_packet)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_child c = child(1, 100, 110);

    dp->ops->install(dp, &c);
    dp->ops->query(dp, 1);
    cr_assert_eq(s.last.kind, DPE_COUNTERS);
    cr_assert_eq(s.last.counters.seq_used, 99);
    dp_record_free(dp);
}

Test(record, installs_that_must_fail)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_child c = child(1, 1, 10), bad;

    dp->ops->install(dp, &c);
    dp->ops->install(dp, &c);
    cr_assert_eq(s.last.err, E_CONFLICT);
    bad = child(2, 0, 10);
    dp->ops->install(dp, &bad);
    cr_assert_eq(s.last.err, E_BAD_VALUE);
    bad = child(2, 1, 10);
    bad.encr_in.len = 16;
    dp->ops->install(dp, &bad);
    cr_assert_eq(s.last.err, E_BAD_LENGTH);
    bad = child(2, 1, 10);
    bad.encr = 3;
    dp->ops->install(dp, &bad);
    cr_assert_eq(s.last.err, E_UNSUPPORTED);
    bad = child(2, 1, 10);
    bad.slot = LIMIT_SLOTS;
    dp->ops->install(dp, &bad);
    cr_assert_eq(s.last.err, E_BAD_VALUE);
    bad = child(2, 1, 10);
    dp_record_fail_installs(dp, 1, E_NOMEM);
    dp->ops->install(dp, &bad);
    cr_assert_eq(s.last.err, E_NOMEM);
    cr_assert_eq(dp_record_count(dp), 1);
    dp->ops->remove(dp, 99);
    cr_assert_eq(s.last.err, E_NOT_FOUND);
    dp_record_free(dp);
}

Test(record, a_closed_slot_passes_nothing_in_either_direction)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_child c = child(1, 1, 1000);
    struct dp_packet p;

    dp->ops->install(dp, &c);
    dp->ops->slot_deadline(dp, 5, 500);
    cr_assert_eq(dp_record_emit(dp, 1, 50, 499, &p), OK);
    cr_assert_eq(dp_record_receive_seq(dp, 1, 1, 499), OK);
    cr_assert_eq(dp_record_emit(dp, 1, 50, 500, &p), E_LEASE_LOST);
    cr_assert_eq(dp_record_receive_seq(dp, 1, 2, 500), E_LEASE_LOST);
    dp->ops->slot_deadline(dp, 5, 0);
    cr_assert_eq(dp_record_emit(dp, 1, 50, 1, &p), E_LEASE_LOST);
    dp->ops->slot_deadline(dp, 5, 600);
    cr_assert_eq(dp_record_emit(dp, 1, 50, 500, &p), OK);
    cr_assert_eq(p.seq, 2);
    cr_assert_eq(dp_record_receive_seq(dp, 1, 2, 500), OK);
    dp_record_crash(dp);
    cr_assert_eq(dp_record_count(dp), 0);
    dp->ops->install(dp, &c);
    cr_assert_eq(dp_record_emit(dp, 1, 50, 500, &p), E_LEASE_LOST); /* all slots start closed */
    dp_record_free(dp);
}

Test(record, held_and_strict_sas)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_child c = child(1, 1, 1000);
    struct dp_packet p;

    c.hold_out = true;
    c.strict_in = true;
    dp->ops->install(dp, &c);
    cr_assert_eq(dp_record_emit(dp, 1, 50, 1, &p), E_NOT_ALLOWED);
    cr_assert_eq(dp_record_receive_seq(dp, 1, 1, 1), E_NOT_ALLOWED);
    dp->ops->extend(dp, 1, 1000);
    cr_assert_eq(dp_record_emit(dp, 1, 50, 1, &p), OK);
    cr_assert_eq(dp_record_receive_seq(dp, 1, 1, 1), E_NOT_ALLOWED);
    dp_record_free(dp);
}

Test(record, two_ends_talk_and_a_wrong_key_or_number_does_not)
{
    struct seen sa, sb;
    struct dataplane *a = start(&sa), *b = start(&sb);
    struct dp_child ca = child(1, 1, 1000), cb = child(1001, 1, 1000);
    struct dp_packet p;

    cb.spi_out = 1;
    cb.encr_in = ca.encr_out;
    cb.encr_out = ca.encr_in;
    a->ops->install(a, &ca);
    b->ops->install(b, &cb);
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_eq(dp_record_emit(a, 1, 80, 7, &p), OK);
        cr_assert_eq(dp_record_receive(b, &p, 7), OK);
        cr_assert_eq(dp_record_receive(b, &p, 7), E_REPLAY);
    }
    p.seq = 30;
    p.key ^= 1;
    cr_assert_eq(dp_record_receive(b, &p, 7), E_INTEGRITY);
    p.key ^= 1;
    p.seq += 1ULL << 32; /* a jump that ESN cannot see */
    cr_assert_eq(dp_record_receive(b, &p, 7), E_INTEGRITY);
    b->ops->query(b, 1001);
    cr_assert_eq(sb.last.counters.packets_in, 20);
    cr_assert_eq(sb.last.counters.replay_drops, 20);
    cr_assert_eq(sb.last.counters.auth_drops, 2);
    cr_assert_eq(sb.last.counters.window.top, 20);
    cr_assert_eq(sb.last.counters.last_in_ms, 7);
    p.spi = 4242;
    cr_assert_eq(dp_record_receive(b, &p, 7), E_NOT_FOUND);
    cr_assert_eq(sb.n[DPE_UNKNOWN_SPI], 1);
    cr_assert_eq(sb.last.spi_in, 4242);
    dp_record_free(a);
    dp_record_free(b);
}

Test(record, a_peer_moves_only_by_a_newer_number)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_child c = child(1, 1, 1000);
    struct dp_packet p = { .spi = 1, .seq = 10, .bytes = 9, .local = c.remote };
    struct endpoint elsewhere = { ip4(0x0a000099), 1234 };

    dp->ops->install(dp, &c);
    cr_assert_eq(dp_record_receive(dp, &p, 1), OK);
    p.local = elsewhere;
    p.seq = 9;
    cr_assert_eq(dp_record_receive(dp, &p, 1), OK);
    cr_assert_eq(s.n[DPE_PEER_MOVED], 0);
    p.seq = 11;
    cr_assert_eq(dp_record_receive(dp, &p, 1), OK);
    cr_assert_eq(s.n[DPE_PEER_MOVED], 1);
    cr_assert(endpoint_eq(&s.last.remote, &elsewhere));
    p.seq = 12;
    cr_assert_eq(dp_record_receive(dp, &p, 1), OK);
    cr_assert_eq(s.n[DPE_PEER_MOVED], 1); /* told once */
    dp->ops->move(dp, 1, &c.local, &elsewhere, true);
    p.seq = 13;
    cr_assert_eq(dp_record_receive(dp, &p, 1), OK);
    cr_assert_eq(s.n[DPE_PEER_MOVED], 1);
    cr_assert_eq(dp_record_emit(dp, 1, 10, 1, &p), OK);
    cr_assert(endpoint_eq(&p.remote, &elsewhere));
    cr_assert_eq(p.seq, 1); /* the same numbers go on */
    dp_record_free(dp);
}

Test(record, lifetimes_tell_once_and_the_hard_one_stops)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_child c = child(1, 1, 1000);
    struct dp_packet p;

    c.soft_packets = 3;
    c.hard_packets = 5;
    dp->ops->install(dp, &c);
    cr_assert_eq(dp_record_emit(dp, 1, 1, 1, &p), OK);
    cr_assert_eq(dp_record_receive_seq(dp, 1, 1, 1), OK);
    cr_assert_eq(s.n[DPE_SOFT_LIFETIME], 0);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(dp_record_emit(dp, 1, 1, 1, &p), OK);
    cr_assert_eq(s.n[DPE_SOFT_LIFETIME], 1);
    cr_assert_eq(s.n[DPE_HARD_LIFETIME], 1);
    cr_assert_eq(dp_record_emit(dp, 1, 1, 1, &p), E_NOT_ALLOWED);
    cr_assert_eq(dp_record_receive_seq(dp, 1, 2, 1), E_NOT_ALLOWED);
    c = child(2, 1, 1000);
    c.soft_bytes = 1000;
    dp->ops->install(dp, &c);
    cr_assert_eq(dp_record_emit(dp, 2, 999, 1, &p), OK);
    cr_assert_eq(s.n[DPE_SOFT_LIFETIME], 1);
    cr_assert_eq(dp_record_emit(dp, 2, 1, 1, &p), OK);
    cr_assert_eq(s.n[DPE_SOFT_LIFETIME], 2);
    dp_record_free(dp);
}

Test(record, counters_come_by_packets_and_by_time)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_child c = child(1, 1, 1000);

    dp->window_packets = 10;
    dp->window_ms = 100;
    dp->ops->install(dp, &c);
    for (unsigned i = 1; i <= 25; i++)
        cr_assert_eq(dp_record_receive_seq(dp, 1, i, 1000), OK);
    cr_assert_eq(s.n[DPE_COUNTERS], 2);
    cr_assert_eq(dp_record_receive_seq(dp, 1, 26, 1050), OK);
    dp_record_tick(dp, 1099);
    cr_assert_eq(s.n[DPE_COUNTERS], 2);
    dp_record_tick(dp, 1150);
    cr_assert_eq(s.n[DPE_COUNTERS], 3);
    cr_assert_eq(s.last.counters.window.top, 26);
    dp_record_tick(dp, 9000); /* nothing moved */
    cr_assert_eq(s.n[DPE_COUNTERS], 3);
    dp_record_free(dp);
}

Test(record, a_handler_may_remove_the_sa)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_child c = child(1, 1, 3);
    struct dp_packet p;

    s.remove_on_reserve = true;
    c.soft_packets = 1;
    dp->ops->install(dp, &c);
    cr_assert_eq(dp_record_emit(dp, 1, 1, 1, &p), OK);
    cr_assert_eq(s.n[DPE_REMOVED], 1);
    cr_assert_eq(dp_record_count(dp), 0);
    dp_record_free(dp);
}

Test(record, no_esn_stops_at_2_32)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_child c = child(1, UINT32_MAX, 1ULL << 33);
    struct dp_packet p;

    c.esn = false;
    dp->ops->install(dp, &c);
    cr_assert_eq(dp_record_emit(dp, 1, 1, 1, &p), OK);
    cr_assert_eq(dp_record_emit(dp, 1, 1, 1, &p), E_LIMIT);
    dp_record_free(dp);
}

static void count_view(void *ctx, const struct dp_record_view *v)
{
    uint64_t *sum = ctx;

    *sum += v->child->spi_in;
    cr_assert_eq(v->seq_end, 1000);
    cr_assert_neq(v->key_in, v->key_out);
}

Test(record, thousands_of_sas_are_found_again)
{
    struct seen s;
    struct dataplane *dp = start(&s);
    struct dp_record_view v;
    uint64_t sum = 0, want = 0;

    for (uint32_t i = 1; i <= 3000; i++) {
        struct dp_child c = child(i, 1, 1000);

        dp->ops->install(dp, &c);
        want += i;
    }
    dp_record_each(dp, count_view, &sum);
    cr_assert_eq(sum, want);
    for (uint32_t i = 1; i <= 3000; i += 2)
        dp->ops->remove(dp, i);
    for (uint32_t i = 1; i <= 3000; i++)
        cr_assert_eq(dp_record_find(dp, i, &v), i % 2 != 0 ? E_NOT_FOUND : OK);
    cr_assert_eq(dp_record_find_out(dp, 1500 + 1000, &v), OK);
    cr_assert_eq(v.child->spi_in, 1500);
    cr_assert_eq(v.deadline_ms, 1000000);
    cr_assert_eq(dp_record_calls(dp, DPC_INSTALL), 3000);
    cr_assert_eq(dp_record_calls(dp, DPC_REMOVE), 1500);
    dp_record_free(dp);
}

/* The outbound choice, straight on dp_core. */
static uint32_t chosen(struct dp_core *core, uint32_t src, uint32_t dst, uint8_t proto,
                       uint16_t port)
{
    struct ip_packet p = { .version = 4,
                           .protocol = proto,
                           .has_ports = port != 0,
                           .sport = 9,
                           .dport = port,
                           .src = ip4(src),
                           .dst = ip4(dst) };
    struct dp_sa *sa = dp_core_find_out(core, &p);

    return sa == NULL ? 0 : sa->spi_in;
}

Test(core, outbound_packets_find_the_newest_sa_that_takes_them)
{
    static const struct dataplane_ops none;
    struct dp_core *core = calloc(1, sizeof(*core));
    struct dp_child c = child(1, 1, 10);

    cr_assert_eq(dp_core_init(core, &none), OK);
    dp_core_slot_deadline(core, 5, 100);
    core->now_ms = 1;
    c.remote_ts[0] = host(0x0a4d0001);
    dp_core_install(core, &c);
    c.spi_in = 2;
    c.remote_ts[0].first = ip4(0x0a4d0000);
    c.remote_ts[0].last = ip4(0x0a4dffff);
    dp_core_install(core, &c);
    cr_assert_eq(chosen(core, 1, 0x0a4d0001, 17, 5), 1); /* a host before a range */
    cr_assert_eq(chosen(core, 1, 0x0a4d0002, 17, 5), 2);
    cr_assert_eq(chosen(core, 1, 0x0a4e0002, 17, 5), 0);
    c.spi_in = 3; /* a rekeyed one, for one protocol and port only */
    c.remote_ts[0] = host(0x0a4d0001);
    c.remote_ts[0].protocol = 17;
    c.remote_ts[0].port_first = c.remote_ts[0].port_last = 53;
    dp_core_install(core, &c);
    cr_assert_eq(chosen(core, 1, 0x0a4d0001, 17, 53), 3);
    cr_assert_eq(chosen(core, 1, 0x0a4d0001, 17, 54), 1);
    cr_assert_eq(chosen(core, 1, 0x0a4d0001, 6, 53), 1);
    cr_assert_eq(chosen(core, 1, 0x0a4d0001, 17, 0), 1); /* a later fragment has no port */
    c.spi_in = 4;                                        /* newer, but may not send yet */
    c.remote_ts[0] = host(0x0a4d0001);
    c.hold_out = true;
    dp_core_install(core, &c);
    cr_assert_eq(chosen(core, 1, 0x0a4d0001, 6, 53), 1);
    dp_core_extend(core, 4, 20);
    cr_assert_eq(chosen(core, 1, 0x0a4d0001, 6, 53), 4);
    c = child(6, 1, 10); /* sources are checked too */
    c.local_ts[0] = host(77);
    c.remote_ts[0] = host(0x0a4d0001);
    dp_core_install(core, &c);
    cr_assert_eq(chosen(core, 1, 0x0a4d0001, 6, 53), 4);
    cr_assert_eq(chosen(core, 77, 0x0a4d0001, 6, 53), 6);
    core->now_ms =
        100; /* all closed: found all the same, so that it is dropped and not passed on */
    cr_assert_neq(chosen(core, 1, 0x0a4d0001, 6, 53), 0);
    dp_core_done(core);
    free(core);
}

Test(core, inbound_packets_must_fit_the_selectors)
{
    struct dp_selector local = host(100), remote = host(200);
    struct ip_packet p = { .version = 4, .protocol = 6, .has_ports = true, .sport = 1, .dport = 2 };

    p.src = ip4(200);
    p.dst = ip4(100);
    cr_assert(ts_match_in(&local, 1, &remote, 1, &p));
    cr_assert(!ts_match_out(&local, 1, &remote, 1, &p));
    p.src = ip4(201); /* another client's inner address: INV-VIP */
    cr_assert(!ts_match_in(&local, 1, &remote, 1, &p));
    p.src = (struct ip_addr){ .family = 6 };
    cr_assert(!ts_match_in(&local, 1, &remote, 1, &p));
}
