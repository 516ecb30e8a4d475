/* The redis backend against a server that lies: every reply is outside bytes. Whatever it says,
 * each operation gets exactly one result, a write is never called OK without the one reply that
 * means it, and nothing crashes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/store/fake_redis.h"
#include "tests/store/store_rig.h"

struct lie {
    struct fake_redis fake;
    struct rig rig;
};

static struct lie *lie_open(void)
{
    struct lie *l = calloc(1, sizeof *l);

    rig_init(&l->rig);
    fake_redis_start(&l->fake, &l->rig.loop);
    rig_open(&l->rig, (struct store_redis_config){ .path = l->fake.path, .op_timeout_ms = 300 });
    return l;
}

static struct lie *lie_up(void)
{
    struct lie *l = lie_open();

    cr_assert(rig_until(&l->rig, rig_up, 3000), "%s", l->rig.states[0].reason);
    return l;
}

static void lie_done(struct lie *l)
{
    fake_redis_done(&l->fake);
    rig_done(&l->rig);
    free(l);
}

static const struct store_state *last(struct lie *l)
{
    return &l->rig.states[l->rig.n_states - 1];
}

static const uint16_t two_slots[] = { 1, 2 };

static struct store_op op_of(enum store_kind kind)
{
    struct token t = { 1, 1, 1 };

    switch (kind) {
    case STORE_COMMIT:
        return rig_commit(1, t, 1, 0, "x", 1);
    case STORE_LOAD:
        return (struct store_op){ .kind = kind, .slot = 1 };
    case STORE_CLAIM:
        return (struct store_op){ .kind = kind, .slot = 1, .token = t };
    case STORE_ROWS:
        return (struct store_op){ .kind = kind, .slots = two_slots, .n_slots = 2 };
    case STORE_PUT:
        return (struct store_op){ .kind = kind, .name = "n", .value = span_str("v") };
    case STORE_GET:
        break;
    }
    return (struct store_op){ .kind = STORE_GET, .name = "n" };
}

/* What no kind may take for success, and how each ends. */
static const char *const lies[] = {
    "+OK\r\n",
    ":2\r\n",
    ":-1\r\n",
    ":9223372036854775807\r\n",
    "$3\r\nabc\r\n",
    "$7\r\n\0\0\0\0\0\0\0\r\n",
    "*0\r\n",
    "*-1\r\n",
    "*1\r\n:1\r\n",
    "*2\r\n:1\r\n:1\r\n",
    "*3\r\n:1\r\n:1\r\n:1\r\n",
    "*3\r\n:1\r\n$-1\r\n$-1\r\n",
    "*3\r\n:1\r\n$0\r\n\r\n$3\r\nabc\r\n",
    "*4\r\n:2\r\n$3\r\nabc\r\n$3\r\nabc\r\n$5\r\nslave\r\n",
    "*2\r\n:2\r\n$3\r\nabc\r\n",
    "*2\r\n$8\r\n12345678\r\n:5\r\n",
    "*2\r\n*1\r\n:1\r\n*1\r\n:1\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    "*2147483647\r\n",
    "*262145\r\n",
    "*-2\r\n",
    "*99999999999999999999\r\n",
    "$-2\r\n",
    "$99999999999999999999\r\n",
    "$x\r\n",
    ":x\r\n",
    "?\r\n",
    "_\r\n",
    "#t\r\n",
    ",1.5\r\n",
    "%1\r\n+a\r\n+b\r\n",
    "~1\r\n+a\r\n",
    ">2\r\n+a\r\n+b\r\n",
    "-\r\n",
    "-ERR\r\n",
    "-ERR unknown command\r\n",
    "-ERR Error running script (call to f_0): @user_script:1: x\r\n",
    "-MOVED 1 127.0.0.1:1\r\n",
    "-NOSCRIPT No matching script\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "\r\n",
};

static bool is_write(enum store_kind k)
{
    return k == STORE_COMMIT || k == STORE_CLAIM || k == STORE_PUT;
}

static void check_one(enum store_kind kind, const char *what, size_t len)
{
    struct lie *l = lie_up();
    const struct rig_result *r;

    l->fake.answer = span_of(what, len);
    r = rig_do(&l->rig, op_of(kind));
    cr_assert_eq(r->r.kind, kind);
    if (is_write(kind))
        cr_assert(r->r.err == E_STORE_UNKNOWN || r->r.err == E_STORE_DOWN || r->r.err == E_CONFLICT,
                  "kind %d: %s after %s", kind, err_name(r->r.err), what);
    else if (r->r.err == OK)
        /* An empty slot, and nothing but foreign values, are the harmless readings. */
        cr_assert(kind == STORE_LOAD && r->r.n_entries == 0, "kind %d after %s", kind, what);
    /* A conflict is believed only from the shape that a script gives. */
    if (r->r.err == E_CONFLICT)
        cr_assert(what[0] == '$' && kind != STORE_CLAIM, "kind %d after %s", kind, what);
    l->fake.answer = SPAN_NONE;
    rig_run(&l->rig, 20);
    lie_done(l);
}

static size_t lie_len(const char *what)
{
    /* One of them holds NULs. */
    return memcmp(what, "$7", 2) == 0 ? 4 + 7 + 2 : strlen(what);
}

static void check_kind(enum store_kind kind)
{
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        check_one(kind, lies[i], lie_len(lies[i]));
}

Test(fake, lies_to_commit, .timeout = 60)
{
    check_kind(STORE_COMMIT);
}

Test(fake, lies_to_load, .timeout = 60)
{
    check_kind(STORE_LOAD);
}

Test(fake, lies_to_claim, .timeout = 60)
{
    check_kind(STORE_CLAIM);
}

