# SPDX-License-Identifier: Apache-2.0
# The loss of held-out scenes: three of the tiny model's four classes are scenes.
. "${0%/*}/common.sh"

run 0 loss --sizes 64x64,160x48 --methods none,vision-ntk,vision-yarn --pictures 5
prints '64x64'
prints '160x48'
prints 'vision-yarn'
[ "$(grep -c '^vision-ntk ' out)" -eq 1 ] || complain "not one row of vision-ntk: $(cat out)"
run 0 loss --sizes 64x64,160x48 --methods none,vision-ntk,none --pictures 5 --json --threads 1
json 4 rows
json 160 rows 2 size 0
json 30 rows 2 tokens
json none rows 2 method
# Within the trained axes there is nothing to stretch; beyond them a method changes the loss.
[ "$("$json_get" rows 0 loss <out)" = "$("$json_get" rows 1 loss <out)" ] ||
    complain "other losses within the training: $(cat out)"
[ "$("$json_get" rows 2 loss <out)" != "$("$json_get" rows 3 loss <out)" ] ||
    complain "the same loss beyond the training: $(cat out)"
cp out one
run 0 loss --sizes 64x64,160x48 --methods none,vision-ntk --pictures 5 --json --threads 2
same one out
run 0 loss --sizes 64x64,160x48 --methods none,vision-ntk --pictures 5 --json --seed 1
differ one out
run 0 loss --sizes 64x64,160x48 --methods none,vision-ntk --pictures 5 --json --uniform-times
differ one out
run 0 loss --pictures 1 --methods auto --json
json 1 rows
json 0.0 rows 0 standard_error

run 1 loss --methods vision-nkt
says 'the nearest is vision-ntk'
run 1 loss --sizes 64x64,
says '--sizes: expected'
run 1 loss --sizes 65x64
says 'the nearest is 64x64'
run 1 loss --pictures 0
says '--pictures: expected a whole number from 1 to 4096'
cp -r tiny other
printf '0\tA\t\n1\tB\t\n2\tC\t\n3\tD\t\n' >other/classes.txt
run 1 loss --model other
says 'no class of a scene'
"$make_model" old v1
run 1 loss --model old --pictures 1
says 'first version'

run 0 render --class 3 --size 64x48 --seed 2 --output a.png
run 0 render --class 3 --size 48x64 --seed 2 --output b.png
run 0 likelihood a.png b.png --steps 4 --probes 3
prints 'a.png  '
prints ' bits per dimension +- '
[ "$(wc -l <out)" -eq 2 ] || complain "not two lines: $(cat out)"
run 0 likelihood a.png b.png --steps 4 --json --threads 1
json 2
json b.png 1 path
json 384 0 dimensions
json 8 0 evaluations
json 0.0 0 standard_error
cp out one
run 0 likelihood a.png b.png --steps 4 --json --threads 2
same one out
for option in '--class 1' '--seed 5' --gaussian '--solver rk4' '--steps 5' '--solver dopri5'; do
    run 0 likelihood a.png b.png --steps 4 --json $option
    differ one out
done
run 1 likelihood
run 1 likelihood a.png --solver sde-heun
says 'sde-heun'
run 1 likelihood a.png --probes 257
says '--probes: expected a whole number from 1 to 256'
run 2 likelihood absent.png
says 'absent.png'
run 2 likelihood tiny/classes.txt
says 'classes.txt'
run 0 render --size 50x48 --output odd.png
run 1 likelihood odd.png
says 'the nearest is 48x48'
run 1 likelihood a.png --model old
says 'first version'

# What is painted against what is new, for either kind of network.
run 0 distance --size 64x48 --pictures 6 --steps 2
prints ' of as many other new pictures '
run 0 distance --size 64x48 --pictures 6 --steps 2 --json --threads 1
json 6 pictures
json 64 features
json 48 size 1
json euler solver
cp out one
run 0 distance --size 64x48 --pictures 6 --steps 2 --json --threads 2
same one out
for option in '--seed 1' '--steps 3' '--guidance 1' '--pictures 7' '--solver heun'; do
    run 0 distance --size 64x48 --pictures 6 --steps 2 --json $option
    differ one out
done
run 0 distance --model old --size 64x48 --pictures 3 --steps 3 --json
json ddpm solver
run 1 distance --model old --size 64x48 --pictures 3 --solver heun
says 'solver'
run 1 distance --size 65x48 --pictures 3
says 'nearest is 64x48'
run 1 distance --pictures 1
says '--pictures: expected'
run 1 distance --model other --pictures 2
says 'no class of a scene'

no_leavings
exit $failed
