# SPDX-License-Identifier: Apache-2.0
# Pictures by the thousand: the file of an evaluation, and runs that go on where one was stopped.
. "${0%/*}/common.sh"

# One run, several runs and any number of threads end in the same bytes.
paint="sample --size 32x48 --steps 2 --seed 5"
run 0 $paint --num 6 --threads 1 --npz whole.npz
prints whole.npz
says '6 of 6 pictures'
absent whole.npz.part
run 0 $paint --num 6 --threads 2 --npz again.npz
same whole.npz again.npz

# Stopped by force within a picture: what was whole counts, the rest is painted again.
pixels=$((32 * 48 * 3))
(ulimit -f 16 && trap '' XFSZ && "$cli" $paint --num 6 --npz parts.npz >out 2>err)
grep -q 'writing failed' err || complain "no failure at the limit: $(cat err)"
absent parts.npz
present parts.npz.part
have=$(($(stat -c %s parts.npz.part) / pixels))
[ $have -ge 1 ] && [ $have -lt 6 ] || complain "expected 1 to 5 pictures at the limit, found $have"
run 0 $paint --num 6 --npz parts.npz --json
says 'pictures are there already'
json 6 pictures
json parts.npz path
absent parts.npz.part
same whole.npz parts.npz

# An interrupt says how to go on.
"$cli" sample --size 16x16 --steps 1 --num 100000 --npz many.npz >out 2>err &
pid=$!
for _ in $(seq 200); do
    grep -q ' of 100000 pictures' err && break
    sleep 0.05
done
kill -INT $pid
wait $pid
status=$?
[ $status -eq 130 ] || complain "interrupted: status $status, expected 130: $(cat err)"
says 'the same command goes on from there'
absent many.npz
run 0 sample --size 16x16 --steps 1 --num 2 --npz many.npz
present many.npz

# Classes: each in turns is not what was drawn; a list is.
run 0 $paint --num 6 --classes each --npz each.npz
differ whole.npz each.npz
run 0 $paint --num 6 --classes '0, 1,2,3' --npz list.npz
same each.npz list.npz

# Refused: other settings, naming the first; a finished file; what is no such file.
(ulimit -f 16 && trap '' XFSZ && "$cli" $paint --num 6 --npz other.npz >out 2>err)
cp other.npz.part kept
run 2 $paint --num 6 --steps 3 --npz other.npz
says 'steps is 2 there and 3 here'
run 2 $paint --num 6 --classes each --npz other.npz
says 'classes is "random" there and "each" here'
same kept other.npz.part
run 2 $paint --num 6 --npz whole.npz
says 'is there already'
echo '{"a": 1}' >odd.npz.part
run 2 $paint --num 6 --npz odd.npz
says 'is not a file of collected pictures'
head -c 40000 /dev/zero >zero.npz.part
run 2 $paint --num 6 --npz zero.npz
says 'is not a file of collected pictures'
run 1 $paint --num 6 --npz name.png
says 'ends in .npz'
run 1 $paint --num 0 --npz a.npz
run 1 $paint --num 6 --classes 'sea,oceann' --npz a.npz
says 'the nearest are Ocean sunset (0)'
run 2 $paint --num 6 --npz nowhere/a.npz
absent a.npz
absent a.npz.part
exit $failed
