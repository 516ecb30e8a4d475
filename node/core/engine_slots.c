/* engine_slots: slots come, go, are handed over, and are compared with a store that changed. */
#include <stdlib.h>

#include "node/core/engine_state.h"
#include "statesync/base/breaks.h"

void engine_slot_open(struct engine *e, struct now now, const struct slot_open *so)
{
    struct eslot *s = &e->slots[so->slot];

    (void)now;
    if (s->open) { /* re-claimed in a new incarnation: sessions stay */
        s->token = so->token;
        s->incarnation = so->incarnation;
        return;
    }
    s->open = true;
    s->ready = s->suspended = s->releasing = false;
    s->token = so->token;
    s->incarnation = so->incarnation;
    s->suspect = so->suspect;
    s->takeover = so->takeover;
    /* ESP SPIs of sessions not loaded yet must not be given out again: records come before ready.
     */
    s->next_esp = (uint16_t)env_uniform(e->env, 1 << 14);
}

void engine_slot_records(struct engine *e, struct now now, uint16_t slot,
                         const struct store_entry *entries, size_t n, struct actions *out)
{
    struct eslot *s = &e->slots[slot];

    if (!s->open || s->ready)
        return;
    s->ready = true;
    for (size_t i = 0; i < n; i++)
        adopt_entry(e, now, slot, &entries[i], out);
}

bool engine_slot_ready(const struct engine *e, uint16_t slot)
{
    const struct eslot *s = &e->slots[slot];

    return s->open && s->ready && !s->suspended && !s->releasing;
}

static void withdraw_commits(struct engine *e, uint16_t slot)
{
    for (struct commit *c = e->commits; c != NULL; c = c->next)
        if (c->slot == slot)
            c->withdrawn = true;
}

static void free_withdrawn(struct engine *e, uint16_t slot)
{
    struct commit **at = &e->commits;

    while (*at != NULL) {
        struct commit *c = *at;

        if (c->slot != slot) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        for (unsigned i = 0; i < c->n; i++)
            bytes_free(&c->sealed[i]);
        actions_free(&c->after);
        free(c);
    }
}

void engine_slot_close(struct engine *e, struct now now, uint16_t slot, struct actions *out)
{
    struct eslot *s = &e->slots[slot];

    (void)now;
    withdraw_commits(e, slot);
    while (s->head != NULL)
        session_drop(e, s->head, out);
    free_withdrawn(e, slot);
    *s = (struct eslot){ .next_esp = s->next_esp };
}

/* ---- planned handover ---- */

/* One step towards "everything of this session is stored, with exact numbers, and nothing runs
 * here". */
static void release_session(struct engine *e, struct now now, struct ike_sa *sa,
                            struct actions *out)
{
    bool waiting = false;

    if (sa->commit != NULL)
        return;
    for (unsigned i = 0; i < sa->r.n_children; i++) {
        struct child_record *c = &sa->r.children[i];
        struct child_run *run = ike_sa_run(sa, c->spi_in);

        if (run == NULL || !run->installed)
            continue;
        if (!run->removing) {
            run->removing = true;
            actions_add(out, ACT_DP_REMOVE)->spi_in = c->spi_in;
        }
        if (BREAK(e->env, HANDOVER_GUESS)) {
            c->exact = true; /* numbers as last heard, without waiting for the final ones */
            run->installed = false;
        } else {
            waiting = true; /* DPE_REMOVED brings the numbers */
        }
    }
    if (waiting)
        return;
    if (sa->r.n_children == 0 && !sa->dirty) {
        session_drop(e, sa, out); /* its record is as it should be */
        return;
    }
    sa->gone = true; /* once stored, it leaves this node */
    commit_submit(e, now, commit_new(e, sa, NULL, NULL), out);
}

void engine_slot_release(struct engine *e, struct now now, uint16_t slot, struct actions *out)
{
    struct eslot *s = &e->slots[slot];

    if (!s->open)
        return;
    s->releasing = true;
    for (struct ike_sa *sa = s->head; sa != NULL; sa = sa->slot_next)
        sa->releasing = true;
    release_step(e, now, slot, out);
}

