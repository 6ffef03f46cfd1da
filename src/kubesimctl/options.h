/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The options: which verb takes which, where their values go, and what --help says of them. */

#include "kubesimctl/ctl.h"

/* Takes the options out of argv, and leaves *ret_args at the first argument of the verb (with the verb before it, as argv[0] is before
 * main()'s). verb may be NULL. 0, or an exit code after it was said what is wrong: an option that does not exist, one of another verb, a
 * value that is none. */
int options_parse(Ctl *ctl, const char *verb, int argc, char *argv[], int *ret_args);
/* The options of the verb, a line for each; NULL: those that every verb takes. */
void options_help(const char *verb);
/* Does an option, as it was written, take the word after it, whichever verb it may be of? */
bool option_takes_next(const char *word);
