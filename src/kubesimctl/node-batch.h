/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Nodes by the thousand: added after a template, removed by what they have in common. */

#include "kubesimctl/ctl.h"

/* add-node with --prefix= or --file=. */
int add_many(const Ctl *ctl, int argc);
/* remove-node with --prefix= or -l. */
int remove_many(const Ctl *ctl);
