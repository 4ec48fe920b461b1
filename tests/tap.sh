# tests/tap.sh - the Test Anything Protocol for shell tests, to be sourced.
#
#     . "${BASH_SOURCE[0]%/*}/../tap.sh"
#     tap_is "what should be so" "$want" "$got"
#     tap_run "a command that should succeed" COMMAND...
#     tap_done
#
# Each call is one test.  What a failed one has to say follows it in lines that
# begin with #.  The script's status is 0: the driver reads the lines.

# The last part of a pipe runs here, so that it may count.
shopt -s lastpipe

tap_count=0

# tap_result STATUS NAME: ok if STATUS is 0.
tap_result()
{
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		echo "not ok $tap_count - $2"
	fi
}

# tap_note: stdin, as lines that explain the result before them.
tap_note()
{
	sed 's/^/#   /'
}

tap_is()
{
	if [ "$2" = "$3" ]; then
		tap_result 0 "$1"
	else
		tap_result 1 "$1"
		printf 'want: %s\ngot:  %s\n' "$2" "$3" | tap_note
	fi
}

# tap_none NAME: no line on stdin, or the lines are what is wrong.
tap_none()
{
	local lines

	lines=$(cat)
	if [ -z "$lines" ]; then
		tap_result 0 "$1"
	else
		tap_result 1 "$1"
		printf '%s\n' "$lines" | tap_note
	fi
}

tap_run()
{
	local name=$1 output status

	shift
	output=$("$@" 2>&1 </dev/null)
	status=$?
	tap_result $status "$name"
	[ $status -eq 0 ] || printf 'exit status %s\n%s\n' $status "$output" | tail -n 40 | tap_note
}

tap_skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# tap_skip_all WHY: nothing here can run on this machine.
tap_skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

tap_done()
{
	echo "1..$tap_count"
	exit 0
}
