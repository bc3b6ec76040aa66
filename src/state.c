#include "src/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/file.h"

/* More was not written by us: as many rules as there may be, with what is said
 * of each beside it, and as many lines that could not be read. */
#define BYTES_MAX (2 * RUNTIME_MAX * (RUNTIME_TEXT_MAX + 256))

/* No bytes where there is no file. 0 or -errno. */
static int
read_state(const char *path, char **ret_text, size_t *ret_len)
{
	int r;

	*ret_text = NULL;
	*ret_len = 0;
	r = file_read(path, BYTES_MAX, ret_text, ret_len);
	return r == -ENOENT ? 0 : r;
}

int
state_load_runtime(struct runtime *ret, const char *path)
{
	size_t len;
	char *text;
	int r = read_state(path, &text, &len);

	memset(ret, 0, sizeof(*ret));
	if (r == 0)
		r = runtime_parse(ret, text, len);
	free(text);
	return r;
}

int
state_save_runtime(const struct runtime *runtime, const char *path)
{
	struct file_text text;
	int r = file_text_begin(&text);

	if (r < 0)
		return r;
	runtime_print(runtime, text.out);
	return file_text_save(&text, path);
}

int
state_load_accounts(struct accounts *ret, const char *path)
{
	size_t len;
	char *text;
	int r = read_state(path, &text, &len);

	memset(ret, 0, sizeof(*ret));
	if (r == 0)
		r = accounts_parse(ret, text, len);
	free(text);
	return r;
}

int
state_save_accounts(const struct accounts *accounts, const char *path)
{
	struct file_text text;
	int r = file_text_begin(&text);

	if (r < 0)
		return r;
	accounts_print(accounts, text.out);
	return file_text_save(&text, path);
}
