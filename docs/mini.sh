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
random() { # controls: the same units, read by an LM of the same shape without its training
    local task gslm k
    for task in ks ic lid sf asr; do
        run --method prompt --task "$task" --gslm random:mini
    done
    for gslm in mini random:mini; do
        on() { run --method prompt --gslm "$gslm" --task "$@"; }
        for lr in 0.005 0.01 0.03; do on ks --lr "$lr"; done
        on ks --lr 0.005 --schedule constant # the paper's rate
        on ks --loss labels
        for k in 5 10; do
            on ks --shots "$k" --max-epochs 60
            on ks --shots "$k" --max-epochs 60 --loss full
        done
        on ic --loss labels
        for lr in 0.02 0.03; do on ic --label-vectors lm --lr "$lr"; done
        for lr in 0.01 0.04; do on lid --lr "$lr"; done
    done
}

(($#)) || set -- controls prompts heads recurrent random
for part; do
    "$part"
done
