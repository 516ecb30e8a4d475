#include <criterion/criterion.h>

#include "lb-helper/announce/announce_fsm.h"

static struct announce_fsm fsm_with_bird(void)
{
    struct announce_fsm f;

    announce_init(&f, 100, 500);
    cr_assert_eq(announce_bird_up(&f, 1000), ANNOUNCE_DISABLE); /* starts withdrawn, and says so */
    cr_assert_eq(announce_bird_done(&f, 1000, true), ANNOUNCE_NOTHING);
    return f;
}

static struct announce_fsm fsm_announcing(void)
{
    struct announce_fsm f = fsm_with_bird();

    cr_assert_eq(announce_daemon(&f, 2000, DAEMON_READY), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_tick(&f, 2100), ANNOUNCE_ENABLE);
    cr_assert_eq(announce_bird_done(&f, 2101, true), ANNOUNCE_NOTHING);
    return f;
}

Test(announce_fsm, nothing_before_the_daemon_is_ready)
{
    struct announce_fsm f = fsm_with_bird();

    cr_assert_eq(announce_daemon(&f, 1100, DAEMON_NOT_READY), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_tick(&f, 99999), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_deadline(&f), UINT64_MAX);
}

Test(announce_fsm, readiness_must_last)
{
    struct announce_fsm f = fsm_with_bird();

    cr_assert_eq(announce_daemon(&f, 2000, DAEMON_READY), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_deadline(&f), 2100);
    cr_assert_eq(announce_tick(&f, 2099), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_daemon(&f, 2050, DAEMON_GONE), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_daemon(&f, 2080, DAEMON_READY), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_tick(&f, 2100), ANNOUNCE_NOTHING); /* counted from the new start */
    cr_assert_eq(announce_tick(&f, 2180), ANNOUNCE_ENABLE);
}

Test(announce_fsm, repeated_ready_does_not_restart_the_wait)
{
    struct announce_fsm f = fsm_with_bird();

    announce_daemon(&f, 2000, DAEMON_READY);
    announce_daemon(&f, 2090, DAEMON_READY);
    cr_assert_eq(announce_tick(&f, 2100), ANNOUNCE_ENABLE);
}

Test(announce_fsm, death_withdraws_at_once)
{
    struct announce_fsm f = fsm_announcing();

    cr_assert_eq(announce_daemon(&f, 3000, DAEMON_GONE), ANNOUNCE_DISABLE);
    cr_assert_eq(announce_bird_done(&f, 3001, true), ANNOUNCE_NOTHING);
    cr_assert_eq(f.applied, APPLIED_DISABLED);
}

Test(announce_fsm, not_ready_withdraws_at_once)
{
    struct announce_fsm f = fsm_announcing();

    cr_assert_eq(announce_daemon(&f, 3000, DAEMON_NOT_READY), ANNOUNCE_DISABLE);
}

Test(announce_fsm, death_while_enabling_withdraws_after_the_reply)
{
    struct announce_fsm f = fsm_with_bird();

    announce_daemon(&f, 2000, DAEMON_READY);
    cr_assert_eq(announce_tick(&f, 2100), ANNOUNCE_ENABLE);
    cr_assert_eq(announce_daemon(&f, 2101, DAEMON_GONE), ANNOUNCE_NOTHING); /* one at a time */
    cr_assert_eq(announce_bird_done(&f, 2102, true), ANNOUNCE_DISABLE);
}

Test(announce_fsm, a_restarted_bird_is_told_again)
{
    struct announce_fsm f = fsm_announcing();

    cr_assert_eq(announce_bird_down(&f), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_daemon(&f, 3000, DAEMON_READY), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_bird_up(&f, 3500), ANNOUNCE_ENABLE);
}

Test(announce_fsm, a_refused_announcement_waits)
{
    struct announce_fsm f = fsm_with_bird();

    announce_daemon(&f, 2000, DAEMON_READY);
    cr_assert_eq(announce_tick(&f, 2100), ANNOUNCE_ENABLE);
    cr_assert_eq(announce_bird_done(&f, 2101, false), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_deadline(&f), 2601);
    cr_assert_eq(announce_tick(&f, 2600), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_tick(&f, 2601), ANNOUNCE_ENABLE);
}

Test(announce_fsm, a_refusal_does_not_hold_back_a_withdrawal)
{
    struct announce_fsm f = fsm_with_bird();

    announce_daemon(&f, 2000, DAEMON_READY);
    announce_tick(&f, 2100);
    announce_bird_done(&f, 2101, false);
    cr_assert_eq(announce_daemon(&f, 2102, DAEMON_GONE), ANNOUNCE_DISABLE);
}

Test(announce_fsm, a_refused_withdrawal_is_repeated)
{
    struct announce_fsm f = fsm_announcing();

    cr_assert_eq(announce_daemon(&f, 3000, DAEMON_GONE), ANNOUNCE_DISABLE);
    cr_assert_eq(announce_bird_done(&f, 3001, false), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_deadline(&f), 3501);
    cr_assert_eq(announce_tick(&f, 3501), ANNOUNCE_DISABLE);
}

Test(announce_fsm, leaving_withdraws_and_ends)
{
    struct announce_fsm f = fsm_announcing();

    cr_assert_eq(announce_stop(&f, 3000), ANNOUNCE_DISABLE);
    cr_assert_not(announce_stopped(&f));
    cr_assert_eq(announce_daemon(&f, 3001, DAEMON_READY), ANNOUNCE_NOTHING);
    cr_assert_eq(announce_bird_done(&f, 3002, true), ANNOUNCE_NOTHING);
    cr_assert(announce_stopped(&f));
    cr_assert_eq(announce_tick(&f, 9999), ANNOUNCE_NOTHING);
}

Test(announce_fsm, leaving_without_bird_ends)
{
    struct announce_fsm f;

    announce_init(&f, 100, 500);
    cr_assert_eq(announce_stop(&f, 10), ANNOUNCE_NOTHING);
    cr_assert(announce_stopped(&f));
}

/* Whatever comes in whatever order: routes are only ever wanted while the daemon is ready, and
 * there is one command at a time. */
Test(announce_fsm, any_order_of_events)
{
    struct announce_fsm f;
    uint32_t x = 12345;
    uint64_t now = 1;
    enum announce_action a;
    int enables = 0, disables = 0;

    announce_init(&f, 20, 50);
    for (int i = 0; i < 200000; i++) {
        bool busy = f.in_flight != ANNOUNCE_NOTHING;
        unsigned what;

        x = x * 1103515245 + 12345;
        what = x >> 16 & 7;
        now += x >> 20 & 15;
        switch (what) {
        case 0:
            a = announce_bird_up(&f, now);
            busy = false;
            break;
        case 1:
            a = announce_bird_down(&f);
            break;
        case 2:
        case 3:
            a = busy ? announce_bird_done(&f, now, (x >> 28 & 3) != 0) : ANNOUNCE_NOTHING;
            busy = false;
            break;
        case 4:
            a = announce_tick(&f, now);
            break;
        default:
            a = announce_daemon(&f, now, what == 5 ? DAEMON_GONE : DAEMON_READY);
            break;
        }
        if (a == ANNOUNCE_ENABLE) {
            enables++;
            cr_assert_eq(f.daemon, DAEMON_READY);
            cr_assert_geq(now, f.ready_since_ms + f.rise_ms);
        }
        disables += a == ANNOUNCE_DISABLE;
        if (a != ANNOUNCE_NOTHING)
            cr_assert(f.bird_up && !busy);
    }
    cr_assert_gt(enables, 100);
    cr_assert_gt(disables, 100);
}
