# SPDX-License-Identifier: Apache-2.0
# Help, mistakes and their exit statuses.
. "${0%/*}/common.sh"

run 0 --version
prints 'limn-cli '
run 0 --help
for command in generate compare classes info verify velocity decode encode import render train loss likelihood; do
    prints "  $command"
done
cp out help
for command in $(awk '/^  [a-z]/ { print $1 }' help); do
    run 0 "$command" --help
    prints "limn-cli $command"
    prints '--help'
done
for command in generate compare classes info verify velocity decode encode import render loss likelihood; do
    run 0 "$command" --help
    for option in --json --backend --precision --threads --model; do
        prints "$option"
    done
done

run 1
says 'a command is needed'
run 1 gnerate
says 'did you mean generate?'
run 1 xyzzy-nothing-like-it
says 'is unknown'
run 1 generate --stpes 3
says 'did you mean --steps?'
run 1 generate --steps
says '--steps needs a value'
run 1 generate --json=yes
says 'takes no value'
for steps in 0 1001 -1 2.5 many ''; do
    run 1 generate --steps "$steps"
    says '--steps: expected a whole number from 1 to 1000'
done
for size in 64 64x 64x64x64 x64 -64x64 64x-64 0x64 64,64 99999999999x16 ''; do
    run 1 generate --size "$size"
    says '--size: expected WIDTHxHEIGHT'
done
for seed in -1 1.5 0x10 18446744073709551616 seven; do
    run 1 generate --seed "$seed"
    says '--seed: expected a whole number'
done
for guidance in 0.5 31 nan inf x; do
    run 1 generate --guidance "$guidance"
    says '--guidance: expected a number from 1 to 30'
done
run 1 generate --solver eular
says 'did you mean euler?'
run 1 generate --extrapolation vision-nkt
says 'did you mean vision-ntk?'
run 1 generate --precision f16
says 'auto, f32, bf16'
run 1 generate --backend gpu
says 'auto, cpu, reference, cuda'
for threads in 0 -1 1025 2.5 all ''; do
    run 1 generate --threads "$threads"
    says '--threads: expected a whole number from 1 to 1024'
done
run 1 generate picture.png
says 'one argument too many'
run 1 verify
says 'an argument is missing'
run 1 decode --latent z.npy
says '--output X.png|X.npy is needed'

# A model that comes with the program is found by its name, a folder goes before it.
run 0 info --model limn-demo
prints 'Limn demo'
# A side of 32 tokens is new to the one and trained with the other.
run 0 generate --model limn-demo --size 512x64 --steps 1 --guidance 1 --output wide.png
says 'beyond the training), positions vision-ntk'
run 0 generate --model limn-demo-hr --size 512x64 --steps 1 --guidance 1 --output wide.png
says '(32x4 tokens), positions vision-ntk'
cp -r tiny limn-demo
run 0 info --model limn-demo
prints 'Tiny'
run 2 generate --model nowhere --output x.png
says 'nowhere/model.json: cannot be opened'
LIMN_MODEL=elsewhere run 2 classes
says 'elsewhere/model.json: cannot be opened'
FIT_ISA=sse9 run 2 generate --output x.png
says 'FIT_ISA is "sse9"; expected base, avx2, avx512 or avx512_bf16'
run 2 info nothing.png
says 'nothing.png: cannot be opened'
run 2 train nothing.yaml
exit $failed
