#include "src/list_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/sip.h"
#include "src/core/list_build.h"
#include "src/core/list_parse.h"
#include "src/deadline_ev.h"
#include "src/file.h"
#include "src/linux/pages.h"
#include "src/list_include.h"
#include "src/list_report.h"

/* More is no list of names but a mistake. */
#define FILE_BYTES_MAX LIST_ZONE_BYTES_MAX
#define FILES_MAX ((size_t)4096)
/* Of the compiled form: numbers of entries have 32 bits. */
#define IMAGE_BYTES_MAX ((size_t)1 << 36)

static int
complain(char what[LIST_ERROR_SIZE], const char *path, int error)
{
	(void)snprintf(what, LIST_ERROR_SIZE, "%s: %s", path,
	    error == -EFBIG    ? "is larger than 1 GiB"
	    : error == -EINVAL ? "is no regular file"
			       : strerrordesc_np(-error)); /* may be cut */
	return error;
}

/* Sources ------------------------------------------------------------------ */

void
list_sources_done(struct list_sources *sources)
{
	for (size_t i = 0; i < sources->n; i++)
		free(sources->v[i].path);
	free(sources->v);
	memset(sources, 0, sizeof(*sources));
}

static int
add_source(struct list_sources *sources, const struct list_heed *heed,
    const char *path)
{
	struct list_source *v;
	struct stat st;

	if (heed != NULL && heed->tried != NULL)
		heed->tried(heed->arg, path);
	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (sources->n == FILES_MAX)
		return -E2BIG;
	v = reallocarray(sources->v, sources->n + 1, sizeof(v[0]));
	if (v == NULL)
		return -ENOMEM;
	sources->v = v;
	v[sources->n] = (struct list_source){
		.path = strdup(path),
		.dev = (uint64_t)st.st_dev,
		.ino = (uint64_t)st.st_ino,
		.size = (uint64_t)st.st_size,
		.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
			    st.st_mtim.tv_nsec,
		.ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 +
			    st.st_ctim.tv_nsec,
	};
	if (v[sources->n].path == NULL)
		return -ENOMEM;
	sources->n++;
	return 0;
}

/* A folder that is not there has no files; one that can't be read may. */
static int
glob_goes_on(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

static int
add_pattern(struct list_sources *sources, const struct list_heed *heed,
    const char *pattern, char what[LIST_ERROR_SIZE])
{
	glob_t found;
	int r = 0;

	if (strpbrk(pattern, "*?[") == NULL) {
		r = add_source(sources, heed, pattern);
		return r < 0 ? complain(what, pattern, r) : 0;
	}
	switch (glob(pattern, 0, glob_goes_on, &found)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		return 0;
	case GLOB_NOSPACE:
		return -ENOMEM;
	default:
		return complain(what, pattern, -EACCES);
	}
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++) {
		r = add_source(sources, heed, found.gl_pathv[i]);
		if (r == -EISDIR || r == -ENOENT)
			r = 0; /* not meant; gone since */
		else if (r < 0)
			(void)complain(what, found.gl_pathv[i], r);
	}
	globfree(&found);
	return r;
}

int
list_sources_find(struct list_sources *ret, const struct conf_list *list,
    const struct list_heed *heed, char what[LIST_ERROR_SIZE])
{
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	(void)snprintf(what, LIST_ERROR_SIZE, "out of memory");
	for (size_t i = 0; r == 0 && i < list->sources.n; i++)
		r = add_pattern(ret, heed, list->sources.v[i].s, what);
	if (r == 0 && ret->n == 0) {
		(void)snprintf(what, LIST_ERROR_SIZE, "there are no files");
		r = -ENOENT;
	}
	if (r < 0)
		list_sources_done(ret);
	return r;
}

struct list_identity
list_sources_identity(
    const struct list_sources *sources, enum conf_list_format format)
{
	static const uint64_t key[2] = { 1, 1 };
	struct list_identity ret = { { 0, 0 } };
	struct sip sip;

	sip_init(&sip, key);
	sip_word(&sip, LIST_IMAGE_VERSION);
	sip_word(&sip, format);
	for (size_t i = 0; i < sources->n; i++) {
		const struct list_source *s = &sources->v[i];

		sip_bytes(&sip, s->path, strlen(s->path));
		sip_word(&sip, s->dev);
		sip_word(&sip, s->ino);
		sip_word(&sip, s->size);
		sip_word(&sip, (uint64_t)s->mtime_ns);
		sip_word(&sip, (uint64_t)s->ctime_ns);
	}
	sip_end128(&sip, ret.v);
	return ret;
}

