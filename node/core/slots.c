/* slots: the life of a slot at one node.
 *
 *   OTHER --want, row free or its owner gone--> CLAIMING --OK--> LOADING --records--> OWNED
 *   OTHER --row already names us (handed over)--> LOADING
 *   OWNED --another node should have it--> RELEASING --engine stored all--> HANDING --OK--> OTHER
 *   OWNED --store's incarnation changed--> RECON_ROW -> (RECON_CLAIM) -> RECON_LOAD -> RECON_WRITE
 *         -> VOUCHING -> OWNED
 *   any   --row names somebody else, deadline passed--> OTHER (engine forgets)
 *
 * Rows are read in batches (STORE_ROWS): for slots we want, and every quarter of the deadline for
 * those we own; only that confirmation moves the dead-man deadline. An answer that was asked for
 * before a slot's last change of state says nothing about it (min_ticket).
 *
 * A claim whose result is unknown is looked up before anything else happens: the row then shows our
 * token (it went through) or not (it may still: the token we tried stays `expect`ed until another
 * row is seen, and a claim that lands late finds a row that names us, which the next scan accepts).
 */
#include "node/core/slots.h"

#include <stdlib.h>
#include <string.h>

#include "statesync/base/breaks.h"

enum slot_state {
    SL_OTHER,
    SL_CLAIMING,
    SL_LOADING,
    SL_OWNED,
    SL_RELEASING,
    SL_HANDING,
    SL_RECON_ROW,
    SL_RECON_CLAIM,
    SL_RECON_LOAD,
    SL_RECON_WRITE,
    SL_VOUCHING,
    SL_STATES
};

/* What may follow what; the setter asserts it. */
static const uint16_t next_ok[SL_STATES] = {
    [SL_OTHER] = 1 << SL_CLAIMING | 1 << SL_LOADING,
    [SL_CLAIMING] = 1 << SL_LOADING | 1 << SL_OTHER,
    [SL_LOADING] = 1 << SL_OWNED | 1 << SL_OTHER | 1 << SL_RECON_ROW,
    [SL_OWNED] = 1 << SL_RELEASING | 1 << SL_RECON_ROW | 1 << SL_OTHER,
    [SL_RELEASING] = 1 << SL_HANDING | 1 << SL_OTHER,
    [SL_HANDING] = 1 << SL_OTHER,
    [SL_RECON_ROW] = 1 << SL_RECON_CLAIM | 1 << SL_RECON_LOAD | 1 << SL_OTHER,
    [SL_RECON_CLAIM] = 1 << SL_RECON_LOAD | 1 << SL_OTHER | 1 << SL_RECON_ROW,
    [SL_RECON_LOAD] = 1 << SL_RECON_WRITE | 1 << SL_OTHER | 1 << SL_RECON_ROW,
    [SL_RECON_WRITE] = 1 << SL_VOUCHING | 1 << SL_OTHER | 1 << SL_RECON_ROW,
    [SL_VOUCHING] = 1 << SL_OWNED | 1 << SL_OTHER | 1 << SL_RECON_ROW,
};

enum {
    SCAN_MS = 1000,       /* unasked look at the rows of slots we want */
    SCAN_ALL_MS = 4000,   /* ... and of all others: a row may name us though we gave the slot up
                             (put out and back with the same boot second); nobody else may claim it */
    RETRY_MS = 100,       /* after a refused or failed store operation */
    RELEASE_AT_ONCE = 64, /* slots being handed over at the same time */
    ROWS_PENDING = 8,
    CLAIMS_PER_STEP = 512
};

struct slot {
    uint8_t state;
    bool suspect, takeover, hurry, queued_ready;
    uint16_t target;
    uint16_t handed_to;  /* node whose notice is due; 0 none */
    struct token token;  /* ours, while open at the engine or being claimed */
    struct token expect; /* CLAIMING, HANDING: the row as we believe it is */
    struct token hand;   /* HANDING: the successor's token */
    uint64_t ticket;     /* of the operation that the state waits for; 0 none (to be submitted) */
    uint64_t min_ticket; /* row answers to earlier tickets say nothing */
    uint64_t retry_ms;   /* not before */
    uint64_t sent_ms;
    uint64_t deadline_ms;
};

struct rows_read {
    uint64_t ticket; /* 0: free */
    uint64_t sent_ms;
    uint16_t n;
    uint16_t *slots; /* LIMIT_SLOTS */
};

