#include "tools/flame.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/text.h"
#include "tools/units.h"

/* In pixels.  COLUMN is of a letter of a monospaced font of FONT pixels. */
enum { WIDTH = 1200, LEFT = 10, WIDE = WIDTH - 2 * LEFT, TOP = 58, ROW = 18, BOX = 17, FONT = 12,
	LEGEND_ROW = 20, LEGEND_MAX = 8, TITLE_COLUMNS = 130 };
static const double COLUMN = 7.23;
static const double NARROWEST = 0.001; /* of the picture's width */

enum { HUES_APART = 10 }; /* so many find a place 24 degrees from the others */
static const double GOLDEN_ANGLE = 137.508;

/* Where each node of the tree stands. */
struct layout {
	const struct prof *prof;
	const struct stack_tree *tree;
	double *own;          /* bytes that are drawn: what there is, or what grew */
	double *whole;
	double *x;            /* as shares of the picture */
	uint32_t *levels;     /* 0: the root */
	bool *is_drawn;
	double *modules;      /* own bytes of each module */
	double *hues;         /* their colours, in degrees */
	uint32_t *children;   /* of the node at hand, sorted */
	uint32_t level_count;
	double omitted;       /* bytes in boxes that are not drawn at all */
};

/* The children of one node that are too narrow. */
struct rest {
	double bytes;
	size_t count;
	uint64_t samples;
};

/* Two noncharacters are no part of XML, as are control characters. */
static bool is_noncharacter(const char *text, size_t left)
{
	return left >= 3 && memcmp(text, "\xef\xbf", 2) == 0 &&
		(text[2] == '\xbe' || text[2] == '\xbf');
}

void flame_escape(const char *text, size_t bytes, FILE *out)
{
	for (size_t i = 0; i < bytes; i++) {
		if (is_noncharacter(text + i, bytes - i)) {
			fputc('?', out);
			i += 2;
		} else if (text[i] == '<') {
			fputs("&lt;", out);
		} else if (text[i] == '>') {
			fputs("&gt;", out);
		} else if (text[i] == '&') {
			fputs("&amp;", out);
		} else if (text[i] == '"') {
			fputs("&quot;", out);
		} else {
			fputc((unsigned char)text[i] < ' ' && text[i] != '\n' ? '?' : text[i], out);
		}
	}
}

static void escape(const char *text, FILE *out)
{
	flame_escape(text, strlen(text), out);
}

/* ---- layout ---------------------------------------------------------------- */

static void layout_close(struct layout *layout)
{
	free(layout->own);
	free(layout->whole);
	free(layout->x);
	free(layout->levels);
	free(layout->is_drawn);
	free(layout->modules);
	free(layout->hues);
	free(layout->children);
}

static bool layout_open(struct layout *layout, const struct prof *prof,
	const struct stack_tree *tree)
{
	size_t count = tree->count;

	*layout = (struct layout){.prof = prof, .tree = tree,
		.own = calloc(count, sizeof(*layout->own)),
		.whole = calloc(count, sizeof(*layout->whole)),
		.x = calloc(count, sizeof(*layout->x)),
		.levels = calloc(count, sizeof(*layout->levels)),
		.is_drawn = calloc(count, sizeof(*layout->is_drawn)),
		.modules = calloc(tree->names.modules.count + 1, sizeof(*layout->modules)),
		.hues = calloc(tree->names.modules.count + 1, sizeof(*layout->hues)),
		.children = calloc(count, sizeof(*layout->children))};
	if (layout->own != NULL && layout->whole != NULL && layout->x != NULL &&
		layout->levels != NULL && layout->is_drawn != NULL && layout->modules != NULL &&
		layout->hues != NULL && layout->children != NULL)
		return true;
	layout_close(layout);
	return false;
}

