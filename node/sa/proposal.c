/* proposal: see the header.
 *
 * Both suites are first turned into a common form, the transforms that a proposal must hold, so
 * that matching is written once. RFC 7296 3.3.6: of one proposal, one transform of each type is
 * chosen. */
#include "node/sa/proposal.h"

/* One transform per type of RFC 7296 3.3.2. */
struct want {
    uint8_t protocol;
    uint8_t spi_len;
    uint16_t encr, key_bits;
    uint16_t integ; /* INTEG_NONE: absent or NONE */
    uint16_t prf;   /* 0: no such type */
    uint16_t dh;    /* DH_NONE: absent or NONE */
    bool ignore_dh; /* IKE_AUTH: groups count for nothing */
    bool esn_type;  /* ESP: the type must be there */
    uint16_t esn;
};

static struct want want_ike(const struct ike_suite *s, bool rekey)
{
    return (struct want){
        .protocol = PROTO_IKE,
        .spi_len = rekey ? IKE_SPI_LEN : 0,
        .encr = s->encr,
        .key_bits = s->encr_key_bits,
        .integ = s->integ,
        .prf = s->prf,
        .dh = s->dh,
    };
}

static struct want want_esp(const struct esp_suite *s, bool with_dh)
{
    return (struct want){
        .protocol = PROTO_ESP,
        .spi_len = ESP_SPI_LEN,
        .encr = s->encr,
        .key_bits = s->encr_key_bits,
        .integ = s->integ,
        .dh = with_dh ? s->dh : DH_NONE,
        .ignore_dh = !with_dh,
        .esn_type = true,
        .esn = s->esn ? ESN_YES : ESN_NO,
    };
}

/* Whether the type stands in the proposal, and whether with this transform. Key Length strictly
 * (RFC 7296 3.3.5): absent with ciphers of one key size, and another length is another algorithm.
 */
struct found {
    bool type, value;
};

static struct found look(const struct proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
    struct found f = { false, false };

    for (size_t i = 0; i < p->n; i++) {
        if (p->t[i].type != type)
            continue;
        f.type = true;
        f.value |= p->t[i].id == id && p->t[i].key_bits == key_bits && !p->t[i].unusable;
    }
    return f;
}

/* The type holds id; NONE (0) may also be an absent type. */
static bool has_or_none(const struct proposal *p, uint8_t type, uint16_t id)
{
    struct found f = look(p, type, id, 0);

    return f.value || (id == 0 && !f.type);
}

/* RFC 7296 3.3.6: a proposal with a transform type that we do not understand is not acceptable.
 * Additional key exchanges (RFC 9370) are such unless NONE is among their choices. */
static bool types_known(const struct proposal *p, const struct want *w)
{
    for (size_t i = 0; i < p->n; i++) {
        switch (p->t[i].type) {
        case TRANSFORM_ENCR:
        case TRANSFORM_INTEG:
        case TRANSFORM_DH:
            break;
        case TRANSFORM_PRF:
            if (w->prf == 0)
                return false;
            break;
        case TRANSFORM_ESN:
            if (!w->esn_type)
                return false;
            break;
        default:
            if (p->t[i].type < TRANSFORM_ADDKE1 || p->t[i].type > TRANSFORM_ADDKE7 ||
                !has_or_none(p, p->t[i].type, 0))
                return false;
        }
    }
    return true;
}

static bool allows(const struct proposal *p, const struct want *w)
{
    return p->protocol == w->protocol && p->spi.len == w->spi_len && types_known(p, w) &&
           look(p, TRANSFORM_ENCR, w->encr, w->key_bits).value &&
           has_or_none(p, TRANSFORM_INTEG, w->integ) &&
           (w->prf == 0 || look(p, TRANSFORM_PRF, w->prf, 0).value) &&
           (w->ignore_dh || has_or_none(p, TRANSFORM_DH, w->dh)) &&
           (!w->esn_type || look(p, TRANSFORM_ESN, w->esn, 0).value);
}

