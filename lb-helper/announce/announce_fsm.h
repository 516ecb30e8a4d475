/* announce_fsm: when a node announces its routes and when it withdraws them. Pure.
 *
 * Two facts come in: what the daemon says (gone, not ready, ready), and what the routing daemon did
 * with our last command. One decision goes out: enable or disable the protocols, one command at a
 * time. Withdrawing is immediate; announcing waits until the daemon has been ready for rise_ms, so
 * that a daemon that dies again at once does not flap the route.
 *
 * Nothing else withdraws: not a shared store that is down, not a slow neighbour. If every node
 * withdrew for a common cause, there would be no service left at all. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum announce_daemon { DAEMON_GONE, DAEMON_NOT_READY, DAEMON_READY };

enum announce_action { ANNOUNCE_NOTHING, ANNOUNCE_ENABLE, ANNOUNCE_DISABLE };

/* What the routing daemon is known to do with our routes. */
enum announce_applied { APPLIED_UNKNOWN, APPLIED_DISABLED, APPLIED_ENABLED };

struct announce_fsm {
    enum announce_daemon daemon;
    uint64_t ready_since_ms; /* valid while daemon is DAEMON_READY */
    uint32_t rise_ms;
    uint32_t retry_ms;
    bool stopping;
    bool bird_up;
    enum announce_action in_flight;
    enum announce_applied applied;
    uint64_t retry_at_ms; /* no command before; 0: none */
};

/* Starts withdrawn. rise_ms: how long the daemon must have been ready; retry_ms: the pause after a
 * command that the routing daemon refused. */
void announce_init(struct announce_fsm *f, uint32_t rise_ms, uint32_t retry_ms);

/* Each event returns the command to send to the routing daemon now, or ANNOUNCE_NOTHING. A command
 * is answered by exactly one announce_bird_done or announce_bird_down. */
enum announce_action announce_daemon(struct announce_fsm *f, uint64_t now_ms,
                                     enum announce_daemon state);
enum announce_action announce_bird_up(struct announce_fsm *f, uint64_t now_ms);
enum announce_action announce_bird_down(struct announce_fsm *f);
enum announce_action announce_bird_done(struct announce_fsm *f, uint64_t now_ms, bool accepted);
enum announce_action announce_tick(struct announce_fsm *f, uint64_t now_ms);

/* The helper leaves: withdrawn from now on, whatever the daemon says. */
enum announce_action announce_stop(struct announce_fsm *f, uint64_t now_ms);

/* When announce_tick has something to do; UINT64_MAX: not before another event. */
uint64_t announce_deadline(const struct announce_fsm *f);

/* Leaving is complete: withdrawn, or there is nobody to tell. */
bool announce_stopped(const struct announce_fsm *f);