static void bytes_sum(struct layout *layout)
{
	const struct stack_tree *tree = layout->tree;

	for (uint32_t i = 1; i < tree->count; i++) {
		double bytes = stack_sum_change(&tree->nodes[i].own);
		layout->own[i] = bytes > 0 ? bytes : 0;
		layout->whole[i] = layout->own[i];
		layout->levels[i] = layout->levels[tree->nodes[i].parent] + 1;
		if (layout->own[i] > 0)
			layout->modules[stack_node_name(tree, i)->module_number] += layout->own[i];
	}
	for (size_t i = tree->count; i-- > 1;)
		layout->whole[tree->nodes[i].parent] += layout->whole[i];
}

static int compare_children(const void *a, const void *b, void *context)
{
	const struct layout *layout = context;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	double left_bytes = layout->whole[left], right_bytes = layout->whole[right];

	if (left_bytes != right_bytes)
		return left_bytes < right_bytes ? 1 : -1;
	return strcmp(stack_node_name(layout->tree, left)->text,
		stack_node_name(layout->tree, right)->text);
}

static size_t children_sort(struct layout *layout, uint32_t node)
{
	const struct stack_node *nodes = layout->tree->nodes;
	size_t count = 0;

	for (uint32_t child = nodes[node].first; child != 0; child = nodes[child].next)
		layout->children[count++] = child;
	qsort_r(layout->children, count, sizeof(*layout->children), compare_children, layout);
	return count;
}

static double share_of(const struct layout *layout, double bytes)
{
	return layout->whole[0] > 0 ? bytes / layout->whole[0] : 0;
}

/* Places a node's children from the left, the widest first; what is left over. */
static struct rest children_place(struct layout *layout, uint32_t node, double *x)
{
	size_t count = children_sort(layout, node);
	struct rest rest = {0};

	*x = layout->x[node];
	for (size_t i = 0; i < count; i++) {
		uint32_t child = layout->children[i];
		double share = share_of(layout, layout->whole[child]);
		if (share < NARROWEST) {
			rest.bytes += layout->whole[child];
			rest.samples += layout->tree->nodes[child].whole.after.samples;
			rest.count += layout->whole[child] > 0;
			continue;
		}
		layout->is_drawn[child] = true;
		layout->x[child] = *x;
		*x += share;
		if (layout->levels[child] >= layout->level_count)
			layout->level_count = layout->levels[child] + 1;
	}
	if (share_of(layout, rest.bytes) < NARROWEST) {
		layout->omitted += rest.bytes;
		rest.count = 0;
	} else if (layout->levels[node] + 2 > layout->level_count) {
		layout->level_count = layout->levels[node] + 2;
	}
	return rest;
}

/* ---- boxes ----------------------------------------------------------------- */

static double top_of(uint32_t level)
{
	return TOP + (double)level * ROW;
}

static void label_write(const char *name, double width, FILE *out)
{
	double room = floor((width - 8) / COLUMN);

	fputs("<text x=\"4\" y=\"12.5\">", out);
	if (room >= 3 && text_columns(name) <= (size_t)room) {
		escape(name, out);
	} else if (room >= 3) {
		flame_escape(name, text_cut(name, (size_t)room - 1), out);
		fputs("…", out);
	}
	fputs("</text>", out);
}

/* What follows the title in a box: its place, its colour's rectangle and its label. */
static void box_write(double x, double share, uint32_t level, const char *name, FILE *out)
{
	double width = share * WIDE;

	fprintf(out, "</title><svg class=\"box\" x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" "
		     "height=\"%d\"><rect width=\"100%%\" height=\"100%%\" rx=\"2\"/>",
		LEFT + x * WIDE, top_of(level), width > 0.6 ? width - 0.5 : width, BOX);
	label_write(name, width, out);
	fputs("</svg></g>\n", out);
}

static struct units_text bytes_text(double bytes)
{
	return units_bytes(prof_whole(bytes), false);
}

static void sum_write(const struct layout *layout, double bytes, FILE *out)
{
	fprintf(out, "%s%s, %.1f %%", layout->prof->is_diff ? "grew by " : "",
		bytes_text(bytes).text, 100 * share_of(layout, bytes));
}

