#include "node/runtime/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "node/crypto/crypto.h"

enum { LEAVE_MS = 10000, STEP_LIMIT = 100000 };

struct now daemon_now(const struct daemon *d)
{
    uv_timeval64_t tv;

    uv_gettimeofday(&tv);
    return (struct now){ uv_now(&d->loop),
                         (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000 };
}

static void on_timer(uv_timer_t *t)
{
    struct daemon *d = t->data;

    d->timer_ms = UINT64_MAX;
    node_tick(d->node, daemon_now(d), &d->acts);
    daemon_run(d);
}

static void set_timer(struct daemon *d)
{
    uint64_t at = node_next_deadline(d->node), now = uv_now(&d->loop);

    if (at == d->timer_ms && uv_is_active((uv_handle_t *)&d->timer))
        return;
    d->timer_ms = at;
    if (at == UINT64_MAX)
        uv_timer_stop(&d->timer);
    else
        uv_timer_start(&d->timer, on_timer, at > now ? at - now : 1, 0);
}

/* Connections with "start": "auto" begin once there is a slot to begin them in. */
static void initiate_configured(struct daemon *d)
{
    if (d->initiated || !node_ready(d->node) || node_engine(d->node) == NULL)
        return;
    d->initiated = true;
    for (size_t i = 0; i < d->cfg->policy.n_conns; i++) {
        const struct policy_conn *c = &d->cfg->policy.conns[i];

        if (c->n_children > 0 && c->children[0].start == START_AUTO)
            engine_initiate(node_engine(d->node), daemon_now(d), c->name, 0, &d->acts);
    }
}

void daemon_run(struct daemon *d)
{
    struct queued_event q;

    if (d->running)
        return;
    d->running = true;
    initiate_configured(d);
    for (unsigned steps = 0; steps < STEP_LIMIT; steps++) {
        for (size_t i = 0; i < d->acts.n; i++) {
            struct action a = d->acts.v[i]; /* the list may move while it is carried out */

            actions_run(d, &a);
        }
        actions_reset(&d->acts);
        if (!dataplane_io_next(d, &q))
            break;
        node_dp_event(d->node, daemon_now(d), &q.event, &d->acts);
        bytes_free(&q.packet);
    }
    d->running = false;
    if (d->control != NULL)
        control_server_ready(d->control, node_ready(d->node));
    set_timer(d);
}

static void view(void *ctx, struct control_view *ret)
{
    struct daemon *d = ctx;

    *ret = (struct control_view){ .node = d->node,
                                  .policy = &d->cfg->policy,
                                  .now = daemon_now(d),
                                  .node_id = d->cfg->node_id,
                                  .node_name = d->cfg->node_name,
                                  .version = IKESTRA_VERSION,
                                  .store = d->cfg->store == CONFIG_STORE_REDIS ? "redis" : "memory",
                                  .dataplane = "tun",
                                  .store_up = d->store_state.up,
                                  .store_reason = d->store_state.reason,
                                  .started_wall_ms = d->started_wall_ms };
}

static void run_command(void *ctx, struct actions *acts)
{
    struct daemon *d = ctx;

    actions_splice(&d->acts, acts);
    daemon_run(d);
}

static void stop_now(struct daemon *d)
{
    uv_stop(&d->loop);
}

static void on_leave_timer(uv_timer_t *t)
{
    stop_now(t->data);
}

/* First: hand everything over, then leave. Second: at once. */
static void on_signal(uv_signal_t *s, int signum)
{
    struct daemon *d = s->data;

    (void)signum;
    if (d->leaving) {
        stop_now(d);
        return;
    }
    d->leaving = true;
    LOG(&d->env, LOG_INFO, "draining", F_U64("slots", node_owned(d->node)));
    uv_timer_start(&d->leave_timer, on_leave_timer, LEAVE_MS, 0);
    node_drain(d->node, daemon_now(d), UINT64_MAX, &d->acts);
    daemon_run(d);
}

/* Keys must not reach a core file or a debugger of another user. INV-SECRET. */
static void harden(void)
{
    struct rlimit none = { 0, 0 };

    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
}

static enum err make_keys(struct daemon *d, char error[DAEMON_ERROR])
{
    const struct config_cluster *c = &d->cfg->cluster;
    uint8_t random[32];
    enum err e = keyring_new(&d->keyring);

