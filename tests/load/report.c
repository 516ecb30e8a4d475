#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/load/load.h"

struct load_usage load_usage_of(int pid)
{
    struct load_usage u = { 0 };
    unsigned long user, sys, pages;
    char path[64], line[1024], *p;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (f != NULL) {
        /* The name in parentheses may hold anything: fields are counted behind its end. utime and
         * stime are the 14th and 15th field. */
        if (fgets(line, sizeof line, f) != NULL && (p = strrchr(line, ')')) != NULL &&
            sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) == 2)
            u.cpu_s = (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
        fclose(f);
    }
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    f = fopen(path, "r");
    if (f != NULL) {
        if (fscanf(f, "%*u %lu", &pages) == 1)
            u.rss = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
        fclose(f);
    }
    return u;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static double percentile_ms(const struct load_counts *c, unsigned permille)
{
    return c->n == 0 ? 0 : c->latency_us[(c->n - 1) * permille / 1000] / 1000.0;
}

static void as_text(const struct load_counts *c, const struct engine_stats *st, double rate,
                    double cpu_us, double octets)
{
    printf("%llu sessions started, %zu up, %llu failed, in %.2f s: %.0f handshakes/s\n",
           (unsigned long long)c->started, c->n, (unsigned long long)c->failed, c->up_s, rate);
    printf("latency ms: p50 %.2f  p90 %.2f  p99 %.2f  max %.2f\n", percentile_ms(c, 500),
           percentile_ms(c, 900), percentile_ms(c, 990), percentile_ms(c, 1000));
    printf("retransmissions %llu, rekeys IKE %llu Child %llu, probes %llu, ended %llu\n",
           (unsigned long long)st->retransmits_sent, (unsigned long long)st->rekeys_ike,
           (unsigned long long)st->rekeys_child, (unsigned long long)st->dpd_sent,
           (unsigned long long)c->down);
    if (c->before.rss != 0)
        printf("responder: %.1f us CPU per handshake, %.0f octets resident per session\n", cpu_us,
               octets);
}

void load_report(const struct load_options *o, struct load_counts *c, const struct engine_stats *st)
{
    double n = c->n == 0 ? 1 : (double)c->n, rate = c->up_s > 0 ? (double)c->n / c->up_s : 0;
    double cpu_us = (c->after.cpu_s - c->before.cpu_s) * 1e6 / n;
    double octets = ((double)c->after.rss - (double)c->before.rss) / n;

    qsort(c->latency_us, c->n, sizeof *c->latency_us, by_value);
    if (!o->json) {
        as_text(c, st, rate, cpu_us, octets);
        return;
    }
    printf("{\"started\": %llu, \"up\": %zu, \"failed\": %llu, \"seconds\": %.3f, "
           "\"per_s\": %.1f, \"p50_ms\": %.2f, \"p90_ms\": %.2f, \"p99_ms\": %.2f, "
           "\"max_ms\": %.2f, \"retransmits\": %llu, \"rekeys_ike\": %llu, "
           "\"rekeys_child\": %llu, \"dpd\": %llu, \"down\": %llu",
           (unsigned long long)c->started, c->n, (unsigned long long)c->failed, c->up_s, rate,
           percentile_ms(c, 500), percentile_ms(c, 900), percentile_ms(c, 990),
           percentile_ms(c, 1000), (unsigned long long)st->retransmits_sent,
           (unsigned long long)st->rekeys_ike, (unsigned long long)st->rekeys_child,
           (unsigned long long)st->dpd_sent, (unsigned long long)c->down);
    if (c->before.rss != 0)
        printf(", \"responder_us\": %.1f, \"responder_bytes_per_session\": %.0f", cpu_us, octets);
    printf("}\n");
}