struct slots {
    struct slots_config cfg;
    struct engine *engine;
    struct slot *v;
    uint16_t members[LIMIT_NODES];
    uint32_t boots[LIMIT_NODES];
    bool alive[LIMIT_NODES];
    size_t n_members;
    bool may_claim, up;
    struct incarnation incarnation;
    uint64_t next_ticket;
    uint64_t scan_ms, scan_all_ms, verify_ms, work_ms;
    struct rows_read rows[ROWS_PENDING];
    uint16_t *scratch;
    unsigned releasing;
    /* false: no slot has it set. Asked after every packet, so that not all slots are looked at. */
    bool any_handed, any_ready;
    uint8_t owned[LIMIT_SLOTS / 8];
    unsigned n_owned;
    struct slots_stats stats;
};

static const uint64_t ticket_bit = (uint64_t)1 << 63;

enum err slots_new(const struct slots_config *cfg, struct engine *engine, struct slots **ret)
{
    struct slots *s = calloc(1, sizeof *s);
    uint16_t *room = calloc((size_t)(ROWS_PENDING + 1) * LIMIT_SLOTS, sizeof *room);

    if (s != NULL)
        s->v = calloc(cfg->n_slots, sizeof *s->v);
    if (s == NULL || room == NULL || s->v == NULL) {
        if (s != NULL)
            free(s->v);
        free(s);
        free(room);
        return E_NOMEM;
    }
    s->cfg = *cfg;
    s->engine = engine;
    s->next_ticket = ticket_bit | 1;
    s->scratch = room;
    for (size_t i = 0; i < ROWS_PENDING; i++)
        s->rows[i].slots = room + (i + 1) * LIMIT_SLOTS;
    *ret = s;
    return OK;
}

struct slots *slots_free(struct slots *s)
{
    if (s != NULL) {
        free(s->scratch);
        free(s->v);
        free(s);
    }
    return NULL;
}

static uint16_t index_of(const struct slots *s, const struct slot *sl)
{
    return (uint16_t)(sl - s->v);
}

static void set_state(struct slots *s, struct slot *sl, enum slot_state to)
{
    if ((next_ok[sl->state] >> to & 1) == 0)
        abort();
    if (sl->state == SL_RELEASING || sl->state == SL_HANDING)
        s->releasing--;
    if (to == SL_RELEASING || to == SL_HANDING)
        s->releasing++;
    sl->state = to;
    sl->ticket = 0;
    sl->retry_ms = 0;
    sl->min_ticket = s->next_ticket;
}

static bool open_at_engine(const struct slot *sl)
{
    return sl->state >= SL_LOADING;
}

static void mark_owned(struct slots *s, uint16_t slot, bool on)
{
    uint8_t bit = (uint8_t)(1u << (slot % 8));

    if (((s->owned[slot / 8] & bit) != 0) == on)
        return;
    s->owned[slot / 8] ^= bit;
    if (on)
        s->n_owned++;
    else
        s->n_owned--;
}

static void set_deadline(struct slots *s, struct slot *sl, uint64_t deadline_ms,
                         struct actions *out)
{
    struct action *a = actions_add(out, ACT_DP_DEADLINE);

    sl->deadline_ms = deadline_ms;
    a->slot = index_of(s, sl);
    a->deadline_ms = deadline_ms;
}

/* Not ours any more, or given up: the engine forgets without a word. */
static void drop_slot(struct slots *s, struct now now, struct slot *sl, struct actions *out)
{
    uint16_t slot = index_of(s, sl);

    if (open_at_engine(sl)) {
        set_deadline(s, sl, 0, out);
        engine_slot_close(s->engine, now, slot, out);
        mark_owned(s, slot, false);
    }
    if (sl->state != SL_OTHER)
        set_state(s, sl, SL_OTHER);
}

static struct store_op *add_op(struct slots *s, enum store_kind kind, struct actions *out,
                               uint64_t *ret_ticket)
{
    struct action *a = actions_add(out, ACT_STORE);

    a->op.kind = kind;
    a->op.ticket = s->next_ticket++;
    *ret_ticket = a->op.ticket;
    return &a->op;
}

static void submit_claim(struct slots *s, struct now now, struct slot *sl, struct token token,
                         struct token expect, bool vouch, struct actions *out)
{
    struct store_op *op = add_op(s, STORE_CLAIM, out, &sl->ticket);

