#include "src/linux/pages.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* True where the linker has written into what can't be written: such pages are
 * not as the file has them. */
static bool
has_text_relocations(const struct dl_phdr_info *object)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *head = &object->dlpi_phdr[i];
		const ElfW(Dyn) * dyn;

		if (head->p_type != PT_DYNAMIC)
			continue;
		dyn = (const void *)(object->dlpi_addr + head->p_vaddr);
		for (; dyn->d_tag != DT_NULL; dyn++)
			if (dyn->d_tag == DT_TEXTREL ||
			    (dyn->d_tag == DT_FLAGS &&
				(dyn->d_un.d_val & DF_TEXTREL) != 0))
				return true;
	}
	return false;
}

/* Code and constants, of which nobody has a copy of their own. What was made
 * read-only after relocation lies in a segment that can be written. */
static int
give_back(struct dl_phdr_info *object, size_t size, void *arg)
{
	const uintptr_t *page = arg;

	(void)size;
	if (has_text_relocations(object))
		return 0;
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *head = &object->dlpi_phdr[i];
		uintptr_t begin = object->dlpi_addr + head->p_vaddr;
		uintptr_t end = begin + head->p_filesz;

		if (head->p_type != PT_LOAD || (head->p_flags & PF_W) != 0)
			continue;
		/* a page that another segment shares stays */
		begin = (begin + *page - 1) & ~(*page - 1);
		end &= ~(*page - 1);
		if (begin < end) /* else it stays as it is */
			(void)madvise(
			    (void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void
pages_give_back(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

#ifdef __GLIBC__
	(void)malloc_trim(0); /* whether there was any */
#endif
	(void)dl_iterate_phdr(give_back, &page); /* what give_back() returns */
}
