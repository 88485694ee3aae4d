# SPDX-License-Identifier: Apache-2.0
# Pictures: the same settings give the same bytes, and nothing is written half.
. "${0%/*}/common.sh"

# The same seed gives the same file, on any number of threads, alone or among others.
run 0 generate --class "ocean SUNSET" --size 96x64 --seed 7 --threads 1 --output one.png
says 'Ocean sunset at 96x64 (6x4 tokens), positions none, 4 euler steps, guidance 2, seed 7'
prints one.png
run 0 generate --class sea --size 96x64 --seed 7 --threads 2 --output two.png
same one.png two.png
run 0 generate --class 0 --size 96x64 --seed 7 --threads 2 --count 3 --output many
same one.png many/ocean-sunset-7-0.png
differ many/ocean-sunset-7-0.png many/ocean-sunset-7-1.png
run 0 generate --class 0 --size 96x64 --seed 7 --index 2 --output third.png
same third.png many/ocean-sunset-7-2.png
run 0 generate --class 0 --size 96x64 --seed 8 --output other.png
differ one.png other.png
run 0 generate --class none --size 96x64 --seed 7 --output none.png
differ one.png none.png
says 'guidance 1'
for backend in cpu reference; do
    for precision in f32 bf16; do
        for threads in 1 2; do
            run 0 generate --size 112x48 --backend $backend --precision $precision \
                --threads $threads --output "$backend-$precision-$threads.png"
        done
        same "$backend-$precision-1.png" "$backend-$precision-2.png"
    done
done

# A folder, an empty default, and the model's own settings.
mkdir folder
run 0 generate --output folder --seed 3
present folder/ocean-sunset-3.png
run 0 generate --class "city at night" --output new/ --seed 3 --size 32x32
present new/city-at-night-3.png
run 0 generate
present ocean-sunset-0.png
run 0 generate --json --solver heun --steps 3 --output s.png
json heun 0 solver
json 6 0 evaluations
json 3 0 steps
json s.png 0 path
json 64 0 width
json 0 0 seed

# Beyond the training the method is chosen and named.
run 0 generate --size 192x32 --output wide.png
says 'beyond the training), positions vision-ntk'
run 0 generate --size 192x32 --extrapolation vision-yarn --output yarn.png --json
json vision-yarn 0 method
differ wide.png yarn.png

# Latents and steps: the last step is the picture, its latent decodes to it.
run 0 generate --size 64x48 --seed 5 --output p.png --save-latent z.npy --save-steps steps
[ "$(ls steps | wc -l)" -eq 5 ] || complain "4 steps have 5 points, found $(ls steps)"
same steps/step-004.png p.png
run 0 decode --latent z.npy --output d.png
run 0 verify p.png
prints 'the same'
run 0 generate --size 64x48 --noise z.npy --output from-noise.png --json
json file 0 noise
differ from-noise.png p.png
run 0 generate --size 64x48 --noise z.npy --output from-noise2.png
same from-noise.png from-noise2.png

# A crop is the middle of the next possible size, and says so.
run 0 generate --crop 60x41 --output crop.png --json
json 64 0 width
json 48 0 height
json 60 0 crop_width
json 41 0 crop_height
run 0 info crop.png
prints '64x48, cropped to 60x41'
run 0 verify crop.png
prints 'the same'
run 0 generate --size 64x48 --seed 5 --crop 64x48 --output whole.png
same whole.png p.png
run 1 generate --size 64x48 --crop 65x48 --output bad.png
says 'expected 1x1 to 64x48'

# What cannot be: the sentence names it and the nearest, and no file appears.
run 1 generate --size 100x64 --output bad.png
says '96x64'
run 1 generate --size 8192x64 --output bad.png
says '4096x64'
run 1 generate --class oceann --output bad.png
says 'the nearest are Ocean sunset (0)'
run 1 generate --class 4 --output bad.png
says '0 to 3, or none'
run 1 generate --size 96x64 --noise z.npy --output bad.png
says 'shape (8, 8, 12)'
run 1 generate --count 2 --output bad.png
says 'names a folder'
run 1 generate --size 100x64 --count 2 --output bad
absent bad
run 2 generate --noise p.png --size 64x48 --output bad.png
run 2 generate --output nowhere/bad.png
says 'cannot be written'
run 2 generate --output tiny/model.json/bad.png
run 2 generate --save-latent nowhere/z.npy --output bad.png
run 2 generate --save-steps nowhere/steps --output bad.png
run 2 generate --model tiny/classes.txt --output bad.png
absent bad.png

# The latents of 1000 steps at this size take 17 GB; nobody waits to find that there is no room.
# (A sanitizer needs more address space than that to begin with.)
if (ulimit -v 4000000 && "$cli" info >out 2>&1); then
    (ulimit -v 4000000 && run 3 generate --size 4096x4096 --steps 1000 --output bad.png
        says 'memory' && exit $failed) || failed=1
    absent bad.png
fi

# An interrupt ends the run cleanly: 130, and what was finished is kept.
"$cli" generate --size 16x16 --steps 1 --count 10000 --output series >out 2>err &
pid=$!
for _ in $(seq 200); do
    [ -s series/ocean-sunset-0-0.png ] && break
    sleep 0.05
done
kill -INT $pid
wait $pid
status=$?
[ $status -eq 130 ] || complain "interrupted: status $status, expected 130: $(cat err)"
says 'stopped after'
present series/ocean-sunset-0-0.png
written=$(ls series | wc -l)
[ "$written" -eq "$(wc -l <out)" ] || complain "$written files, $(wc -l <out) of them named"
run 0 verify series/ocean-sunset-0-0.png
no_leavings
exit $failed
