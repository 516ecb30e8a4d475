/* engine_commit: commit before send.
 *
 * A step that changed a session's record seals it under the next version and asks the store to
 * write it; everything that must not happen before it is stored waits in the commit's own action
 * list. OK releases the list. A refusal drops the session and reads the slot again: another node
 * was first. A result that is unknown is never guessed: the store is read, our own octets under the
 * next version mean OK, the version before means write again, anything else means another node.
 * While the store is down a commit waits and its session with it; ESP goes on inside what is
 * reserved. */
#include <stdlib.h>

#include "node/core/engine_state.h"
#include "statesync/base/breaks.h"
#include "statesync/record/store_key.h"

enum { RETRY_MS = 200 };

struct commit *commit_new(struct engine *e, struct ike_sa *sa, struct ike_sa *second,
                          struct ike_sa *third)
{
    struct commit *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    c->slot = sa->slot;
    c->sa[c->n++] = sa;
    if (second != NULL)
        c->sa[c->n++] = second;
    if (third != NULL)
        c->sa[c->n++] = third;
    for (unsigned i = 0; i < c->n; i++)
        c->sa[i]->commit = c;
    c->next = e->commits;
    e->commits = c;
    return c;
}

static void commit_free(struct engine *e, struct commit *c)
{
    struct commit **at = &e->commits;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    for (unsigned i = 0; i < c->n; i++) {
        if (c->sa[i] != NULL)
            c->sa[i]->commit = NULL;
        bytes_free(&c->sealed[i]);
    }
    actions_free(&c->after);
    free(c);
}

static enum err seal_one(struct engine *e, struct commit *c, unsigned i)
{
    struct session_record *r = &c->sa[i]->r;
    struct bytes plain, reply = r->reply;
    char key[STORE_KEY_MAX];
    enum err err;

    c->id[i] = session_own_spi(r);
    c->expect[i] = r->version;
    r->version++;
    if (BREAK(e->env, FORGET_REPLY))
        r->reply = (struct bytes){ 0 };
    err = session_record_encode(r, &plain);
    r->reply = reply;
    r->version--;
    if (err != OK)
        return err;
    err = seal_record(e->cfg.keyring, e->env, SEAL_SESSION,
                      store_key_record(e->cfg.pop, c->slot, c->id[i], key),
                      &e->slots[c->slot].token, r->version + 1, span_bytes(plain), &c->sealed[i]);
    bytes_wipe_free(&plain);
    return err;
}

static void submit_write(struct engine *e, struct commit *c, struct actions *out)
{
    struct span value[COMMIT_SESSIONS] = { SPAN_NONE };
    struct action *a;

    for (unsigned i = 0; i < c->n; i++)
        if (!c->remove[i])
            value[i] = actions_copy(out, span_bytes(c->sealed[i]));
    a = actions_add(out, ACT_STORE);
    a->op.kind = STORE_COMMIT;
    a->op.ticket = c->ticket = e->next_ticket++;
    a->op.slot = c->slot;
    a->op.token = e->slots[c->slot].token;
    a->op.n_writes = c->n;
    for (unsigned i = 0; i < c->n; i++)
        a->op.writes[i] = (struct store_write){ c->id[i], c->expect[i], value[i], c->remove[i] };
    c->reading = false;
    e->stats.commits++;
}

void commit_submit(struct engine *e, struct now now, struct commit *c, struct actions *out)
{
    (void)now;
    for (unsigned i = 0; i < c->n; i++) {
        c->sa[i]->dirty = c->sa[i]->window_dirty = false;
        if (!c->remove[i] && seal_one(e, c, i) != OK)
            abort(); /* our own record does not encode: state is wrong, a neighbour takes over */
    }
    submit_write(e, c, out);
    if (BREAK(e->env, SEND_BEFORE_COMMIT))
        actions_splice(out, &c->after);
}

void session_drop(struct engine *e, struct ike_sa *sa, struct actions *out)
{
    for (unsigned i = 0; i < sa->n_runs; i++)
        if (sa->runs[i].installed || sa->runs[i].removing)
            remove_child(e, sa, sa->runs[i].spi_in, out);
    if (sa->commit != NULL) {
        for (unsigned i = 0; i < sa->commit->n; i++)
            if (sa->commit->sa[i] == sa)
                sa->commit->sa[i] = NULL;
        sa->commit->withdrawn = true;
    }
    admission_leave(e, sa);
    sa_table_remove(&e->table, sa);
    ike_sa_free(sa);
}

