/* Gives a fuzz target every file of its corpus, so that `make check` needs no
 * libFuzzer: TARGET FILE-OR-FOLDER... */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "rb");
	uint8_t *exact;
	size_t n;

	if (f == NULL)
		return -1;
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	exact = malloc(n + 1); /* so that a read past the end is seen */
	if (exact == NULL)
		return -1;
	memcpy(exact, bytes, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 1;
}

static int
replay(const char *path)
{
	struct dirent **names;
	char below[4096];
	struct stat st;
	int n, files = 0;

	if (stat(path, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return replay_file(path);
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(below, sizeof(below), "%s/%s", path,
			    names[i]->d_name);
			files += replay_file(below);
		}
		free(names[i]);
	}
	free(names);
	return files;
}

int
main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++)
		files += replay(argv[i]);
	printf("%s: %d inputs\n", argv[0], files);
	return files > 0 ? 0 : 1;
}
