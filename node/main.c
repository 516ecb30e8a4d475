/* ikestrad: the node daemon. Arguments, configuration, loop. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/runtime/runtime.h"

static const char usage[] =
    "usage: ikestrad --config FILE [--check]\n"
    "  --config FILE   configuration, JSON (docs/configuration.md)\n"
    "  --check         read the configuration, say what is wrong, do nothing else\n"
    "  --version\n"
    "  --help\n";

static int run(const char *path, bool check)
{
    static struct runtime rt;
    char error[CONFIG_ERROR] = "";
    struct config *cfg;

    if (config_load(path, &cfg, error) != OK) {
        fprintf(stderr, "ikestrad: %s\n", error);
        return 1;
    }
    if (check) {
        for (size_t i = 0; i < cfg->n_warnings; i++)
            fprintf(stderr, "ikestrad: warning: %s\n", cfg->warnings[i]);
        printf("%s: fine\n", path);
        config_free(cfg);
        return 0;
    }
    if (runtime_start(&rt, cfg, error) != OK) {
        fprintf(stderr, "ikestrad: %s\n", error[0] != '\0' ? error : "cannot start");
        runtime_stop(&rt);
        config_free(cfg);
        return 1;
    }
    runtime_run(&rt);
    runtime_stop(&rt);
    config_free(cfg);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "config", required_argument, NULL, 'c' },
                                             { "check", no_argument, NULL, 'k' },
                                             { "version", no_argument, NULL, 'v' },
                                             { "help", no_argument, NULL, 'h' },
                                             { 0 } };
    const char *path = NULL;
    bool check = false;
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (o) {
        case 'c':
            path = optarg;
            break;
        case 'k':
            check = true;
            break;
        case 'v':
            printf("ikestrad %s\n", IKESTRA_VERSION);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    if (path == NULL || optind < argc) {
        fputs(usage, stderr);
        return 2;
    }
    return run(path, check);
}
