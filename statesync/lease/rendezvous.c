#include "statesync/lease/rendezvous.h"

/* A node's word and a slot's word through the 64-bit finalizer of SplitMix64, twice. Not keyed:
 * slots are drawn at random by ourselves, nobody outside chooses them. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

uint64_t rendezvous_weight(uint16_t slot, uint16_t node)
{
    return mix(mix((uint64_t)node) ^ (uint64_t)slot);
}

uint16_t rendezvous_owner(const struct membership *m, uint16_t slot, uint16_t *ret_second)
{
    uint64_t w, best = 0, next = 0;
    uint16_t first = 0, second = 0;

    /* Rising node ids: the lower one wins a tie, on every node alike. */
    for (size_t i = 0; i < m->n; i++) {
        if (m->members[i].leaving)
            continue;
        w = rendezvous_weight(slot, m->members[i].node);
        if (first == 0 || w > best) {
            second = first;
            next = best;
            first = m->members[i].node;
            best = w;
        } else if (second == 0 || w > next) {
            second = m->members[i].node;
            next = w;
        }
    }
    if (ret_second != NULL)
        *ret_second = second;
    return first;
}

void rendezvous_table(const struct membership *m, uint16_t *ret_first, uint16_t *ret_second)
{
    for (uint16_t s = 0; s < m->slots; s++)
        ret_first[s] = rendezvous_owner(m, s, ret_second == NULL ? NULL : &ret_second[s]);
}