static enum err read_spi(const struct proposal *p, uint64_t *ret)
{
    struct rd r = rd_of(p->spi);
    uint64_t spi = 0;
    uint32_t spi32;

    if (p->spi.len == IKE_SPI_LEN) {
        TRY(rd_u64(&r, &spi));
        /* RFC 7296 2.6, 3.1: an IKE SPI is never zero. */
        if (spi == 0)
            return E_NO_PROPOSAL;
    } else if (p->spi.len == ESP_SPI_LEN) {
        TRY(rd_u32(&r, &spi32));
        /* RFC 4303 2.1: 1 to 255 are reserved, 0 never on the wire. */
        if (spi32 < 256)
            return E_NO_PROPOSAL;
        spi = spi32;
    }
    *ret = spi;
    return OK;
}

/* The first of their proposals that allows w; NULL if none. */
static const struct proposal *first_allowing(const struct pl_sa *theirs, const struct want *w,
                                             uint64_t *ret_spi)
{
    for (size_t i = 0; i < theirs->n; i++)
        if (allows(&theirs->p[i], w) && read_spi(&theirs->p[i], ret_spi) == OK)
            return &theirs->p[i];
    return NULL;
}

static struct esp_suite without_dh(const struct esp_suite *s, bool with_dh)
{
    struct esp_suite r = *s;

    if (!with_dh)
        r.dh = DH_NONE;
    return r;
}

enum err proposal_choose_ike(const struct pl_sa *theirs, const struct ike_suite *ours,
                             size_t n_ours, bool rekey, struct ike_choice *ret)
{
    for (size_t i = 0; i < n_ours; i++) {
        struct want w = want_ike(&ours[i], rekey);
        uint64_t spi;
        const struct proposal *p = first_allowing(theirs, &w, &spi);

        if (p != NULL) {
            *ret = (struct ike_choice){ .suite = ours[i], .num = p->num, .spi = spi };
            return OK;
        }
    }
    return E_NO_PROPOSAL;
}

enum err proposal_choose_esp(const struct pl_sa *theirs, const struct esp_suite *ours,
                             size_t n_ours, bool with_dh, struct esp_choice *ret)
{
    for (size_t i = 0; i < n_ours; i++) {
        struct want w = want_esp(&ours[i], with_dh);
        uint64_t spi;
        const struct proposal *p = first_allowing(theirs, &w, &spi);

        if (p != NULL) {
            *ret = (struct esp_choice){ .suite = without_dh(&ours[i], with_dh),
                                        .num = p->num,
                                        .spi = (uint32_t)spi };
            return OK;
        }
    }
    return E_NO_PROPOSAL;
}

enum err proposal_check_ke(uint16_t dh, bool have_ke, uint16_t ke_group)
{
    if (dh == DH_NONE)
        return OK;
    return have_ke && ke_group == dh ? OK : E_INVALID_KE;
}

static void add(struct proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
    p->t[p->n++] = (struct transform){ .type = type, .id = id, .key_bits = key_bits };
}

/* NONE is said by leaving the type out: RFC 7296 3.3.2, RFC 5282 8. */
static void describe(const struct want *w, uint8_t num, struct span spi, struct proposal *ret)
{
    ret->num = num;
    ret->protocol = w->protocol;
    ret->spi = spi;
    ret->n = 0;
    add(ret, TRANSFORM_ENCR, w->encr, w->key_bits);
    if (w->prf != 0)
        add(ret, TRANSFORM_PRF, w->prf, 0);
    if (w->integ != INTEG_NONE)
        add(ret, TRANSFORM_INTEG, w->integ, 0);
    if (w->dh != DH_NONE)
        add(ret, TRANSFORM_DH, w->dh, 0);
    if (w->esn_type)
        add(ret, TRANSFORM_ESN, w->esn, 0);
}