/* Compiled form ------------------------------------------------------------ */

static char *
stored_path(const struct conf_list *list, const char *state)
{
	char *path;

	if (state == NULL)
		return NULL;
	return asprintf(&path, "%s/lists/%s", state, list->name) >= 0 ? path
								      : NULL;
}

/* Into memory that is looked up faster, and of which all is given back at
 * once. */
static int
index_new(const struct list_index **ret, void *bytes_take, size_t size,
    const struct list_identity *identity)
{
	void *bytes = pages_map(size);

	if (bytes != NULL)
		memcpy(bytes, bytes_take, size);
	free(bytes_take);
	return bytes != NULL
		   ? list_index_new(ret, bytes, size, pages_unmap, identity)
		   : -ENOMEM;
}

/* Whether the file begins as one of its size and identity does: another one is
 * not read. */
static int
check_head(int fd, const struct list_identity *identity)
{
	struct list_header header;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	n = pread(fd, &header, sizeof(header), 0);
	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(header) || !S_ISREG(st.st_mode) ||
	    memcmp(header.magic, LIST_IMAGE_MAGIC, sizeof(header.magic)) != 0 ||
	    header.version != LIST_IMAGE_VERSION ||
	    header.size != (uint64_t)st.st_size)
		return -EBADMSG;
	return identity == NULL || memcmp(&header.identity, identity,
				       sizeof(*identity)) == 0
		   ? 0
		   : -ESTALE;
}

/* Not mapped from the file: one that is cut short or can't be read any more
 * would end the daemon at the next look-up. */
int
list_file_load(const struct list_index **ret, const struct conf_list *list,
    const struct list_identity *identity, const char *state)
{
	char *path = stored_path(list, state), *bytes = NULL;
	size_t size = 0;
	int fd, r;

	if (path == NULL)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	r = fd >= 0 ? check_head(fd, identity) : -errno;
	if (fd >= 0)
		(void)close(fd); /* it was only looked at */
	if (r == 0)
		r = file_read(path, IMAGE_BYTES_MAX, &bytes, &size);
	free(path);
	return r < 0 ? r : index_new(ret, bytes, size, identity);
}

/* What is being read. */
struct reading {
	struct list_build build;
	struct list_report *report;
	struct list_zone zone; /* the file at hand, which may be one */
	int missing; /* what is wrong with one that it includes, or 0 */
	char *what;  /* of LIST_ERROR_SIZE: and in words */
};

/* As the lines of a page of text would have them: a name of one label alone. */
static bool
is_word(const struct list_entry *entry)
{
	return entry->kind == LIST_ENTRY_NAME && entry->pattern == NULL &&
	       entry->flags == HOSTSET_BLOCK && name_n_labels(entry->name) == 1;
}

static int
take_entry(void *arg, const struct list_entry *entry)
{
	struct reading *reading = arg;
	int r;

	if (reading->missing < 0)
		return reading->missing;
	r = list_entry_build(&reading->build, entry);
	if (r == 0)
		list_report_entry(reading->report, is_word(entry));
	return r;
}

static void
take_fault(void *arg, const struct list_fault *fault)
{
	struct reading *reading = arg;

	list_report_fault(reading->report, fault);
	if (!fault->partial || reading->missing < 0)
		return;
	reading->missing = -EBADMSG;
	(void)snprintf(reading->what, LIST_ERROR_SIZE,
	    "%s:%" PRIu32 ": $INCLUDE: %s",
	    fault->file != NULL ? fault->file : reading->zone.path, fault->line,
	    fault->what); /* may be cut */
}

/* A zone is whole, with all that it includes, or it is not used. */
static const char *
take_include(void *arg, const struct list_included *from, const char *name,
    struct list_included *ret)
{
	struct reading *reading = arg;
	struct list_include include;
	int r;

	if (reading->missing < 0)
		return "nothing more is read";
	r = list_include_read(ret, &reading->zone, from, name, &include);
	if (r == 0 && !list_report_include(reading->report, ret->path,
			  include.stamp, include.secret)) {
		free(ret->path);
		free(ret->text);
		r = -EIO;
	}
	if (r == 0)
		return NULL;
	reading->missing = r;
	(void)snprintf(reading->what, LIST_ERROR_SIZE, "%s: $INCLUDE %s: %s",
	    from != NULL ? from->path : reading->zone.path, name,
	    list_include_error(r)); /* may be cut */
	return "a file that can't be included";
}