/* The root is told by the heading. */
static void node_write(const struct layout *layout, uint32_t node, FILE *out)
{
	const struct stack_sum *whole = &layout->tree->nodes[node].whole;
	static char all[] = "all", nowhere[] = "";
	const struct stack_name root = {.text = all, .place = nowhere, .module = nowhere};
	const struct stack_name *name = node == 0 ? &root : stack_node_name(layout->tree, node);
	bool is_special = node == 0 || name->text[0] == '[';

	if (is_special)
		fputs("<g class=\"b\"><title>", out);
	else
		fprintf(out, "<g class=\"b m%u\"><title>", name->module_number);
	escape(name->text, out);
	fputc('\n', out);
	if (name->place[0] != '\0') {
		escape(name->place, out);
		fputc('\n', out);
	}
	if (!is_special) {
		escape(name->module, out);
		fputc('\n', out);
	}
	sum_write(layout, layout->whole[node], out);
	fprintf(out, " (± %s), %s objects, %s samples", bytes_text(stack_sum_error(whole)).text,
		units_count(prof_whole(whole->after.objects)).text,
		units_count((int64_t)whole->after.samples).text);
	box_write(layout->x[node], node == 0 ? 1 : share_of(layout, layout->whole[node]),
		layout->levels[node], name->text, out);
}

static void rest_write(const struct layout *layout, const struct rest *rest, double x,
	uint32_t level, FILE *out)
{
	char name[64];

	snprintf(name, sizeof(name), "[%zu smaller]", rest->count);
	fprintf(out, "<g class=\"b\"><title>%s\n", name);
	sum_write(layout, rest->bytes, out);
	fprintf(out, ", %s samples", units_count((int64_t)rest->samples).text);
	box_write(x, share_of(layout, rest->bytes), level, name, out);
}

static void boxes_write(const struct layout *layout, const struct rest *rests,
	const double *ends, FILE *out)
{
	for (uint32_t i = 0; i < layout->tree->count; i++) {
		if (!layout->is_drawn[i])
			continue;
		node_write(layout, i, out);
		if (rests[i].count > 0)
			rest_write(layout, &rests[i], ends[i], layout->levels[i] + 1, out);
	}
}

/* ---- colours --------------------------------------------------------------- */

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return (hash ^ hash >> 15) * 0x9e3779b1u;
}

/* A channel of hue, saturation and lightness; `n` is 0, 8 or 4 for red, green or blue. */
static unsigned channel(double hue, double saturation, double lightness, double n)
{
	double k = fmod(n + hue / 30, 12);
	double a = saturation * fmin(lightness, 1 - lightness);

	return (unsigned)lround(255 * (lightness - a * fmax(-1, fmin(fmin(k - 3, 9 - k), 1))));
}

/* How far a hue is from the next of so many others. */
static double hue_distance(const double *hues, size_t count, double hue)
{
	double least = 180;

	for (size_t i = 0; i < count; i++) {
		double apart = fabs(hues[i] - hue);
		least = fmin(least, fmin(apart, 360 - apart));
	}
	return least;
}

/* Of a module's name, so that it has one colour in many pictures; but the first few that
   meet in one picture must not look the same. */
static double hue_of(const double *hues, size_t count, const char *module)
{
	double hue = (double)hash_of(module) / UINT32_MAX * 360;

	for (int tries = 0; tries < HUES_APART && hue_distance(hues, count, hue) < 24; tries++)
		hue = fmod(hue + GOLDEN_ANGLE, 360);
	return hue;
}

static void hues_choose(struct layout *layout)
{
	const struct intern *modules = &layout->tree->names.modules;

	for (size_t i = 0; i < modules->count; i++)
		layout->hues[i] = hue_of(layout->hues, i < HUES_APART ? i : HUES_APART,
			modules->texts[i]);
}

static void fill_write(size_t module, double hue, double lightness, FILE *out)
{
	const double saturation = 0.5;

	fprintf(out, ".m%zu rect{fill:#%02x%02x%02x}", module,
		channel(hue, saturation, lightness, 0), channel(hue, saturation, lightness, 8),
		channel(hue, saturation, lightness, 4));
}

