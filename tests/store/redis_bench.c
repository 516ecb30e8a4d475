/* redis_bench: what one commit costs, on our side and in Redis.
 *
 *   redis_bench [COMMITS [RECORD_OCTETS]]
 *
 * Starts its own redis-server. One JSON line per window (commits in flight at once): commits per
 * second, processor microseconds per commit of this process and of redis-server, the microseconds
 * that Redis itself counts for a commit's script, and commits per write call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/store/redis_server.h"
#include "tests/store/store_rig.h"

enum { SESSIONS = 4096, SLOTS = 64, MAX_RECORD = 48 * 1024 };

struct bench {
    struct rig *rig;
    uint64_t version[SESSIONS];
    unsigned total, sent, answered, in_flight, window, record;
    unsigned failed;
};

static uint8_t value[MAX_RECORD];

static void fill(struct bench *b)
{
    while (b->sent < b->total && b->in_flight < b->window) {
        unsigned k = b->sent % SESSIONS;
        struct store_op op =
            rig_commit((uint16_t)(k % SLOTS), rig_token(1, 1), k, b->version[k], value, b->record);

        op.ticket = k;
        b->sent++;
        b->in_flight++;
        b->rig->s->ops->submit(b->rig->s, &op);
    }
}

static void on_result(void *ctx, const struct store_result *r)
{
    struct bench *b = ctx;

    b->failed += r->err != OK;
    b->version[r->ticket]++;
    b->answered++;
    b->in_flight--;
    fill(b);
}

static bool over(struct rig *rig)
{
    const struct bench *b = rig->s->ctx;

    return b->answered == b->total;
}

static uint64_t own_cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Microseconds per EVALSHA as Redis counts them since CONFIG RESETSTAT. */
static double script_us(struct redis_server *server)
{
    char text[8192];
    const char *p;

    redis_server_ask(server, NULL, text, sizeof text, "INFO commandstats");
    p = strstr(text, "cmdstat_evalsha:");
    p = p == NULL ? NULL : strstr(p, "usec_per_call=");
    return p == NULL ? -1 : strtod(p + strlen("usec_per_call="), NULL);
}

static void run(struct rig *rig, struct redis_server *server, struct bench *b, unsigned window)
{
    struct store_redis_stats before, after;
    uint64_t start, ours, theirs;
    double s;

    b->window = window;
    b->sent = b->answered = b->in_flight = b->failed = 0;
    redis_server_ask(server, NULL, NULL, 0, "CONFIG RESETSTAT");
    store_redis_stats(rig->s, &before);
    ours = own_cpu_us();
    theirs = redis_server_cpu_us(server);
    start = uv_hrtime();
    fill(b);
    if (!rig_until(rig, over, 120000) || b->failed > 0) {
        fprintf(stderr, "redis_bench: %u of %u answered, %u failed\n", b->answered, b->total,
                b->failed);
        exit(1);
    }
    s = (double)(uv_hrtime() - start) / 1e9;
    ours = own_cpu_us() - ours;
    theirs = redis_server_cpu_us(server) - theirs;
    store_redis_stats(rig->s, &after);
    printf("{\"name\": \"redis-commit\", \"in_flight\": %u, \"record\": %u, \"commits\": %u, "
           "\"commits_per_s\": %.0f, \"ours_us\": %.2f, \"redis_us\": %.2f, "
           "\"redis_script_us\": %.2f, \"commits_per_write\": %.1f, \"mean_latency_us\": %.0f}\n",
           window, b->record, b->total, b->total / s, (double)ours / b->total,
           (double)theirs / b->total, script_us(server),
           (double)b->total / (double)(after.writes - before.writes),
           (double)(after.latency_sum_us - before.latency_sum_us) /
               (double)(after.latency_count - before.latency_count));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct bench b;
    static const unsigned windows[] = { 1, 8, 64, 512 };
    struct redis_server server;
    struct rig rig;

    b.total = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 50000;
    b.record = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1500;
    if (b.total == 0 || b.record > MAX_RECORD) {
        fprintf(stderr, "redis_bench [COMMITS [RECORD_OCTETS]]\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(i * 31);
    redis_server_start(&server, NULL);
    rig_init(&rig);
    rig_open(&rig, (struct store_redis_config){ .path = server.sock, .op_timeout_ms = 5000 });
    if (!rig_until(&rig, rig_up, 5000))
        return 1;
    for (uint16_t i = 0; i < SLOTS; i++)
        rig_own(&rig, i, rig_token(1, 1));
    rig.s->on_result = on_result;
    rig.s->ctx = &b;
    rig.s->on_state = NULL;
    b.rig = &rig;
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        run(&rig, &server, &b, windows[i]);
    rig_done(&rig);
    redis_server_done(&server);
    return 0;
}
