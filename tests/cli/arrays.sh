# SPDX-License-Identifier: Apache-2.0
# Single operations on arrays.
. "${0%/*}/common.sh"

run 0 render --class 3 --size 64x48 --seed 2 --output scene.png
run 0 render --class 3 --size 64x48 --seed 2 --output again.png
same scene.png again.png
run 0 render --class "Ocean sunset" --size 48x64 --output sunset.png --json
json 48 size 0
run 1 render --class nothing --output bad.png
says 'is unknown'
run 1 render --size 8x8 --output bad.png
says '16 to 8192'
run 2 render --output nowhere/bad.png

run 0 encode --image scene.png --output z.npy --json
json 3 shape
json 8 shape 0
json 6 shape 1
json 8 shape 2
run 0 decode --latent z.npy --output p.png
run 0 decode --latent z.npy --output p.npy --json
json 48 shape 0
json 64 shape 1
json 3 shape 2
# A header of 128 bytes and float32 values.
[ "$(stat -c %s p.npy)" -eq $((128 + 48 * 64 * 3 * 4)) ] || complain "p.npy has $(stat -c %s p.npy) bytes"

run 0 velocity --latent z.npy --time 0.25 --class "pine forest" --output v.npy --threads 1
run 0 velocity --latent z.npy --time 0.25 --class 2 --output v2.npy --threads 2
same v.npy v2.npy
run 0 velocity --latent z.npy --time 0.25 --class none --output u.npy
differ v.npy u.npy
run 0 velocity --latent z.npy --time 0.25 --class 2 --guidance 3 --output g.npy
differ v.npy g.npy
run 0 velocity --latent z.npy --time 0.75 --class 2 --output t.npy
differ v.npy t.npy
run 0 velocity --latent z.npy --time 0.25 --class 2 --extrapolation pi --output e.npy
same v.npy e.npy

# A batch: every latent as if it were alone.
run 0 generate --size 64x48 --count 2 --output pair --save-latent b.npy
run 0 generate --size 64x48 --output single.png --save-latent s.npy
run 0 velocity --latent b.npy --time 0.5 --output vb.npy --json
json 4 shape
json 2 shape 0
run 0 velocity --latent s.npy --time 0.5 --output vs.npy
values=$((8 * 6 * 8 * 4))
cmp <(tail -c +129 vb.npy | head -c $values) <(tail -c +129 vs.npy) || complain "a batch differs"
run 0 decode --latent b.npy --output b-rgb.npy --json
json 4 shape
run 1 decode --latent b.npy --output b.png
says 'holds one picture'

run 1 decode --latent z.npy --output p.jpg
says '.png or .npy'
run 1 encode --image scene.png --output z.txt
says '.npy'
run 1 velocity --latent z.npy --time 1.5 --output v.npy
says 'time: expected 0 to 1, found 1.5'
run 1 velocity --latent p.npy --time 0.5 --output bad.npy
says 'expected a latent of the shape (8, H/8, W/8)'
run 2 velocity --latent scene.png --time 0.5 --output bad.npy
says 'is not a .npy file'
run 2 velocity --latent nothing.npy --time 0.5 --output bad.npy
run 2 velocity --latent z.npy --time 0.5 --output nowhere/bad.npy
run 0 render --size 50x50 --output odd.png
run 1 encode --image odd.png --output bad.npy
says '48x48'
run 2 encode --image z.npy --output bad.npy
says 'is not a PNG file'
absent bad.npy
no_leavings
exit $failed
