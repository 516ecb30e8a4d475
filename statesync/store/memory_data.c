/* memory_data: slots with their row and records, and named objects.
 *
 * Records are found through one hash table over (slot, id) and walked through a list per slot in
 * order of creation, so that nothing depends on addresses or hash values: the same operations give
 * the same answers in the same order. Named objects expire by the time that is passed in, seen
 * lazily. */
#include "statesync/store/memory_data.h"

#include <stdlib.h>
#include <string.h>

struct record {
    uint64_t id, version;
    uint16_t slot;
    struct bytes value;
    struct record *hash_next;
    struct record *prev, *next;
};

struct named {
    char name[64];
    uint64_t version;
    uint64_t expires_ms; /* UINT64_MAX: never */
    struct bytes value;
    struct named *hash_next;
};

struct slot_data {
    struct store_row row; /* epoch 0: none */
    struct record *first, *last;
};

enum { BUCKETS_FIRST = 1024, NAME_BUCKETS = 1024 };

struct memory_data {
    struct slot_data slots[LIMIT_SLOTS];
    struct record **buckets;
    size_t n_buckets, n_records;
    struct named *names[NAME_BUCKETS];
};

/* ---- records ---- */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ x >> 33;
}

static size_t bucket_of(const struct memory_data *d, uint16_t slot, uint64_t id)
{
    return (size_t)(mix(id ^ (uint64_t)slot << 48) & (d->n_buckets - 1));
}

static struct record *find(const struct memory_data *d, uint16_t slot, uint64_t id)
{
    struct record *r = d->buckets[bucket_of(d, slot, id)];

    while (r != NULL && (r->slot != slot || r->id != id))
        r = r->hash_next;
    return r;
}

/* Failing to grow only makes the chains longer. */
static void grow(struct memory_data *d)
{
    size_t n = d->n_buckets * 2, old = d->n_buckets;
    struct record **buckets = calloc(n, sizeof(struct record *)), **was = d->buckets;

    if (buckets == NULL)
        return;
    d->buckets = buckets;
    d->n_buckets = n;
    for (size_t i = 0; i < old; i++) {
        struct record *r = was[i], *next;

        for (; r != NULL; r = next) {
            size_t b = bucket_of(d, r->slot, r->id);

            next = r->hash_next;
            r->hash_next = buckets[b];
            buckets[b] = r;
        }
    }
    free(was);
}

static struct record *insert(struct memory_data *d, uint16_t slot, uint64_t id)
{
    struct slot_data *s = &d->slots[slot];
    struct record *r = calloc(1, sizeof *r);
    size_t b;

    if (r == NULL)
        return NULL;
    if (d->n_records >= d->n_buckets)
        grow(d);
    b = bucket_of(d, slot, id);
    r->id = id;
    r->slot = slot;
    r->hash_next = d->buckets[b];
    d->buckets[b] = r;
    r->prev = s->last;
    if (s->last != NULL)
        s->last->next = r;
    else
        s->first = r;
    s->last = r;
    d->n_records++;
    return r;
}

static void erase(struct memory_data *d, struct record *r)
{
    struct slot_data *s = &d->slots[r->slot];
    struct record **at = &d->buckets[bucket_of(d, r->slot, r->id)];

    while (*at != r)
        at = &(*at)->hash_next;
    *at = r->hash_next;
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        s->first = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    else
        s->last = r->prev;
    bytes_free(&r->value);
    free(r);
    d->n_records--;
}

/* ---- named objects ---- */

static struct named **name_bucket(struct memory_data *d, const char *name)
{
    uint64_t h = 0;

    for (const char *c = name; *c != '\0'; c++)
        h = mix(h ^ (uint8_t)*c);
    return &d->names[h & (NAME_BUCKETS - 1)];
}

/* The link that points to the object; to NULL where there is none. An expired one is dropped first.
 */
