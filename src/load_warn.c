#include "src/load_warn.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/folder.h"
#include "src/core/text.h"
#include "src/load.h"

#define RULES ".rules"
#define SETTINGS ".conf"

static const char *
rules_dir(const char *dir)
{
	return dir != NULL ? dir : LOAD_RULES_DEFAULT;
}

static void
warn(struct faults *warnings, const char *file, const char *what)
{
	faults_add_file(
	    warnings, file, &(struct fault_text){ what, NULL, NULL });
}

/* What is in a folder and is not read, if it looks as if it were meant to be;
 * of rules, too, that there are none. */
static void
warn_names(struct faults *warnings, const char *dir, const char *suffix)
{
	bool rules = strcmp(suffix, RULES) == 0, any = false;
	char word[WORD_QUOTE_SIZE], what[WORD_QUOTE_SIZE + 128];
	char *misnamed = NULL;
	int r = folder_find_misnamed(&misnamed, &any, dir, suffix);

	if (r < 0)
		(void)snprintf(what, sizeof(what),
		    "warning: no rules are read: %s", strerror(-r)); /* fits */
	else if (misnamed != NULL)
		(void)snprintf(what, sizeof(what),
		    "warning: %s is not read: the names of files of %s end "
		    "in %s",
		    word_quote(misnamed, strlen(misnamed), word),
		    rules ? "rules" : "settings", suffix); /* fits */
	else
		(void)snprintf(what, sizeof(what),
		    "warning: it holds no file of rules"); /* fits */
	if (misnamed != NULL || (rules && (r < 0 || !any)))
		warn(warnings, dir, what);
	free(misnamed);
}

/* Who else may change them ------------------------------------------------- */

/* Why it is no root's alone, NULL where it is. `top` is the root folder, whose
 * owner is root, by whatever number in a user namespace. A sticky folder above
 * keeps what is in it from others. */
static const char *
why_loose(const struct stat *st, const struct stat *top, bool above)
{
	if (st->st_uid != 0 && st->st_uid != geteuid() &&
	    st->st_uid != top->st_uid)
		return "belongs to another user, who";
	/* what is read from a device is nothing to write to */
	if (S_ISCHR(st->st_mode) || (above && (st->st_mode & S_ISVTX) != 0))
		return NULL;
	if ((st->st_mode & S_IWOTH) != 0)
		return "may be written to by all, who";
	if ((st->st_mode & S_IWGRP) != 0 && st->st_gid != 0 &&
	    st->st_gid != getegid() && st->st_gid != top->st_gid)
		return "may be written to by a group, who";
	return NULL;
}

/* Looks from where links lead to up to the root; what it finds is in `real`. */
static const char *
find_loose(const char *path, char real[PATH_MAX])
{
	const char *why = NULL;
	struct stat st, top;
	bool above = false;
	char *slash;

	if (realpath(path, real) == NULL || stat("/", &top) < 0)
		return NULL;
	while (stat(real, &st) == 0) {
		why = why_loose(&st, &top, above);
		slash = strrchr(real, '/');
		if (why != NULL || slash == real)
			break;
		*slash = '\0';
		above = true;
	}
	return why;
}

/* Not the same of each file of a folder. */
static void
warn_loose(struct faults *warnings, const char *path, char before[PATH_MAX])
{
	char real[PATH_MAX], what[PATH_MAX + 128];
	const char *why = find_loose(path, real);

	if (why == NULL || strcmp(real, before) == 0)
		return;
	(void)snprintf(what, sizeof(what),
	    "warning: %s %s can change what is decided",
	    strcmp(real, path) == 0 ? "it" : real, why); /* fits */
	warn(warnings, path, what);
	memcpy(before, real, sizeof(real));
}

static void
warn_loose_folder(struct faults *warnings, const char *dir, const char *suffix)
{
	struct folder files = { NULL, 0 };
	char before[PATH_MAX] = "";

	warn_loose(warnings, dir, before);
	(void)folder_read(&files, dir, suffix, LOAD_FILES_MAX);
	for (size_t i = 0; i < files.n; i++)
		warn_loose(warnings, files.v[i], before);
	folder_done(&files);
}

static void
warn_loose_settings(struct faults *warnings, const char *file)
{
	char dir[PATH_MAX], none[PATH_MAX] = "";

	warn_loose(warnings, file, none);
	(void)snprintf(dir, sizeof(dir), "%s.d", file); /* cut: not there */
	warn_loose_folder(warnings, dir, SETTINGS);
}

char *
load_find_loose(const char *file, const char *dir)
{
	struct faults *found = faults_new();
	const struct fault *first;
	char *text = NULL;

	if (found == NULL)
		return NULL;
	warn_loose_settings(found, file != NULL ? file : LOAD_CONFIG_DEFAULT);
	warn_loose_folder(found, rules_dir(dir), RULES);
	first = faults_get(found, 0);
	if (first != NULL &&
	    asprintf(&text, "%s: %s", first->file, first->what) < 0)
		text = NULL;
	faults_free(found);
	return text;
}

/* All that is odd ---------------------------------------------------------- */

void
load_warn_rules(struct faults *warnings, const char *dir)
{
	struct folder files = { NULL, 0 };
	struct stat st;

	warn_names(warnings, rules_dir(dir), RULES);
	(void)folder_read(&files, rules_dir(dir), RULES, LOAD_FILES_MAX);
	/* as a full disk leaves it, or an editor that failed */
	for (size_t i = 0; i < files.n; i++)
		if (stat(files.v[i], &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_size == 0)
			warn(warnings, files.v[i], "warning: it is empty");
	folder_done(&files);
	warn_loose_folder(warnings, rules_dir(dir), RULES);
}

void
load_warn_settings(struct faults *warnings, const char *file)
{
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s.d", file); /* cut: not there */
	warn_names(warnings, dir, SETTINGS);
	warn_loose_settings(warnings, file);
}