    op->slot = index_of(s, sl);
    op->token = token;
    op->expect_token = expect;
    op->vouch = vouch;
    sl->sent_ms = now.mono_ms;
    s->stats.claims++;
}

static void submit_load(struct slots *s, struct now now, struct slot *sl, struct actions *out)
{
    add_op(s, STORE_LOAD, out, &sl->ticket)->slot = index_of(s, sl);
    sl->sent_ms = now.mono_ms;
}

static void submit_rows(struct slots *s, struct now now, const uint16_t *which, size_t n,
                        struct actions *out)
{
    struct rows_read *r = NULL;
    struct store_op *op;
    struct span copy;

    for (size_t i = 0; i < ROWS_PENDING && r == NULL; i++)
        if (s->rows[i].ticket == 0)
            r = &s->rows[i];
    if (r == NULL || n == 0 || !s->up)
        return;
    op = add_op(s, STORE_ROWS, out, &r->ticket);
    for (size_t i = 0; i < n; i++)
        r->slots[i] = which[i];
    r->n = (uint16_t)n;
    r->sent_ms = now.mono_ms;
    copy = actions_copy(out, span_of(which, n * sizeof *which));
    op->slots = (const uint16_t *)(const void *)copy.p;
    op->n_slots = (uint16_t)n;
}

static bool member_index(const struct slots *s, uint16_t node, size_t *ret_i)
{
    for (size_t i = 0; i < s->n_members; i++)
        if (s->members[i] == node) {
            *ret_i = i;
            return true;
        }
    return false;
}

/* Whether the holder of this token is one we must wait for. */
static bool holder_lives(const struct slots *s, const struct token *t)
{
    size_t i;

    return t->epoch != 0 && member_index(s, t->node, &i) && s->boots[i] == t->boot;
}

static bool is_me(const struct slots *s, const struct token *t)
{
    return t->epoch != 0 && t->node == s->cfg.node && t->boot == s->cfg.boot;
}

static void open_slot(struct slots *s, struct now now, struct slot *sl, struct token token,
                      const struct token *before, bool vouched, uint64_t sent_ms,
                      struct actions *out)
{
    struct slot_open so = { .slot = index_of(s, sl),
                            .token = token,
                            .incarnation = s->incarnation };

    so.takeover = before->epoch != 0 && !is_me(s, before);
    so.suspect = !vouched;
    sl->token = token;
    sl->suspect = so.suspect;
    sl->takeover = so.takeover;
    set_state(s, sl, SL_LOADING);
    engine_slot_open(s->engine, now, &so);
    set_deadline(s, sl, sent_ms + s->cfg.deadline_ms, out);
    s->stats.takeovers += so.takeover;
    s->stats.suspect += so.suspect;
    submit_load(s, now, sl, out);
}

static void try_claim(struct slots *s, struct now now, struct slot *sl, struct token row,
                      struct actions *out)
{
    struct token mine = { row.epoch + 1, s->cfg.node, s->cfg.boot };

    sl->expect = row;
    set_state(s, sl, SL_CLAIMING);
    sl->token = mine;
    submit_claim(s, now, sl, mine, row, false, out);
}

/* A slot whose row we know and that is not open here. */
static void consider(struct slots *s, struct now now, struct slot *sl, const struct store_row *row,
                     uint64_t sent_ms, struct actions *out)
{
    if (is_me(s, &row->token)) {
        s->stats.accepted++;
        open_slot(s, now, sl, row->token, &row->token,
                  incarnation_eq(&row->vouched, &s->incarnation), sent_ms, out);
        return;
    }
    if (sl->target != s->cfg.node || !s->may_claim)
        return;
    if (holder_lives(s, &row->token) && !BREAK(s->cfg.env, CLAIM_WITHOUT_CAS))
        return;
    try_claim(s, now, sl, row->token, out);
}

static void recon_row(struct slots *s, struct now now, struct slot *sl, const struct store_row *row,
                      struct actions *out)
{
    if (token_eq(&row->token, &sl->token)) {
        set_state(s, sl, SL_RECON_LOAD);
        submit_load(s, now, sl, out);
    } else if (!is_me(s, &row->token) && holder_lives(s, &row->token) &&
               row->token.epoch > sl->token.epoch) {
        s->stats.lost++;
        drop_slot(s, now, sl, out);
    } else {
        uint32_t epoch = row->token.epoch > sl->token.epoch ? row->token.epoch : sl->token.epoch;
        struct token mine = { epoch + 1, s->cfg.node, s->cfg.boot };

        sl->expect = row->token;
        sl->hand = mine;
        set_state(s, sl, SL_RECON_CLAIM);
        submit_claim(s, now, sl, mine, row->token, false, out);
    }
}

