/*
 * bench/nbody.c - bodies under gravity: in each step an octree is built of
 * nodes allocated one by one, walked for every body, and freed.
 *
 * What it shows: how near to each other objects are placed that are allocated
 * one after the other, since the walk follows them.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bench/common.h"

enum { BODIES = 8000 };

static const double opening = 0.9, softening = 1e-3, step = 1e-4;
static const char usage[] = "STEPS";

struct body {
	double position[3];
	double velocity[3];
};

struct node {
	double centre[3]; /* of mass, once summed up */
	double mass;
	double half_width;
	double middle[3];
	const struct body *body; /* of a leaf */
	struct node *children[8];
};

static struct node *node_new(const double *middle, double half_width)
{
	struct node *node = needed(calloc(1, sizeof(*node)));

	node->half_width = half_width;
	for (int axis = 0; axis < 3; axis++)
		node->middle[axis] = middle[axis];
	return node;
}

static struct node **child_of(struct node *node, const double *position)
{
	int octant = 0;

	for (int axis = 0; axis < 3; axis++)
		octant |= (position[axis] > node->middle[axis]) << axis;
	if (node->children[octant] == NULL) {
		double middle[3];
		for (int axis = 0; axis < 3; axis++)
			middle[axis] = node->middle[axis] +
				((octant >> axis) & 1 ? 0.5 : -0.5) * node->half_width;
		node->children[octant] = node_new(middle, node->half_width / 2);
	}
	return &node->children[octant];
}

static void node_insert(struct node *node, const struct body *body)
{
	bool was_empty = node->mass == 0;

	for (int axis = 0; axis < 3; axis++)
		node->centre[axis] += body->position[axis];
	node->mass += 1;
	if (was_empty) {
		node->body = body;
		return;
	}
	const struct body *resident = node->body;
	node->body = NULL;
	if (node->half_width < 1e-9)
		return; /* two bodies in one place */
	if (resident != NULL)
		node_insert(*child_of(node, resident->position), resident);
	node_insert(*child_of(node, body->position), body);
}

static void node_free(struct node *node)
{
	for (int i = 0; i < 8; i++)
		if (node->children[i] != NULL)
			node_free(node->children[i]);
	free(node);
}

static void node_attract(const struct node *node, struct body *body)
{
	double way[3], square = softening;

	if (node->body == body)
		return;
	for (int axis = 0; axis < 3; axis++) {
		way[axis] = node->centre[axis] / node->mass - body->position[axis];
		square += way[axis] * way[axis];
	}
	if (node->body == NULL && node->half_width * node->half_width > opening * opening * square) {
		for (int i = 0; i < 8; i++)
			if (node->children[i] != NULL)
				node_attract(node->children[i], body);
		return;
	}
	double pull = node->mass * step / (square * sqrt(square));
	for (int axis = 0; axis < 3; axis++)
		body->velocity[axis] += pull * way[axis];
}

static void bodies_move(struct body *bodies)
{
	static const double middle[3] = {0.5, 0.5, 0.5};
	struct node *root = node_new(middle, 0.5);

	for (int i = 0; i < BODIES; i++)
		node_insert(root, &bodies[i]);
	for (int i = 0; i < BODIES; i++)
		node_attract(root, &bodies[i]);
	node_free(root);
	for (int i = 0; i < BODIES; i++)
		for (int axis = 0; axis < 3; axis++) {
			double moved = bodies[i].position[axis] + step * bodies[i].velocity[axis];
			bodies[i].position[axis] = moved - floor(moved);
		}
}

int main(int argc, char **argv)
{
	uint64_t steps = argument_number(argc, argv, 1, usage);
	struct body *bodies = needed(calloc(BODIES, sizeof(*bodies)));
	struct rng rng = rng_stream(4);

	for (int i = 0; i < BODIES; i++)
		for (int axis = 0; axis < 3; axis++)
			bodies[i].position[axis] = (double)rng_below(&rng, 1 << 30) / (1 << 30);
	uint64_t begin_ns = clock_cpu_ns();
	for (uint64_t left = steps; left > 0; left--)
		bodies_move(bodies);
	report_time(steps, clock_cpu_ns() - begin_ns);
	free(bodies);
	return 0;
}