static struct named **find_name(struct memory_data *d, const char *name, uint64_t now_ms)
{
    struct named **at = name_bucket(d, name), *n;

    while ((n = *at) != NULL && strcmp(n->name, name) != 0)
        at = &n->hash_next;
    if (n != NULL && n->expires_ms <= now_ms) {
        *at = n->hash_next;
        bytes_free(&n->value);
        free(n);
        return find_name(d, name, now_ms);
    }
    return at;
}

static bool name_valid(const char *name)
{
    size_t len = name == NULL ? 0 : strlen(name);

    return len >= 1 && len <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789:._-") == len;
}

/* ---- life ---- */

enum err memory_data_new(struct memory_data **ret)
{
    struct memory_data *d = calloc(1, sizeof *d);

    if (d == NULL)
        return E_NOMEM;
    d->n_buckets = BUCKETS_FIRST;
    d->buckets = calloc(d->n_buckets, sizeof(struct record *));
    if (d->buckets == NULL) {
        free(d);
        return E_NOMEM;
    }
    *ret = d;
    return OK;
}

struct memory_data *memory_data_free(struct memory_data *d)
{
    if (d == NULL)
        return NULL;
    for (size_t i = 0; i < LIMIT_SLOTS; i++)
        while (d->slots[i].first != NULL)
            erase(d, d->slots[i].first);
    for (size_t i = 0; i < NAME_BUCKETS; i++) {
        struct named *n = d->names[i], *next;

        for (; n != NULL; n = next) {
            next = n->hash_next;
            bytes_free(&n->value);
            free(n);
        }
    }
    free(d->buckets);
    free(d);
    return NULL;
}

static enum err copy_slot(struct memory_data *to, const struct memory_data *from, uint16_t slot)
{
    to->slots[slot].row = from->slots[slot].row;
    for (const struct record *r = from->slots[slot].first; r != NULL; r = r->next) {
        struct record *c = insert(to, slot, r->id);

        if (c == NULL)
            return E_NOMEM;
        c->version = r->version;
        TRY(bytes_copy(span_bytes(r->value), &c->value));
    }
    return OK;
}

static enum err copy_names(struct memory_data *to, const struct memory_data *from, size_t bucket)
{
    struct named **at = &to->names[bucket];

    for (const struct named *n = from->names[bucket]; n != NULL; n = n->hash_next) {
        struct named *c = calloc(1, sizeof *c);

        if (c == NULL)
            return E_NOMEM;
        *c = *n;
        c->hash_next = NULL;
        c->value = (struct bytes){ NULL, 0 };
        *at = c;
        at = &c->hash_next;
        TRY(bytes_copy(span_bytes(n->value), &c->value));
    }
    return OK;
}

struct memory_data *memory_data_copy(const struct memory_data *d)
{
    struct memory_data *c;
    enum err e = memory_data_new(&c);

    if (e != OK)
        return NULL;
    for (uint16_t i = 0; i < LIMIT_SLOTS && e == OK; i++)
        e = copy_slot(c, d, i);
    for (size_t i = 0; i < NAME_BUCKETS && e == OK; i++)
        e = copy_names(c, d, i);
    return e == OK ? c : memory_data_free(c);
}

/* ---- operations ---- */

static enum err check_writes(const struct memory_data *d, const struct store_op *op,
                             struct store_result *res)
{
    for (size_t i = 0; i < op->n_writes; i++) {
        const struct store_write *w = &op->writes[i];
        const struct record *r = find(d, op->slot, w->id);
        uint64_t version = r == NULL ? 0 : r->version;

        if (version != w->expect) {
            res->version = version;
            return E_CONFLICT;
        }
    }
    return OK;
}

