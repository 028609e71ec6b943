#!/bin/sh
# Boots a stock Linux (linux-namespaces-init.sh) and does to its drive what it asks for on its console:
# `owner: WORDS` is `swaplab namespace WORDS`.
#
# Arguments: the program swaplab, then the words of `swaplab boot`.

swaplab=$1
shift
folder=$(mktemp -d) || exit 1
mkfifo "$folder/console" || exit 1
"$swaplab" boot --control "$folder/control" "$@" >"$folder/console" &
machine=$!
asked=0
# A serial console ends its lines with one character more.
end=$(printf '\r')
while read -r mark words; do
    words=${words%"$end"}
    echo "$mark $words"
    if [ "$mark" = owner: ]; then
        asked=$((asked + 1))
        # Words on purpose.
        # shellcheck disable=SC2086
        "$swaplab" namespace $words --socket "$folder/control" || { kill $machine; exit 1; }
    fi
done <"$folder/console"
wait $machine || exit
[ $asked -gt 0 ] || { echo "the guest asked for nothing"; exit 1; }
