/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/memory-util.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "basic/macro.h"

/* Text relocations make private copies of pages of a segment that is read-only again later: those must not go. */
static bool has_text_relocations(const struct dl_phdr_info *info) {
        for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *segment = info->dlpi_phdr + i;

                if (segment->p_type != PT_DYNAMIC)
                        continue;
                for (const ElfW(Dyn) *d = (const ElfW(Dyn)*) (info->dlpi_addr + segment->p_vaddr); d->d_tag != DT_NULL; d++)
                        if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL)))
                                return true;
                return false;
        }
        return true; /* no dynamic section: not a file that the linker has mapped */
}

typedef struct Range {
        uintptr_t begin, end;
} Range;

/* All ranges of an object are found before the first is released: to read its program headers brings their pages back. */
static int release_object(struct dl_phdr_info *info, size_t size, void *userdata) {
        uintptr_t mask = (uintptr_t) sysconf(_SC_PAGESIZE) - 1;
        Range ranges[8];
        size_t n = 0;

        (void) size, (void) userdata;
        if (has_text_relocations(info))
                return 0;
        for (ElfW(Half) i = 0; i < info->dlpi_phnum && n < ELEMENTSOF(ranges); i++) {
                const ElfW(Phdr) *segment = info->dlpi_phdr + i;
                uintptr_t begin = info->dlpi_addr + segment->p_vaddr;

                if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
                        /* but for the last page, which the next segment may share */
                        ranges[n++] = (Range) { begin & ~mask, (begin + segment->p_filesz) & ~mask };
        }
        for (size_t i = 0; i < n; i++)
                if (ranges[i].end > ranges[i].begin)
                        (void) madvise((void*) ranges[i].begin, ranges[i].end - ranges[i].begin, MADV_DONTNEED);
        return 0;
}

void memory_release_startup(void) {
        (void) malloc_trim(0);
        (void) dl_iterate_phdr(release_object, NULL);
}
