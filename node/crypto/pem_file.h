/* pem_file: key, certificate and secret files as octets. The only place of this folder that touches
 * the file system; called when the configuration is loaded, never by the core. */
#pragma once

#include "statesync/base/span.h"

enum { PEM_FILE_MAX = 1 << 20 };

/* The whole file. E_IO with errno set when it cannot be read, E_LIMIT past PEM_FILE_MAX octets,
 * E_CONFIG when it is empty. Owned by the caller: bytes_wipe_free. */
MUST_USE enum err pem_file_read(const char *path, struct bytes *ret_file);
