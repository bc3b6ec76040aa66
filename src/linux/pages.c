#include "src/linux/pages.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of x86-64, arm64 and riscv64 with pages of 4 KiB. Where it is another size
 * the memory is only in small pages. */
#define HUGE ((size_t)2 << 20)

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

/* From the next address that a huge page may begin at: the rest before and
 * behind is given back. */
static void *
align_huge(char *bytes, size_t size)
{
	size_t before = -(uintptr_t)bytes & (HUGE - 1);

	if (before > 0)
		(void)munmap(bytes, before);
	if (before < HUGE)
		(void)munmap(bytes + before + size, HUGE - before);
	(void)madvise(bytes + before, size, MADV_HUGEPAGE); /* or small ones */
	return bytes + before;
}

static size_t
whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return size > 0 ? (size + page - 1) / page * page : page;
}

void *
pages_map(size_t size)
{
	size_t extra = size >= HUGE ? HUGE : 0;
	char *bytes;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = whole_pages(size);
	bytes = mmap(NULL, size + extra, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return NULL;
	return extra > 0 ? align_huge(bytes, size) : bytes;
}

void
pages_unmap(void *bytes, size_t size)
{
	if (bytes != NULL)
		(void)munmap(bytes, whole_pages(size));
}
