#include <criterion/criterion.h>

#include "statesync/seal/peer_seal.h"
#include "tests/unit/seal/fixed_env.h"
#include "tests/vectors/vector_file.h"

struct pair {
    uint8_t counter;
    struct env env;
    struct peer_seal *a, *b; /* nodes 5 and 6 */
};

struct gram {
    uint8_t p[256];
    size_t len;
};

static struct peer_seal *node(struct pair *p, uint16_t id, uint32_t boot)
{
    struct peer_seal *ps;
    uint8_t key[32];

    cr_assert_eq(peer_seal_new(fixed_key(key, 0x77), id, boot, &p->env, &ps), OK);
    return ps;
}

static void pair_init(struct pair *p)
{
    *p = (struct pair){ 0 };
    p->env = fixed_env(&p->counter);
    p->a = node(p, 5, 1000);
    p->b = node(p, 6, 2000);
}

static void pair_done(struct pair *p)
{
    peer_seal_free(p->a);
    peer_seal_free(p->b);
}

static struct gram make(struct peer_seal *from, enum peer_type type, uint16_t dest,
                        const char *body)
{
    struct gram g;

    cr_assert_eq(peer_seal_make(from, type, dest, span_str(body), g.p, sizeof g.p, &g.len), OK);
    return g;
}

static enum err deliver(struct peer_seal *to, const struct gram *g)
{
    uint8_t scratch[256];
    struct peer_message m;

    return peer_seal_open(to, span_of(g->p, g->len), scratch, sizeof scratch, &m);
}

Test(peer_seal, arrives)
{
    struct pair p;
    struct gram g;
    struct peer_message m;
    uint8_t scratch[256];

    pair_init(&p);
    g = make(p.a, PEER_ESP, 6, "hello");
    cr_assert_eq(g.len, 5 + PEER_OVERHEAD);
    cr_assert_eq(peer_seal_open(p.b, span_of(g.p, g.len), scratch, sizeof scratch, &m), OK);
    cr_assert_eq(m.type, PEER_ESP);
    cr_assert_eq(m.node, 5);
    cr_assert_eq(m.boot, 1000);
    cr_assert_eq(m.counter, 1);
    cr_assert(span_eq(m.body, span_str("hello")));
    cr_assert_eq(deliver(p.b, &g), E_REPLAY);
    pair_done(&p);
}

Test(peer_seal, golden_bytes)
{
    struct pair p;
    struct gram g;
    struct bytes golden;
    uint8_t scratch[256];
    struct peer_message m;

    pair_init(&p);
    g = make(p.a, PEER_ESP, 6, "hello");
    cr_assert(vector_matches("cluster-datagram.txt", "datagram", span_of(g.p, g.len)));
    golden = vector_read("cluster-datagram.txt", "datagram");
    cr_assert_eq(peer_seal_open(p.b, span_bytes(golden), scratch, sizeof scratch, &m), OK);
    bytes_free(&golden);
    pair_done(&p);
}

Test(peer_seal, only_for_its_destination)
{
    struct pair p;
    struct peer_seal *c;
    struct gram g;

    pair_init(&p);
    c = node(&p, 7, 3000);
    g = make(p.a, PEER_IKE, 6, "x");
    cr_assert_eq(deliver(c, &g), E_NOT_ALLOWED);
    cr_assert_eq(deliver(p.a, &g), E_NOT_ALLOWED); /* our own, reflected */
    cr_assert_eq(deliver(p.b, &g), OK);
    g = make(p.a, PEER_HEARTBEAT, PEER_ANY, "x");
    cr_assert_eq(deliver(c, &g), OK);
    cr_assert_eq(deliver(p.b, &g), OK);
    peer_seal_free(c);
    pair_done(&p);
}

Test(peer_seal, every_flipped_bit_is_noticed)
{
    struct pair p;
    struct gram g;

    pair_init(&p);
    g = make(p.a, PEER_IKE, 6, "hello");
    for (size_t i = 0; i < g.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            g.p[i] ^= (uint8_t)(1u << bit);
            cr_expect_neq(deliver(p.b, &g), OK, "octet %zu bit %u", i, bit);
            g.p[i] ^= (uint8_t)(1u << bit);
        }
    /* Nothing of that moved the window. */
    cr_assert_eq(deliver(p.b, &g), OK);
    pair_done(&p);
}

