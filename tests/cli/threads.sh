# SPDX-License-Identifier: Apache-2.0
# The bundled model paints the same picture to the bit on 1, 2 and 3 threads, alone or among others,
# on this processor's instructions and on lesser ones.
here=$(realpath "${0%/*}")
. "${0%/*}/common.sh"
export LIMN_MODEL=$here/../../models/limn-demo GOMP_SPINCOUNT=1000

paint() { run 0 generate --class 3 --size 144x96 --steps 3 --seed 11 "$@"; }

for isa in '' avx512 avx2 base; do
    [ -z "$isa" ] || export FIT_ISA=$isa
    for threads in 1 2 3; do
        paint --threads $threads --output "isa-$isa-$threads.png"
        says "$threads thread"
    done
    same "isa-$isa-1.png" "isa-$isa-2.png"
    same "isa-$isa-1.png" "isa-$isa-3.png"
    paint --threads 2 --count 2 --output "among-$isa"
    same "isa-$isa-1.png" "$(echo "among-$isa"/*-11-0.png)"
done
unset FIT_ISA
for precision in f32 bf16; do
    for threads in 1 3; do
        paint --precision $precision --threads $threads --output "$precision-$threads.png"
    done
    same "$precision-1.png" "$precision-3.png"
done
exit $failed
