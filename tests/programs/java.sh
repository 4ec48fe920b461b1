#!/usr/bin/env bash
#
# java.sh - a Java virtual machine under the library: its compilers, collectors and zlib
# allocate by malloc from many threads.
#
# Proves: java -version; javac and what it made, with eight threads that make garbage, under
# each collector; native memory (direct buffers, deflaters, mapped files), thousands of
# threads, child processes: the same output as without the library.  The machine uses
# SIGUSR2 itself: mstat dump does not send it; on another signal dumps are whole.

. "${BASH_SOURCE[0]%/*}/programs.sh"

needs java javac

bound_everywhere java 1 java -version
work "java -version" bash -c 'java -version 2>&1' </dev/null

mkdir "$scratch/source" && cat >"$scratch/source/Load.java" <<'END'
import java.io.*;
import java.nio.*;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import java.util.zip.*;

public class Load {
	static String hex(byte[] data) throws Exception {
		return String.format("%032x", new java.math.BigInteger(1, MessageDigest.getInstance("MD5").digest(data)));
	}

	/** Garbage of all sizes, some of it kept for a while. */
	static long garbage(int id) {
		Random random = new Random(id);
		Map<Integer, byte[]> kept = new HashMap<>();
		long sum = 0;
		for (int i = 0; i < 150000; i++) {
			kept.put(random.nextInt(400), new byte[random.nextInt(i % 100 == 0 ? 60000 : 400)]);
			sum += kept.getOrDefault(random.nextInt(400), new byte[1]).length + ("s" + i).hashCode() % 7;
		}
		return sum;
	}

	/** What lies outside the collected heap. */
	static String nativeMemory(int id) throws Exception {
		Random random = new Random(id);
		MessageDigest all = MessageDigest.getInstance("SHA-256");
		for (int i = 0; i < 60; i++) {
			byte[] data = new byte[1 + random.nextInt(200000)];
			for (int j = 0; j < data.length; j += 5) data[j] = (byte) (j * id + i);
			ByteArrayOutputStream packed = new ByteArrayOutputStream();
			try (GZIPOutputStream out = new GZIPOutputStream(packed)) { out.write(data); }
			try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray()))) {
				byte[] back = in.readAllBytes();
				if (!Arrays.equals(back, data)) throw new Exception("other data");
				ByteBuffer direct = ByteBuffer.allocateDirect(back.length);
				direct.put(back).flip();
				all.update(direct);
			}
			Deflater left = new Deflater(); // to the collector's cleaner
			left.setInput(data);
		}
		return hex(all.digest());
	}

	static String files() throws Exception {
		Path path = Paths.get("made.zip");
		try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(path))) {
			for (int i = 0; i < 500; i++) {
				ZipEntry entry = new ZipEntry("entry" + i);
				entry.setTime(0);
				zip.putNextEntry(entry);
				zip.write(("text " + i + " ").repeat(i).getBytes());
			}
		}
		long bytes = 0;
		for (int round = 0; round < 20; round++)
			try (ZipFile zip = new ZipFile(path.toFile())) {
				for (Enumeration<? extends ZipEntry> e = zip.entries(); e.hasMoreElements();)
					bytes += zip.getInputStream(e.nextElement()).readAllBytes().length;
			}
		try (FileChannel channel = FileChannel.open(path)) {
			MappedByteBuffer map = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
			byte[] data = new byte[map.remaining()];
			map.get(data);
			return bytes + " " + (data.length > 10000);
		}
	}

	static int threads() throws Exception {
		int done = 0;
		for (int round = 0; round < 20; round++) {
			List<Thread> list = new ArrayList<>();
			for (int i = 0; i < 100; i++) {
				Thread thread = new Thread(() -> { ThreadLocal.withInitial(() -> new byte[1000]).get(); Thread.yield(); });
				thread.start();
				list.add(thread);
			}
			for (Thread thread : list) { thread.join(); done++; }
		}
		return done;
	}

	static String children() throws Exception {
		StringBuilder text = new StringBuilder();
		for (int i = 0; i < 20; i++) {
			Process process = new ProcessBuilder("sort", "-rn").start();
			try (PrintWriter out = new PrintWriter(process.getOutputStream())) { for (int j = 0; j < 200; j++) out.println(j * 7 % 200); }
			text.append(new String(process.getInputStream().readAllBytes()).split("\n")[0]).append(process.waitFor());
		}
		return text.toString();
	}

	public static void main(String[] arguments) throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(8);
		List<Future<String>> results = new ArrayList<>();
		int tasks = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 16;
		for (int i = 1; i <= tasks; i++) {
			int id = i;
			results.add(pool.submit(() -> id + " " + garbage(id) + " " + nativeMemory(id)));
		}
		for (Future<String> result : results) System.out.println(result.get());
		pool.shutdown();
		System.gc();
		System.out.println(files());
		System.out.println(threads());
		System.out.println(children());
		System.out.println(IntStream.range(0, 2000000).parallel().mapToObj(i -> "n" + i % 1000).collect(Collectors.groupingByConcurrent(s -> s, ConcurrentSkipListMap::new, Collectors.counting())).hashCode());
		System.out.println(Stream.of("b", "a").sorted().map(s -> (Callable<String>) () -> s + s).map(c -> { try { return c.call(); } catch (Exception e) { return "none"; } }).collect(Collectors.joining(",")));
	}
}
END

work "javac" bash -e <<END
javac -d . "$scratch/source/Load.java" && sha256sum *.class
END
(cd "$scratch/source" && javac Load.java) || tap_result 1 "javac, for what follows"

collectors=(Serial Parallel G1 Z Shenandoah)
for collector in "${collectors[@]}"; do
	java -XX:+UnlockExperimentalVMOptions "-XX:+Use${collector}GC" -version >/dev/null 2>&1 ||
		{ tap_skip "the ${collector} collector" "not in this machine"; continue; }
	work "eight threads under the $collector collector" java -Xmx192m -XX:ActiveProcessorCount=4 \
		"-XX:+Use${collector}GC" -cp "$scratch/source" Load </dev/null
done
work "interpreted, with its own accounts of native memory" java -Xmx192m -Xint -XX:NativeMemoryTracking=detail \
	-cp "$scratch/source" Load </dev/null

# ---- signals -----------------------------------------------------------------------

(cd "$scratch" && java -Xmx192m -cp "$scratch/source" Load 64) >"$scratch/unstormed" 2>/dev/null </dev/null
for way in "${ways[@]}"; do
	(cd "$scratch" && with "$way" java -Xmx192m -cp "$scratch/source" Load 64) \
		>"$scratch/stormed" 2>"$scratch/said/storm-$way" </dev/null &
	process=$!
	waits_for 20 is_shown $process
	kept "$way" $process
	storm $process
	ended 600 $process
	tap_is "$way, asked for dumps all the while: it ends well" 0 $?
	storm_ends "$way" 20
	diff "$scratch/unstormed" "$scratch/stormed" | tap_none "$way: with the same output"
done

more_conf=signal:USR2
(cd "$scratch" && with preloaded java -Xmx192m -cp "$scratch/source" Load 64) \
	>"$scratch/stormed" 2>"$scratch/said/usr2" </dev/null &
process=$!
waits_for 20 is_shown $process
waits_for 60 test -s "$scratch/stormed" # by then it has its handlers
tap_is "SIGUSR2 is the machine's own: mstat dump sends none" "the program has a handler of its own" \
	"$("$MSTAT_TOOL" dump $process 2>&1 | sed -n 's/.*SIGUSR2: //p')"
ended 600 $process
tap_is "and it ends well" 0 $?

programs_done
