#!/usr/bin/env bash
# Every figure of docs/results.md, from units folders DATA/ks and DATA/ic.
#   bash docs/results.sh DATA OUT [lm|main|controls|few-shot|lengths|verbalizers|seeds ...]
# Without parts, all of them, in this order. The LM and the main runs use two processor threads, the
# others one; a finished run is not run again, so the script can be stopped and started, and parts
# can run side by side.
set -euo pipefail
data=$1 out=$2
shift 2
plain=$out/gslms/units-medium
lm=$out/gslms/units-neighbours
random=random:$plain
threads=1

run() { # task, then options
    local task=$1
    shift
    bench run --task "$task" --corpus "$data/$task" --out "$out/runs" --threads "$threads" "$@"
}
prompt() { # GSLM, task, then options
    run "$2" --method prompt --loss labels --gslm "$1" "${@:3}"
}

lm() {
    bench pretrain --units "$data/ks" --units "$data/ic" --out "$lm" --preset medium --neighbours 4 \
        --epochs 6 --max-minutes 48 --batch-tokens 2048 --dropout 0.15 --threads 2
    bench pretrain --units "$data/ks" --units "$data/ic" --out "$plain" --preset medium \
        --epochs 6 --max-minutes 50 --batch-tokens 2048 --dropout 0.15 --threads 2
}
main() {
    local threads=2
    local -a ks=(--prompt-length 32 --lr 0.03 --prompt-dropout 0 --unit-dropout 0.1
        --batch-tokens 1024 --batch-utterances 64)
    local -a ic=(--unit-dropout 0.1 --batch-tokens 1024)
    prompt "$lm" ks "${ks[@]}" --max-minutes 27
    prompt "$lm" ic "${ic[@]}" --max-minutes 26 --prompt-length 30
    prompt "$plain" ks "${ks[@]}" --max-minutes 28
    prompt "$plain" ic "${ic[@]}" --max-minutes 28 --prompt-length 31
}
controls() {
    # The same shape and units, read by weights that were never trained.
    for verbalizer in learnable frequency; do
        prompt "$random" ks --shots 200 --max-epochs 4 --verbalizer "$verbalizer"
    done
    # As in the paper: units for labels, a loss over all units, a low rate that stays.
    for gslm in "$random" "$plain"; do
        run ks --method prompt --gslm "$gslm" --shots 200 --max-epochs 8 \
            --verbalizer frequency --loss full --lr 0.005 --schedule constant
    done
    # That loss and those units at higher rates.
    for gslm in "$lm" "random:$lm"; do
        for lr in 0.02 0.03; do
            run ks --method prompt --gslm "$gslm" --shots 200 --max-epochs 8 --loss full --lr "$lr"
        done
    done
    for task in ks ic; do
        run "$task" --method bag-of-units
        run "$task" --method majority
    done
}
few-shot() {
    local -A passes=([5]=60 [10]=40 [50]=15 [200]=8)
    for task in ks ic; do
        for k in 5 10 50 200; do
            for gslm in "$lm" "$plain"; do
                prompt "$gslm" "$task" --shots "$k" --max-epochs "${passes[$k]}"
            done
            for seed in 0 1 2; do
                run "$task" --method bag-of-units --shots "$k" --seed "$seed" --min-count 1
                for gslm in "$lm" "$plain"; do
                    run "$task" --method linear-probe --gslm "$gslm" --shots "$k" --seed "$seed"
                done
            done
        done
    done
}
lengths() {
    for length in 1 2 5 10 32; do
        prompt "$lm" ks --shots 200 --max-epochs 8 --prompt-length "$length"
    done
}
verbalizers() {
    for verbalizer in frequency random kmeans; do
        prompt "$plain" ks --shots 200 --max-epochs 8 --verbalizer "$verbalizer"
    done
}
seeds() {
    for gslm in "$lm" "$plain"; do
        for seed in 1 2; do
            prompt "$gslm" ks --shots 200 --max-epochs 8 --seed "$seed"
        done
    done
    for seed in 1 2; do
        prompt "$lm" ic --shots 10 --max-epochs 40 --seed "$seed"
    done
}

if (($# == 0)); then set -- lm main controls few-shot lengths verbalizers seeds; fi
for part; do "$part"; done
