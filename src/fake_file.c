#include "src/fake_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/log.h"

#define NAME "names-for-tunnels"
/* All names there may be, with what was forgotten since the last start. */
#define BYTES_MAX ((size_t)64 << 20)

struct fake_file {
	FILE *out;
};

static void
load(const char *path, struct fakeip *fakeip)
{
	FILE *f = fopen(path, "re");
	char *text;

	if (f == NULL)
		return; /* the first start */
	text = malloc(BYTES_MAX);
	if (text != NULL) /* lines that are no good are left out */
		(void)fakeip_read(fakeip, text, fread(text, 1, BYTES_MAX, f));
	free(text);
	(void)fclose(f); /* it was only read */
}

struct fake_file *
fake_file_open(const char *folder, struct fakeip *fakeip)
{
	struct fake_file *file = calloc(1, sizeof(*file));
	char *path = NULL;

	if (file == NULL || asprintf(&path, "%s/" NAME, folder) < 0) {
		free(file);
		return NULL;
	}
	(void)mkdir(folder, 0700); /* as a rule it is there */
	load(path, fakeip);
	file->out = fopen(path, "we"); /* without what was forgotten */
	if (file->out == NULL) {
		log_warning("port17",
		    "%s can't be written, names for tunnels end with this "
		    "daemon: %s",
		    path, strerror(errno));
		free(file);
		file = NULL;
	} else {
		fakeip_write(fakeip, file->out);
		(void)fflush(file->out); /* the next line tries again */
	}
	free(path);
	return file;
}

void
fake_file_close(struct fake_file *file)
{
	if (file == NULL)
		return;
	(void)fclose(file->out); /* each line was flushed */
	free(file);
}

void
fake_file_add(struct fake_file *file, const struct fakeip *fakeip,
    const struct name *name)
{
	if (file == NULL)
		return;
	fakeip_write_one(fakeip, name, file->out);
	(void)fflush(file->out); /* the next line tries again */
}