static void fills_write(const struct layout *layout, double lightness, FILE *out)
{
	const struct intern *modules = &layout->tree->names.modules;

	for (size_t i = 0; i < modules->count; i++)
		fill_write(i, layout->hues[i], lightness, out);
	fputc('\n', out);
}

/* Dark letters on light boxes, or the other way round. */
static void style_write(const struct layout *layout, FILE *out)
{
	fputs("<style>\n"
	      ".paper{fill:#fff}text{fill:#16181d}.note{fill:#5b6068}\n"
	      ".b rect,.n rect{fill:#dcdfe4}.b{cursor:pointer}.b:hover rect{stroke:#16181d}\n"
	      ".control{cursor:pointer;text-decoration:underline}\n",
		out);
	fills_write(layout, 0.77, out);
	fputs(".b.hit rect{fill:#e4007c}.b.hit text{fill:#fff}\n"
	      "@media (prefers-color-scheme:dark){\n"
	      ".paper{fill:#17191e}text{fill:#eceef2}.note{fill:#a5abb5}\n"
	      ".b rect,.n rect{fill:#3b4048}.b:hover rect{stroke:#eceef2}\n",
		out);
	fills_write(layout, 0.29, out);
	fputs(".b.hit rect{fill:#e4007c}\n}\n</style>\n", out);
}

/* ---- heading and legend ---------------------------------------------------- */

static void heading_write(const struct layout *layout, FILE *out)
{
	const struct prof *prof = layout->prof;
	const struct stack_sum *all = &layout->tree->nodes[0].whole;
	static const char *const what[] = {[SITE_LIVE] = "live heap",
		[SITE_TOTAL] = "everything allocated", [SITE_PEAK] = "heap at its peak",
		[SITE_PINNED] = "free memory that living objects pin"};
	char title[512];

	snprintf(title, sizeof(title), "%s%s%s: %s, %s%s",
		prof->is_diff ? prof->sides[STACK_BEFORE].title : "", prof->is_diff ? " to " : "",
		prof->sides[STACK_AFTER].title, what[prof->value],
		prof->is_diff ? "grew by " : "", bytes_text(layout->whole[0]).text);
	fprintf(out, "<text x=\"%d\" y=\"24\" font-size=\"15\" font-weight=\"bold\">", LEFT);
	flame_escape(title, text_cut(title, TITLE_COLUMNS), out);
	fprintf(out, "</text>\n<text class=\"note\" x=\"%d\" y=\"44\">", LEFT);
	if (layout->whole[0] <= 0)
		fputs(prof->is_diff ? "Nothing grew." : "There are no samples.", out);
	else if (prof->value == SITE_PINNED)
		fputs("free bytes in spans where these live; callers stand above", out);
	else
		fprintf(out, "%s samples, 1 in %s; ± %s is one standard error; callers stand above%s",
			units_count((int64_t)all->after.samples).text,
			bytes_text((double)prof_sites(prof)->rate_bytes).text,
			bytes_text(stack_sum_error(all)).text,
			prof->is_diff ? "; what shrank is not drawn" : "");
	fprintf(out, "</text>\n"
		     "<text class=\"found note\" x=\"%d\" y=\"44\" text-anchor=\"end\"></text>\n"
		     "<text class=\"reset control\" x=\"%d\" y=\"24\" text-anchor=\"end\" "
		     "style=\"display:none\">reset zoom</text>\n"
		     "<text class=\"search control\" x=\"%d\" y=\"24\" text-anchor=\"end\" "
		     "style=\"display:none\">search</text>\n",
		WIDTH - LEFT, WIDTH - LEFT - 70, WIDTH - LEFT);
}

static size_t largest_module(const struct layout *layout, const bool *is_told)
{
	size_t count = layout->tree->names.modules.count, best = count;

	for (size_t i = 0; i < count; i++)
		if (!is_told[i] && layout->modules[i] > 0 &&
			(best == count || layout->modules[i] > layout->modules[best]))
			best = i;
	return best;
}