static void row_seen(struct slots *s, struct now now, struct slot *sl, const struct store_row *row,
                     uint64_t ticket, uint64_t sent_ms, struct actions *out)
{
    if (ticket < sl->min_ticket)
        return;
    switch ((enum slot_state)sl->state) {
    case SL_OTHER:
        consider(s, now, sl, row, sent_ms, out);
        break;
    case SL_CLAIMING: /* only asked when the claim's result is unknown */
        if (sl->ticket == 0) {
            set_state(s, sl, SL_OTHER);
            consider(s, now, sl, row, sent_ms, out);
        }
        break;
    case SL_LOADING:
    case SL_OWNED:
    case SL_RELEASING:
        if (token_eq(&row->token, &sl->token)) {
            set_deadline(s, sl, sent_ms + s->cfg.deadline_ms, out);
        } else {
            s->stats.lost++;
            drop_slot(s, now, sl, out);
        }
        break;
    case SL_HANDING:
        if (sl->ticket != 0)
            break;
        if (token_eq(&row->token, &sl->token))
            submit_claim(s, now, sl, sl->hand, sl->token, false, out);
        else
            drop_slot(s, now, sl, out);
        break;
    case SL_RECON_ROW:
        recon_row(s, now, sl, row, out);
        break;
    case SL_RECON_CLAIM:
        if (sl->ticket == 0) {
            if (token_eq(&row->token, &sl->hand))
                sl->token = sl->hand;
            set_state(s, sl, SL_RECON_ROW);
            recon_row(s, now, sl, row, out);
        }
        break;
    case SL_VOUCHING:
        if (sl->ticket == 0 && token_eq(&row->token, &sl->token)) {
            if (incarnation_eq(&row->vouched, &s->incarnation)) {
                set_state(s, sl, SL_OWNED);
                set_deadline(s, sl, sent_ms + s->cfg.deadline_ms, out);
            } else {
                submit_claim(s, now, sl, sl->token, sl->token, true, out);
            }
        }
        break;
    case SL_RECON_LOAD:
    case SL_RECON_WRITE:
    case SL_STATES:
        break;
    }
}

static void rows_result(struct slots *s, struct now now, struct rows_read *rr,
                        const struct store_result *r, struct actions *out)
{
    uint64_t ticket = rr->ticket;

    rr->ticket = 0;
    if (r->err != OK || r->n_rows != rr->n)
        return;
    for (int pass = 0; pass < 2; pass++) /* those that somebody waits for go first */
        for (size_t i = 0; i < rr->n; i++) {
            struct slot *sl = &s->v[rr->slots[i]];

            if (sl->hurry == (pass == 0))
                row_seen(s, now, sl, &r->rows[i], ticket, rr->sent_ms, out);
        }
}

static void claim_result(struct slots *s, struct now now, struct slot *sl,
                         const struct store_result *r, struct actions *out)
{
    uint64_t sent_ms = sl->sent_ms;

    sl->ticket = 0;
    sl->retry_ms = now.mono_ms + RETRY_MS;
    s->stats.claims_lost += r->err == E_CONFLICT;
    switch (sl->state) {
    case SL_CLAIMING:
        if (r->err == OK) {
            bool vouched = r->previous.token.epoch == 0 ||
                           incarnation_eq(&r->previous.vouched, &r->incarnation);

            s->incarnation = r->incarnation;
            open_slot(s, now, sl, sl->token, &sl->expect, vouched, sent_ms, out);
        } else if (r->err == E_CONFLICT || r->err == E_STORE_DOWN) {
            set_state(s, sl, SL_OTHER);
            sl->retry_ms = now.mono_ms + RETRY_MS;
            if (r->err == E_CONFLICT)
                consider(s, now, sl, &r->row, sent_ms, out);
        }
        break;
    case SL_HANDING:
        if (r->err == OK || (r->err == E_CONFLICT && !token_eq(&r->row.token, &sl->token))) {
            if (r->err == OK) {
                sl->handed_to = sl->hand.node;
                s->any_handed = true;
                s->stats.handed_over++;
            }
            drop_slot(s, now, sl, out);
        }
        break;
    case SL_RECON_CLAIM:
        if (r->err == OK) {
            struct slot_open so = { .slot = index_of(s, sl),
                                    .token = sl->hand,
                                    .incarnation = r->incarnation };

            sl->token = sl->hand;
            engine_slot_open(s->engine, now, &so);
            set_state(s, sl, SL_RECON_LOAD);
            submit_load(s, now, sl, out);
        } else if (r->err == E_CONFLICT) {
            set_state(s, sl, SL_RECON_ROW);
            recon_row(s, now, sl, &r->row, out);
        }
        break;
    case SL_VOUCHING:
        if (r->err == OK) {
            s->stats.vouched++;
            set_state(s, sl, SL_OWNED);
            set_deadline(s, sl, sent_ms + s->cfg.deadline_ms, out);
        } else if (r->err == E_CONFLICT) {
            s->stats.lost++;
            drop_slot(s, now, sl, out);
        }
        break;
    default:
        break;
    }
}