static struct span ike_spi(uint64_t spi, uint8_t buf[IKE_SPI_LEN])
{
    struct wr w = wr_of(buf, IKE_SPI_LEN);

    if (spi != 0)
        wr_u64(&w, spi);
    return wr_span(&w);
}

static struct span esp_spi(uint32_t spi, uint8_t buf[ESP_SPI_LEN])
{
    struct wr w = wr_of(buf, ESP_SPI_LEN);

    wr_u32(&w, spi);
    return wr_span(&w);
}

enum err proposal_offer_ike(const struct ike_suite *ours, size_t n, uint64_t spi,
                            uint8_t spi_buf[IKE_SPI_LEN], struct pl_sa *ret)
{
    struct span s = ike_spi(spi, spi_buf);

    if (n > LIMIT_PROPOSALS)
        return E_LIMIT;
    for (ret->n = 0; ret->n < n; ret->n++) {
        struct want w = want_ike(&ours[ret->n], spi != 0);

        describe(&w, (uint8_t)(ret->n + 1), s, &ret->p[ret->n]);
    }
    return OK;
}

enum err proposal_offer_esp(const struct esp_suite *ours, size_t n, bool with_dh, uint32_t spi,
                            uint8_t spi_buf[ESP_SPI_LEN], struct pl_sa *ret)
{
    struct span s = esp_spi(spi, spi_buf);

    if (n > LIMIT_PROPOSALS)
        return E_LIMIT;
    for (ret->n = 0; ret->n < n; ret->n++) {
        struct want w = want_esp(&ours[ret->n], with_dh);

        describe(&w, (uint8_t)(ret->n + 1), s, &ret->p[ret->n]);
    }
    return OK;
}

void proposal_answer_ike(const struct ike_choice *c, uint64_t our_spi, uint8_t spi_buf[IKE_SPI_LEN],
                         struct pl_sa *ret)
{
    struct want w = want_ike(&c->suite, our_spi != 0);

    ret->n = 1;
    describe(&w, c->num, ike_spi(our_spi, spi_buf), &ret->p[0]);
}

void proposal_answer_esp(const struct esp_choice *c, uint32_t our_spi, uint8_t spi_buf[ESP_SPI_LEN],
                         struct pl_sa *ret)
{
    struct want w = want_esp(&c->suite, true);

    ret->n = 1;
    describe(&w, c->num, esp_spi(our_spi, spi_buf), &ret->p[0]);
}

/* An answer: one proposal, no type twice, a number that we gave. */
static bool single(const struct pl_sa *answer, size_t n_ours)
{
    const struct proposal *p = &answer->p[0];

    if (answer->n != 1 || p->num < 1 || p->num > n_ours)
        return false;
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < i; j++)
            if (p->t[i].type == p->t[j].type)
                return false;
    return true;
}

enum err proposal_accept_ike(const struct pl_sa *answer, const struct ike_suite *ours,
                             size_t n_ours, bool rekey, struct ike_choice *ret)
{
    if (!single(answer, n_ours))
        return E_NO_PROPOSAL;
    return proposal_choose_ike(answer, &ours[answer->p[0].num - 1], 1, rekey, ret);
}

enum err proposal_accept_esp(const struct pl_sa *answer, const struct esp_suite *ours,
                             size_t n_ours, bool with_dh, struct esp_choice *ret)
{
    if (!single(answer, n_ours))
        return E_NO_PROPOSAL;
    return proposal_choose_esp(answer, &ours[answer->p[0].num - 1], 1, with_dh, ret);
}

bool proposal_offers_group_ike(const struct ike_suite *ours, size_t n_ours, uint16_t group)
{
    for (size_t i = 0; i < n_ours; i++)
        if (ours[i].dh == group)
            return true;
    return false;
}

bool proposal_offers_group_esp(const struct esp_suite *ours, size_t n_ours, uint16_t group)
{
    for (size_t i = 0; i < n_ours; i++)
        if (ours[i].dh == group)
            return true;
    return false;
}