void release_step(struct engine *e, struct now now, uint16_t slot, struct actions *out)
{
    struct eslot *s = &e->slots[slot];
    struct ike_sa *next;

    if (!s->releasing)
        return;
    for (struct ike_sa *sa = s->head; sa != NULL; sa = next) {
        next = sa->slot_next;
        release_session(e, now, sa, out);
    }
}

bool engine_slot_released(struct engine *e, uint16_t *ret_slot)
{
    for (uint16_t i = 0; i < e->cfg.slots; i++)
        if (e->slots[i].releasing && e->slots[i].head == NULL) {
            e->slots[i].releasing = false;
            e->slots[i].ready = false;
            *ret_slot = i;
            return true;
        }
    return false;
}

/* ---- a store that changed its incarnation ---- */

void engine_slot_suspend(struct engine *e, uint16_t slot)
{
    e->slots[slot].suspended = true;
}

static const struct store_entry *find(const struct store_entry *v, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].id == id)
            return &v[i];
    return NULL;
}

/* Memory is the truth: what the store has instead is overwritten, by the version that is there. */
static void write_back(struct engine *e, struct now now, struct ike_sa *sa,
                       const struct store_entry *there, struct actions *out)
{
    struct commit *c = sa->commit;

    sa->r.version = there == NULL ? 0 : there->version;
    if (c == NULL) {
        commit_submit(e, now, commit_new(e, sa, NULL, NULL), out);
        return;
    }
    /* A commit that was in flight: its record is newer than anything stored; seal it again over
     * what is there. What waits for it waits for this one. */
    for (unsigned i = 0; i < c->n; i++)
        bytes_free(&c->sealed[i]);
    c->ticket = 0;
    c->reading = false;
    commit_submit(e, now, c, out);
}

void engine_slot_reconcile(struct engine *e, struct now now, uint16_t slot,
                           const struct incarnation *incarnation, const struct store_entry *entries,
                           size_t n, struct actions *out)
{
    struct eslot *s = &e->slots[slot];
    struct ike_sa *next;

    s->suspended = false;
    s->incarnation = *incarnation;
    for (struct ike_sa *sa = s->head; sa != NULL; sa = sa->slot_next)
        if (sa->commit != NULL && sa->commit->n > 1)
            for (unsigned i = 0; i < sa->commit->n; i++) {
                struct ike_sa *m = sa->commit->sa[i];
                const struct store_entry *there =
                    m == NULL ? NULL : find(entries, n, session_own_spi(&m->r));

                if (m != NULL)
                    m->r.version = there == NULL ? 0 : there->version;
            }
    for (struct ike_sa *sa = s->head; sa != NULL; sa = next) {
        const struct store_entry *there = find(entries, n, session_own_spi(&sa->r));

        next = sa->slot_next;
        if (there != NULL && there->version == sa->r.version && sa->commit == NULL && !sa->dirty)
            continue;
        if (sa->commit != NULL && sa->commit->ticket != 0 && sa->commit->n > 1 &&
            sa->commit->sa[0] != sa)
            continue; /* written with its partner */
        write_back(e, now, sa, there, out);
    }
    for (size_t i = 0; i < n; i++)
        if (sa_table_find(&e->table, entries[i].id) == NULL) {
            /* Something we had deleted, or never knew: the rollback brought it back. */
            struct action *a = actions_add(out, ACT_STORE);

            a->op.kind = STORE_COMMIT;
            a->op.ticket = e->next_ticket++;
            a->op.slot = slot;
            a->op.token = s->token;
            a->op.n_writes = 1;
            a->op.writes[0] =
                (struct store_write){ entries[i].id, entries[i].version, SPAN_NONE, true };
        }
}

bool engine_slot_vouchable(const struct engine *e, uint16_t slot)
{
    const struct eslot *s = &e->slots[slot];

    if (!s->open || s->suspended)
        return false;
    for (const struct ike_sa *sa = s->head; sa != NULL; sa = sa->slot_next)
        if (sa->commit != NULL)
            return false;
    return true;
}
