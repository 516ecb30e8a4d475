/* ident: IKE identities as text. See ident.h; RFC 7296 3.5. */
#include "node/crypto/ident.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "statesync/base/addr.h"
#include "statesync/base/wr.h"

static const char keyid[] = "keyid:";

/* ---- distinguished names ---- */

/* One "TYPE=value" of a name, up to an unescaped comma; *at moves behind it. RFC 4514 escapes of
 * one character ("\,") are understood. */
static enum err rdn_add(const char **at, X509_NAME *name)
{
    char type[32], value[LIMIT_ID];
    struct wr wt = wr_of((uint8_t *)type, sizeof type);
    struct wr wv = wr_of((uint8_t *)value, sizeof value);
    const char *s = *at;

    s += strspn(s, " ");
    while (*s != '\0' && *s != '=' && *s != ',' && *s != ' ')
        wr_u8(&wt, (uint8_t)*s++);
    s += strspn(s, " ");
    if (*s++ != '=')
        return E_BAD_VALUE;
    s += strspn(s, " ");
    while (*s != '\0' && *s != ',') {
        if (*s == '\\' && s[1] != '\0')
            s++;
        wr_u8(&wv, (uint8_t)*s++);
    }
    while (wv.len > 0 && value[wv.len - 1] == ' ')
        wv.len--;
    wr_u8(&wt, 0);
    if (wr_ok(&wt) != OK || wr_ok(&wv) != OK || wv.len == 0)
        return E_BAD_VALUE;
    if (X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)value,
                                   (int)wv.len, -1, 0) != 1)
        return E_BAD_VALUE;
    *at = *s == ',' ? s + 1 : s;
    return OK;
}

static enum err dn_parse(const char *text, struct ident *ret_i)
{
    X509_NAME *name = X509_NAME_new();
    const unsigned char *der = NULL;
    struct ident i = { .type = IDENT_DER_DN };
    struct wr w = wr_of(i.data, sizeof i.data);
    size_t len = 0;
    enum err e = name == NULL ? E_NOMEM : OK;

    while (e == OK && *text != '\0')
        e = rdn_add(&text, name);
    if (e == OK && X509_NAME_get0_der(name, &der, &len) != 1)
        e = E_CRYPTO;
    if (e == OK) {
        wr_bytes(&w, span_of(der, len));
        e = wr_ok(&w) == OK ? OK : E_BAD_VALUE;
    }
    if (e == OK) {
        i.len = (uint16_t)len;
        *ret_i = i;
    }
    X509_NAME_free(name);
    ERR_clear_error();
    return e;
}

/* NULL when the octets are not one name. */
static X509_NAME *dn_decode(struct span der)
{
    const unsigned char *at = der.p;
    X509_NAME *n = der.len == 0 || der.len > 65535 ? NULL : d2i_X509_NAME(NULL, &at, (long)der.len);

    if (n != NULL && at != der.p + der.len) {
        X509_NAME_free(n);
        n = NULL;
    }
    ERR_clear_error();
    return n;
}

static bool dn_eq(struct span a, struct span b)
{
    X509_NAME *na = dn_decode(a), *nb = dn_decode(b);
    bool same = na != NULL && nb != NULL && X509_NAME_cmp(na, nb) == 0;

    X509_NAME_free(na);
    X509_NAME_free(nb);
    return same;
}

/* ---- text to identity ---- */

static enum err ident_set(uint8_t type, struct span s, struct ident *ret_i)
{
    struct ident i = { .type = type, .len = (uint16_t)s.len };
    struct wr w = wr_of(i.data, sizeof i.data);

    wr_bytes(&w, s);
    if (s.len == 0 || wr_ok(&w) != OK)
        return E_BAD_VALUE;
    *ret_i = i;
    return OK;
}

static bool all_printable(const char *s)
{
    for (; *s != '\0'; s++)
        if (*s <= ' ' || *s > '~')
            return false;
    return true;
}

enum err ident_parse(const char *text, struct ident *ret_i)
{
    struct ip_addr ip;