static void load_result(struct slots *s, struct now now, struct slot *sl,
                        const struct store_result *r, struct actions *out)
{
    uint16_t slot = index_of(s, sl);

    sl->ticket = 0;
    sl->retry_ms = now.mono_ms + RETRY_MS;
    if (r->err != OK)
        return;
    if (sl->state == SL_LOADING) {
        engine_slot_records(s->engine, now, slot, r->entries, r->n_entries, out);
        set_state(s, sl, SL_OWNED);
        mark_owned(s, slot, true);
        sl->hurry = false;
        sl->queued_ready = true;
        s->any_ready = true;
        if (sl->suspect) /* from here on the records are what we vouch for */
            submit_claim(s, now, sl, sl->token, sl->token, true, out);
    } else if (sl->state == SL_RECON_LOAD) {
        engine_slot_reconcile(s->engine, now, slot, &s->incarnation, r->entries, r->n_entries, out);
        set_state(s, sl, SL_RECON_WRITE);
    }
}

bool slots_store_result(struct slots *s, struct now now, const struct store_result *r,
                        struct actions *out)
{
    if ((r->ticket & ticket_bit) == 0)
        return false;
    if (r->kind == STORE_ROWS) {
        for (size_t i = 0; i < ROWS_PENDING; i++)
            if (s->rows[i].ticket == r->ticket) {
                rows_result(s, now, &s->rows[i], r, out);
                return true;
            }
        return false;
    }
    if ((r->kind != STORE_CLAIM && r->kind != STORE_LOAD) || r->slot >= s->cfg.n_slots ||
        s->v[r->slot].ticket != r->ticket)
        return false;
    if (r->kind == STORE_CLAIM && s->v[r->slot].state == SL_OWNED) {
        s->v[r->slot].ticket = 0; /* the vouch of a suspect slot */
        s->stats.vouched += r->err == OK;
    } else if (r->kind == STORE_CLAIM) {
        claim_result(s, now, &s->v[r->slot], r, out);
    } else {
        load_result(s, now, &s->v[r->slot], r, out);
    }
    return true;
}

static void scan(struct slots *s, struct now now, struct actions *out)
{
    bool all = now.mono_ms >= s->scan_all_ms;
    size_t n = 0;

    if (all)
        s->scan_all_ms = now.mono_ms + SCAN_ALL_MS;
    for (uint16_t i = 0; i < s->cfg.n_slots; i++) {
        const struct slot *sl = &s->v[i];
        bool stuck = sl->ticket == 0 && (sl->state == SL_CLAIMING || sl->state == SL_HANDING ||
                                         sl->state == SL_RECON_CLAIM || sl->state == SL_RECON_ROW ||
                                         sl->state == SL_VOUCHING);

        if (stuck || (sl->state == SL_OTHER && (all || sl->target == s->cfg.node)))
            s->scratch[n++] = i;
    }
    submit_rows(s, now, s->scratch, n, out);
    s->scan_ms = now.mono_ms + (n == 0 ? SCAN_MS : RETRY_MS * 2);
}

