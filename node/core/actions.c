#include "node/core/actions.h"

#include <stdlib.h>
#include <string.h>

struct act_chunk {
    struct act_chunk *next;
    size_t len, cap;
    uint8_t data[];
};

enum { CHUNK = 16 * 1024 };

struct action *actions_add(struct actions *a, enum action_kind kind)
{
    if (a->n == a->cap) {
        size_t cap = a->cap == 0 ? 16 : a->cap * 2;
        struct action *v = realloc(a->v, cap * sizeof *v);

        if (v == NULL)
            abort();
        a->v = v;
        a->cap = cap;
    }
    memset(&a->v[a->n], 0, sizeof a->v[a->n]);
    a->v[a->n].kind = kind;
    return &a->v[a->n++];
}

uint8_t *actions_room(struct actions *a, size_t len)
{
    struct act_chunk *c = a->chunks;
    size_t need = (len + 15) & ~(size_t)15;
    uint8_t *p;

    if (c == NULL || c->cap - c->len < need) {
        size_t cap = need > CHUNK ? need : CHUNK;

        c = malloc(sizeof *c + cap);
        if (c == NULL)
            abort();
        c->next = a->chunks;
        c->len = 0;
        c->cap = cap;
        a->chunks = c;
    }
    p = c->data + c->len;
    c->len += need;
    return p;
}

struct span actions_copy(struct actions *a, struct span s)
{
    uint8_t *p;

    if (s.len == 0)
        return SPAN_NONE;
    p = actions_room(a, s.len);
    memcpy(p, s.p, s.len);
    return span_of(p, s.len);
}

void actions_reset(struct actions *a)
{
    struct act_chunk *keep = a->chunks;

    a->n = 0;
    if (keep == NULL)
        return;
    while (keep->next != NULL) {
        struct act_chunk *next = keep->next;

        wipe(keep->data, keep->len);
        free(keep);
        keep = next;
    }
    /* Plaintext of keys may be in any part of the arena. */
    wipe(keep->data, keep->len);
    keep->len = 0;
    a->chunks = keep;
}

void actions_free(struct actions *a)
{
    actions_reset(a);
    free(a->chunks);
    free(a->v);
    *a = (struct actions){ 0 };
}

void actions_splice(struct actions *to, struct actions *from)
{
    for (size_t i = 0; i < from->n; i++)
        *actions_add(to, from->v[i].kind) = from->v[i];
    if (from->chunks != NULL) {
        struct act_chunk *last = from->chunks;

        while (last->next != NULL)
            last = last->next;
        /* Behind the chunk being filled, so that filling goes on there. */
        if (to->chunks == NULL) {
            to->chunks = from->chunks;
        } else {
            last->next = to->chunks->next;
            to->chunks->next = from->chunks;
        }
    }
    from->chunks = NULL;
    from->n = 0;
}
