#include "node/sa/ike_sa.h"

#include <stdlib.h>
#include <string.h>

static const uint16_t next_ok[SS_COUNT] = {
    [SS_NONE] = 1 << SS_INIT_SENT | 1 << SS_HALF_OPEN | 1 << SS_ESTABLISHED,
    [SS_INIT_SENT] = 1 << SS_AUTH_SENT | 1 << SS_DELETED,
    [SS_HALF_OPEN] = 1 << SS_AUTHENTICATING | 1 << SS_ESTABLISHED | 1 << SS_DELETED,
    [SS_AUTH_SENT] = 1 << SS_ESTABLISHED | 1 << SS_DELETING | 1 << SS_DELETED,
    [SS_AUTHENTICATING] = 1 << SS_ESTABLISHED | 1 << SS_DELETED,
    [SS_ESTABLISHED] = 1 << SS_REKEYED | 1 << SS_DELETING | 1 << SS_DELETED,
    [SS_REKEYED] = 1 << SS_DELETING | 1 << SS_DELETED,
    [SS_DELETING] = 1 << SS_DELETED,
};

const char *session_state_name(unsigned state)
{
    static const char *const names[SS_COUNT] = {
        [SS_NONE] = "none",
        [SS_INIT_SENT] = "init-sent",
        [SS_HALF_OPEN] = "half-open",
        [SS_AUTH_SENT] = "auth-sent",
        [SS_AUTHENTICATING] = "authenticating",
        [SS_ESTABLISHED] = "established",
        [SS_REKEYED] = "rekeyed",
        [SS_DELETING] = "deleting",
        [SS_DELETED] = "deleted",
    };

    return state < SS_COUNT ? names[state] : "unknown";
}

struct ike_sa *ike_sa_new(void)
{
    return calloc(1, sizeof(struct ike_sa));
}

struct ike_sa *ike_sa_free(struct ike_sa *sa)
{
    if (sa == NULL)
        return NULL;
    session_record_done(&sa->r);
    if (sa->frag != NULL) {
        frag_done(sa->frag);
        free(sa->frag);
    }
    for (unsigned i = 0; i < sa->n_parked; i++)
        bytes_wipe_free(&sa->parked[i].packet);
    free(sa->runs);
    wipe(sa, sizeof *sa);
    free(sa);
    return NULL;
}

void ike_sa_set_state(struct ike_sa *sa, enum session_state to, const struct env *env)
{
    if (sa->r.state >= SS_COUNT || (next_ok[sa->r.state] >> to & 1) == 0)
        abort();
    LOG(env, LOG_DEBUG, "ike-sa-state", F_SPI("spi_i", sa->r.spi_i), F_SPI("spi_r", sa->r.spi_r),
        F_STR("from", session_state_name(sa->r.state)), F_STR("to", session_state_name(to)));
    sa->r.state = (uint8_t)to;
}

struct child_record *ike_sa_child(struct ike_sa *sa, uint32_t spi_in)
{
    for (unsigned i = 0; i < sa->r.n_children; i++)
        if (sa->r.children[i].spi_in == spi_in)
            return &sa->r.children[i];
    return NULL;
}

struct child_record *ike_sa_child_out(struct ike_sa *sa, uint32_t spi_out)
{
    for (unsigned i = 0; i < sa->r.n_children; i++)
        if (sa->r.children[i].spi_out == spi_out)
            return &sa->r.children[i];
    return NULL;
}

/* Runs of children that left the record; kept while their removal is being stored, because a
 * refused commit has to know what is at the data plane. */
static void forget_stale_runs(struct ike_sa *sa)
{
    for (unsigned i = sa->n_runs; i > 0; i--)
        if (ike_sa_child(sa, sa->runs[i - 1].spi_in) == NULL)
            sa->runs[i - 1] = sa->runs[--sa->n_runs];
}

struct child_run *ike_sa_run(struct ike_sa *sa, uint32_t spi_in)
{
    struct child_run *v;

    for (unsigned i = 0; i < sa->n_runs; i++)
        if (sa->runs[i].spi_in == spi_in)
            return &sa->runs[i];
    if (ike_sa_child(sa, spi_in) == NULL)
        return NULL;
    if (sa->commit == NULL)
        forget_stale_runs(sa);
    v = realloc(sa->runs, (sa->n_runs + 1u) * sizeof *v);
    if (v == NULL)
        return NULL;
    sa->runs = v;
    v[sa->n_runs] = (struct child_run){ .spi_in = spi_in };
    return &v[sa->n_runs++];
}

void ike_sa_forget_run(struct ike_sa *sa, uint32_t spi_in)
{
    for (unsigned i = 0; i < sa->n_runs; i++)
        if (sa->runs[i].spi_in == spi_in) {
            sa->runs[i] = sa->runs[--sa->n_runs];
            return;
        }
}

struct ike_suite ike_sa_suite(const struct session_record *r)
{
    return (struct ike_suite){ r->suite.encr, r->suite.encr_key_bits, r->suite.integ, r->suite.prf,
                               r->suite.dh };
}
