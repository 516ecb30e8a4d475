/* The configuration file. Its own files are in a directory of this process; inputs that would lead
 * out of it are left out. */
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>

#include "node/config/config.h"

static char dir[] = "/tmp/ik-fuzz-config-XXXXXX";

int LLVMFuzzerInitialize(int *argc, char ***argv);

static void put(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    MUST(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, 0644) == 0);
}

static void clean(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/psk", dir);
    remove(path);
    snprintf(path, sizeof path, "%s/ring", dir);
    remove(path);
    remove(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    MUST(mkdtemp(dir) != NULL);
    put("psk", "guessable\n");
    put("ring", "7 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f active\n");
    atexit(clean);
    return 0;
}

/* A name with a slash before anything but a number could be any file of this host. */
static bool leads_out(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((p[i] == '/' && (i + 1 == n || p[i + 1] < '0' || p[i + 1] > '9')) || p[i] == '\\' ||
            (p[i] == '.' && i + 1 < n && p[i + 1] == '.'))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL;
    char error[CONFIG_ERROR];
    enum err e;

    if (size > 8192 || leads_out(data, size))
        return 0;
    e = config_parse(span_of(data, size), dir, &c, error);
    MUST(e == OK || (e == E_CONFIG && c == NULL && error[0] != '\0'));
    MUST(strchr(error, '\n') == NULL);
    if (e != OK)
        return 0;
    MUST(c->policy.n_conns > 0 && c->node_id >= 1 && c->pop >= 1 && c->pop <= 63);
    MUST((c->cluster.slots & (c->cluster.slots - 1)) == 0 && c->cluster.slots > 0);
    for (size_t i = 0; i < c->policy.n_conns; i++) {
        const struct policy_conn *p = &c->policy.conns[i];

        MUST(p->n_children > 0 && p->n_suites > 0 && p->psk.len > 0);
        for (size_t k = 0; k < p->n_suites; k++)
            MUST(ike_suite_check(&p->suites[k]) == OK);
        for (size_t k = 0; k < p->n_children; k++)
            MUST(p->children[k].n_suites > 0 && p->children[k].replay_window >= 32);
    }
    config_free(c);
    return 0;
}
