#include "bench/syntax.h"

#include <string.h>

#include "bench/hint.h"

enum { STATEMENTS_MAX = 24, DEPTH_MAX = 6 };

enum syntax_kind { NAME, LITERAL, SELECT, CALL, BINARY, ASSIGN, RETURN, IF, STATEMENTS };

struct syntax_node {
	enum syntax_kind kind;
	uint32_t position; /* in the source */
	char *text;        /* of a name or literal */
	struct syntax_node *left;
	struct syntax_node *right;
};

/* As they come in a Go program's source. */
static const char *const names[] = {"i", "n", "b", "p", "s", "t", "w", "r", "c", "x", "err", "err",
	"ok", "nil", "nil", "buf", "len", "key", "val", "ctx", "req", "res", "line", "name", "data",
	"body", "conn", "args", "true", "false", "index", "count", "value", "error", "bytes", "Write",
	"string", "append", "header", "length", "Header", "Errorf", "request", "timeout", "Fprintf",
	"Request", "Response", "deadline", "transport", "WriteHeader", "ResponseWriter",
	"canonicalHeaderKey", "persistConnWriter"};

static const char *const literals[] = {"0", "0", "0", "1", "1", "2", "8", "10", "64", "100", "1024",
	"0x7f", "'\\n'", "'/'", "\"\"", "\"GET\"", "\"http\"", "\"Content-Length\"",
	"\"net/http: invalid header field name\"", "\"%s: %v\""};

static struct syntax_node *syntax_node_new(enum syntax_kind kind, struct syntax_node *left,
	struct syntax_node *right)
{
	static uint32_t position;
	struct syntax_node *node = node_new(sizeof(*node));

	*node = (struct syntax_node){kind, position++, NULL, left, right};
	return node;
}

static struct syntax_node *leaf_new(enum syntax_kind kind, const char *text)
{
	struct syntax_node *node = syntax_node_new(kind, NULL, NULL);
	size_t bytes = strlen(text) + 1;

	node->text = memcpy(text_new(bytes), text, bytes);
	return node;
}

static struct syntax_node *name_new(struct rng *rng)
{
	return leaf_new(NAME, names[rng_below(rng, sizeof(names) / sizeof(names[0]))]);
}

static struct syntax_node *expression_new(struct rng *rng, unsigned depth)
{
	uint32_t dice = rng_below(rng, 100);

	if (depth == 0 || dice < 40)
		return name_new(rng);
	if (dice < 55)
		return leaf_new(LITERAL, literals[rng_below(rng, sizeof(literals) / sizeof(literals[0]))]);

	struct syntax_node *left = expression_new(rng, depth - 1);
	if (dice < 70)
		return syntax_node_new(SELECT, left, name_new(rng));
	return syntax_node_new(dice < 85 ? CALL : BINARY, left, expression_new(rng, depth - 1));
}

static struct syntax_node *statements_new(struct rng *rng, unsigned depth);

static struct syntax_node *statement_new(struct rng *rng, unsigned depth)
{
	uint32_t dice = rng_below(rng, 100);
	struct syntax_node *expression = expression_new(rng, depth);

	if (depth > 2 && dice < 20)
		return syntax_node_new(IF, expression, statements_new(rng, depth - 2));
	if (dice < 65)
		return syntax_node_new(ASSIGN, name_new(rng), expression);
	return dice < 75 ? syntax_node_new(RETURN, expression, NULL) : expression;
}

static struct syntax_node *statements_new(struct rng *rng, unsigned depth)
{
	struct syntax_node *list = NULL;

	for (size_t left = rng_between(rng, 1, STATEMENTS_MAX * depth / DEPTH_MAX); left > 0; left--)
		list = syntax_node_new(STATEMENTS, statement_new(rng, depth), list);
	return list;
}

struct syntax_node *syntax_function_new(struct rng *rng)
{
	return statements_new(rng, DEPTH_MAX);
}

void syntax_free(struct syntax_node *root)
{
	while (root != NULL) {
		struct syntax_node *right = root->right;
		syntax_free(root->left);
		free(root->text);
		free(root);
		root = right;
	}
}