/* All values are copied before the first record changes: a commit happens whole or not at all. */
static enum err commit(struct memory_data *d, const struct memory_run *run,
                       const struct store_op *op, struct memory_answer *a)
{
    const struct store_row *row = &d->slots[op->slot].row;
    struct bytes value[LIMIT_COMMIT_WRITES] = { { NULL, 0 } };
    struct record *r;

    a->result.row = *row;
    if (!run->ignore_token && (row->token.epoch == 0 || !token_eq(&row->token, &op->token)))
        return E_LEASE_LOST;
    TRY(check_writes(d, op, &a->result));
    for (size_t i = 0; i < op->n_writes; i++)
        if (!op->writes[i].remove && bytes_copy(op->writes[i].value, &value[i]) != OK)
            abort();
    for (size_t i = 0; i < op->n_writes; i++) {
        const struct store_write *w = &op->writes[i];

        r = find(d, op->slot, w->id);
        if (w->remove) {
            if (r != NULL)
                erase(d, r);
            continue;
        }
        if (r == NULL)
            r = insert(d, op->slot, w->id);
        if (r == NULL)
            abort();
        bytes_free(&r->value);
        r->value = value[i];
        r->version = w->expect + 1;
    }
    return OK;
}

static enum err load(const struct memory_data *d, const struct store_op *op,
                     struct memory_answer *a)
{
    size_t n = 0, octets = 0, at = 0, i = 0;

    for (const struct record *r = d->slots[op->slot].first; r != NULL; r = r->next) {
        n++;
        octets += r->value.len;
    }
    a->entries = calloc(n + 1, sizeof *a->entries);
    a->blob = malloc(octets + 1);
    if (a->entries == NULL || a->blob == NULL)
        abort();
    for (const struct record *r = d->slots[op->slot].first; r != NULL; r = r->next) {
        if (r->value.len > 0)
            memcpy(a->blob + at, r->value.p, r->value.len);
        a->entries[i++] = (struct store_entry){ r->id, r->version, { a->blob + at, r->value.len } };
        at += r->value.len;
    }
    a->result.row = d->slots[op->slot].row;
    a->result.entries = a->entries;
    a->result.n_entries = n;
    return OK;
}

static enum err claim(struct memory_data *d, const struct memory_run *run,
                      const struct store_op *op, struct memory_answer *a)
{
    struct store_row *row = &d->slots[op->slot].row;
    bool existed = row->token.epoch != 0;

    a->result.incarnation = run->in;
    a->result.row = *row;
    a->result.previous = *row;
    if (op->token.epoch == 0)
        return E_BAD_VALUE;
    /* No row is epoch 0 on both sides, whatever stands in the other fields. */
    if (!run->claim_without_cas &&
        (existed ? !token_eq(&row->token, &op->expect_token) : op->expect_token.epoch != 0))
        return E_CONFLICT;
    row->token = op->token;
    if (op->vouch || !existed)
        row->vouched = run->in;
    a->result.row = *row;
    return OK;
}

static enum err rows(const struct memory_data *d, const struct store_op *op,
                     struct memory_answer *a)
{
    a->rows = calloc((size_t)op->n_slots + 1, sizeof *a->rows);
    if (a->rows == NULL)
        abort();
    for (size_t i = 0; i < op->n_slots; i++)
        a->rows[i] = d->slots[op->slots[i] % LIMIT_SLOTS].row;
    a->result.rows = a->rows;
    a->result.n_rows = op->n_slots;
    return OK;
}

static void answer_value(struct memory_answer *a, struct bytes value)
{
    a->blob = malloc(value.len + 1);
    if (a->blob == NULL)
        abort();
    if (value.len > 0)
        memcpy(a->blob, value.p, value.len);
    a->result.value = span_of(a->blob, value.len);
}

static enum err put(struct memory_data *d, const struct memory_run *run, const struct store_op *op,
                    struct memory_answer *a)
{
    struct named **at, *n;