Test(peer_seal, truncated_and_longer)
{
    struct pair p;
    struct gram g;
    uint8_t scratch[256];
    struct peer_message m;

    pair_init(&p);
    g = make(p.a, PEER_IKE, 6, "hello");
    for (size_t len = 0; len < g.len; len++) {
        uint8_t *exact = malloc(len + (len == 0));

        memcpy(exact, g.p, len);
        cr_expect_eq(peer_seal_open(p.b, span_of(exact, len), scratch, sizeof scratch, &m),
                     len < PEER_OVERHEAD ? E_TRUNCATED : E_INTEGRITY);
        free(exact);
    }
    g.p[g.len] = 0;
    cr_assert_eq(peer_seal_open(p.b, span_of(g.p, g.len + 1), scratch, sizeof scratch, &m),
                 E_INTEGRITY);
    cr_assert_eq(peer_seal_open(p.b, span_of(g.p, g.len), scratch, 4, &m), E_LIMIT);
    pair_done(&p);
}

Test(peer_seal, another_cluster_key)
{
    struct pair p;
    struct peer_seal *stranger;
    uint8_t key[32];
    struct gram g;

    pair_init(&p);
    cr_assert_eq(peer_seal_new(fixed_key(key, 0x78), 5, 1000, &p.env, &stranger), OK);
    cr_assert_eq(peer_seal_new(span_of(key, 31), 5, 1000, &p.env, &stranger), E_BAD_LENGTH);
    g = make(stranger, PEER_HEARTBEAT, PEER_ANY, "x");
    cr_assert_eq(deliver(p.b, &g), E_INTEGRITY);
    peer_seal_free(stranger);
    pair_done(&p);
}

Test(peer_seal, window_of_64)
{
    struct pair p;
    struct gram g[100];

    pair_init(&p);
    for (unsigned i = 0; i < 100; i++)
        g[i] = make(p.a, PEER_ESP, 6, "x");
    cr_assert_eq(deliver(p.b, &g[70]), OK);
    cr_assert_eq(deliver(p.b, &g[7]), OK);       /* 63 behind */
    cr_assert_eq(deliver(p.b, &g[6]), E_REPLAY); /* 64 behind: too old to tell */
    cr_assert_eq(deliver(p.b, &g[7]), E_REPLAY);
    cr_assert_eq(deliver(p.b, &g[69]), OK);
    cr_assert_eq(deliver(p.b, &g[99]), OK);
    cr_assert_eq(deliver(p.b, &g[70]), E_REPLAY);
    cr_assert_eq(deliver(p.b, &g[69]), E_REPLAY);
    cr_assert_eq(deliver(p.b, &g[36]), OK);
    cr_assert_eq(deliver(p.b, &g[35]), E_REPLAY);
    for (unsigned i = 71; i < 99; i++)
        cr_expect_eq(deliver(p.b, &g[i]), OK);
    for (unsigned i = 0; i < 100; i++)
        if (i > 36)
            (void)deliver(p.b, &g[i]);
    for (unsigned i = 0; i < 100; i++)
        cr_expect_eq(deliver(p.b, &g[i]), E_REPLAY);
    pair_done(&p);
}

/* An older heartbeat is no news even where a packet of its age would be taken. */
Test(peer_seal, heartbeats_only_rise)
{
    struct pair p;
    struct gram h1, h2, esp;

    pair_init(&p);
    h1 = make(p.a, PEER_HEARTBEAT, PEER_ANY, "1");
    esp = make(p.a, PEER_ESP, 6, "x");
    h2 = make(p.a, PEER_HEARTBEAT, PEER_ANY, "2");
    cr_assert_eq(deliver(p.b, &h2), OK);
    cr_assert_eq(deliver(p.b, &h1), E_REPLAY);
    cr_assert_eq(deliver(p.b, &esp), OK);
    pair_done(&p);
}