/* A page or a word ("Forbidden") in place of a list, or nothing at all, as a
 * download that failed leaves it: that is not to empty it. */
static int
check_content(const struct reading *reading, const char *path, bool zone,
    char what[LIST_ERROR_SIZE])
{
	bool words;
	uint64_t lost = list_report_lost(reading->report, &words);
	struct list_fault first;

	if (list_report_is_junk(reading->report, &first)) {
		(void)snprintf(what, LIST_ERROR_SIZE,
		    "%s: no line of it can be used (line %" PRIu32 ": %s)",
		    path, first.line, first.what); /* may be cut */
		return -EBADMSG;
	}
	if (lost > 0 && !zone) {
		(void)snprintf(what, LIST_ERROR_SIZE,
		    "%s: there is no entry in it any more%s, of %" PRIu64, path,
		    words ? " but single words" : "", lost); /* may be cut */
		return -ENODATA;
	}
	return 0;
}

static int
read_source(struct reading *reading, const struct conf_list *list,
    const char *path, char what[LIST_ERROR_SIZE])
{
	struct list_sink sink = { take_entry, take_fault, take_include,
		reading };
	char *text;
	size_t len;
	bool zone;
	int r = file_read_foreign(
	    path, FILE_BYTES_MAX, &text, &len, &reading->zone.st);

	if (r < 0)
		return complain(what, path, r);
	list_report_file(
	    reading->report, path, file_is_secret(&reading->zone.st));
	reading->zone.path = path;
	reading->zone.bytes = len;
	reading->what = what;
	r = list_parse(&sink, list->format, text, len);
	zone = list_detect(text, len) == CONF_FORMAT_RPZ;
	free(text);
	if (reading->missing < 0)
		return reading->missing;
	return r < 0 ? complain(what, path, r)
		     : check_content(reading, path, zone, what);
}

/* Once, until one could be kept again: lists change by the hour. */
static void
tell_kept(const char *path, int result)
{
	static bool told; /* several threads load lists */

	if (result == 0)
		__atomic_store_n(&told, false, __ATOMIC_RELAXED);
	else if (!__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
		log_warning("lists",
		    "the compiled form can't be kept, the next start reads the "
		    "files: %s: %s",
		    path != NULL ? path : "", strerror(-result));
}

/* Into the folder, for the next start: where that fails, it has to read the
 * files. */
static void
keep(const struct conf_list *list, const struct list_bytes *bytes,
    const char *state)
{
	char *path = stored_path(list, state);
	struct file_part part = { bytes->bytes, bytes->size };

	if (state != NULL)
		tell_kept(
		    path, path != NULL ? file_save(path, &part, 1) : -ENOMEM);
	free(path);
}

static int
finish(const struct list_index **ret, struct reading *reading,
    const struct conf_list *list, const struct list_identity *identity,
    const char *state)
{
	struct list_bytes bytes;
	char *meta = list_report_text(reading->report);
	int r;

	if (meta == NULL)
		return -ENOMEM;
	r = list_build_finish(
	    &reading->build, identity, meta, strlen(meta), &bytes);
	free(meta);
	if (r < 0)
		return r;
	keep(list, &bytes, state);
	return index_new(ret, bytes.bytes, bytes.size, NULL);
}

int
list_file_compile(const struct list_index **ret, const struct conf_list *list,
    const struct list_sources *sources, const struct list_kept *kept,
    char what[LIST_ERROR_SIZE])
{
	struct list_identity identity =
	    list_sources_identity(sources, list->format);
	size_t len = 0;
	const void *meta =
	    kept->before != NULL ? list_index_meta(kept->before, &len) : NULL;
	struct reading reading = {
		.report = list_report_new(meta, len),
		.zone = { .tried = kept->heed.tried, .arg = kept->heed.arg },
	};
	uint64_t key[2];
	int r = reading.report != NULL ? 0 : -ENOMEM;

	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		r = -EIO;
	list_build_init(&reading.build, key);
	if (r < 0)
		(void)complain(what, list->name, r);
	for (size_t i = 0; r == 0 && i < sources->n; i++)
		r = read_source(&reading, list, sources->v[i].path, what);
	if (r == 0) {
		r = finish(ret, &reading, list, &identity, kept->state);
		if (r < 0)
			(void)complain(what, list->name, r);
	}
	list_build_done(&reading.build);
	list_report_free(reading.report);
	return r;
}
