/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* cmocka with what it needs before it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
