#!/usr/bin/env bash
# Every figure of docs/mini.md's table: the embedded corpus and GSLM, by default settings.
#   bash docs/mini.sh OUT [controls|prompts|heads|recurrent|random ...]
# Without parts, all of them, in this order. Each run uses one processor thread; a finished run is
# not run again, so the script can be stopped and started, and parts can run side by side.
set -euo pipefail
out=$1
shift

run() { bench run --out "$out/runs" --threads 1 "$@"; }

controls() {
    for task in ks ic lid asr sf; do
        run --method majority --task "$task"
    done
    for task in ks ic lid; do
        run --method bag-of-units --task "$task"
    done
}
prompts() {
    for seed in 0 1 2; do
        for task in ks ic lid sf asr; do
            run --method prompt --task "$task" --seed "$seed"
        done
    done
}
heads() {
    for seed in 0 1 2; do
        for upstream in mini fbank_no_cmvn; do
            for task in ks ic lid sf asr; do
                run --method s3prl --task "$task" --upstream "$upstream" --seed "$seed"
            done
        done
    done
}
recurrent() { # intents by what SUPERB's head for ASR and SF is made of, and not by a mean over time
    for upstream in mini fbank_no_cmvn; do
        run --method s3prl --task ic --upstream "$upstream" --head recurrent
    done
}
random() { # the same units, read by a frozen LM of the same shape that was hardly trained at all
    local task gslm folders=()
    for task in ks ic lid asr; do
        [[ -d $out/units/$task ]] || bench units mini --task "$task" --out "$out/units/$task"
        folders+=(--units "$out/units/$task")
    done
    [[ -d $out/gslms/random ]] || bench pretrain "${folders[@]}" --out "$out/gslms/random" \
        --preset mini --epochs 0.001 --lr 1e-9 --name random
    for gslm in mini "$out/gslms/random"; do
        on() { run --method prompt --gslm "$gslm" --task "$1" --corpus "$out/units/$1" "${@:2}"; }
        on ks
        on ks --verbalizer frequency --max-epochs 20
        on ks --verbalizer frequency --max-epochs 20 --loss full --lr 0.005 --schedule constant
        for k in 5 10; do on ks --shots "$k" --max-epochs 60; done
        on ic --max-epochs 20
        on lid --max-epochs 5
        on asr --max-epochs 5
    done
}

(($#)) || set -- controls prompts heads recurrent random
for part; do
    "$part"
done