Test(fake, lies_to_rows, .timeout = 60)
{
    check_kind(STORE_ROWS);
}

Test(fake, lies_to_put, .timeout = 60)
{
    check_kind(STORE_PUT);
}

Test(fake, lies_to_get, .timeout = 60)
{
    check_kind(STORE_GET);
}

/* Cut off after every octet of a good reply: unknown, never OK. */
Test(fake, reply_cut_anywhere, .timeout = 60)
{
    static const char good[] = "*3\r\n:1\r\n$0\r\n\r\n$27\r\n\1\0\0\0\1\0\1\0\0\0\1"
                               "0123456789abcdef\r\n";
    const size_t len = sizeof good - 1;

    for (size_t cut = 1; cut <= len; cut++) {
        struct lie *l = lie_up();
        const struct rig_result *r;

        l->fake.answer = span_of(good, cut);
        l->fake.close_after = true;
        r = rig_do(&l->rig, op_of(STORE_CLAIM));
        cr_assert_eq(r->r.err, cut == len ? OK : E_STORE_UNKNOWN, "cut at %zu", cut);
        lie_done(l);
    }
}

Test(fake, talks_unasked, .timeout = 30)
{
    struct lie *l = lie_up();

    fake_redis_say(&l->fake, span_str(":1\r\n"));
    cr_assert(rig_until(&l->rig, rig_down, 1000));
    cr_assert_not_null(strstr(last(l)->reason, "without being asked"));
    lie_done(l);
}

static bool three_states(struct rig *rig)
{
    return rig->n_states >= 3 && rig_up(rig);
}

/* The earlier connection is killed by its id in the same run of the server, and only there. */
Test(fake, earlier_connection_is_killed, .timeout = 30)
{
    static const char kill[] = "CLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n$1\r\n1\r\n";
    struct lie *l = lie_up();

    fake_redis_hang_up(&l->fake);
    cr_assert(rig_until(&l->rig, three_states, 3000));
    cr_assert_not_null(memmem(l->fake.seen, l->fake.n_seen, kill, sizeof kill - 1));
    cr_assert(incarnation_eq(&l->rig.states[0].incarnation, &last(l)->incarnation));
    lie_done(l);
}

Test(fake, stranger_is_not_killed, .timeout = 30)
{
    struct lie *l = lie_up();

    fake_redis_hang_up(&l->fake);
    l->fake.replid = 'b';
    cr_assert(rig_until(&l->rig, three_states, 3000));
    cr_assert_null(memmem(l->fake.seen, l->fake.n_seen, "KILL", 4));
    cr_assert(!incarnation_eq(&l->rig.states[0].incarnation, &last(l)->incarnation));
    lie_done(l);
}

static void greeting_refused(const char *greeting, const char *word)
{
    struct lie *l = lie_open();

    l->fake.greeting = span_str(greeting);
    cr_assert(rig_until(&l->rig, rig_down, 3000), "accepted: %s", greeting);
    cr_assert_not_null(strstr(last(l)->reason, word), "%s after %s", last(l)->reason, greeting);
    cr_assert_null(strstr(last(l)->reason, "s3cret"));
    lie_done(l);
}

Test(fake, bad_greetings, .timeout = 60)
{
    greeting_refused(":1\r\n$4\r\nnone\r\n", "Redis 6.2");
    greeting_refused(":1\r\n$0\r\n\r\n", "Redis 6.2");
    greeting_refused(":1\r\n*0\r\n", "Redis 6.2");
    greeting_refused("+1\r\n", "Redis 6.2");
    greeting_refused(":-1\r\n", "Redis 6.2");
    greeting_refused("HTTP/1.1 400 Bad Request\r\n\r\n", "Redis protocol");
    greeting_refused("-NOAUTH Authentication required.\r\n-NOAUTH\r\n", "password");
    greeting_refused(":1\r\n-LOADING Redis is loading\r\n", "loading");
    greeting_refused(":1\r\n-ERR unknown command with args beginning with: 's3cret'\r\n",
                     "Redis 6.2");
    greeting_refused(":1\r\n$-1\r\n", "Redis 6.2");
    greeting_refused("-DENIED Redis is running in protected mode\r\n-x\r\n", "Redis 6.2");
}

Test(fake, replica_is_refused, .timeout = 30)
{
    struct lie *l = lie_open();

    l->fake.role = "slave";
    cr_assert(rig_until(&l->rig, rig_down, 3000));
    cr_assert_not_null(strstr(last(l)->reason, "replica"));
    lie_done(l);
}

Test(fake, silent_from_the_start, .timeout = 30)
{
    struct lie *l = lie_open();

    l->fake.silent = true;
    cr_assert(rig_until(&l->rig, rig_down, 3000));
    cr_assert_not_null(strstr(last(l)->reason, "does not answer"));
    lie_done(l);
}

/* Silence after the greeting: unknown at the deadline, the connection given up after three. */
Test(fake, silent_later, .timeout = 30)
{
    struct lie *l = lie_up();
    struct store_redis_stats st;
    const struct rig_result *r;
    uint64_t before = uv_hrtime();

    l->fake.silent = true;
    r = rig_do(&l->rig, op_of(STORE_COMMIT));
    cr_assert_eq(r->r.err, E_STORE_UNKNOWN);
    cr_assert_lt(uv_hrtime() - before, 450 * 1000000ull);
    cr_assert_geq(uv_hrtime() - before, 290 * 1000000ull);
    rig_run(&l->rig, 900);
    store_redis_stats(l->rig.s, &st);
    cr_assert_eq(st.disconnects, 1);
    cr_assert_eq(st.timeouts, 1);
    lie_done(l);
}