static void verify(struct slots *s, struct now now, struct actions *out)
{
    size_t n = 0;

    for (uint16_t i = 0; i < s->cfg.n_slots; i++)
        if (s->v[i].state == SL_OWNED || s->v[i].state == SL_LOADING ||
            s->v[i].state == SL_RELEASING)
            s->scratch[n++] = i;
    submit_rows(s, now, s->scratch, n, out);
    s->verify_ms = now.mono_ms + s->cfg.deadline_ms / 4;
}

void slots_set_view(struct slots *s, struct now now, const struct slots_view *v,
                    struct actions *out)
{
    s->n_members = v->n_members < LIMIT_NODES ? v->n_members : LIMIT_NODES;
    for (size_t i = 0; i < s->n_members; i++) {
        s->members[i] = v->members[i];
        s->boots[i] = v->boots[i];
        s->alive[i] = v->alive[i];
    }
    s->may_claim = v->may_claim;
    s->scan_all_ms = 0;
    for (uint16_t i = 0; i < s->cfg.n_slots; i++)
        s->v[i].target = v->target[i];
    scan(s, now, out);
    s->work_ms = now.mono_ms;
}

void slots_store_state(struct slots *s, struct now now, const struct store_state *st,
                       struct actions *out)
{
    bool changed = st->up && incarnation_known(&s->incarnation) &&
                   !incarnation_eq(&st->incarnation, &s->incarnation);

    s->up = st->up;
    if (!st->up)
        return;
    s->incarnation = st->incarnation;
    for (uint16_t i = 0; changed && i < s->cfg.n_slots; i++) {
        struct slot *sl = &s->v[i];

        if (sl->state == SL_RELEASING || sl->state == SL_HANDING) {
            drop_slot(s, now, sl, out); /* all of it is in the store, or the successor is suspect */
        } else if (open_at_engine(sl)) {
            engine_slot_suspend(s->engine, i);
            if (sl->state != SL_RECON_ROW)
                set_state(s, sl, SL_RECON_ROW);
        }
    }
    scan(s, now, out);
    verify(s, now, out);
}

void slots_refused(struct slots *s, struct now now, uint16_t slot, struct actions *out)
{
    if (slot >= s->cfg.n_slots || !open_at_engine(&s->v[slot]) || s->v[slot].state >= SL_RECON_ROW)
        return;
    s->stats.lost++;
    drop_slot(s, now, &s->v[slot], out);
}

void slots_handed(struct slots *s, struct now now, const uint16_t *slots, size_t n,
                  struct actions *out)
{
    size_t k = 0;

    for (size_t i = 0; i < n && k < LIMIT_SLOTS; i++)
        if (slots[i] < s->cfg.n_slots && s->v[slots[i]].state == SL_OTHER)
            s->scratch[k++] = slots[i];
    submit_rows(s, now, s->scratch, k, out);
}

void slots_hurry(struct slots *s, uint16_t slot)
{
    if (slot < s->cfg.n_slots)
        s->v[slot].hurry = true;
}

void slots_extend_without_store(struct slots *s, struct now now, struct actions *out)
{
    for (uint16_t i = 0; i < s->cfg.n_slots; i++)
        if (open_at_engine(&s->v[i]) && s->v[i].deadline_ms > now.mono_ms)
            set_deadline(s, &s->v[i], now.mono_ms + s->cfg.deadline_ms, out);
}

void slots_drop_all(struct slots *s, struct now now, struct actions *out)
{
    for (uint16_t i = 0; i < s->cfg.n_slots; i++)
        drop_slot(s, now, &s->v[i], out);
}

/* Hand over what another living member should have; claimed slots first finish loading. */
static void start_releases(struct slots *s, struct now now, struct actions *out)
{
    for (uint16_t i = 0; i < s->cfg.n_slots && s->releasing < RELEASE_AT_ONCE; i++) {
        struct slot *sl = &s->v[i];
        size_t m;

        if (sl->state != SL_OWNED || sl->ticket != 0 || sl->target == s->cfg.node ||
            !member_index(s, sl->target, &m) || !s->alive[m])
            continue;
        set_state(s, sl, SL_RELEASING);
        sl->hand = (struct token){ sl->token.epoch + 1, s->members[m], s->boots[m] };
        engine_slot_release(s->engine, now, i, out);
    }
}

static void finish_releases(struct slots *s, struct now now, struct actions *out)
{
    uint16_t slot;

    while (engine_slot_released(s->engine, &slot)) {
        struct slot *sl = &s->v[slot];

        if (sl->state != SL_RELEASING)
            continue;
        set_state(s, sl, SL_HANDING);
        submit_claim(s, now, sl, sl->hand, sl->token, false, out);
    }
}

