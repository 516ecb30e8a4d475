/* sim: runs seeds, or shows that planted breaks are caught.
 *
 *   sim --seeds N [--first S]          N runs; exit 1 at a violation, with the line that repeats it
 *   sim --seed S [--verbose]           one run, twice: the traces must be the same
 *   sim --breaks [--seeds N]           each planted break must be caught within N seeds: a table
 *   sim --break NAME --seed S          one run with one break
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statesync/base/breaks.h"
#include "tests/sim/sim.h"

static int repeat_line(const struct sim_result *r, uint64_t seed)
{
    printf("seed %llu: %s\n  repeat: sim --seed %llu --verbose\n", (unsigned long long)seed,
           r->violation, (unsigned long long)seed);
    return 1;
}

static int run_seeds(uint64_t first, uint64_t n)
{
    struct sim_result total = { 0 };
    unsigned bad = 0;

    for (uint64_t i = first; i < first + n; i++) {
        struct sim_options o = { .seed = i };
        struct sim_result r;

        sim_run(&o, &r);
        if (r.violated)
            bad += (unsigned)repeat_line(&r, i);
        total.events += r.events;
        total.packets += r.packets;
        total.exchanges += r.exchanges;
        total.kills += r.kills;
        total.established += r.established;
        if (bad >= 10)
            break;
    }
    printf("%llu seeds, %u with a violation; %llu events, %u sessions, %u exchanges started, "
           "%u packets, %u kills\n",
           (unsigned long long)n, bad, (unsigned long long)total.events, total.established,
           total.exchanges, total.packets, total.kills);
    return bad > 0;
}

static int run_one(uint64_t seed, uint64_t breaks, bool verbose)
{
    struct sim_options o = { seed, breaks, verbose };
    struct sim_result a, b;

    sim_run(&o, &a);
    o.verbose = false;
    sim_run(&o, &b);
    printf("seed %llu: trace %016llx, %s\n", (unsigned long long)seed, (unsigned long long)a.trace,
           a.violated ? a.violation : "no violation");
    if (a.trace != b.trace) {
        printf("seed %llu is not repeatable: trace %016llx the second time\n",
               (unsigned long long)seed, (unsigned long long)b.trace);
        return 1;
    }
    return a.violated;
}

static int run_breaks(uint64_t first, uint64_t n)
{
    int missed = 0;

    printf("%-24s %-8s %s\n", "planted break", "seed", "caught as");
    for (unsigned i = 0; i < BREAK_COUNT; i++) {
        struct sim_result r = { 0 };
        uint64_t seed = first;

        for (; seed < first + n && !r.violated; seed++) {
            struct sim_options o = { .seed = seed, .breaks = (uint64_t)1 << i };

            sim_run(&o, &r);
        }
        if (r.violated) {
            printf("%-24s %-8llu %.100s\n", break_name(i), (unsigned long long)seed - 1,
                   r.violation);
        } else {
            printf("%-24s %-8s not caught within %llu seeds\n", break_name(i), "-",
                   (unsigned long long)n);
            missed++;
        }
        fflush(stdout);
    }
    return missed > 0;
}

int main(int argc, char **argv)
{
    uint64_t seeds = 50, first = 1, seed = 0, breaks = 0;
    bool one = false, table = false, verbose = false;

    for (int i = 1; i < argc; i++) {
        const char *v = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--seeds") == 0)
            seeds = strtoull(v, NULL, 10), i++;
        else if (strcmp(argv[i], "--first") == 0)
            first = strtoull(v, NULL, 10), i++;
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(v, NULL, 10), one = true, i++;
        else if (strcmp(argv[i], "--verbose") == 0)
            verbose = true;
        else if (strcmp(argv[i], "--breaks") == 0)
            table = true;
        else if (strcmp(argv[i], "--break") == 0) {
            for (unsigned b = 0; b < BREAK_COUNT; b++)
                if (strcmp(break_name(b), v) == 0)
                    breaks |= (uint64_t)1 << b;
            i++;
        } else {
            fprintf(stderr, "sim: unknown argument %s\n", argv[i]);
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (table)
        return run_breaks(first, seeds);
    return one ? run_one(seed, breaks, verbose) : run_seeds(first, seeds);
}
