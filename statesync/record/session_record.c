/* session_record: life of the struct: copy, children, wiping. Its bytes are session_encode.c and
 * session_decode.c, its rules session_check.c. */
#include "statesync/record/session_record.h"

#include <stdlib.h>

void child_record_done(struct child_record *c)
{
    free(c->local_ts);
    free(c->remote_ts);
    wipe(c, sizeof *c);
}

static void request_done(struct rec_request *q)
{
    bytes_wipe_free(&q->datagrams);
    bytes_wipe_free(&q->dh_private);
    bytes_wipe_free(&q->nonce);
    bytes_free(&q->ts);
}

void session_record_done(struct session_record *r)
{
    bytes_wipe_free(&r->ni);
    bytes_wipe_free(&r->nr);
    bytes_free(&r->init_request);
    bytes_free(&r->init_response);
    bytes_free(&r->reply);
    request_done(&r->request);
    bytes_free(&r->id_local.data);
    bytes_free(&r->id_remote.data);
    bytes_wipe_free(&r->ext);
    for (size_t i = 0; i < r->n_children; i++)
        child_record_done(&r->children[i]);
    free(r->children);
    wipe(r, sizeof *r);
}

static enum err copy_selectors(const struct rec_ts *from, size_t n, struct rec_ts **ret)
{
    struct rec_ts *ts;

    *ret = NULL;
    if (n == 0)
        return OK;
    ts = malloc(n * sizeof *ts);
    if (ts == NULL)
        return E_NOMEM;
    for (size_t i = 0; i < n; i++)
        ts[i] = from[i];
    *ret = ts;
    return OK;
}

/* ret's own pointers are all its own afterwards, also on failure. */
static enum err copy_child(const struct child_record *c, struct child_record *ret)
{
    enum err e, e2;

    *ret = *c;
    e = copy_selectors(c->local_ts, c->n_local, &ret->local_ts);
    e2 = copy_selectors(c->remote_ts, c->n_remote, &ret->remote_ts);
    return e != OK ? e : e2;
}

static enum err copy_children(const struct session_record *r, struct session_record *ret)
{
    ret->children = NULL;
    ret->n_children = ret->cap_children = 0;
    if (r->n_children == 0)
        return OK;
    ret->children = calloc(r->n_children, sizeof *ret->children);
    if (ret->children == NULL)
        return E_NOMEM;
    ret->cap_children = r->n_children;
    for (size_t i = 0; i < r->n_children; i++) {
        ret->n_children++;
        TRY(copy_child(&r->children[i], &ret->children[i]));
    }
    return OK;
}

enum err session_record_copy(const struct session_record *r, struct session_record *ret)
{
    enum err e = OK;

    *ret = *r;
    struct {
        const struct bytes *from;
        struct bytes *to;
    } owned[] = {
        { &r->ni, &ret->ni },
        { &r->nr, &ret->nr },
        { &r->init_request, &ret->init_request },
        { &r->init_response, &ret->init_response },
        { &r->reply, &ret->reply },
        { &r->request.datagrams, &ret->request.datagrams },
        { &r->request.dh_private, &ret->request.dh_private },
        { &r->request.nonce, &ret->request.nonce },
        { &r->request.ts, &ret->request.ts },
        { &r->id_local.data, &ret->id_local.data },
        { &r->id_remote.data, &ret->id_remote.data },
        { &r->ext, &ret->ext },
    };

    /* Nothing borrowed may be left in ret before something can fail. */
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        *owned[i].to = (struct bytes){ NULL, 0 };
    for (size_t i = 0; i < sizeof owned / sizeof owned[0] && e == OK; i++)
        e = bytes_copy(span_bytes(*owned[i].from), owned[i].to);
    if (e != OK) {
        ret->children = NULL;
        ret->n_children = ret->cap_children = 0;
    } else {
        e = copy_children(r, ret);
    }
    if (e != OK)
        session_record_done(ret);
    return e;
}

struct child_record *session_record_add_child(struct session_record *r)
{
    struct child_record *grown;
    unsigned cap;

    if (r->n_children >= LIMIT_CHILDREN)
        return NULL;
    if (r->n_children == r->cap_children) {
        /* One child is the usual number; a rekey has two for a moment. */
        cap = r->cap_children == 0 ? 1 : r->cap_children * 2u;
        grown = calloc(cap, sizeof *grown);
        if (grown == NULL)
            return NULL;
        for (size_t i = 0; i < r->n_children; i++)
            grown[i] = r->children[i];
        if (r->children != NULL)
            wipe(r->children, r->cap_children * sizeof *r->children);
        free(r->children);
        r->children = grown;
        r->cap_children = (uint8_t)cap;
    }
    r->children[r->n_children] = (struct child_record){ 0 };
    return &r->children[r->n_children++];
}

void session_record_remove_child(struct session_record *r, uint32_t spi_in)
{
    for (size_t i = 0; i < r->n_children; i++) {
        if (r->children[i].spi_in != spi_in)
            continue;
        child_record_done(&r->children[i]);
        for (size_t j = i + 1; j < r->n_children; j++)
            r->children[j - 1] = r->children[j];
        r->n_children--;
        /* The last place held a copy of keys that have moved. */
        wipe(&r->children[r->n_children], sizeof r->children[0]);
        return;
    }
}