static double legend_entry(const struct layout *layout, size_t module, double x, double y,
	FILE *out)
{
	const char *name = layout->tree->names.modules.texts[module];
	size_t cut = text_cut(name, 24);
	char share[32], class[32];

	snprintf(share, sizeof(share), " %.1f %%", 100 * share_of(layout, layout->modules[module]));
	snprintf(class, sizeof(class), name[0] == '[' ? "n" : "m%zu", module);
	fprintf(out, "<g class=\"%s\"><rect x=\"%.0f\" y=\"%.0f\" width=\"11\" height=\"11\" "
		     "rx=\"2\" fill=\"#dcdfe4\"/></g><text x=\"%.0f\" y=\"%.0f\">",
		class, x, y - 10, x + 16, y);
	flame_escape(name, cut, out);
	fprintf(out, "%s%s</text>\n", name[cut] != '\0' ? "…" : "", share);
	size_t columns = text_columns(name) > 25 ? 25 : text_columns(name);
	return x + 36 + (double)(columns + strlen(share)) * COLUMN;
}

/* The modules that allocated most, and what was too narrow to be drawn. */
static bool legend_write(const struct layout *layout, double y, FILE *out)
{
	size_t count = layout->tree->names.modules.count;
	bool *is_told = calloc(count + 1, sizeof(*is_told));
	double x = LEFT;

	if (is_told == NULL)
		return false;
	for (size_t i = 0; i < LEGEND_MAX && x < WIDTH - 300; i++) {
		size_t module = largest_module(layout, is_told);
		if (module == count)
			break;
		is_told[module] = true;
		x = legend_entry(layout, module, x, y, out);
	}
	free(is_told);
	if (layout->omitted > 0)
		fprintf(out, "<text class=\"note\" x=\"%d\" y=\"%.0f\">not drawn: %s (%.1f %%) in boxes "
			     "of less than %.1f %%</text>\n", LEFT, y + LEGEND_ROW,
			bytes_text(layout->omitted).text, 100 * share_of(layout, layout->omitted),
			100 * NARROWEST);
	return true;
}

/* ---- the file -------------------------------------------------------------- */

static void open_write(const struct layout *layout, double height, FILE *out)
{
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		     "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mstat-flame\" width=\"%d\" "
		     "height=\"%.0f\" viewBox=\"0 0 %d %.0f\" font-size=\"%d\" "
		     "font-family=\"'DejaVu Sans Mono',Menlo,Consolas,monospace\" "
		     "data-left=\"%d\" data-wide=\"%d\" data-column=\"%.2f\">\n<title>",
		WIDTH, height, WIDTH, height, FONT, LEFT, WIDE, COLUMN);
	escape(layout->prof->sides[STACK_AFTER].title, out);
	fputs("</title>\n", out);
	style_write(layout, out);
	fputs("<rect class=\"paper\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n", out);
}

bool flame_write(const struct prof *prof, const struct stack_tree *tree, FILE *out)
{
	struct layout layout;
	struct rest *rests = calloc(tree->count, sizeof(*rests));
	double *ends = calloc(tree->count, sizeof(*ends));
	bool done = false;

	if (rests != NULL && ends != NULL && layout_open(&layout, prof, tree)) {
		bytes_sum(&layout);
		hues_choose(&layout);
		layout.is_drawn[0] = true;
		layout.level_count = 1;
		for (uint32_t i = 0; i < tree->count; i++)
			if (layout.is_drawn[i])
				rests[i] = children_place(&layout, i, &ends[i]);
		double below = top_of(layout.level_count) + LEGEND_ROW;
		open_write(&layout, below + 2 * LEGEND_ROW, out);
		heading_write(&layout, out);
		boxes_write(&layout, rests, ends, out);
		done = legend_write(&layout, below, out);
		fprintf(out, "<script><![CDATA[\n%s]]></script>\n</svg>\n", flame_script);
		layout_close(&layout);
	}
	free(rests);
	free(ends);
	return done;
}
