#include "node/core/suspect.h"

void suspect_begin(struct engine *e, struct now now, struct ike_sa *sa)
{
    sa->r.suspect = true;
    sa->r.suspect_probe = sa->r.send_next;
    e->stats.suspects++;
    LOG(e->env, LOG_WARN, "session-suspect", F_SPI("spi_i", sa->r.spi_i),
        F_SPI("spi_r", sa->r.spi_r));
    if (sa->r.request.kind == RQ_NONE)
        sa->want_dpd = true;
    (void)now;
}
