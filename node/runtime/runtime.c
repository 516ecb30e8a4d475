#include "node/runtime/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/crypto/crypto.h"
#include "node/runtime/actions_run.h"
#include "node/runtime/boot_file.h"
#include "node/runtime/counters.h"
#include "node/runtime/harden.h"

enum { STEP_LIMIT = 1000000, CLOSE_TURNS = 200 };

struct now runtime_now(void)
{
    uv_timeval64_t tv;

    uv_gettimeofday(&tv);
    return (struct now){ uv_hrtime() / 1000000,
                         (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000 };
}

/* The store may have made the boot second higher than the file's. */
static void keep_boot(struct runtime *rt)
{
    uint32_t boot = node_boot(rt->node);

    if (boot == rt->boot_kept)
        return;
    rt->boot_kept = boot;
    if (boot_file_keep(rt->cfg->state_file, boot) != OK)
        LOG(&rt->env, LOG_WARN, "state-file", F_STR("reason", strerror(errno)));
}

void runtime_step_done(struct runtime *rt)
{
    if (rt->running || !rt->started)
        return;
    rt->running = true;
    rt->events++;
    for (unsigned steps = 0; steps < STEP_LIMIT; steps++) {
        for (size_t i = 0; i < rt->acts.n; i++) {
            struct action a = rt->acts.v[i]; /* the list may move while it is carried out */

            actions_run_one(rt, &a);
        }
        udp_io_flush(&rt->udp);
        cluster_io_flush(&rt->cluster);
        actions_reset(&rt->acts);
        if (!dataplane_io_step(&rt->dp))
            break;
    }
    rt->running = false;
    keep_boot(rt);
    if (rt->control != NULL)
        control_server_ready(rt->control, node_ready(rt->node));
    timer_io_set(&rt->timer);
}

static void view(void *ctx, struct control_view *ret)
{
    struct runtime *rt = ctx;

    *ret =
        (struct control_view){ .counters = rt->counters,
                               .n_counters = counters_read(rt, rt->counters, COUNTERS_MAX),
                               .node = rt->node,
                               .policy = &rt->cfg->policy,
                               .now = runtime_now(),
                               .node_id = rt->cfg->node_id,
                               .node_name = rt->cfg->node_name,
                               .version = IKESTRA_VERSION,
                               .store = rt->cfg->store == CONFIG_STORE_REDIS ? "redis" : "memory",
                               .dataplane = "tun",
                               .store_up = rt->store.state.up,
                               .store_reason = rt->store.state.reason,
                               .started_wall_ms = rt->started_wall_ms };
}

static void run_command(void *ctx, struct actions *acts)
{
    struct runtime *rt = ctx;

    actions_splice(&rt->acts, acts);
    runtime_step_done(rt);
}

/* What datagrams between nodes and cookies use goes on through a rotation: it derives from the
 * lowest id that is not retired, not from the active key. */
static uint32_t oldest_key(const struct config_cluster *c)
{
    uint32_t id = 0;

    for (size_t i = 0; i < c->n_keys; i++)
        if (c->keys[i].state != CONFIG_KEY_RETIRED && (id == 0 || c->keys[i].id < id))
            id = c->keys[i].id;
    return id;
}

static enum err make_keyring(struct runtime *rt, uint8_t cluster_key[32], char error[CONFIG_ERROR])
{
    const struct config_cluster *c = &rt->cfg->cluster;
    uint8_t random[32];
    enum err e = keyring_new(&rt->keyring);

    for (size_t i = 0; e == OK && i < c->n_keys; i++)
        e = keyring_add(rt->keyring, c->keys[i].id, (enum key_state)c->keys[i].state,
                        secret_expose(&c->keys[i].key));
    if (e == OK && c->n_keys == 0) {
        env_random(&rt->env, random, sizeof random);
        e = keyring_add(rt->keyring, 1, KEY_ACTIVE, span_of(random, sizeof random));
        wipe(random, sizeof random);
    }
    if (e == OK)
        e = keyring_derive(rt->keyring, oldest_key(c), "peer", SPAN_NONE, cluster_key);
    if (e != OK)
        snprintf(error, CONFIG_ERROR, "cluster.key_file: no usable active key (%s)", err_name(e));
    return e;
}

static enum err make_node(struct runtime *rt, char error[CONFIG_ERROR])
{
    const struct config_cluster *c = &rt->cfg->cluster;
    struct node_neighbour *nb = calloc(c->n_peers + 1, sizeof *nb);
    uint8_t cluster_key[32] = { 0 };
    struct node_config nc = { .env = &rt->env,
                              .policy = &rt->cfg->policy,
                              .pop = rt->cfg->pop,
                              .node = rt->cfg->node_id,
                              .cluster_key = span_of(cluster_key, sizeof cluster_key),
                              .slots = c->slots,
                              .neighbours = nb,
                              .n_neighbours = c->n_peers,
                              .heartbeat_ms = c->heartbeat_ms,
                              .suspect_missed = c->suspect_missed,
                              .deadline_ms = c->deadline_ms,
                              .lease_ms = c->lease_ms,
                              .holddown_ms = c->holddown_ms };
    enum err e = nb == NULL ? E_NOMEM : make_keyring(rt, cluster_key, error);

