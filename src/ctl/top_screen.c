#include <ctype.h>
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/ctl/show.h"
#include "src/ctl/top.h"

/* Between two looks at the daemon. */
#define EVERY_MS 1000

/* Lines above the table. */
#define HEAD 2

struct screen {
	struct top *top;
	size_t first; /* row of the table at the top */
	size_t n;     /* rows there are */
	bool typing;  /* a filter */
	bool paused;
	bool leave;
};

static size_t
room(void)
{
	return LINES > HEAD + 1 ? (size_t)(LINES - HEAD - 1) : 1;
}

static void
draw_head(const struct screen *screen, const struct top_rows *rows)
{
	const struct top *top = screen->top;
	char now[32];

	show_time(now, sizeof(now), (double)time(NULL));
	mvprintw(0, 0, "%s by %s%s  %zu of %zu  %s%s",
	    top->kind == TOP_PROCESSES ? "processes" : "hosts",
	    top_sort_name(top->sort), top->reverse ? ", least first" : "",
	    rows->n, rows->all, now, screen->paused ? "  PAUSED" : "");
	if (screen->typing || top->filter[0] != '\0')
		printw(
		    "  filter: %s%s", top->filter, screen->typing ? "_" : "");
	mvprintw(1, 0,
	    "q quit  tab processes/hosts  s sort  r reverse  / filter  "
	    "space pause");
}

/* One line of the table, marked where it is the titles'. */
static void
draw_line(int y, const char *line, size_t len, bool title)
{
	if (title)
		attron(A_REVERSE);
	mvaddnstr(y, 0, line, (int)len);
	if (title) {
		/* to the edge */
		for (int x = getcurx(stdscr); x < COLS && getcury(stdscr) == y;
		     x++)
			addch(' ');
		attroff(A_REVERSE);
	}
}

static void
draw_table(struct screen *screen, const struct top_rows *rows)
{
	struct table *table = top_rows_table(rows, screen->top->kind);
	char *text = NULL, *line, *end;
	size_t size = 0, i = 0;
	FILE *out = open_memstream(&text, &size);

	if (table != NULL && out != NULL)
		table_print_width(table, out, (size_t)COLS);
	table_free(table);
	if (out == NULL || fclose(out) != 0)
		return;
	for (line = text; (end = strchr(line, '\n')) != NULL;
	     line = end + 1, i++) {
		int y =
		    i == 0 ? HEAD : HEAD + (int)(i - screen->first); /* small */

		if (i == 0 ||
		    (i > screen->first && i - screen->first <= room()))
			draw_line(y, line, (size_t)(end - line), i == 0);
	}
	free(text);
}

static bool
draw(struct screen *screen)
{
	struct top_rows rows;

	if (!top_make(screen->top, &rows))
		return false;
	screen->n = rows.n;
	if (screen->first + room() > screen->n)
		screen->first = screen->n > room() ? screen->n - room() : 0;
	erase();
	draw_head(screen, &rows);
	draw_table(screen, &rows);
	top_rows_done(&rows);
	refresh();
	return true;
}

static void
scroll_by(struct screen *screen, long rows)
{
	if (rows < 0 && screen->first < (size_t)-rows)
		screen->first = 0;
	else
		screen->first = (size_t)((long)screen->first + rows);
}

/* A key while a filter is typed. */
static void
type(struct screen *screen, int key)
{
	char *filter = screen->top->filter;
	size_t len = strlen(filter);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		screen->typing = false;
	} else if (key == 27) { /* Esc: none */
		screen->typing = false;
		filter[0] = '\0';
	} else if (key == KEY_BACKSPACE || key == 127 || key == 8) {
		if (len > 0)
			filter[len - 1] = '\0';
	} else if (key >= 32 && key < 256 && len + 1 < TOP_FILTER) {
		filter[len] = (char)key;
		filter[len + 1] = '\0';
	}
	screen->first = 0;
}

/* True if the daemon is to be asked at once. */
static bool
press(struct screen *screen, int key)
{
	struct top *top = screen->top;

	switch (key) {
	case 'q':
		screen->leave = true;
		break;
	case '\t':
	case 'h':
	case 'p':
		top->kind = key == 'h'		     ? TOP_HOSTS
			    : key == 'p'	     ? TOP_PROCESSES
			    : top->kind == TOP_HOSTS ? TOP_PROCESSES
						     : TOP_HOSTS;
		screen->first = 0;
		return true;
	case 's':
		top->sort = (top->sort + 1) % TOP_N_SORTS;
		break;
	case 'r':
		top->reverse = !top->reverse;
		break;
	case '/':
		screen->typing = true;
		top->filter[0] = '\0';
		break;
	case ' ':
		screen->paused = !screen->paused;
		break;
	case KEY_DOWN:
		scroll_by(screen, 1);
		break;
	case KEY_UP:
		scroll_by(screen, -1);
		break;
	case KEY_NPAGE:
		scroll_by(screen, (long)room());
		break;
	case KEY_PPAGE:
		scroll_by(screen, -(long)room());
		break;
	default: /* KEY_RESIZE too: it is drawn anew */
		break;
	}
	return false;
}

static long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Keys until the daemon is to be asked again. */
static void
wait_for_keys(struct screen *screen)
{
	long end = now_ms() + EVERY_MS, left;

	while (!screen->leave && (left = end - now_ms()) > 0) {
		int key;

		timeout((int)left);
		key = getch();
		if (key == ERR)
			continue;
		if (screen->typing)
			type(screen, key);
		else if (press(screen, key))
			return;
		if (!draw(screen))
			screen->leave = true;
	}
}

static enum status
run(struct screen *screen)
{
	enum top_kind shown = screen->top->kind;
	enum status status = STATUS_DONE;

	while (!screen->leave && status == STATUS_DONE) {
		if (!screen->paused || shown != screen->top->kind ||
		    screen->top->list == NULL)
			status = top_ask(screen->top);
		shown = screen->top->kind;
		if (status != STATUS_DONE || !draw(screen))
			break;
		wait_for_keys(screen);
	}
	return status;
}

enum status
top_screen(struct top *top)
{
	struct screen screen = { .top = top };
	SCREEN *terminal = newterm(NULL, stdout, stdin);
	enum status status;

	if (terminal == NULL) {
		fputs("reroutectl: this terminal (TERM) is not known; "
		      "'top --once' needs none\n",
		    stderr);
		return STATUS_FAILED;
	}
	set_escdelay(25);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	(void)curs_set(0); /* some terminals can't */
	status = run(&screen);
	endwin();
	delscreen(terminal);
	if (status == STATUS_NO_DAEMON) /* the screen took what was said */
		fputs("reroutectl: the daemon has closed\n", stderr);
	return status;
}