Test(peer_seal, older_boot_second_is_gone)
{
    struct pair p;
    struct peer_seal *newer;
    struct gram old, old2, fresh;

    pair_init(&p);
    old = make(p.a, PEER_HEARTBEAT, PEER_ANY, "old");
    old2 = make(p.a, PEER_HEARTBEAT, PEER_ANY, "old 2");
    newer = node(&p, 5, 1001);
    fresh = make(newer, PEER_HEARTBEAT, PEER_ANY, "new");
    cr_assert_eq(deliver(p.b, &old), OK);
    cr_assert_eq(deliver(p.b, &fresh), OK); /* the same counter, another process */
    cr_assert_eq(deliver(p.b, &old2), E_REPLAY);
    peer_seal_free(newer);
    pair_done(&p);
}

Test(peer_seal, floor_comes_from_the_membership)
{
    struct pair p;
    struct gram g;

    pair_init(&p);
    g = make(p.a, PEER_HEARTBEAT, PEER_ANY, "x");
    peer_seal_floor(p.b, 5, 1001);
    peer_seal_floor(p.b, 5, 900);
    cr_assert_eq(deliver(p.b, &g), E_REPLAY);
    peer_seal_free(p.a);
    p.a = node(&p, 5, 1001);
    g = make(p.a, PEER_HEARTBEAT, PEER_ANY, "x");
    cr_assert_eq(deliver(p.b, &g), OK);
    pair_done(&p);
}

/* Noise of unknown senders takes no place; LIMIT_NODES real ones do, then it is full. */
Test(peer_seal, places)
{
    struct pair p;
    struct gram g;

    pair_init(&p);
    for (uint16_t id = 100; id < 100 + LIMIT_NODES; id++) {
        struct peer_seal *n = node(&p, id, 1);

        g = make(n, PEER_HEARTBEAT, PEER_ANY, "x");
        g.p[g.len - 1] ^= 1;
        cr_assert_eq(deliver(p.b, &g), E_INTEGRITY);
        g.p[g.len - 1] ^= 1;
        cr_assert_eq(deliver(p.b, &g), OK);
        peer_seal_free(n);
    }
    g = make(p.a, PEER_HEARTBEAT, PEER_ANY, "x");
    cr_assert_eq(deliver(p.b, &g), E_LIMIT);
    pair_done(&p);
}

Test(peer_seal, limits)
{
    struct pair p;
    uint8_t *big = calloc(1, PEER_DATAGRAM + 1), *out = malloc(PEER_DATAGRAM + 1);
    uint8_t *scratch = malloc(PEER_DATAGRAM);
    struct peer_message m;
    size_t len;

    pair_init(&p);
    cr_assert_eq(
        peer_seal_make(p.a, PEER_ESP, 6, span_of(big, PEER_BODY + 1), out, PEER_DATAGRAM + 1, &len),
        E_LIMIT);
    cr_assert_eq(peer_seal_make(p.a, (enum peer_type)0, 6, SPAN_NONE, out, 100, &len), E_BAD_VALUE);
    cr_assert_eq(peer_seal_make(p.a, PEER_TYPE_END, 6, SPAN_NONE, out, 100, &len), E_BAD_VALUE);
    cr_assert_eq(peer_seal_make(p.a, PEER_ESP, 6, SPAN_NONE, out, PEER_OVERHEAD - 1, &len),
                 E_LIMIT);
    cr_assert_eq(
        peer_seal_make(p.a, PEER_ESP, 6, span_of(big, PEER_BODY), out, PEER_DATAGRAM, &len), OK);
    cr_assert_eq(len, PEER_DATAGRAM);
    cr_assert_eq(peer_seal_open(p.b, span_of(out, len), scratch, PEER_DATAGRAM, &m), OK);
    cr_assert_eq(m.body.len, PEER_BODY);
    cr_assert_eq(peer_seal_open(p.b, span_of(big, PEER_DATAGRAM + 1), scratch, PEER_DATAGRAM, &m),
                 E_LIMIT);
    free(big);
    free(out);
    free(scratch);
    pair_done(&p);
}