    for (size_t i = 0; e == OK && i < c->n_keys; i++)
        e = keyring_add(d->keyring, c->keys[i].id, (enum key_state)c->keys[i].state,
                        secret_expose(&c->keys[i].key));
    if (e == OK && c->n_keys == 0) {
        env_random(&d->env, random, sizeof random);
        e = keyring_add(d->keyring, 1, KEY_ACTIVE, span_of(random, sizeof random));
        wipe(random, sizeof random);
    }
    if (e == OK)
        e = keyring_derive(d->keyring, 0, "peer", SPAN_NONE, d->cluster_key);
    if (e != OK)
        snprintf(error, DAEMON_ERROR, "cluster.key_file: no usable active key (%s)", err_name(e));
    return e;
}

static enum err make_node(struct daemon *d, char error[DAEMON_ERROR])
{
    const struct config_cluster *c = &d->cfg->cluster;
    struct node_neighbour *nb = calloc(c->n_peers + 1, sizeof *nb);
    struct node_config nc = { .env = &d->env,
                              .policy = &d->cfg->policy,
                              .keyring = d->keyring,
                              .pop = d->cfg->pop,
                              .node = d->cfg->node_id,
                              .cluster_key = span_of(d->cluster_key, 32),
                              .slots = c->slots,
                              .neighbours = nb,
                              .n_neighbours = c->n_peers,
                              .heartbeat_ms = c->heartbeat_ms,
                              .suspect_missed = c->suspect_missed,
                              .deadline_ms = c->deadline_ms,
                              .lease_ms = c->lease_ms,
                              .holddown_ms = c->holddown_ms };
    enum err e;

    if (nb == NULL)
        return E_NOMEM;
    if (c->enabled)
        nc.cluster_addr = c->listen;
    for (size_t i = 0; i < c->n_peers; i++) {
        nb[i] = (struct node_neighbour){ .node = c->peers[i].node,
                                         .cluster_addr = c->peers[i].address };
        snprintf(nb[i].name, sizeof nb[i].name, "%s", c->peers[i].name);
    }
    snprintf(nc.name, sizeof nc.name, "%s", d->cfg->node_name);
    e = boot_second(d->cfg->state_file, daemon_now(d).wall_ms, &nc.boot, error);
    if (e == OK) {
        e = node_new(&nc, &d->node);
        if (e != OK)
            snprintf(error, DAEMON_ERROR, "cannot start the node: %s", err_name(e));
    }
    free(nb);
    return e;
}

static enum err open_log(struct daemon *d, char error[DAEMON_ERROR])
{
    d->log_fd = STDERR_FILENO;
    if (d->cfg->log_file[0] == '\0')
        return OK;
    d->log_fd = open(d->cfg->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (d->log_fd >= 0)
        return OK;
    snprintf(error, DAEMON_ERROR, "log.file: cannot open %s: %s", d->cfg->log_file,
             strerror(errno));
    return E_CONFIG;
}

/* An initiator without a configured local address speaks from the address that we listen on. */
static void complete_policy(struct config *cfg)
{
    for (size_t i = 0; i < cfg->policy.n_conns; i++) {
        struct policy_conn *c = &cfg->policy.conns[i];

        if (c->remote.addr.family != 0 && c->local.addr.family == 0)
            c->local.addr = c->remote.addr.family == 4 ? cfg->listen4 : cfg->listen6;
        if (c->local.port == 0)
            c->local.port = 500;
        if (c->remote.port == 0)
            c->remote.port = 500;
    }
}

enum err daemon_start(struct daemon *d, struct config *cfg, char error[DAEMON_ERROR])
{
    struct control_server_config cc = {
        .loop = &d->loop, .path = cfg->control_socket, .view = view, .run = run_command, .ctx = d
    };

