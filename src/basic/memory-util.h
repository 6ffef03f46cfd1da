/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The memory of a process that runs for long and in many copies. */

/* Gives back what only the start needed: unmaps the pages of code and constants that the dynamic linker and the constructors
 * of libraries have touched (they stay in the page cache, and a page that is used again costs a minor fault), and trims the
 * heap. To be called once the process has done each of its usual things for the first time. See madvise(2), MADV_DONTNEED:
 * of a private mapping of a file that has not been written to, only the page table entries go. */
void memory_release_startup(void);