    nc.keyring = rt->keyring;
    if (c->enabled)
        nc.cluster_addr = c->listen;
    for (size_t i = 0; e == OK && i < c->n_peers; i++) {
        nb[i] = (struct node_neighbour){ .node = c->peers[i].node,
                                         .cluster_addr = c->peers[i].address };
        memcpy(nb[i].name, c->peers[i].name, sizeof nb[i].name);
    }
    memcpy(nc.name, rt->cfg->node_name, sizeof nc.name);
    if (e == OK) {
        e = boot_file_next(rt->cfg->state_file, runtime_now().wall_ms / 1000, &nc.boot);
        if (e != OK)
            snprintf(error, CONFIG_ERROR,
                     "node.state_file: cannot use %s: %s; its directory must exist "
                     "and be writable",
                     rt->cfg->state_file, e == E_BAD_VALUE ? "not a state file" : strerror(errno));
        rt->boot_kept = nc.boot;
    }
    if (e == OK)
        e = node_new(&nc, &rt->node);
    wipe(cluster_key, sizeof cluster_key);
    free(nb);
    return e;
}

static bool is_any(const struct ip_addr *a)
{
    static const uint8_t zero[16];

    return span_eq(ip_span(a), span_of(zero, ip_len(a)));
}

/* An initiator without a configured address of its own speaks from the one that the host would use:
 * it must be known for NAT detection (RFC 7296 2.23). */
static void complete_policy(struct runtime *rt)
{
    struct config *cfg = rt->cfg;

    for (size_t i = 0; i < cfg->policy.n_conns; i++) {
        struct policy_conn *c = &cfg->policy.conns[i];
        char text[IP_TEXT_MAX];

        if (c->remote.addr.family == 0 || c->local.addr.family != 0)
            continue;
        c->local.addr = c->remote.addr.family == 4 ? cfg->listen4 : cfg->listen6;
        if (c->local.addr.family == 0)
            LOG(&rt->env, LOG_WARN, "connection-has-no-address", F_STR("conn", c->name),
                F_STR("do", "listen has no address of the family of remote.address"));
        else if (is_any(&c->local.addr) && udp_io_source(&c->remote.addr, &c->local.addr) != OK)
            LOG(&rt->env, LOG_WARN, "connection-has-no-address", F_STR("conn", c->name),
                F_STR("remote", ip_text(&c->remote.addr, text)),
                F_STR("do", "there is no route to it now; give local.address"));
    }
}

static enum err open_all(struct runtime *rt, char error[CONFIG_ERROR])
{
    struct control_server_config cc = { .loop = &rt->loop,
                                        .path = rt->cfg->control_socket,
                                        .view = view,
                                        .run = run_command,
                                        .ctx = rt };

    if (crypto_init() != OK) {
        snprintf(error, CONFIG_ERROR, "OpenSSL does not start: check its configuration");
        return E_CRYPTO;
    }
    TRY(dataplane_io_open(&rt->dp, rt, error));
    TRY(inner_addr_open(&rt->inner, rt, error));
    TRY(make_node(rt, error));
    TRY(udp_io_open(&rt->udp, rt, error));
    TRY(cluster_io_open(&rt->cluster, rt, error));
    TRY(store_io_open(&rt->store, rt, error));
    return control_server_new(&cc, &rt->control, error);
}

enum err runtime_start(struct runtime *rt, struct config *cfg, char error[CONFIG_ERROR])
{
    memset(rt, 0, sizeof *rt);
    rt->cfg = cfg;
    rt->udp.sock4.fd = rt->udp.sock6.fd = rt->cluster.sock.fd = -1;
    error[0] = '\0';
    if (uv_loop_init(&rt->loop) != 0)
        return E_NOMEM;
    if (log_sink_open(&rt->log, cfg->log_file) != OK) {
        snprintf(error, CONFIG_ERROR, "log.file: cannot open %s: %s", cfg->log_file,
                 strerror(errno));
        return E_IO;
    }
    rt->env = (struct env){
        .ctx = &rt->log, .random = env_os_random, .log = log_sink_write, .log_level = cfg->log_level
    };
    harden_process(&rt->env);
    complete_policy(rt);
    rt->started_wall_ms = runtime_now().wall_ms;
    timer_io_open(&rt->timer, rt);
    shutdown_open(&rt->shutdown, rt);
    autostart_open(&rt->autostart, rt);
    TRY(open_all(rt, error));
    for (size_t i = 0; i < cfg->n_warnings; i++)
        LOG(&rt->env, LOG_WARN, "config-warning", F_STR("text", cfg->warnings[i]));
    LOG(&rt->env, LOG_INFO, "started", F_U64("node", cfg->node_id), F_STR("name", cfg->node_name),
        F_STR("version", IKESTRA_VERSION), F_STR("dataplane", "tun"),
        F_STR("device", dp_tun_name(rt->dp.dp)));
    rt->started = true;
    node_start(rt->node, runtime_now(), &rt->acts);
    runtime_step_done(rt);
    return OK;
}

void runtime_run(struct runtime *rt)
{
    uv_run(&rt->loop, UV_RUN_DEFAULT);
    LOG(&rt->env, LOG_INFO, "stopped", F_U64("slots_left", node_owned(rt->node)));
}

void runtime_stop(struct runtime *rt)
{
    rt->started = false;
    if (rt->control != NULL)
        control_server_close(rt->control);
    rt->control = NULL;
    store_io_close(&rt->store);
    dataplane_io_close(&rt->dp);
    if (rt->udp.rt != NULL)
        udp_io_close(&rt->udp);
    if (rt->cluster.rt != NULL)
        cluster_io_close(&rt->cluster);
    timer_io_close(&rt->timer);
    shutdown_close(&rt->shutdown);
    autostart_close(&rt->autostart);
    for (unsigned i = 0; i < CLOSE_TURNS && uv_run(&rt->loop, UV_RUN_NOWAIT) != 0; i++)
        ;
    store_io_free(&rt->store);
    rt->node = node_free(rt->node);
    rt->keyring = keyring_free(rt->keyring);
    actions_free(&rt->acts);
    log_sink_close(&rt->log);
    (void)uv_loop_close(&rt->loop);
}
