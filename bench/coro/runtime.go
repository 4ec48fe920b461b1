/*
 * bench/coro/runtime.go - the Go runtime, whose deferred calls, panics and foreign calls
 * libmstat_coro's follow: goroutines on one thread, its own benchmarks of deferred calls.
 *
 * Of the ways to wait for another goroutine the fastest was taken: Gosched() costs a third
 * of what an unbuffered channel does.
 */
package main

/*
static int add(int x, int y) { return x + y; }

int goAdd(int x, int y);
static int call_back(int x, int y) { return goAdd(x, y); }
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// ---- coroutines

var turn int // 0: main's, 1: the other's

func yieldAlways() {
	for {
		for turn == 0 {
			runtime.Gosched()
		}
		turn = 0
	}
}

var other bool

func switchRun(count int) {
	if !other {
		other = true
		go yieldAlways()
	}
	for i := 0; i < count; i++ {
		turn = 1
		for turn == 1 {
			runtime.Gosched()
		}
	}
}

var ended int

func returnAtOnce() {
	ended++
}

func createRun(count int) {
	ended = 0
	for i := 0; i < count; i++ {
		go returnAtOnce()
		for ended == i {
			runtime.Gosched()
		}
	}
}

// ---- deferred calls: the bodies are those of the runtime's own benchmarks

func defer1() {
	defer func(x, y, z int) {
		if recover() != nil || x != 1 || y != 2 || z != 3 {
			panic("bad recover")
		}
	}(1, 2, 3)
}

func deferRun(count int) {
	for i := 0; i < count; i++ {
		defer1()
	}
}

func defer2() {
	for i := 0; i < 10; i++ {
		defer func(x, y, z int) {
			if recover() != nil || x != 1 || y != 2 || z != 3 {
				panic("bad recover")
			}
		}(1, 2, 3)
	}
}

func defer10Run(count int) {
	for i := 0; i < count/10; i++ {
		defer2()
	}
}

func deferManyRun(count int) {
	for i := 0; i < count; i++ {
		defer func(x, y, z int) {
			if recover() != nil || x != 1 || y != 2 || z != 3 {
				panic("bad recover")
			}
		}(1, 2, 3)
	}
}

// ---- panics

var (
	panicDepth int
	panicValue any = &panicDepth
	recovered  int
)

//go:noinline
func descend(depth int) {
	if depth == 0 {
		panic(panicValue)
	}
	descend(depth - 1)
}

func recoverAny() {
	if recover() != nil {
		recovered++
	}
}

//go:noinline
func recoverAbove() {
	defer recoverAny()
	descend(panicDepth)
}

func panicRun(count int) {
	recovered = 0
	for i := 0; i < count; i++ {
		recoverAbove()
	}
	if recovered != count {
		os.Exit(1)
	}
}

// ---- foreign calls

func foreignRun(count int) {
	const x, y = C.int(2), C.int(3)
	for i := 0; i < count; i++ {
		C.add(x, y)
	}
}

//export goAdd
func goAdd(x, y C.int) C.int {
	return x + y
}

func callbackRun(count int) {
	const x, y = C.int(2), C.int(3)
	for i := 0; i < count; i++ {
		C.call_back(x, y)
	}
}

// ---- many at once

func mappings() int {
	text, _ := os.ReadFile("/proc/self/maps")
	return strings.Count(string(text), "\n")
}

func residentKiB() int {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize() / 1024
}

func many(count int) {
	all := make([]chan struct{}, count)
	mappingsBefore := mappings()
	begin := cpuNs()
	ended = 0
	for i := range all {
		wait := make(chan struct{})
		all[i] = wait
		go func() {
			<-wait
			ended++
		}()
		runtime.Gosched()
	}
	looked := cpuNs()
	resident, mapped := residentKiB(), mappings()-mappingsBefore
	looked = cpuNs() - looked
	for _, wait := range all {
		close(wait)
	}
	for ended < count {
		runtime.Gosched()
	}
	fmt.Printf("ops %d ns %d\n", count, cpuNs()-begin-looked)
	fmt.Printf("rss alive %d\ncount mappings %d\n", resident, mapped)
}

// ---- which

func cpuNs() int64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}

func measure(run func(count int), count int) {
	var before, after runtime.MemStats

	run(10)
	runtime.ReadMemStats(&before)
	begin := cpuNs()
	run(count)
	ns := cpuNs() - begin
	runtime.ReadMemStats(&after)
	fmt.Printf("ops %d ns %d\n", count, ns)
	fmt.Printf("count bytes %d\n", after.TotalAlloc-before.TotalAlloc)
	fmt.Printf("count allocations %d\n", after.Mallocs-before.Mallocs)
}

func main() {
	workloads := map[string]func(count int){
		"switch": switchRun, "create": createRun, "defer": deferRun, "defer10": defer10Run,
		"defermany": deferManyRun, "panic": panicRun, "foreign": foreignRun,
		"callback": callbackRun,
	}
	runtime.GOMAXPROCS(1)
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: runtime WORKLOAD [DEPTH] COUNT, as ours")
		os.Exit(2)
	}
	name := os.Args[1]
	count, _ := strconv.Atoi(os.Args[len(os.Args)-1])
	switch run := workloads[name]; {
	case name == "many":
		many(count)
	case run != nil:
		panicDepth, _ = strconv.Atoi(os.Args[2])
		measure(run, count)
	default:
		os.Exit(2)
	}
}
