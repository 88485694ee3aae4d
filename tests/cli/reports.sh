# SPDX-License-Identifier: Apache-2.0
# What the program says about models and pictures, for people and for programs.
. "${0%/*}/common.sh"

run 0 classes
prints 'Ocean sunset'
[ "$(wc -l <out)" -eq 4 ] || complain "4 classes, found: $(cat out)"
run 0 classes --json
json 4
json 0 0 id
json 'Ocean sunset' 0 name
json 3 0 synonyms
json sailboat 0 synonyms 2
run 0 classes --search SAND --json
json 1
json 'Desert dunes' 0 name
run 0 classes --search nothing-of-it --json
json 0

# Groups are printed where there are any; what answers best comes first; no case, no accents.
cp -r tiny grouped
printf '%s\t%s\t%s\t%s\t%s\n' 0 'Tower' 'sea crane' Machines n03 1 'Old crane' '' Machines n04 \
    2 'Crane' 'shared' Birds n02012849 3 'Café' 'shared' Places n05 >grouped/classes.txt
run 0 classes --model grouped
prints "$(printf '   2  %-24s %-25s shared' Crane Birds)"
run 0 classes --model grouped --search CRANE --json
json 3
json 2 0 id
json 1 1 id
json 0 2 id
run 0 classes --model grouped --search cafe --json
json 3 0 id
run 0 classes --model grouped --search N02012849 --json
json 2 0 id
run 0 classes --model grouped --search machine --json
json 2
run 1 generate --model grouped --class shared --output bad.png
says 'Crane (2) or Café (3)'

run 0 info
prints 'Tiny'
run 0 info --json
json Tiny name
json FiTv2 architecture
json 4 classes
json 64 context_tokens
json euler defaults solver
cp out by-default
run 0 info tiny --model nowhere --json
json Tiny name

run 0 generate --class 3 --size 48x64 --seed 18446744073709551615 --steps 2 --guidance 3.5 \
    --guidance-power 2 --solver midpoint --extrapolation ntk --output p.png
run 0 info p.png
prints 'City at night'
prints '18446744073709551615'
run 0 info p.png --json
json 18446744073709551615 seed
json 3 class_id
json midpoint solver
json ntk method
json 3.5 guidance
json Tiny model
run 2 info tiny/classes.txt
says 'is not a PNG file'
run 0 render --output scene.png
run 2 info scene.png
says 'holds no "limn" text'

run 0 verify p.png --json
json true same
run 2 verify scene.png
cp -r tiny changed
# Another autoencoder paints other pixels from the same latents.
size=$(stat -c %s changed/autoencoder.safetensors)
head -c $((size - 65536)) tiny/autoencoder.safetensors >changed/autoencoder.safetensors
head -c 65536 /dev/zero >>changed/autoencoder.safetensors
said=$("$cli" verify p.png --model changed 2>err)
status=$?
[ $status -eq 4 ] || complain "verify of another model: status $status, expected 4: $(cat err)"
[[ $said == *differs* ]] || complain "verify said: $said"

# A picture by another checkpoint of the training run that is named is painted again by that one.
mkdir -p run/checkpoints
for step in 100 200; do
    cp -r tiny "run/checkpoints/step-000000$step"
    sed -i "s/\(transformer_sha256\": \"\)......../\100000$step/" \
        "run/checkpoints/step-000000$step/model.json"
done
sed -i 's/"scaling_factor": 1.0/"scaling_factor": 1.5/' run/checkpoints/step-000000200/model.json
run 0 generate --model run/checkpoints/step-000000100 --size 32x32 --steps 1 --output older.png
run 0 info older.png --json
json 100 checkpoint
run 0 verify older.png --model run
run 2 verify older.png
says 'step 100 of the training of "Tiny"'
rm -r run/checkpoints/step-000000100
run 2 verify older.png --model run
says 'step 100 of the training of "Tiny"'

run 0 compare --size 96x32 --seed 2 --steps 2 --output sheet.png --json
json 13 methods
json none methods 0
json vision-ntk-pro2 methods 12
run 0 compare --size 96x32 --seed 2 --steps 2 --methods none,vision-ntk,none --output two.png --json
json 2 methods
run 0 info two.png --json
json 96 width
json 2 seed
run 0 compare --size 96x32 --seed 2 --steps 2 --methods none,vision-ntk --output again.png
same two.png again.png
run 1 compare --methods none,yran --output bad.png
says 'the nearest is yarn'
run 1 compare --methods '' --output bad.png
run 1 compare --size 100x32 --output bad.png
says '96x32'
run 2 compare --output nowhere/bad.png
absent bad.png
no_leavings
exit $failed
