#include "lb-helper/announce/announce_fsm.h"

#include <stddef.h>

void announce_init(struct announce_fsm *f, uint32_t rise_ms, uint32_t retry_ms)
{
    *f = (struct announce_fsm){ .daemon = DAEMON_GONE, .rise_ms = rise_ms, .retry_ms = retry_ms };
}

static bool wants_routes(const struct announce_fsm *f, uint64_t now_ms)
{
    return !f->stopping && f->daemon == DAEMON_READY && now_ms >= f->ready_since_ms + f->rise_ms;
}

/* The one place that starts a command. */
static enum announce_action decide(struct announce_fsm *f, uint64_t now_ms)
{
    bool wanted = wants_routes(f, now_ms);
    enum announce_applied goal = wanted ? APPLIED_ENABLED : APPLIED_DISABLED;

    if (!f->bird_up || f->in_flight != ANNOUNCE_NOTHING || f->applied == goal)
        return ANNOUNCE_NOTHING;
    /* Waiting after a refusal holds back announcing only: a withdrawal never waits. */
    if (wanted && f->retry_at_ms != 0 && now_ms < f->retry_at_ms)
        return ANNOUNCE_NOTHING;
    f->retry_at_ms = 0;
    f->in_flight = wanted ? ANNOUNCE_ENABLE : ANNOUNCE_DISABLE;
    return f->in_flight;
}

enum announce_action announce_daemon(struct announce_fsm *f, uint64_t now_ms,
                                     enum announce_daemon state)
{
    if (state == DAEMON_READY && f->daemon != DAEMON_READY)
        f->ready_since_ms = now_ms;
    f->daemon = state;
    return decide(f, now_ms);
}

enum announce_action announce_bird_up(struct announce_fsm *f, uint64_t now_ms)
{
    f->bird_up = true;
    /* It may have restarted with other defaults: say again what we want. */
    f->applied = APPLIED_UNKNOWN;
    f->in_flight = ANNOUNCE_NOTHING;
    f->retry_at_ms = 0;
    return decide(f, now_ms);
}

enum announce_action announce_bird_down(struct announce_fsm *f)
{
    f->bird_up = false;
    f->applied = APPLIED_UNKNOWN;
    f->in_flight = ANNOUNCE_NOTHING;
    f->retry_at_ms = 0;
    return ANNOUNCE_NOTHING;
}

enum announce_action announce_bird_done(struct announce_fsm *f, uint64_t now_ms, bool accepted)
{
    enum announce_action done = f->in_flight;

    f->in_flight = ANNOUNCE_NOTHING;
    if (!accepted) {
        f->applied = APPLIED_UNKNOWN;
        f->retry_at_ms = now_ms + f->retry_ms;
        /* A refused withdrawal is repeated at the next tick, not in a loop from here. */
        if (done == ANNOUNCE_DISABLE && !wants_routes(f, now_ms))
            return ANNOUNCE_NOTHING;
    } else if (done != ANNOUNCE_NOTHING) {
        f->applied = done == ANNOUNCE_ENABLE ? APPLIED_ENABLED : APPLIED_DISABLED;
    }
    return decide(f, now_ms);
}

enum announce_action announce_tick(struct announce_fsm *f, uint64_t now_ms)
{
    if (f->retry_at_ms != 0 && now_ms < f->retry_at_ms)
        return ANNOUNCE_NOTHING;
    return decide(f, now_ms);
}

enum announce_action announce_stop(struct announce_fsm *f, uint64_t now_ms)
{
    f->stopping = true;
    return decide(f, now_ms);
}

uint64_t announce_deadline(const struct announce_fsm *f)
{
    if (!f->bird_up || f->in_flight != ANNOUNCE_NOTHING)
        return UINT64_MAX;
    if (f->retry_at_ms != 0)
        return f->retry_at_ms;
    if (!f->stopping && f->daemon == DAEMON_READY && f->applied != APPLIED_ENABLED)
        return f->ready_since_ms + f->rise_ms;
    return UINT64_MAX;
}

bool announce_stopped(const struct announce_fsm *f)
{
    return f->stopping &&
           (!f->bird_up || (f->in_flight == ANNOUNCE_NOTHING && f->applied == APPLIED_DISABLED));
}
