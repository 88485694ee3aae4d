# SPDX-License-Identifier: Apache-2.0
# The benchmark's rows. Not how fast: whether what was timed is right, which the exit status says,
# and whether other programs can read it.
. "${0%/*}/common.sh"

parts='peaks gemm attention block evaluation sampling'
few='--model-shape demo --seconds 0'

run 0 bench $parts $few --tokens 4,9 --json
json demo shape
json peaks rows 0 part
json true rows 0 right
json '' rows 0 algorithm

names='device,shape,part,name,precision,tokens,runs,median_s,p5_s,p95_s,p99_s,flops,floor_s,gemm'
names=$names',attention,rest,cpu_s,operations,bytes,device_bytes,moved_bytes,error,tolerance,right'
names=$names',algorithm,waves'
run 0 bench $parts $few --tokens 4 --csv
[ "$(head -n 1 out)" = "$names"$'\r' ] || complain "other names: $(head -n 1 out)"
[ "$(grep -c "^device," out)" -eq 1 ] || complain 'not one line of names'
# The names, two peaks, four products, two rows of the evaluation, one of each other part.
[ "$(wc -l <out)" -eq 12 ] || complain "$(wc -l <out) lines"
[ "$(grep -c $'\r$' out)" -eq 12 ] || complain 'lines that RFC 4180 does not end so'
sed 's/"\([^"]\|""\)*"/text/g' out >plain
cells=$(tr -dc '\n,' <plain | sort -u)
[ "$(echo "$cells" | wc -l)" -eq 1 ] || complain "lines of other lengths: $(cat out)"
! grep -q '"' plain || complain "quotes: $(cat out)"
grep -q ',"evaluation of 4 tokens, guided",f32,4,\|,"evaluation of 4 tokens, guided",bf16,4,' out ||
    complain "no evaluation: $(cat out)"
# Shares of a block add up to its time.
awk -F, '$3 == "block" { n++; s = $14 + $15 + $16; if (s > 0.999 && s < 1.001 && $14 > 0) right++ }
    END { exit !(n == 1 && right == 1) }' plain || complain "a block without shares: $(cat plain)"

run 1 bench gemm $few --csv --json
says 'choose one'
run 0 bench --help
prints '--csv'
exit $failed
