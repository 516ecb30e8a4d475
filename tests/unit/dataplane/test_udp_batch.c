/* UDP batches over loopback: order, lengths, addresses, trains and what is not one. */
#include <string.h>
#include <unistd.h>

#include <poll.h>

#include <criterion/criterion.h>

#include "node/dataplane/udp_batch.h"

enum { PACKETS = 700 };

static struct endpoint ep(const char *text)
{
    struct endpoint e = { 0 };

    cr_assert_eq(endpoint_parse(text, &e), OK);
    return e;
}

struct rig {
    struct udp_sock a, b;
    struct endpoint ea, eb;
    struct udp_send *tx;
    struct udp_recv *rx;
};

static void set_port(struct udp_sock *s, struct endpoint *e)
{
    e->port = s->port;
    cr_assert_gt(s->port, 0);
}

static void rig_up(struct rig *r, const char *a, const char *b)
{
    r->ea = ep(a);
    r->eb = ep(b);
    cr_assert_eq(udp_sock_open(&r->ea, false, &r->a), OK);
    cr_assert_eq(udp_sock_open(&r->eb, false, &r->b), OK);
    set_port(&r->a, &r->ea);
    set_port(&r->b, &r->eb);
    r->tx = udp_send_new();
    r->rx = udp_recv_new(8);
}

static void rig_down(struct rig *r)
{
    udp_sock_close(&r->a);
    udp_sock_close(&r->b);
    udp_send_free(r->tx);
    udp_recv_free(r->rx);
}

static bool readable(const struct udp_sock *s)
{
    struct pollfd p = { .fd = s->fd, .events = POLLIN };

    return poll(&p, 1, 1000) == 1;
}

/* The length of packet i: long runs of one length with odd ones between. */
static size_t len_of(unsigned i)
{
    return i % 97 == 5 ? 17 : i % 50 == 3 ? 1300 : i < 300 ? 600 : 64;
}

static void send_and_check(struct rig *r, uint8_t tos)
{
    static uint8_t data[PACKETS][1300];
    unsigned got = 0;

    for (unsigned first = 0; first < PACKETS; first += 70) {
        for (unsigned i = first; i < first + 70; i++) {
            memset(data[i], (int)i, sizeof(data[i]));
            data[i][0] = (uint8_t)(i >> 8);
            data[i][1] = (uint8_t)i;
            udp_send_add(r->tx, &r->a, &r->ea, &r->eb, tos, 1, span_of(data[i], len_of(i)));
        }
        udp_send_flush(r->tx);
        while (got < first + 70) {
            struct udp_packet *p;
            size_t n;

            cr_assert(readable(&r->b), "%u arrived", got);
            n = udp_recv_batch(r->rx, &r->b, &p);
            for (size_t k = 0; k < n; k++, got++) {
                cr_assert_eq(p[k].data[0] << 8 | p[k].data[1], (int)got);
                cr_assert_eq(p[k].len, len_of(got));
                cr_assert_eq(p[k].data[16], (uint8_t)got);
                cr_assert_eq(p[k].tos, tos);
                cr_assert(endpoint_eq(&p[k].remote, &r->ea));
                cr_assert(endpoint_eq(&p[k].local, &r->eb));
            }
        }
    }
    cr_assert_eq(udp_send_dropped(r->tx), 0);
}

Test(udp_batch, order_lengths_and_addresses_survive_v4)
{
    struct rig r;

    rig_up(&r, "127.0.0.1:0", "127.0.0.2:0");
    send_and_check(&r, 0);
    send_and_check(&r, 0xb9);
    r.a.gso = false;
    send_and_check(&r, 0);
    rig_down(&r);
}

Test(udp_batch, order_lengths_and_addresses_survive_v6)
{
    struct rig r;

    rig_up(&r, "[::1]:0", "[::1]:0");
    send_and_check(&r, 0xb9);
    rig_down(&r);
}

Test(udp_batch, the_source_address_is_the_one_asked_for)
{
    struct rig r;
    struct udp_sock any;
    struct endpoint e = ep("0.0.0.0:0"), from = ep("127.0.0.77:0");
    struct udp_packet *p;

    rig_up(&r, "127.0.0.1:0", "127.0.0.2:0");
    cr_assert_eq(udp_sock_open(&e, false, &any), OK);
    udp_send_add(r.tx, &any, &from, &r.eb, 0, 1, span_of("x", 1));
    udp_send_flush(r.tx);
    cr_assert(readable(&r.b));
    cr_assert_eq(udp_recv_batch(r.rx, &r.b, &p), 1);
    cr_assert(ip_eq(&p[0].remote.addr, &from.addr));
    cr_assert_eq(udp_send_one(&any, &from, &r.eb, span_of("\0\0\0\0", 4), span_of("abc", 3)), OK);
    cr_assert(readable(&r.b));
    cr_assert_eq(udp_recv_batch(r.rx, &r.b, &p), 1);
    cr_assert_eq(p[0].len, 7);
    cr_assert_eq(memcmp(p[0].data, "\0\0\0\0abc", 7), 0);
    cr_assert(ip_eq(&p[0].remote.addr, &from.addr));
    cr_assert_eq(udp_recv_batch(r.rx, &r.b, &p), 0);
    udp_sock_close(&any);
    rig_down(&r);
}

Test(udp_batch, trains_of_several_sas_keep_their_own_order)
{
    struct rig r;
    uint8_t data[300][40], next[5] = { 0 };
    unsigned got = 0;

    rig_up(&r, "127.0.0.1:0", "127.0.0.1:0");
    for (unsigned i = 0; i < 300; i++) {
        memset(data[i], 0, 40);
        data[i][0] = (uint8_t)(i % 5);
        data[i][1] = (uint8_t)(i / 5);
        udp_send_add(r.tx, &r.a, &r.ea, &r.eb, 0, 100 + i % 5, span_of(data[i], 40));
    }
    udp_send_flush(r.tx);
    while (got < 300) {
        struct udp_packet *p;
        size_t n;

        cr_assert(readable(&r.b));
        n = udp_recv_batch(r.rx, &r.b, &p);
        for (size_t k = 0; k < n; k++, got++) {
            cr_assert_eq(p[k].len, 40);
            cr_assert_eq(p[k].data[1], next[p[k].data[0]]++);
        }
    }
    rig_down(&r);
}

Test(udp_batch, a_taken_port_is_an_error)
{
    struct rig r;
    struct udp_sock again;

    rig_up(&r, "127.0.0.1:0", "127.0.0.2:0");
    cr_assert_eq(udp_sock_open(&r.ea, false, &again), E_IO);
    rig_down(&r);
}

Test(udp_batch, what_the_kernel_refuses_is_counted)
{
    struct rig r;
    struct endpoint nowhere = ep("[2001:db8::1]:9");

    rig_up(&r, "127.0.0.1:0", "127.0.0.2:0");
    udp_send_add(r.tx, &r.a, &r.ea, &nowhere, 0, 1, span_of("x", 1)); /* v6 address, v4 socket */
    udp_send_flush(r.tx);
    cr_assert_eq(udp_send_dropped(r.tx), 1);
    udp_send_add(r.tx, &r.a, &r.ea, &r.eb, 0, 1, span_of("x", 1));
    udp_send_discard(r.tx);
    udp_send_flush(r.tx);
    cr_assert_eq(udp_send_dropped(r.tx), 2);
    rig_down(&r);
}