static void retry(struct slots *s, struct now now, struct slot *sl, struct actions *out)
{
    if (open_at_engine(sl) && sl->deadline_ms != 0 && sl->deadline_ms <= now.mono_ms &&
        sl->state < SL_RECON_ROW) {
        /* Nothing passes any more; the sessions stay until the store says who owns them. */
        s->stats.deadline_passed++;
        sl->deadline_ms = 0;
    }
    if (sl->state == SL_RECON_WRITE && engine_slot_vouchable(s->engine, index_of(s, sl))) {
        set_state(s, sl, SL_VOUCHING);
        submit_claim(s, now, sl, sl->token, sl->token, true, out);
        return;
    }
    if (sl->ticket != 0 || now.mono_ms < sl->retry_ms || !s->up)
        return;
    if (sl->state == SL_LOADING || sl->state == SL_RECON_LOAD)
        submit_load(s, now, sl, out);
}

uint64_t slots_next_deadline(const struct slots *s)
{
    uint64_t t = s->scan_ms < s->verify_ms ? s->scan_ms : s->verify_ms;

    return t < s->work_ms ? t : s->work_ms;
}

void slots_tick(struct slots *s, struct now now, struct actions *out)
{
    bool busy = s->releasing > 0;

    finish_releases(s, now, out);
    for (uint16_t i = 0; i < s->cfg.n_slots; i++) {
        struct slot *sl = &s->v[i];

        if (sl->state != SL_OTHER && sl->state != SL_CLAIMING) {
            retry(s, now, sl, out);
            busy |= sl->state != SL_OWNED || sl->target != s->cfg.node;
        }
    }
    start_releases(s, now, out);
    finish_releases(s, now, out);
    if (now.mono_ms >= s->scan_ms)
        scan(s, now, out);
    if (now.mono_ms >= s->verify_ms)
        verify(s, now, out);
    s->work_ms = now.mono_ms + (busy ? 10 : 250);
}

enum slot_place slots_place(const struct slots *s, uint16_t slot)
{
    if (slot >= s->cfg.n_slots)
        return SLOT_ELSEWHERE;
    switch ((enum slot_state)s->v[slot].state) {
    case SL_OWNED:
    case SL_RECON_ROW:
    case SL_RECON_CLAIM:
    case SL_RECON_LOAD:
    case SL_RECON_WRITE:
    case SL_VOUCHING:
        return engine_slot_ready(s->engine, slot) ? SLOT_READY : SLOT_COMING;
    case SL_RELEASING:
    case SL_HANDING:
        return SLOT_LEAVING;
    case SL_CLAIMING:
    case SL_LOADING:
        return SLOT_COMING;
    case SL_OTHER:
    case SL_STATES:
        break;
    }
    return s->v[slot].target == s->cfg.node ? SLOT_COMING : SLOT_ELSEWHERE;
}

uint16_t slots_target(const struct slots *s, uint16_t slot)
{
    return slot < s->cfg.n_slots ? s->v[slot].target : 0;
}

const uint8_t *slots_owned(const struct slots *s)
{
    return s->owned;
}

unsigned slots_owned_count(const struct slots *s)
{
    return s->n_owned;
}

bool slots_next_handed(struct slots *s, uint16_t *ret_node, uint16_t *ret_slots, size_t cap,
                       size_t *ret_n)
{
    uint16_t node = 0;
    size_t n = 0;

    for (uint16_t i = 0; s->any_handed && i < s->cfg.n_slots && n < cap; i++) {
        if (s->v[i].handed_to == 0 || (node != 0 && s->v[i].handed_to != node))
            continue;
        node = s->v[i].handed_to;
        s->v[i].handed_to = 0;
        ret_slots[n++] = i;
    }
    s->any_handed = n > 0;
    *ret_node = node;
    *ret_n = n;
    return n > 0;
}

bool slots_next_ready(struct slots *s, uint16_t *ret_slot)
{
    for (uint16_t i = 0; s->any_ready && i < s->cfg.n_slots; i++)
        if (s->v[i].queued_ready) {
            s->v[i].queued_ready = false;
            *ret_slot = i;
            return true;
        }
    s->any_ready = false;
    return false;
}

const struct slots_stats *slots_stats(const struct slots *s)
{
    return &s->stats;
}
