#include "node/runtime/counters.h"

#include "node/runtime/runtime.h"
#include "statesync/store/store_redis.h"

struct list {
    struct control_counter *v;
    size_t n, cap;
    const char *group;
};

static void add(struct list *l, const char *name, uint64_t value)
{
    if (l->n < l->cap)
        l->v[l->n++] = (struct control_counter){ l->group, name, value };
}

static void add_dataplane(struct list *l, const struct dataplane *dp)
{
    struct dp_tun_stats s;

    dp_tun_get_stats(dp, &s);
    l->group = "dataplane";
    add(l, "packets_in", s.packets_in);
    add(l, "bytes_in", s.bytes_in);
    add(l, "packets_out", s.packets_out);
    add(l, "bytes_out", s.bytes_out);
    add(l, "drop_replay", s.drop_replay);
    add(l, "drop_auth", s.drop_auth);
    add(l, "drop_unknown_spi", s.drop_unknown_spi);
    add(l, "drop_no_sa", s.drop_no_sa);
    add(l, "drop_block", s.drop_block);
    add(l, "drop_slot_closed", s.drop_slot_closed);
    add(l, "drop_hold", s.drop_hold);
    add(l, "drop_strict", s.drop_strict);
    add(l, "drop_lifetime", s.drop_lifetime);
    add(l, "drop_selector", s.drop_selector);
    add(l, "drop_malformed", s.drop_malformed);
    add(l, "drop_send", s.drop_send);
    add(l, "drop_tun", s.drop_tun);
    add(l, "drop_too_big", s.drop_too_big);
    add(l, "dummies_in", s.dummies_in);
    add(l, "keepalives_in", s.keepalives_in);
    add(l, "ike_in", s.ike_in);
    add(l, "tun_reads", s.tun_reads);
    add(l, "tun_writes", s.tun_writes);
    add(l, "udp_packets_in", s.udp_packets_in);
}

static void add_redis(struct list *l, const struct store *store)
{
    struct store_redis_stats s;

    store_redis_stats(store, &s);
    l->group = "store";
    add(l, "commits", s.ops[STORE_COMMIT]);
    add(l, "loads", s.ops[STORE_LOAD]);
    add(l, "claims", s.ops[STORE_CLAIM]);
    add(l, "rows", s.ops[STORE_ROWS]);
    add(l, "puts", s.ops[STORE_PUT]);
    add(l, "gets", s.ops[STORE_GET]);
    add(l, "conflicts", s.conflicts);
    add(l, "down", s.down);
    add(l, "unknown", s.unknown);
    add(l, "timeouts", s.timeouts);
    add(l, "late", s.late);
    add(l, "refused", s.refused);
    add(l, "malformed", s.malformed);
    add(l, "connects", s.connects);
    add(l, "disconnects", s.disconnects);
    add(l, "incarnations", s.incarnations);
    add(l, "unfenced", s.unfenced);
    add(l, "in_flight", s.in_flight);
    add(l, "queued", s.queued);
    add(l, "latency_sum_us", s.latency_sum_us);
    add(l, "latency_count", s.latency_count);
}

size_t counters_read(const struct runtime *rt, struct control_counter *ret, size_t cap)
{
    struct list l = { ret, 0, cap, "runtime" };

    add(&l, "steps", rt->events);
    add(&l, "ike_500_in", rt->udp.packets);
    add(&l, "cluster_in", rt->cluster.packets);
    add(&l, "cluster_refused", rt->cluster.refused);
    add(&l, "inbox_dropped", rt->dp.dropped);
    add(&l, "log_lines_lost", rt->log.lost);
    if (rt->dp.dp != NULL)
        add_dataplane(&l, rt->dp.dp);
    if (rt->cfg->store == CONFIG_STORE_REDIS && rt->store.store != NULL)
        add_redis(&l, rt->store.store);
    return l.n;
}
