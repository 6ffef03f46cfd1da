/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who owns whom, and what is left to be done when an object has changed. Kubernetes documentation, "Owners and Dependents" and
 * "Garbage Collection". An object is linked to one of its living owners; when that one goes, to another, and when there is none
 * it is collected. */

#include "core/control/state.h"

/* Follows a change of any object; called by the store's hooks, never fails. */
void object_follow(Cluster *c, ObjectState *s, const Object *old, const Object *new);
/* Its controller is to look at it in the next step. */
void object_mark(Cluster *c, ObjectState *s);
/* Links the orphan to an owner that has come to be; false when there is still none. */
bool object_adopt(Cluster *c, ObjectState *s);
/* Makes a dependent that has been seen to the last of its owner's. */
void object_put_last(ObjectState *dependent);
/* A kind has come to be known: looks again for the owners of those that name one that was not. */
void adopt_strangers(Cluster *c);
