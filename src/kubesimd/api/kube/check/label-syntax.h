/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How labels may be written. Kubernetes documentation, "Labels and Selectors", syntax and character set. */

#include "basic/forward.h"

/* Up to 63 letters, digits, "-", "_" and "."; the first and the last are letters or digits. "" is a value. */
bool is_label_value(const char *s, size_t n);
/* "name" or "prefix/name", where the prefix is the name of a domain. Keys of annotations, finalizers and resources, too. */
bool is_qualified_name(const char *s);
