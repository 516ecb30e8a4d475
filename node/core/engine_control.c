/* engine_control: what an operator may ask of sessions, and views for status, metrics and checkers.
 */
#include <string.h>

#include "node/core/engine_state.h"

static void failed(struct actions *out, uint64_t id, enum err err)
{
    struct action *a = actions_add(out, ACT_EVENT);

    a->event = EV_FAILED;
    a->event_id = id;
    a->err = err;
}

void engine_initiate(struct engine *e, struct now now, const char *conn, uint64_t id,
                     struct actions *out)
{
    struct exchange x;
    uint64_t spi;

    exchange_init(e, now, NULL, &x);
    for (size_t i = 0; i < e->policy->n_conns; i++) {
        const struct policy_conn *c = &e->policy->conns[i];

        if (strcmp(c->name, conn) != 0)
            continue;
        if (c->remote.addr.family == 0 || c->n_suites == 0) {
            failed(out, id, E_CONFIG);
            return;
        }
        spi = engine_exchange_ops.new_ike_spi(e, UINT16_MAX);
        if (spi == 0 || e->away) {
            failed(out, id, E_TEMPORARY);
            return;
        }
        x.local = c->local;
        x.remote = c->remote;
        if (ike_sa_init_begin(&x, c, spi, ike_spi_slot(spi)) != OK) {
            failed(out, id, E_CRYPTO);
            return;
        }
        x.out.created->event_id = id;
        run_outcome(e, now, &x, out);
        return;
    }
    failed(out, id, E_NOT_FOUND);
}

void engine_terminate(struct engine *e, struct now now, enum terminate_kind kind, const char *conn,
                      uint64_t own_spi, uint32_t child_spi_in, uint64_t id, struct actions *out)
{
    unsigned found = 0;

    for (uint16_t s = 0; s < e->cfg.slots; s++)
        for (struct ike_sa *sa = e->slots[s].head, *next; sa != NULL; sa = next) {
            next = sa->slot_next;
            if (!ike_sa_usable(sa) || (own_spi != 0 && session_own_spi(&sa->r) != own_spi) ||
                (own_spi == 0 && conn != NULL && strcmp(conn, sa->r.conn) != 0))
                continue;
            found++;
            sa->event_id = id;
            if (kind == TERMINATE_IKE) {
                sa->want_delete = true;
            } else {
                for (unsigned i = 0; i < sa->r.n_children; i++) {
                    struct child_run *run = ike_sa_run(sa, sa->r.children[i].spi_in);

                    if (run != NULL &&
                        (child_spi_in == 0 || child_spi_in == sa->r.children[i].spi_in))
                        run->want_delete = true;
                }
            }
            run_next_task(e, now, sa, out);
        }
    if (found == 0)
        failed(out, id, E_NOT_FOUND);
}

void engine_rekey(struct engine *e, struct now now, uint64_t own_spi, uint32_t child_spi_in,
                  uint64_t id, struct actions *out)
{
    struct ike_sa *sa = sa_table_find(&e->table, own_spi);
    struct child_run *run = NULL;

    if (sa == NULL || sa->r.state != SS_ESTABLISHED ||
        (child_spi_in != 0 && (run = ike_sa_run(sa, child_spi_in)) == NULL)) {
        failed(out, id, E_NOT_FOUND);
        return;
    }
    sa->event_id = id;
    if (run != NULL)
        run->want_rekey = true;
    else
        sa->want_rekey = true;
    run_next_task(e, now, sa, out);
    if ((sa = sa_table_find(&e->table, own_spi)) != NULL)
        reschedule(e, now, sa);
}

void engine_each_session(const struct engine *e,
                         bool (*fn)(void *ctx, const struct session_record *r), void *ctx)
{
    for (uint16_t s = 0; s < e->cfg.slots; s++)
        for (const struct ike_sa *sa = e->slots[s].head; sa != NULL; sa = sa->slot_next)
            if (!fn(ctx, &sa->r))
                return;
}

const struct engine_stats *engine_stats(const struct engine *e)
{
    struct engine_stats *st = (struct engine_stats *)&e->stats;

    st->sessions = st->established = st->children = 0;
    for (uint16_t s = 0; s < e->cfg.slots; s++)
        for (const struct ike_sa *sa = e->slots[s].head; sa != NULL; sa = sa->slot_next) {
            st->sessions += sa->r.state != SS_DELETED;
            st->established += sa->r.state == SS_ESTABLISHED;
            st->children += sa->r.n_children;
        }
    return st;
}
