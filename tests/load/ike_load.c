/* ike-load: see load.h. Exit status 0 when every session came up, 1 when not, 2 for bad usage. */
#include <stdio.h>

#include "tests/load/load.h"

int main(int argc, char **argv)
{
    struct load_options o;
    struct load_host h;
    struct policy p = { 0 };
    int rc = 2;

    if (!load_options_read(argc, argv, &o))
        return 2;
    if (load_policy_make(&o, &p)) {
        if (host_open(&h, &o, &p))
            rc = load_run(&o, &h);
        host_close(&h);
    }
    load_policy_done(&p);
    return rc;
}