static void reload(struct engine *e, uint16_t slot, struct actions *out)
{
    struct eslot *s = &e->slots[slot];
    struct action *a;

    if (!s->open || s->load_ticket != 0)
        return;
    a = actions_add(out, ACT_STORE);
    a->op.kind = STORE_LOAD;
    a->op.ticket = s->load_ticket = e->next_ticket++;
    a->op.slot = slot;
}

/* Packets that came while the commit was in flight. */
static void unpark(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out)
{
    struct parked p[LIMIT_PARKED];
    unsigned n = sa->n_parked;

    for (unsigned i = 0; i < n; i++)
        p[i] = sa->parked[i];
    sa->n_parked = 0;
    for (unsigned i = 0; i < n; i++) { /* sa may be gone after the first */
        engine_packet(e, now, &p[i].local, &p[i].remote, span_bytes(p[i].packet), out);
        bytes_wipe_free(&p[i].packet);
    }
}

static void commit_ok(struct engine *e, struct now now, struct commit *c, struct actions *out)
{
    struct ike_sa *sa[COMMIT_SESSIONS] = { c->sa[0], c->sa[1], c->sa[2] };
    bool withdrawn = c->withdrawn;

    if (!withdrawn)
        actions_splice(out, &c->after);
    for (unsigned i = 0; i < c->n; i++)
        if (c->sa[i] != NULL)
            c->sa[i]->r.version = c->expect[i] + 1;
    commit_free(e, c);
    for (unsigned i = 0; i < COMMIT_SESSIONS; i++) {
        uint64_t spi;

        if (sa[i] == NULL || withdrawn)
            continue;
        if (sa[i]->gone) {
            session_drop(e, sa[i], out);
            continue;
        }
        spi = session_own_spi(&sa[i]->r);
        reschedule(e, now, sa[i]);
        unpark(e, now, sa[i], out);
        sa[i] = sa_table_find(&e->table, spi);
        if (sa[i] != NULL && sa[i]->commit == NULL && sa[i]->dirty)
            commit_dirty(e, now, sa[i], out);
        if (sa[i] != NULL) {
            extend_waiting(e, now, sa[i], out);
            run_next_task(e, now, sa[i], out);
        }
    }
}

/* Another node was first, or the slot is no longer ours: memory is worth nothing, the store
 * decides. */
static void commit_refused(struct engine *e, struct commit *c, enum err err, struct actions *out)
{
    struct ike_sa *sa[COMMIT_SESSIONS] = { c->sa[0], c->sa[1], c->sa[2] };
    uint16_t slot = c->slot;

    e->stats.commit_conflicts++;
    commit_free(e, c);
    for (unsigned i = 0; i < COMMIT_SESSIONS; i++)
        if (sa[i] != NULL)
            session_drop(e, sa[i], out);
    if (err != E_LEASE_LOST) /* else there is nothing to read: whoever runs us closes the slot */
        reload(e, slot, out);
}

static void read_back(struct engine *e, struct commit *c, struct actions *out)
{
    struct action *a = actions_add(out, ACT_STORE);

    a->op.kind = STORE_LOAD;
    a->op.ticket = c->ticket = e->next_ticket++;
    a->op.slot = c->slot;
    c->reading = true;
}

static void wait_and_retry(struct engine *e, struct now now, struct commit *c)
{
    c->ticket = 0;
    c->retry_ms = now.mono_ms + RETRY_MS;
    if (c->retry_ms < e->retry_ms)
        e->retry_ms = c->retry_ms;
}

static void commit_result(struct engine *e, struct now now, struct commit *c, enum err err,
                          struct actions *out)
{
    struct eslot *s = &e->slots[c->slot];

