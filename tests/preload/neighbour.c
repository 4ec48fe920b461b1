/*
 * neighbour.c - a library that is found by who looks for it here.
 */
int neighbour_lives_here(void);
int neighbour_lives_here(void)
{
	return 1;
}
