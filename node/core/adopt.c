/* adopt: a stored record becomes a running session on this node.
 *
 * Per Child SA: outbound numbers begin at the end of the stored reservation (or at the exact number
 * of a planned handover), with a new block stored first; a key whose reservation was stored in
 * another incarnation is installed without sending and rekeyed (DESIGN, "Numbers"). The inbound
 * window is restored as "bounded": all up to the stored top counts as seen; suspect sessions drop
 * inbound until rekeyed. Our request in flight goes out again, octet for octet; the kept reply
 * answers retransmissions. INV-SEQ, INV-NONCE, INV-REPLAY, INV-MID. */
#include <stdlib.h>
#include <string.h>

#include "node/core/engine_state.h"
#include "node/core/suspect.h"
#include "statesync/base/breaks.h"
#include "statesync/record/store_key.h"

static enum err open_record(struct engine *e, uint16_t slot, const struct store_entry *entry,
                            struct session_record *ret)
{
    struct bytes plain;
    char key[STORE_KEY_MAX];
    enum err err;

    TRY(seal_open(e->cfg.keyring, SEAL_SESSION, store_key_record(e->cfg.pop, slot, entry->id, key),
                  entry->version, entry->value, &plain, NULL));
    err = session_record_decode(span_bytes(plain), ret);
    bytes_wipe_free(&plain);
    if (err != OK)
        return err;
    ret->version = entry->version;
    if (session_own_spi(ret) == entry->id && ike_spi_slot(entry->id) == slot)
        return OK;
    session_record_done(ret);
    return E_BAD_VALUE;
}

/* RFC 7296 2.8: who rekeyed deletes the old Child SA, or its own new one after losing against the
 * peer's. The node that had it in mind is gone; who made what and when is in the record. */
static bool ours_to_delete(const struct ike_sa *sa, const struct child_record *c)
{
    for (unsigned i = 0; i < sa->r.n_children; i++) {
        const struct child_record *by = &sa->r.children[i];

        if (by->state != CS_INSTALLED || strcmp(by->name, c->name) != 0)
            continue;
        if (by->initiator ? by->created_ms >= c->created_ms
                          : c->initiator && c->created_ms >= by->created_ms)
            return true;
    }
    return false;
}

static void adopt_child(struct engine *e, struct now now, struct ike_sa *sa, struct child_record *c,
                        struct commit *k)
{
    struct eslot *s = slot_of(e, sa);
    struct incarnation inc = s->incarnation;
    struct child_run *run = ike_sa_run(sa, c->spi_in);
    uint64_t start;
    struct seq_plan p;
    bool hold, exact = c->exact; /* seq_apply clears it: nobody after us may rely on it */

    if (run == NULL)
        abort();
    if (BREAK(e->env, IGNORE_INCARNATION))
        c->reserved_in = inc;
    p = seq_takeover(e->env, c, 0, e->policy->outage_s, &inc);
    start = p.start;
    hold = p.what != SEQ_EXTEND && p.what != SEQ_KEEP;
    seq_apply(c, &p, &inc);
    if (!exact)
        c->window.bitmap_valid = c->window.bitmap_valid && c->window.top == 0;
    if (BREAK(e->env, FORGET_WINDOW))
        memset(&c->window, 0, sizeof c->window);
    if (sa->r.suspect && !exact)
        c->strict_in = true;
    install_child(e, sa, c, start, hold, &k->after);
    c->exact = false;
    if (c->state == CS_INSTALLED && (hold || p.rekey || c->strict_in)) {
        run->want_rekey = true;
    }
    if (c->state == CS_REKEYED && sa->r.request.kind == RQ_NONE && ours_to_delete(sa, c))
        run->want_delete = true;
    (void)now;
}

static void resume_request(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out)
{
    if (sa->r.request.kind == RQ_NONE || sa->r.request.datagrams.len == 0)
        return;
    sa->request_tries = 0;
    sa->request_due_ms = now.mono_ms + e->policy->retransmit_ms;
    send_datagrams(e, sa, span_bytes(sa->r.request.datagrams), out);
}

static void start_session(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out)
{
    struct eslot *s = slot_of(e, sa);
    struct commit *k;

    sa->taken_over = s->takeover;
    sa->last_in_ms = now.mono_ms;
    sa->last_out_ms = now.mono_ms;
    if (sa->r.state == SS_HALF_OPEN)
        admission_enter(e, sa);
    if (s->suspect && ike_sa_usable(sa))
        suspect_begin(e, now, sa);
    if (ike_sa_usable(sa) && sa->r.n_children > 0) {
        k = commit_new(e, sa, NULL, NULL);
        for (unsigned i = 0; i < sa->r.n_children; i++)
            adopt_child(e, now, sa, &sa->r.children[i], k);
        if (s->takeover)
            e->stats.takeovers++;
        commit_submit(e, now, k, out);
    }
    resume_request(e, now, sa, out);
    reschedule(e, now, sa);
}

void adopt_entry(struct engine *e, struct now now, uint16_t slot, const struct store_entry *entry,
                 struct actions *out)
{
    struct ike_sa *sa = ike_sa_new();
    enum err err = sa == NULL ? E_NOMEM : open_record(e, slot, entry, &sa->r);

    if (err == OK) {
        sa->slot = slot;
        err = sa_table_add(&e->table, sa, &e->slots[slot].head);
        if (err == OK && sa_table_index_children(&e->table, sa) != OK)
            abort();
    }
    if (err != OK) {
        e->stats.records_refused++;
        LOG(e->env, LOG_ERROR, "record-refused", F_U64("slot", slot), F_SPI("id", entry->id),
            F_ERR("error", err));
        ike_sa_free(sa);
        return;
    }
    if (BREAK(e->env, FORGET_TOMBSTONE) && sa->r.state == SS_DELETED)
        sa->r.state = SS_ESTABLISHED;
    start_session(e, now, sa, out);
}