    if (!name_valid(op->name))
        return E_BAD_VALUE;
    at = find_name(d, op->name, run->now_ms);
    n = *at;
    a->result.version = n == NULL ? 0 : n->version;
    if (a->result.version != op->expect) {
        if (n != NULL)
            answer_value(a, n->value);
        return E_CONFLICT;
    }
    if (op->value.len == 0) {
        if (n != NULL) {
            *at = n->hash_next;
            bytes_free(&n->value);
            free(n);
        }
        a->result.version = 0;
        return OK;
    }
    if (n == NULL) {
        n = calloc(1, sizeof *n);
        if (n == NULL)
            abort();
        memcpy(n->name, op->name, strlen(op->name));
        *at = n;
    }
    bytes_free(&n->value);
    if (bytes_copy(op->value, &n->value) != OK)
        abort();
    n->version = op->expect + 1;
    n->expires_ms = op->ttl_ms == 0 ? UINT64_MAX : run->now_ms + op->ttl_ms;
    a->result.version = n->version;
    return OK;
}

static enum err get(struct memory_data *d, const struct memory_run *run, const struct store_op *op,
                    struct memory_answer *a)
{
    const struct named *n;

    if (!name_valid(op->name))
        return E_BAD_VALUE;
    n = *find_name(d, op->name, run->now_ms);
    if (n == NULL)
        return E_NOT_FOUND;
    a->result.version = n->version;
    answer_value(a, n->value);
    return OK;
}

static enum err execute(struct memory_data *d, const struct memory_run *run,
                        const struct store_op *op, struct memory_answer *a)
{
    if (op->slot >= LIMIT_SLOTS || op->n_writes > LIMIT_COMMIT_WRITES)
        return E_BAD_VALUE;
    switch (op->kind) {
    case STORE_COMMIT:
        return commit(d, run, op, a);
    case STORE_LOAD:
        return load(d, op, a);
    case STORE_CLAIM:
        return claim(d, run, op, a);
    case STORE_ROWS:
        return rows(d, op, a);
    case STORE_PUT:
        return put(d, run, op, a);
    case STORE_GET:
        return get(d, run, op, a);
    }
    return E_BAD_VALUE;
}

void memory_data_execute(struct memory_data *d, const struct memory_run *run,
                         const struct store_op *op, struct memory_answer *ret)
{
    *ret = (struct memory_answer){ 0 };
    ret->result.kind = op->kind;
    ret->result.ticket = op->ticket;
    ret->result.slot = op->slot;
    ret->result.err = execute(d, run, op, ret);
}

void memory_answer_done(struct memory_answer *a)
{
    free(a->rows);
    free(a->entries);
    free(a->blob);
    *a = (struct memory_answer){ 0 };
}

/* ---- looking in ---- */

struct store_row memory_data_row(const struct memory_data *d, uint16_t slot)
{
    return d->slots[slot % LIMIT_SLOTS].row;
}

static struct store_entry entry_of(const struct record *r)
{
    return (struct store_entry){ r->id, r->version, span_bytes(r->value) };
}

bool memory_data_record(const struct memory_data *d, uint16_t slot, uint64_t id,
                        struct store_entry *ret)
{
    const struct record *r = find(d, slot, id);

    if (r == NULL)
        return false;
    *ret = entry_of(r);
    return true;
}

bool memory_data_named(const struct memory_data *d, const char *name, uint64_t now_ms,
                       uint64_t *ret_version, struct span *ret_value)
{
    for (size_t i = 0; i < NAME_BUCKETS; i++)
        for (const struct named *n = d->names[i]; n != NULL; n = n->hash_next)
            if (strcmp(n->name, name) == 0 && n->expires_ms > now_ms) {
                *ret_version = n->version;
                *ret_value = span_bytes(n->value);
                return true;
            }
    return false;
}

void memory_data_each(const struct memory_data *d, uint16_t slot,
                      bool (*fn)(void *ctx, const struct store_entry *e), void *ctx)
{
    for (const struct record *r = d->slots[slot % LIMIT_SLOTS].first; r != NULL; r = r->next) {
        struct store_entry e = entry_of(r);

        if (!fn(ctx, &e))
            return;
    }
}
