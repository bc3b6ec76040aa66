/* Passes for another program where /proc is believed.
 *
 *	pose EXE ADDRESS PORT [listen|late|copy]
 *
 * Moves its own memory off its file, as CRIU does with what it restores, names
 * EXE as its executable, which any user may in a user namespace of his own,
 * and connects to ADDRESS by TCP; or listens there, says so, and waits to be
 * killed. late: takes away its own file and begins to connect before it poses,
 * says so, and waits to be killed. copy: says that it waits for a line, and a
 * child does it. Ends with 77 where the kernel won't have it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/prctl.h>

#define PIECES_MAX 32

struct piece {
	unsigned long start, end;
	void *copy;
};

static void
die(const char *what)
{
	fprintf(stderr, "pose: %s: %s\n", what, strerror(errno));
	exit(errno == EPERM || errno == EINVAL ? 77 : 1);
}

static size_t
find_pieces(struct piece *pieces, const char *self)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[1024];
	size_t n = 0;

	if (maps == NULL)
		die("maps");
	while (n < PIECES_MAX && fgets(line, sizeof(line), maps) != NULL) {
		struct piece *piece = &pieces[n];

		if (strstr(line, self) != NULL &&
		    sscanf(line, "%lx-%lx", &piece->start, &piece->end) == 2)
			n++;
	}
	(void)fclose(maps); /* only read */
	return n;
}

/* By hand and unchecked: redzones are to be copied too. */
__attribute__((no_sanitize("address", "undefined"))) static void
copy(struct piece *piece)
{
	const volatile unsigned long *from = (void *)piece->start;
	volatile unsigned long *to = piece->copy;

	for (size_t i = 0; i < (piece->end - piece->start) / sizeof(*to); i++)
		to[i] = from[i];
}

static void
leave_file(struct piece *pieces, size_t n)
{
	const int all = PROT_READ | PROT_WRITE | PROT_EXEC;

	for (size_t i = 0; i < n; i++) {
		size_t size = pieces[i].end - pieces[i].start;

		pieces[i].copy =
		    mmap(NULL, size, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (pieces[i].copy == MAP_FAILED)
			die("mmap");
	}
	for (size_t i = 0; i < n; i++) {
		size_t size = pieces[i].end - pieces[i].start;

		copy(&pieces[i]);
		if (mremap(pieces[i].copy, size, size,
			MREMAP_MAYMOVE | MREMAP_FIXED,
			(void *)pieces[i].start) == MAP_FAILED)
			die("mremap");
	}
}

/* Fields by their numbers in proc(5). */
static void
read_map(struct prctl_mm_map *ret)
{
	FILE *stat = fopen("/proc/self/stat", "re");
	unsigned long long field[52] = { 0 };
	char text[2048], *at;

	if (stat == NULL || fgets(text, sizeof(text), stat) == NULL)
		die("stat");
	(void)fclose(stat); /* only read */
	at = strrchr(text, ')') + 4;
	for (size_t i = 4; i < 52; i++)
		field[i] = strtoull(at, &at, 10);
	ret->start_code = field[26];
	ret->end_code = field[27];
	ret->start_stack = field[28];
	ret->start_data = field[45];
	ret->end_data = field[46];
	ret->start_brk = field[47];
	ret->brk = (unsigned long)sbrk(0);
	ret->arg_start = field[48];
	ret->arg_end = field[49];
	ret->env_start = field[50];
	ret->env_end = field[51];
}

static void
pose(const char *as)
{
	struct piece pieces[PIECES_MAX] = { 0 };
	struct prctl_mm_map map = { 0 };
	int exe = open(as, O_RDONLY | O_CLOEXEC);
	char self[512] = "";

	if (exe < 0 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		die(as);
	if (unshare(CLONE_NEWUSER) < 0)
		die("unshare");
	leave_file(pieces, find_pieces(pieces, self));
	read_map(&map);
	map.exe_fd = (uint32_t)exe;
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0)
		die("prctl");
	memset(self, 0, sizeof(self));
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 ||
	    strcmp(self, as) != 0)
		die("another file");
}

static void
say(const char *word)
{
	puts(word);
	(void)fflush(stdout); /* else the test waits in vain */
}

static void
say_and_stay(const char *word)
{
	say(word);
	for (;;)
		(void)pause(); /* always EINTR */
}

static void
begin_and_leave(int sock, const struct sockaddr_in *to)
{
	char self[512] = "";

	if (fcntl(sock, F_SETFL, O_NONBLOCK) < 0 ||
	    (connect(sock, (const void *)to, sizeof(*to)) < 0 &&
		errno != EINPROGRESS))
		die("connect");
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 ||
	    unlink(self) < 0)
		die("unlink");
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *how = argc > 4 ? argv[4] : "";

	if (argc < 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		return 2;
	to.sin_port = htons((uint16_t)atoi(argv[3]));
	if (sock < 0)
		die("socket");
	if (strcmp(how, "late") == 0)
		begin_and_leave(sock, &to);
	if (strcmp(how, "copy") == 0) {
		say("waits");
		(void)getchar(); /* until there is one, or no more */
		if (fork() != 0)
			say_and_stay("forked");
	}
	pose(argv[1]);
	if (strcmp(how, "listen") == 0) {
		if (bind(sock, (void *)&to, sizeof(to)) < 0 ||
		    listen(sock, 16) < 0)
			die("listen");
		say_and_stay("listens");
	}
	if (strcmp(how, "late") == 0)
		say_and_stay("posed");
	(void)connect(sock, (void *)&to, sizeof(to)); /* the test counts */
	return 0;
}
