/* seq_reserve: how far an outbound key may be used, and when it must be replaced.
 *
 * Arithmetic is on exclusive ends in 64 bits. Three ends bound a reservation: the end of the
 * sequence space (2^32 without ESN: RFC 4303 3.3.3 forbids to cycle; 2^63 with ESN, never reached),
 * the end of the key's budget, and, with ESN, 2^31 past the last number known to be used. */
#include "statesync/lease/seq_reserve.h"

#include "statesync/base/breaks.h"

static const uint64_t floor_block = (uint64_t)1 << 16;
static const uint64_t jump_limit = (uint64_t)1 << 31;
enum { BUDGET_BLOCKS = 16, RATE_MIN_MS = 200, RATE_HALF_MS = 600000 };

static uint64_t cap_block(bool esn)
{
    return (uint64_t)1 << (esn ? 28 : 24);
}

/* First number that may not be used under one key. */
static uint64_t budget_end(bool esn)
{
    return BUDGET_BLOCKS * cap_block(esn);
}

static uint64_t min64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void seq_rate_sample(struct seq_rate *r, uint64_t used, uint64_t mono_ms)
{
    uint64_t ms, pps;

    if (r->last_ms == 0 || mono_ms < r->last_ms || used < r->last_used) {
        r->last_ms = mono_ms;
        r->last_used = used;
        return;
    }
    ms = mono_ms - r->last_ms;
    /* A burst of a few packets within a millisecond is no rate. */
    if (ms < RATE_MIN_MS)
        return;
    pps = (used - r->last_used) * 1000 / ms;
    if (ms >= RATE_HALF_MS)
        r->peak_pps /= 2;
    else
        r->peak_pps -= r->peak_pps * ms / (2 * (uint64_t)RATE_HALF_MS);
    if (pps > r->peak_pps)
        r->peak_pps = pps;
    r->last_ms = mono_ms;
    r->last_used = used;
}

uint64_t seq_block(bool esn, uint64_t peak_pps, uint32_t outage_s)
{
    uint64_t cap = cap_block(esn), want;

    /* Extended at half: twice what the outage takes, so that half of it always covers one. */
    if (outage_s != 0 && peak_pps > cap / outage_s)
        return cap;
    want = peak_pps * outage_s * 2;
    if (want < floor_block)
        return floor_block;
    return min64(want, cap);
}

struct seq_plan seq_first(bool esn)
{
    return (struct seq_plan){
        .what = SEQ_EXTEND, .start = 1, .end = 1 + seq_block(esn, 0, 0), .blocks = 1
    };
}

/* used: highest number known to be on the wire. */
static uint64_t highest_end(const struct child_record *c, uint64_t used)
{
    uint64_t end = budget_end(c->esn);

    /* RFC 4303 A2.2: a receiver infers the upper 32 bits right only for a jump below 2^31. */
    if (c->esn)
        end = min64(end, used + jump_limit);
    return end;
}

static bool foreign_incarnation(const struct env *env, const struct child_record *c,
                                const struct incarnation *now_in)
{
    if (BREAK(env, IGNORE_INCARNATION))
        return false;
    return !incarnation_known(&c->reserved_in) || !incarnation_eq(&c->reserved_in, now_in);
}

struct seq_plan seq_extend(const struct env *env, const struct child_record *c, uint64_t used,
                           uint64_t peak_pps, uint32_t outage_s, const struct incarnation *now_in,
                           bool force)
{
    uint64_t block = seq_block(c->esn, peak_pps, outage_s), want = block;
    uint64_t next = used + 1, left = next < c->reserved_end ? c->reserved_end - next : 0, end;
    struct seq_plan p = {
        .what = SEQ_KEEP, .start = next, .end = c->reserved_end, .blocks = c->blocks
    };

    /* A rekey takes exchanges; begin it with two blocks of the budget in hand. */
    p.rekey = next + 2 * block >= budget_end(c->esn);
    if (!force && left > block / 2)
        return p;
    /* Asked at half of a block that is larger than today's rate wants: keep its size. */
    if (force && left * 2 > want)
        want = min64(left * 2, cap_block(c->esn));
    end = min64(next + want, highest_end(c, used));
    if (foreign_incarnation(env, c, now_in) || end <= c->reserved_end) {
        /* What is left may be used up; more only under another key. */
        p.what = left == 0 ? SEQ_DELETE : SEQ_REKEY;
        p.rekey = true;
        return p;
    }
    p.what = SEQ_EXTEND;
    p.end = end;
    if (p.blocks < UINT16_MAX)
        p.blocks++;
    return p;
}

struct seq_plan seq_takeover(const struct env *env, const struct child_record *c, uint64_t peak_pps,
                             uint32_t outage_s, const struct incarnation *now_in)
{
    uint64_t block = seq_block(c->esn, peak_pps, outage_s);
    uint64_t used = c->seq_next == 0 ? 0 : c->seq_next - 1; /* known to be used, at least */
    uint64_t start = c->exact ? c->seq_next : c->reserved_end, end;
    struct seq_plan p = {
        .what = SEQ_REKEY, .rekey = true, .end = c->reserved_end, .blocks = c->blocks
    };

    if (BREAK(env, TAKEOVER_AT_LAST_USED))
        start = c->seq_next;
    if (start == 0)
        start = 1;
    p.start = start;
    if (foreign_incarnation(env, c, now_in))
        return p;
    end = min64(start + block, highest_end(c, used));
    /* Less than a floor block is not worth an install: the next packet's peak would end it. */
    if (end < start + floor_block)
        return p;
    p.what = SEQ_EXTEND;
    p.end = end > c->reserved_end ? end : c->reserved_end;
    p.rekey = start + 2 * block >= budget_end(c->esn);
    if (p.blocks < UINT16_MAX)
        p.blocks++;
    return p;
}

void seq_apply(struct child_record *c, const struct seq_plan *p, const struct incarnation *now_in)
{
    if (p->what != SEQ_EXTEND)
        return;
    c->reserved_end = p->end;
    c->reserved_in = *now_in;
    c->blocks = p->blocks;
    c->exact = false;
}

void seq_note_used(struct child_record *c, uint64_t used)
{
    if (used + 1 > c->seq_next)
        c->seq_next = used + 1;
}
