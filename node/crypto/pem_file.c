/* pem_file: whole small files. See pem_file.h. */
#include "node/crypto/pem_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "statesync/base/secret.h"

enum err pem_file_read(const char *path, struct bytes *ret_file)
{
    struct bytes b = { malloc(PEM_FILE_MAX + 1), 0 };
    struct span got;
    enum err e = E_IO;
    FILE *f;

    if (b.p == NULL)
        return E_NOMEM;
    f = fopen(path, "rbe");
    if (f == NULL)
        goto out;
    setvbuf(f, NULL, _IONBF, 0); /* no copy of a key in stdio's buffer */
    b.len = fread(b.p, 1, PEM_FILE_MAX + 1, f);
    if (ferror(f))
        goto out;
    if (b.len == 0) {
        e = E_CONFIG;
    } else if (b.len > PEM_FILE_MAX) {
        e = E_LIMIT;
    } else {
        got = span_bytes(b);
        e = bytes_copy(got, ret_file);
    }
out:
    if (f != NULL) {
        int saved = errno;

        fclose(f);
        errno = saved;
    }
    wipe(b.p, b.len);
    free(b.p);
    return e;
}
