#include "heap/size_class.h"

/*
 * Multiples of 16 up to 256, then eight classes a doubling: rounding up wastes
 * at most one byte in nine there, about 6 % on average.  Twice as many classes
 * would save three points more and spread a small heap over twice the spans.
 * Above 32 KiB whole pages, one object a span: up to 64 KiB these are four
 * classes a doubling.
 *
 * A span has the fewest pages, from 4 up to 1 KiB objects, 8 up to 2 KiB, 16 up
 * to 8 KiB, 32 above, that leave at most 1/64 of it over.  The reciprocal is
 * ceil(2^35 / bytes): exact, since 2^35 is more than a span's bytes times an
 * object's in every class that shares a span, and that of 16 bytes still fits 32
 * bits.  Where an object is alone in its span, 0 finds it.
 */
const struct size_class size_classes[SIZE_CLASS_COUNT] = {
	{0, 0, 0, 0},
#include "heap/size_class_rows.h"
#include "heap/size_class_rows.h"
	/* Behind the blocks stands a word for each, in the same page (tinyalloc/record.h). */
	[SIZE_CLASS_TINY] = {TINY_BLOCK_BYTES, 1, TINY_BLOCKS, 0x80000000u},
};

const uint8_t size_class_of_granule[SMALL_MAX_BYTES / SIZE_GRANULE_BYTES + 1] = {
	[0 ... 1] = 1, [2] = 2, [3] = 3, [4] = 4,
	[5] = 5, [6] = 6, [7] = 7, [8] = 8,
	[9] = 9, [10] = 10, [11] = 11, [12] = 12,
	[13] = 13, [14] = 14, [15] = 15, [16] = 16,
	[17 ... 18] = 17, [19 ... 20] = 18, [21 ... 22] = 19, [23 ... 24] = 20,
	[25 ... 26] = 21, [27 ... 28] = 22, [29 ... 30] = 23, [31 ... 32] = 24,
	[33 ... 36] = 25, [37 ... 40] = 26, [41 ... 44] = 27, [45 ... 48] = 28,
	[49 ... 52] = 29, [53 ... 56] = 30, [57 ... 60] = 31, [61 ... 64] = 32,
	[65 ... 72] = 33, [73 ... 80] = 34, [81 ... 88] = 35, [89 ... 96] = 36,
	[97 ... 104] = 37, [105 ... 112] = 38, [113 ... 120] = 39, [121 ... 128] = 40,
	[129 ... 144] = 41, [145 ... 160] = 42, [161 ... 176] = 43, [177 ... 192] = 44,
	[193 ... 208] = 45, [209 ... 224] = 46, [225 ... 240] = 47, [241 ... 256] = 48,
	[257 ... 288] = 49, [289 ... 320] = 50, [321 ... 352] = 51, [353 ... 384] = 52,
	[385 ... 416] = 53, [417 ... 448] = 54, [449 ... 480] = 55, [481 ... 512] = 56,
	[513 ... 576] = 57, [577 ... 640] = 58, [641 ... 704] = 59, [705 ... 768] = 60,
	[769 ... 832] = 61, [833 ... 896] = 62, [897 ... 960] = 63, [961 ... 1024] = 64,
	[1025 ... 1152] = 65, [1153 ... 1280] = 66, [1281 ... 1408] = 67, [1409 ... 1536] = 68,
	[1537 ... 1664] = 69, [1665 ... 1792] = 70, [1793 ... 1920] = 71, [1921 ... 2048] = 72,
	[2049 ... 2560] = 73, [2561 ... 3072] = 74, [3073 ... 3584] = 75, [3585 ... 4096] = 76,
	[4097 ... 4608] = 77, [4609 ... 5120] = 78, [5121 ... 5632] = 79, [5633 ... 6144] = 80,
	[6145 ... 6656] = 81, [6657 ... 7168] = 82, [7169 ... 7680] = 83, [7681 ... 8192] = 84,
	[8193 ... 9216] = 85, [9217 ... 10240] = 86, [10241 ... 11264] = 87, [11265 ... 12288] = 88,
	[12289 ... 13312] = 89, [13313 ... 14336] = 90, [14337 ... 15360] = 91, [15361 ... 16384] = 92,
};

uint32_t size_class_end = SIZED_CLASS_COUNT;