    memset(d, 0, sizeof *d);
    d->cfg = cfg;
    d->ike4.fd = d->ike6.fd = d->cluster.fd = -1;
    harden();
    complete_policy(cfg);
    if (uv_loop_init(&d->loop) != 0)
        return E_NOMEM;
    d->env = (struct env){
        .ctx = d, .random = env_os_random, .log = log_sink, .log_level = cfg->log_level
    };
    d->started_wall_ms = daemon_now(d).wall_ms;
    d->timer_ms = UINT64_MAX;
    uv_timer_init(&d->loop, &d->timer);
    uv_timer_init(&d->loop, &d->leave_timer);
    uv_idle_init(&d->loop, &d->memory_idle);
    uv_signal_init(&d->loop, &d->term);
    uv_signal_init(&d->loop, &d->intr);
    d->timer.data = d->leave_timer.data = d->memory_idle.data = d->term.data = d->intr.data = d;
    if (crypto_init() != OK) {
        snprintf(error, DAEMON_ERROR, "OpenSSL does not start: check its configuration");
        return E_CRYPTO;
    }
    TRY(open_log(d, error));
    TRY(make_keys(d, error));
    TRY(dataplane_io_start(d, error));
    TRY(routes_start(d, error));
    TRY(make_node(d, error));
    TRY(udp_io_start(d, error));
    TRY(store_io_start(d, error));
    TRY(control_server_new(&cc, &d->control, error));
    uv_signal_start(&d->term, on_signal, SIGTERM);
    uv_signal_start(&d->intr, on_signal, SIGINT);
    for (size_t i = 0; i < cfg->n_warnings; i++)
        LOG(&d->env, LOG_WARN, "config-warning", F_STR("text", cfg->warnings[i]));
    LOG(&d->env, LOG_INFO, "started", F_U64("node", cfg->node_id), F_STR("name", cfg->node_name),
        F_STR("version", IKESTRA_VERSION), F_STR("dataplane", "tun"),
        F_STR("tun", dp_tun_name(d->dp)));
    node_start(d->node, daemon_now(d), &d->acts);
    daemon_run(d);
    return OK;
}

int daemon_loop(struct daemon *d)
{
    uv_run(&d->loop, UV_RUN_DEFAULT);
    LOG(&d->env, LOG_INFO, "stopped", F_U64("slots_left", node_owned(d->node)));
    return 0;
}

void daemon_free(struct daemon *d)
{
    if (d->control != NULL)
        control_server_close(d->control);
    if (d->store != NULL)
        d->store->ops->free(d->store);
    if (d->dp != NULL)
        dp_tun_close(d->dp, NULL, NULL);
    udp_io_stop(d);
    uv_close((uv_handle_t *)&d->timer, NULL);
    uv_close((uv_handle_t *)&d->leave_timer, NULL);
    uv_close((uv_handle_t *)&d->memory_idle, NULL);
    uv_close((uv_handle_t *)&d->term, NULL);
    uv_close((uv_handle_t *)&d->intr, NULL);
    for (unsigned i = 0; i < 100 && uv_run(&d->loop, UV_RUN_NOWAIT) != 0; i++)
        ;
    d->node = node_free(d->node);
    d->memory = memstore_free(d->memory);
    d->keyring = keyring_free(d->keyring);
    actions_free(&d->acts);
    for (size_t i = 0; i < d->n_queue; i++)
        bytes_free(&d->queue[i].packet);
    free(d->queue);
    udp_recv_free(d->recv);
    wipe(d->cluster_key, sizeof d->cluster_key);
    uv_loop_close(&d->loop);
}
