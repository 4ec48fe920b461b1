/*
 * parser.c - what was opened is closed on every way out, and errors deep in a recursion
 * come out at its top.
 *
 * Each level of the parser defers the closing of what it opened; where the text is wrong
 * it panics, whatever the depth, and parse() recovers.
 *
 *     cc parser.c $(pkg-config --cflags --libs mstat_coro)
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <mstat_coro.h>

static const char *at;   /* what is left of the text */
static const char *error;
static int open_lists;

static void list_close(void *list)
{
	free(*(void **)list);
	open_lists--;
}

static long expression(void);

/* ( + 1 2 3 ) and ( * 1 2 3 ) */
static long list(void)
{
	CORO_FRAME;
	size_t count = 0, room = 4;
	long *numbers = malloc(room * sizeof(*numbers));

	if (numbers == NULL)
		coro_panic((void *)"no memory");
	open_lists++;
	coro_defer(list_close, &numbers, sizeof(numbers));

	char operation = *at++;
	if (operation != '+' && operation != '*')
		coro_panic((void *)"an operation is missing");
	while (*at != ')') {
		if (count == room)
			coro_panic((void *)"a list is too long");
		numbers[count++] = expression();
	}
	at++;
	long result = operation == '*';
	for (size_t i = 0; i < count; i++)
		result = operation == '*' ? result * numbers[i] : result + numbers[i];
	return result;
}

static long expression(void)
{
	long value;

	while (*at == ' ')
		at++;
	if (*at == '(') {
		at++;
		value = list();
	} else if (isdigit((unsigned char)*at)) {
		value = strtol(at, (char **)&at, 10);
	} else {
		coro_panic((void *)(*at == '\0' ? "the text ends too early" : "a number is missing"));
	}
	while (*at == ' ')
		at++;
	return value;
}

static void recover_error(void *nothing)
{
	(void)nothing;
	error = coro_recover();
}

static int parse(const char *text, long *value)
{
	CORO_FRAME;

	at = text;
	if (coro_defer(recover_error, NULL, 0) != 0)
		return -1; /* after a panic it goes on here */
	*value = expression();
	return 0;
}

int main(void)
{
	static const char *const texts[] = {
		"(+ 1 2 (* 3 4))", "(+ 1 (* 2 (- 3 4)))", "(* (+ 1 1) (+ 2", "7"};
	long value;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (parse(texts[i], &value) == 0)
			printf("%s = %ld\n", texts[i], value);
		else
			printf("%s: %s\n", texts[i], error);
		if (open_lists != 0)
			printf("%d lists were left open\n", open_lists);
	}
	return 0;
}
