# bash completion for mstat

# The processes that have a box.
_mstat_pids()
{
	mstat ls --json 2>/dev/null | awk '
		/"state": "running"/ { running = 1 }
		/"pid":/ && running { gsub(/[^0-9]/, ""); print; running = 0 }'
}

# The boxes that dead processes left.
_mstat_dead()
{
	mstat ls --json 2>/dev/null | awk -F '"' '
		$2 == "path" { path = $4 }
		$2 == "state" && $4 == "ended" { print path }'
}

_mstat()
{
	local cur prev words cword command i
	local commands='run ls show dump diff prof post leaks fragments top set conf help'

	_init_completion -s 2>/dev/null || {
		cur=${COMP_WORDS[COMP_CWORD]}
		prev=${COMP_WORDS[COMP_CWORD - 1]}
		words=("${COMP_WORDS[@]}")
		cword=$COMP_CWORD
	}
	command=${words[1]-}

	if [ "$cword" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
		return
	fi
	case $command in
	run)
		for ((i = 2; i < cword; i++)); do
			case ${words[i]} in
			-o | --option) ((i++)) ;;
			-*) ;;
			*)
				if declare -F _command_offset >/dev/null; then
					_command_offset "$i"
				fi
				return
				;;
			esac
		done
		if [ "$prev" = -o ] || [ "$prev" = --option ]; then
			compopt -o nospace
			mapfile -t COMPREPLY < <(compgen -S : \
				-W "$(mstat conf --json 2>/dev/null | sed -n 's/.*"key": "\(.*\)".*/\1/p')" -- "$cur")
		elif [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '-o --option --help' -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi
		;;
	ls)
		if [ "$prev" = --dir ]; then
			mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W '--all --json --clear --dir --help' -- "$cur")
		fi
		;;
	show | diff)
		if [[ $cur == -* && $command == show ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--json --threads --classes --bytes --help' -- "$cur")
		elif [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--json --bytes --help' -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W "$(_mstat_pids)" -- "$cur"; compgen -f -- "$cur")
		fi
		;;
	dump)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--json --timeout --help' -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W "$(_mstat_pids)" -- "$cur")
		fi
		;;
	set)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--timeout --help' -- "$cur")
		elif [[ $prev =~ ^[0-9]+$ ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'sample:64k sample:512k sample:0' -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W "$(_mstat_pids)" -- "$cur")
		fi
		;;
	prof)
		case $prev in
		--by) mapfile -t COMPREPLY < <(compgen -W 'function file line dso tag' -- "$cur") ;;
		--top) ;;
		--pprof | --flame) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		*)
			if [[ $cur == -* ]]; then
				mapfile -t COMPREPLY < <(compgen -W '--live --total --peak --by --sites
					--top --bytes --diff --folded --pprof --flame --json --debuginfod
					--help' -- "$cur")
			else
				mapfile -t COMPREPLY < <(compgen -W "$(_mstat_pids)" -- "$cur"; compgen -f -- "$cur")
			fi
			;;
		esac
		;;
	top)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--interval --once --help' -- "$cur")
		elif [ "$prev" != --interval ]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_mstat_pids)" -- "$cur")
		fi
		;;
	post)
		case $prev in
		--top) ;;
		--dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
		*)
			if [[ $cur == -* ]]; then
				mapfile -t COMPREPLY < <(compgen -W '--json --top --dir --help' -- "$cur")
			else
				mapfile -t COMPREPLY < <(compgen -W "$(_mstat_dead)" -- "$cur"; compgen -f -- "$cur")
			fi
			;;
		esac
		;;
	leaks)
		case $prev in
		--top | --timeout) ;;
		--suppressions) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		*)
			if [[ $cur == -* ]]; then
				mapfile -t COMPREPLY < <(compgen -W '--suppressions --all --top --bytes --json --timeout
					--debuginfod --help' -- "$cur")
			else
				mapfile -t COMPREPLY < <(compgen -W "$(_mstat_pids)" -- "$cur")
			fi
			;;
		esac
		;;
	fragments)
		case $prev in
		--top | --timeout) ;;
		--flame) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		*)
			if [[ $cur == -* ]]; then
				mapfile -t COMPREPLY < <(compgen -W '--top --classes --bytes --flame --folded --json
					--timeout --debuginfod --help' -- "$cur")
			else
				mapfile -t COMPREPLY < <(compgen -W "$(_mstat_pids)" -- "$cur")
			fi
			;;
		esac
		;;
	conf)
		mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$cur")
		;;
	help)
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		;;
	esac
}

complete -F _mstat mstat