    if (c->withdrawn || !s->open) {
        commit_refused(e, c, E_CONFLICT, out);
        return;
    }
    if (s->suspended && err != OK) {
        wait_and_retry(e, now, c); /* engine_slot_reconcile decides */
        return;
    }
    switch (err) {
    case OK:
        commit_ok(e, now, c, out);
        break;
    case E_STORE_UNKNOWN:
        e->stats.commit_unknown++;
        read_back(e, c, out);
        break;
    case E_STORE_DOWN:
        wait_and_retry(e, now, c);
        break;
    default:
        commit_refused(e, c, err, out);
        break;
    }
}

static const struct store_entry *find_entry(const struct store_result *r, uint64_t id)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (r->entries[i].id == id)
            return &r->entries[i];
    return NULL;
}

static void read_back_result(struct engine *e, struct now now, struct commit *c,
                             const struct store_result *r, struct actions *out)
{
    unsigned ours = 0, before = 0;

    if (r->err != OK || c->withdrawn || e->slots[c->slot].suspended) {
        if (c->withdrawn)
            commit_refused(e, c, E_CONFLICT, out);
        else
            wait_and_retry(e, now, c);
        c = NULL;
        return;
    }
    for (unsigned i = 0; i < c->n; i++) {
        const struct store_entry *s = find_entry(r, c->id[i]);
        uint64_t version = s == NULL ? 0 : s->version;

        if (c->remove[i] ? s == NULL
                         : s != NULL && version == c->expect[i] + 1 &&
                               span_eq(s->value, span_bytes(c->sealed[i])))
            ours++;
        else if (version == c->expect[i])
            before++;
    }
    if (ours == c->n)
        commit_ok(e, now, c, out);
    else if (before == c->n)
        submit_write(e, c, out); /* the same octets: if the lost one still lands, they are equal */
    else
        commit_refused(e, c, E_CONFLICT, out);
}

static void reload_result(struct engine *e, struct now now, uint16_t slot,
                          const struct store_result *r, struct actions *out)
{
    e->slots[slot].load_ticket = 0;
    if (r->err != OK) {
        if (r->err == E_STORE_UNKNOWN || r->err == E_STORE_DOWN)
            reload(e, slot, out);
        return;
    }
    for (size_t i = 0; i < r->n_entries; i++)
        if (sa_table_find(&e->table, r->entries[i].id) == NULL)
            adopt_entry(e, now, slot, &r->entries[i], out);
}

void engine_store_result(struct engine *e, struct now now, const struct store_result *r,
                         struct actions *out)
{
    struct commit *c = e->commits;

    while (c != NULL && c->ticket != r->ticket)
        c = c->next;
    if (c != NULL) {
        if (r->kind == STORE_COMMIT)
            commit_result(e, now, c, r->err, out);
        else if (r->kind == STORE_LOAD)
            read_back_result(e, now, c, r, out);
    } else if (r->kind == STORE_LOAD && r->slot < e->cfg.slots &&
               e->slots[r->slot].load_ticket == r->ticket) {
        reload_result(e, now, r->slot, r, out);
    } else if (r->kind == STORE_PUT) {
        for (size_t i = 0; i < e->table.n_heap; i++)
            if (e->table.heap[i]->lease_ticket == r->ticket) {
                struct ike_sa *sa = e->table.heap[i];

                sa->lease_ticket = 0;
                if (r->err != OK)
                    sa->lease_vip = (struct ip_addr){ 0 };
                unpark(e, now, sa, out);
                break;
            }
    }
    if (r->slot < e->cfg.slots && e->slots[r->slot].releasing)
        release_step(e, now, r->slot, out);
}

void commit_dirty(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out)
{
    struct eslot *s = slot_of(e, sa);

    sa->dirty = true;
    if (sa->commit != NULL || s->suspended || !s->open)
        return;
    commit_submit(e, now, commit_new(e, sa, NULL, NULL), out);
}

void commits_tick(struct engine *e, struct now now, struct actions *out)
{
    if (now.mono_ms < e->retry_ms)
        return;
    e->retry_ms = UINT64_MAX;
    for (struct commit *c = e->commits; c != NULL; c = c->next) {
        if (c->ticket != 0)
            continue;
        if (c->retry_ms > now.mono_ms || e->slots[c->slot].suspended) {
            wait_and_retry(e, now, c);
            continue;
        }
        /* An earlier try may have gone through unnoticed. */
        read_back(e, c, out);
    }
}
