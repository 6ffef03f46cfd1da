/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files behind objects.h share. */

#include "core/control/objects.h"

/* The one document of what d says, of those kinds of which many objects are alike. Takes the reference to d, gives one. */
Doc *document_share(Cluster *c, Kind kind, Doc *d);
/* The document that `root` makes of o's next version, its generation counted: 1 with *ret, 0 when it says the same. */
int document_replace(Cluster *c, JsonArena *a, Json *root, const Object *o, Doc **ret);
/* Do the typed views of two versions say different things? */
bool object_view_differs(const Object *a, const Object *b);
int object_store_update(Cluster *c, StoreEntry *e, Object *copy);
/* Is it held until what it owns is gone? */
bool object_waits_for_dependents(const Object *o);
/* Takes its dependents away, and it when there are none. */
int object_finish_foreground(Cluster *c, ObjectState *s);
