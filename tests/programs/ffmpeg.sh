#!/usr/bin/env bash
#
# ffmpeg.sh - ffmpeg under the library: aligned buffers from pools, many threads.
#
# Proves: pictures and sound that are made here are encoded by several codecs, filtered,
# scaled and decoded again, with the same digests as without the library; so
# does ffprobe see them.

. "${BASH_SOURCE[0]%/*}/programs.sh"

needs ffmpeg ffprobe

bound_everywhere ffmpeg 1 ffmpeg -v error -f lavfi -i testsrc=d=1 -f null -

# Bit-exact, with a number of threads that does not follow the machine's.
for codec in "mpeg4 -q:v 4" "mjpeg -q:v 3" "ffv1 -level 3 -slices 12" "libx264 -preset veryfast" \
	"libx265 -preset ultrafast -x265-params log-level=none:pools=2:frame-threads=2" \
	"libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1" "png"; do
	ffmpeg -v quiet -encoders | grep -q " ${codec%% *} " || { tap_skip "${codec%% *}" "not in this ffmpeg"; continue; }
	work "${codec%% *}" bash -e -o pipefail <<END
ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=640x360:rate=25:duration=6 \
	-c:v $codec -threads 4 -bitexact -y made.mkv
ffprobe -v error -count_frames -show_entries stream=codec_name,width,height,nb_read_frames -of csv made.mkv
ffmpeg -v error -nostdin -bitexact -threads 4 -i made.mkv -f md5 -
ffmpeg -v error -nostdin -bitexact -i made.mkv -c copy -f framemd5 - | sha256sum
END
done

for codec in aac flac libmp3lame libopus libvorbis; do
	ffmpeg -v quiet -encoders | grep -q " $codec " || { tap_skip "$codec" "not in this ffmpeg"; continue; }
	work "$codec" bash -e -o pipefail <<END
ffmpeg -v error -nostdin -f lavfi -i "sine=frequency=440:beep_factor=4:duration=60" -ac 2 -ar 48000 \
	-c:a $codec -bitexact -y made.mka
ffmpeg -v error -nostdin -bitexact -i made.mka -f md5 -
END
done

work "a graph of filters" bash -e -o pipefail <<'END'
ffmpeg -v error -nostdin -bitexact -filter_complex_threads 4 \
	-f lavfi -i testsrc2=size=1280x720:rate=25:duration=4 -f lavfi -i mandelbrot=size=640x360:rate=25 \
	-filter_complex "[0]split=3[a][b][c];[a]scale=320:180,hflip,boxblur=4[d];[b]rotate=0.3,unsharp[e];
		[1]trim=duration=4,scale=320:180[f];[e][d]overlay=10:10[g];[g][f]overlay=400:300[h];
		[c]edgedetect,scale=1280:720[i];[h][i]blend=all_mode=average,format=yuv420p" -f md5 -
ffmpeg -v error -nostdin -bitexact -f lavfi -i testsrc2=size=320x240:rate=25:duration=8 \
	-f segment -segment_time 1 -c:v mpeg4 -g 25 -threads 2 "part%02d.avi"
for f in part*.avi; do echo "file $f"; done >list
ffmpeg -v error -nostdin -bitexact -f concat -i list -f md5 -
ffmpeg -v error -nostdin -bitexact -f concat -i list -vf "palettegen" -f md5 -
END

programs_done
