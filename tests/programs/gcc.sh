#!/usr/bin/env bash
#
# gcc.sh - gcc and g++ under the library on something large.
#
# Proves: a C file of 20,000 lines and a C++ file full of templates compile to the same
# object files, byte by byte, as without the library; so do link-time optimisation
# on parts side by side, and make with several jobs; ld, as and ar take part.

. "${BASH_SOURCE[0]%/*}/programs.sh"

needs gcc g++ make ar perl

perl -e '
my $n = shift;
print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n";
for my $i (0 .. $n - 1) {
	my $before = $i ? "f" . ($i * 7919 % $i) . "(a + $i, s)" : "a";
	print "struct s$i { int a[", 1 + $i % 7, "]; char name[", 8 + $i % 50, "]; struct s$i *next; };\n",
		"static struct s$i t$i\[3] = { { .name = \"n$i\" } };\n",
		"long f$i(long a, const char *s)\n{\n\tstruct s$i *p = &t$i\[a & 1];\n\tlong sum = 0;\n",
		"\tfor (int i = 0; i < ", 3 + $i % 11, "; i++) {\n\t\tswitch ((a + i) % ", 3 + $i % 5, ") {\n",
		"\t\tcase 0: sum += p->a[0] * i; break;\n\t\tcase 1: sum ^= (long)strlen(p->name) << i; break;\n",
		"\t\tdefault: sum -= s[i % 2] / (i + 1);\n\t\t}\n\t}\n",
		"\tif (sum > $i)\n\t\treturn sum;\n\tp->next = p;\n",
		"\treturn a < 0 ? sum : sum + ", ($i ? "f" . int($i * 0.9) . "(a - 1, p->name)" : 0), ";\n}\n";
}
print "int main(void) { printf(\"%ld\\n\", f", $n - 1, "(30, \"ab\")); }\n"' 1120 >"$scratch/large.c"
wc -l <"$scratch/large.c" | tap_note

cat >"$scratch/templates.cc" <<'END'
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N> struct Fibonacci { static constexpr long value = Fibonacci<N - 1>::value + Fibonacci<N - 2>::value; };
template <> struct Fibonacci<1> { static constexpr long value = 1; };
template <> struct Fibonacci<0> { static constexpr long value = 0; };

template <int N> struct Node {
	using Less = Node<N - 1>;
	std::map<std::array<char, N>, std::vector<std::variant<int, double, std::string, Less *>>> map;
	std::unordered_map<int, std::tuple<std::array<int, N>, std::string, std::function<long(long)>>> table;
	long work(long seed)
	{
		for (int i = 0; i < 5; i++) {
			auto &list = map[{char(seed + i)}];
			list.push_back(int(seed));
			list.push_back(double(i));
			list.push_back(std::to_string(seed));
			table[i] = {{int(seed)}, "x", [seed](long a) { return a * N + seed; }};
		}
		long sum = 0;
		for (auto &[key, list] : map)
			for (auto &item : list)
				sum += long(std::visit([](auto &v) -> long {
					if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string>) return long(v.size());
					else if constexpr (std::is_pointer_v<std::decay_t<decltype(v)>>) return 0;
					else return long(v); }, item));
		for (auto &[key, row] : table)
			sum = std::get<2>(row)(sum) % 1000003;
		return Less().work(sum);
	}
};
template <> struct Node<0> { long work(long seed) { return seed; } };

template <std::size_t... I> auto tuples(std::index_sequence<I...>) { return std::make_tuple(std::array<int, I + 1>{}...); }

int main()
{
	std::cout << Fibonacci<80>::value << " " << Node<40>().work(7) << " "
		<< std::tuple_size_v<decltype(tuples(std::make_index_sequence<200>()))> << " "
		<< std::regex_replace(std::string("a1b22"), std::regex("[0-9]+"), "#") << "\n";
}
END

bound_everywhere "gcc, with cc1, as and ld" 4 gcc -O0 -o "$scratch/bound" -x c - -include stdio.h
bound_everywhere "g++, with cc1plus, as and ld" 4 bash -c 'echo "#include <map>
	std::map<int, int> m; int main() { return (int)m.size(); }" | g++ -o "$0" -x c++ -' "$scratch/bound"

work_limit=1200
work "gcc -O2 on a file of 20,000 lines" bash -e -o pipefail <<END
cp "$scratch/large.c" .
gcc -O2 -g -c large.c -o made.o && sha256sum made.o
gcc -E -dD large.c | sha256sum
gcc -O0 -fsanitize=undefined large.c -o program && ./program
END
work "g++ -O2 on templates" bash -e -o pipefail <<END
cp "$scratch/templates.cc" .
g++ -std=c++17 -O2 -g -frandom-seed=1 -c templates.cc -o made.o && sha256sum made.o
g++ -std=c++17 -O1 templates.cc -o program && ./program
echo 'int main() { return undeclared + std::vector<int>().foo(); }' >bad.cc
{ ! g++ -include vector -c bad.cc 2>&1; } | sha256sum
END
work "make -j4, ar, link-time optimisation" bash -e -o pipefail <<END
perl -e 'for my \$i (1 .. 24) { open my \$f, ">", "part\$i.c"; print \$f "#include <string.h>\n"; print \$f "long g\${i}_\$_(long a) { char b[100]; memset(b, (int)a, 100); return b[a & 63] + \$_; }\n" for 1 .. 60; print \$f "long h\$i(long a) { return ", join("+", map { "g\${i}_\$_(a)" } 1 .. 60), "; }\n" }
	open my \$f, ">", "main.c"; print \$f "#include <stdio.h>\n", (map { "long h\$_(long);\n" } 1 .. 24), "int main(void) { printf(\"%ld\\\\n\", ", join("+", map { "h\$_(\$_)" } 1 .. 24), "); }\n"'
printf 'all: program\nprogram: main.c libparts.a\n\tgcc -O2 -flto=4 main.c libparts.a -o program\nlibparts.a: \$(patsubst %%.c,%%.o,\$(wildcard part*.c))\n\tgcc-ar rcsD \$@ \$(sort \$^)\n%%.o: %%.c\n\tgcc -O2 -flto -frandom-seed=\$< -c \$< -o \$@\n' >Makefile
make -s -j4 && ./program && sha256sum libparts.a program
strip -o stripped program && objdump -d stripped | sha256sum && nm program | awk '{ print \$3 }' | sort | sha256sum
END

programs_done
