/*
 * hog.c - a library whose thread-local memory must be in the static block, of which
 * little is left for what is loaded late.  Built in two sizes.
 */
static __thread char hoard[HOG_BYTES] __attribute__((tls_model("initial-exec")));

char *hog_memory(void);
char *hog_memory(void)
{
	return hoard;
}
