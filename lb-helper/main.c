/* ikestra-lb: the watcher beside each ikestrad.
 *
 * Keeps the node's routes (anycast address, inner pools) announced through BIRD while the daemon
 * says that it is ready, and takes them back when it dies, hangs or leaves. Arguments only, no
 * configuration file: see usage below and deploy/bird/. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb-helper/runtime/helper.h"

static const char usage[] =
    "usage: ikestra-lb --control SOCKET --bird SOCKET --protocol NAME[,NAME...]\n"
    "  --control SOCKET   the control socket of this node's ikestrad\n"
    "  --bird SOCKET      the control socket of this host's BIRD\n"
    "  --protocol NAME    BIRD protocols to enable while the daemon is ready\n"
    "  --rise-ms N        announce after N ms of readiness (default 50)\n"
    "  --probe-ms N       ask the daemon every N ms (default 250)\n"
    "  --hang-ms N        a daemon silent for N ms is gone (default 1500)\n";

static int bad(const char *what, const char *value)
{
    fprintf(stderr, "ikestra-lb: %s '%s'\n%s", what, value, usage);
    return 2;
}

static bool number(const char *text, unsigned *ret_n)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || text[0] == '-' || n > 3600000)
        return false;
    *ret_n = (unsigned)n;
    return true;
}

/* Cuts the list in place. */
static bool protocols(char *list, struct helper_config *c)
{
    char *next;

    for (char *name = list; name != NULL; name = next) {
        next = strchr(name, ',');
        if (next != NULL)
            *next++ = '\0';
        if (!bird_name_ok(name) || c->n_protocols == HELPER_PROTOCOLS_MAX)
            return false;
        c->protocols[c->n_protocols++] = name;
    }
    return true;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "control", required_argument, NULL, 'c' },  { "bird", required_argument, NULL, 'b' },
        { "protocol", required_argument, NULL, 'p' }, { "rise-ms", required_argument, NULL, 'r' },
        { "probe-ms", required_argument, NULL, 'q' }, { "hang-ms", required_argument, NULL, 'g' },
        { "help", no_argument, NULL, 'h' },           { NULL, 0, NULL, 0 },
    };
    static struct helper helper;
    struct helper_config config = { .rise_ms = 50, .probe_ms = 250, .hang_ms = 1500 };
    uv_loop_t *loop = uv_default_loop();
    int o;

    while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (o == 'h')
            return fputs(usage, stdout) < 0;
        if (o == 'c')
            config.control_path = optarg;
        else if (o == 'b')
            config.bird_path = optarg;
        else if (o == 'p' && !protocols(optarg, &config))
            return bad("not a list of BIRD protocol names:", optarg);
        else if ((o == 'r' && !number(optarg, &config.rise_ms)) ||
                 (o == 'q' && (!number(optarg, &config.probe_ms) || config.probe_ms == 0)) ||
                 (o == 'g' && !number(optarg, &config.hang_ms)))
            return bad("not a number of milliseconds:", optarg);
        else if (o == '?')
            return bad("cannot use the arguments; see", "--help");
    }
    if (optind != argc)
        return bad("unexpected argument", argv[optind]);
    if (config.control_path == NULL || config.bird_path == NULL || config.n_protocols == 0)
        return bad("missing:", "--control, --bird and --protocol are all needed");
    signal(SIGPIPE, SIG_IGN);
    helper_start(&helper, loop, &config);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    return 0;
}
