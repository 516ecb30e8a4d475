#include "lb-helper/runtime/helper.h"

#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "statesync/base/log.h"

enum { BIRD_RETRY_MS = 200, DAEMON_RETRY_MS = 50, FSM_RETRY_MS = 500, LEAVE_MAX_MS = 1000 };

static void log_event(enum log_level level, const char *event, const struct log_field *fields)
{
    char line[512];
    uv_timeval64_t tv;
    size_t n;

    uv_gettimeofday(&tv);
    n = log_format_json(line, sizeof line, (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000,
                        level, event, fields);
    fwrite(line, 1, n, stderr);
}

#define EVENT(level, event, ...) log_event(level, event, (struct log_field[]){ __VA_ARGS__, { 0 } })

/* uv_now is the time at the start of the loop's turn: good enough for delays, and free. */
static uint64_t now_of(const struct helper *h)
{
    return uv_now(h->loop);
}

static void on_decide(uv_timer_t *t);

static void close_all(struct helper *h)
{
    line_conn_close(&h->daemon);
    line_conn_close(&h->bird);
    uv_close((uv_handle_t *)&h->probe, NULL);
    uv_close((uv_handle_t *)&h->decide, NULL);
    uv_close((uv_handle_t *)&h->leave, NULL);
    uv_close((uv_handle_t *)&h->sig_term, NULL);
    uv_close((uv_handle_t *)&h->sig_int, NULL);
}

/* Sends the command that the decision asks for, and sets the timer for the next decision. */
static void perform(struct helper *h, enum announce_action action)
{
    uint64_t at, now = now_of(h);

    if (action != ANNOUNCE_NOTHING) {
        EVENT(LOG_INFO, action == ANNOUNCE_ENABLE ? "announce" : "withdraw",
              F_U64("protocols", h->config.n_protocols));
        h->refused = false;
        for (unsigned i = 0; i < h->config.n_protocols; i++) {
            char cmd[BIRD_NAME_MAX + 16];
            size_t n;

            if (bird_command(cmd, sizeof cmd, action == ANNOUNCE_ENABLE, h->config.protocols[i],
                             &n) != OK)
                continue;
            h->unanswered++;
            line_conn_send(&h->bird, span_of(cmd, n));
        }
    }
    if (h->leaving && announce_stopped(&h->fsm)) {
        if (!uv_is_closing((uv_handle_t *)&h->leave))
            close_all(h);
        return;
    }
    at = announce_deadline(&h->fsm);
    if (at == UINT64_MAX)
        uv_timer_stop(&h->decide);
    else
        uv_timer_start(&h->decide, on_decide, at > now ? at - now : 0, 0);
}

static void on_decide(uv_timer_t *t)
{
    struct helper *h = t->data;

    perform(h, announce_tick(&h->fsm, now_of(h)));
}

/* --- BIRD --- */

static void bird_up(struct line_conn *c)
{
    struct helper *h = c->owner;

    bird_reader_init(&h->bird_reader);
    h->greeted = false;
    h->unanswered = 0;
}

static void bird_down(struct line_conn *c, const char *why)
{
    struct helper *h = c->owner;

    EVENT(LOG_WARN, "bird-lost", F_STR("why", why));
    perform(h, announce_bird_down(&h->fsm));
}

static void bird_replied(struct helper *h, const struct bird_reply *r)
{
    if (!h->greeted) {
        h->greeted = true;
        EVENT(LOG_INFO, "bird-connected", F_STR("socket", h->config.bird_path));
        perform(h, announce_bird_up(&h->fsm, now_of(h)));
        return;
    }
    if (!r->accepted) {
        h->refused = true;
        EVENT(LOG_ERROR, "bird-refused", F_STR("reply", r->reason));
    }
    if (h->unanswered > 0 && --h->unanswered == 0)
        perform(h, announce_bird_done(&h->fsm, now_of(h), !h->refused));
}

static void bird_data(struct line_conn *c, struct span bytes)
{
    struct helper *h = c->owner;
    struct bird_reply r;
    bool complete;

    while (bytes.len > 0) {
        if (bird_reader_feed(&h->bird_reader, &bytes, &complete, &r) != OK) {
            line_conn_reset(&h->bird, "not the control socket of a BIRD");
            return;
        }
        if (complete)
            bird_replied(h, &r);
    }
}

static const struct line_conn_events bird_events = { bird_up, bird_down, bird_data };

/* --- the daemon --- */

static void daemon_is(struct helper *h, enum announce_daemon state)
{
    static const char *const names[] = { "gone", "not-ready", "ready" };

    if (h->fsm.daemon != state)
        EVENT(LOG_INFO, "daemon", F_STR("state", names[state]));
    perform(h, announce_daemon(&h->fsm, now_of(h), state));
}

static void daemon_up(struct line_conn *c)
{
    struct helper *h = c->owner;

    h->line_len = 0;
    h->heard_ms = now_of(h);
    line_conn_send(c, ready_request());
}

static void daemon_down(struct line_conn *c, const char *why)
{
    (void)why;
    daemon_is(c->owner, DAEMON_GONE);
}

static void daemon_line(struct helper *h)
{
    bool ready;

    h->heard_ms = now_of(h);
    if (ready_parse(span_of(h->line, h->line_len), &ready) != OK)
        ready = false;
    daemon_is(h, ready ? DAEMON_READY : DAEMON_NOT_READY);
}

static void daemon_data(struct line_conn *c, struct span bytes)
{
    struct helper *h = c->owner;

    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.p[i] == '\n') {
            daemon_line(h);
            h->line_len = 0;
        } else if (h->line_len < sizeof h->line) {
            h->line[h->line_len++] = (char)bytes.p[i];
        } else {
            line_conn_reset(c, "line too long");
            return;
        }
    }
}

