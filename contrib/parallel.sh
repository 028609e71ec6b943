#!/bin/sh
# A campaign with GNU parallel: shards on this machine, or on others with --sshlogin.
#
#   contrib/parallel.sh plan.jsonl results 64 [options of parallel, such as --sshlogin a,b --transferfile plan.jsonl]
#
# What was interrupted is started again by the same command: finished shards return at once.
set -u
plan=$1
folder=$2
shards=$3
shift 3
mkdir -p "$folder"
# Code 1 is a finding and no failure of the shard.
seq "$shards" | parallel --halt never --joblog "$folder/joblog" "$@" \
    "${SWAPLAB:-swaplab} campaign run $plan --engine ${ENGINE:-kvm} --jobs 1 --shard {}/$shards --resume \
        --out $folder/shard-{}.jsonl || [ \$? -eq 1 ]"