    if (ip_parse(text, &ip) == OK)
        return ident_set(ip.family == 4 ? IDENT_IPV4 : IDENT_IPV6, ip_span(&ip), ret_i);
    if (strncmp(text, keyid, sizeof keyid - 1) == 0)
        return ident_set(IDENT_KEY_ID, span_str(text + sizeof keyid - 1), ret_i);
    if (strchr(text, '=') != NULL)
        return dn_parse(text, ret_i);
    if (!all_printable(text))
        return E_BAD_VALUE;
    if (text[0] == '@')
        text++;
    if (strchr(text, '@') != NULL) {
        const char *at = strchr(text, '@');

        if (at == text || at[1] == '\0')
            return E_BAD_VALUE;
        return ident_set(IDENT_RFC822, span_str(text), ret_i);
    }
    return ident_set(IDENT_FQDN, span_str(text), ret_i);
}

/* ---- identity to text ---- */

static void put_escaped(struct wr *w, struct span s)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < s.len && w->len + 4 < w->cap; i++) {
        if (s.p[i] >= ' ' && s.p[i] <= '~' && s.p[i] != '\\') {
            wr_u8(w, s.p[i]);
        } else {
            wr_u8(w, '\\');
            wr_u8(w, 'x');
            wr_u8(w, (uint8_t)hex[s.p[i] >> 4]);
            wr_u8(w, (uint8_t)hex[s.p[i] & 15]);
        }
    }
}

static bool put_dn(struct wr *w, struct span der)
{
    X509_NAME *name = dn_decode(der);
    BIO *b = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool ok = name != NULL && b != NULL &&
              X509_NAME_print_ex(b, name, 0,
                                 XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN | ASN1_STRFLGS_RFC2253) >= 0;
    long len = ok ? BIO_get_mem_data(b, &text) : 0;

    if (ok)
        put_escaped(w, span_of(text, (size_t)len));
    BIO_free(b);
    X509_NAME_free(name);
    ERR_clear_error();
    return ok;
}

const char *ident_text(uint8_t type, struct span data, char out[IDENT_TEXT_MAX])
{
    struct wr w = wr_of((uint8_t *)out, IDENT_TEXT_MAX - 1);
    char ip_out[IP_TEXT_MAX];
    struct ip_addr ip;

    if ((type == IDENT_IPV4 && data.len == 4) || (type == IDENT_IPV6 && data.len == 16)) {
        if (ip_from_span(data, &ip) == OK)
            wr_bytes(&w, span_str(ip_text(&ip, ip_out)));
    } else if (type == IDENT_KEY_ID) {
        wr_bytes(&w, span_str(keyid));
        put_escaped(&w, data);
    } else if (type != IDENT_DER_DN || !put_dn(&w, data)) {
        put_escaped(&w, data);
    }
    out[w.len] = '\0';
    return out;
}

/* ---- patterns ---- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool ident_name_eq(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

/* data ends with tail and has something before it. */
static bool ends_with(struct span data, struct span tail)
{
    return data.len > tail.len &&
           ident_name_eq(span_of(data.p + data.len - tail.len, tail.len), tail);
}

bool ident_matches(const char *pattern, uint8_t type, struct span data)
{
    struct ident want;

    if (strcmp(pattern, "*") == 0 || strcmp(pattern, "%any") == 0)
        return true;
    if (pattern[0] == '*' && pattern[1] == '.' && pattern[2] != '\0')
        return type == IDENT_FQDN && data.len > 0 && data.p[0] != '.' &&
               ends_with(data, span_str(pattern + 1));
    if (pattern[0] == '*' && pattern[1] == '@' && pattern[2] != '\0')
        return type == IDENT_RFC822 && ends_with(data, span_str(pattern + 1)) &&
               memchr(data.p, '@', data.len - strlen(pattern + 1)) == NULL;
    if (ident_parse(pattern, &want) != OK || want.type != type)
        return false;
    if (type == IDENT_DER_DN)
        return dn_eq(ident_span(&want), data);
    if (type == IDENT_FQDN || type == IDENT_RFC822)
        return ident_name_eq(ident_span(&want), data);
    return span_eq(ident_span(&want), data);
}