static const struct line_conn_events daemon_events = { daemon_up, daemon_down, daemon_data };

static void on_probe(uv_timer_t *t)
{
    struct helper *h = t->data;

    if (!h->daemon.up)
        return;
    if (now_of(h) - h->heard_ms > h->config.hang_ms) {
        EVENT(LOG_WARN, "daemon-hangs", F_U64("silent_ms", now_of(h) - h->heard_ms));
        line_conn_reset(&h->daemon, "no answer");
        return;
    }
    line_conn_send(&h->daemon, ready_request());
}

/* --- leaving --- */

static void on_leave_late(uv_timer_t *t)
{
    EVENT(LOG_WARN, "left-without-withdrawal", F_STR("why", "BIRD did not answer"));
    close_all(t->data);
}

static void on_signal(uv_signal_t *s, int signum)
{
    struct helper *h = s->data;

    (void)signum;
    if (h->leaving)
        return;
    h->leaving = true;
    uv_timer_start(&h->leave, on_leave_late, LEAVE_MAX_MS, 0);
    perform(h, announce_stop(&h->fsm, now_of(h)));
}

void helper_start(struct helper *h, uv_loop_t *loop, const struct helper_config *config)
{
    memset(h, 0, sizeof *h);
    h->config = *config;
    h->loop = loop;
    announce_init(&h->fsm, config->rise_ms, FSM_RETRY_MS);
    uv_timer_init(loop, &h->probe);
    uv_timer_init(loop, &h->decide);
    uv_timer_init(loop, &h->leave);
    uv_signal_init(loop, &h->sig_term);
    uv_signal_init(loop, &h->sig_int);
    h->probe.data = h->decide.data = h->leave.data = h->sig_term.data = h->sig_int.data = h;
    uv_signal_start(&h->sig_term, on_signal, SIGTERM);
    uv_signal_start(&h->sig_int, on_signal, SIGINT);
    uv_timer_start(&h->probe, on_probe, config->probe_ms, config->probe_ms);
    line_conn_start(&h->bird, loop, h->config.bird_path, BIRD_RETRY_MS, &bird_events, h);
    line_conn_start(&h->daemon, loop, h->config.control_path, DAEMON_RETRY_MS, &daemon_events, h);
}
