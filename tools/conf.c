#include "stats/conf.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/failure.h"
#include "tools/term.h"

enum { OPTION_JSON = 256 };

/* Behind four blanks, in lines that fit. */
static void print_wrapped(const char *text)
{
	size_t room = term_columns() - 4, at = 0;

	for (const char *word = text; *word != '\0';) {
		size_t bytes = strcspn(word, " ");
		bool fits = at != 0 && at + 1 + bytes <= room;
		printf("%s%.*s", at == 0 ? "    " : fits ? " " : "\n    ", (int)bytes, word);
		at = fits ? at + 1 + bytes : bytes;
		word += bytes;
		word += strspn(word, " ");
	}
	printf("\n");
}

static void print_text(void)
{
	printf("MSTAT_CONF=\"KEY:VALUE,KEY:VALUE\"\n");
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		printf("\n%s%s%s:%s\n", term_bold(), key->name, term_plain(), key->default_text);
		print_wrapped(key->meaning);
		printf("    %sValues: %s.%s\n", term_dim(), key->values, term_plain());
	}
}

static void print_json(void)
{
	json_t *root = json_object(), *array = json_array();

	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		json_t *object = json_object();
		json_object_set_new(object, "key", json_string(key->name));
		json_object_set_new(object, "default", json_string(key->default_text));
		json_object_set_new(object, "values", json_string(key->values));
		json_object_set_new(object, "meaning", json_string(key->meaning));
		json_array_append_new(array, object);
	}
	json_object_set_new(root, "mstat_conf", json_integer(1));
	json_object_set_new(root, "keys", array);
	json_dumpf(root, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(root);
}

int command_conf(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	bool as_json = false;

	for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		switch (option) {
		case OPTION_JSON:
			as_json = true;
			break;
		case 'h':
			return command_help("conf");
		default:
			return command_bad_option("conf", option, argv);
		}
	}
	if (argc != optind)
		return failure_usage("conf", "no argument is needed, so not %s either", argv[optind]);
	(as_json ? print_json : print_text)();
	return command_end(FAILURE_NONE);
}
