# token_fast.awk - of preload/token.h, the functions with the token in their names:
# __alloc_token_1_malloc(bytes) for __alloc_token_malloc(bytes, 1).  The compiler calls
# them with -fsanitize-alloc-token-fast-abi, which is for few tokens: these have four.

BEGIN {
	TOKENS = 4
	print "/* Made by token_fast.awk of preload/token.h. */"
	print "#include \"preload/token.h\"\n"
}

/^EXPORT / {
	match($0, /__alloc_token_[A-Za-z0-9_]*/)
	name = substr($0, RSTART, RLENGTH)
	type = substr($0, 1, RSTART - 1)
	parameters = substr($0, RSTART + RLENGTH)
	sub(/, size_t token\);$/, ")", parameters)

	arguments = parameters
	gsub(/[()]/, "", arguments)
	count = split(arguments, words, /, /)
	arguments = ""
	for (i = 1; i <= count; i++) {
		sub(/^.*[ *]/, "", words[i])
		arguments = arguments words[i] ", "
	}
	for (token = 0; token < TOKENS; token++) {
		fast = name
		sub(/__alloc_token_/, "__alloc_token_" token "_", fast)
		print type fast parameters ";"
		print type fast parameters
		print "{\n\treturn " name "(" arguments token ");\n}\n"
	}
}
