#!/bin/busybox sh
# The init of a stock Linux in swaplab's machine whose nvme-cli is Debian's: arms errors by OCP's feature C0h, sees them,
# and takes them back. The machine is switched off if all was right; else it exits with code 3.

bb=/bin/busybox
nvme=/bin/nvme
controller=/dev/nvme0
disk=/dev/nvme0n1

fail() {
    echo "nvme-cli guest: FAILED: $*"
    [ ! -f /said ] || $bb cat /said
    $bb dmesg | $bb grep -iE 'nvme'
    $bb printf '\003' | $bb dd of=/dev/port bs=1 seek=244 2>/dev/null
    $bb poweroff -f
}

# Runs nvme-cli; what it said is in /said.
cli() {
    $nvme "$@" >/said 2>&1
}

says() {
    $bb grep -qiE "$1" /said || fail "$2: need /$1/"
    echo "nvme-cli guest: $2: $($bb grep -iE "$1" /said | $bb head -n 1)"
}

# An entry of 32 bytes: flags, reserved, the type, how many reads it waits for; the feature takes a page of them.
arm() {
    $bb printf "$1" | $bb dd of=/entries bs=4096 count=1 conv=sync 2>/dev/null
    cli set-feature $controller -f 0xc0 -v "$2" -l 4096 -d /entries || fail "set-feature C0h"
}

$bb mount -t devtmpfs dev /dev
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
for module in /modules/*; do
    $bb insmod "$module" || fail "cannot load $module"
done
waited=0
while [ ! -b $disk ]; do
    waited=$((waited + 1))
    [ $waited -le 100 ] || fail "no $disk after 10 seconds"
    $bb usleep 100000
done

cli version || fail "nvme-cli does not run"
says '^nvme version' "the program"
cli id-ctrl $controller || fail "id-ctrl"
says '^mn .*swaplab NVMe controller model' "the controller"
cli read $disk -s 8 -c 0 -z 4096 || fail "a read before anything is armed"

# Type 7: reads fail as unrecoverable.
arm '\001\000\007\000' 1
cli get-feature $controller -f 0xc0 -l 4096 || fail "get-feature C0h"
says 'value: ?0x0*1$' "what is armed can be read back"
cli read $disk -s 8 -c 0 -z 4096 && fail "a read that must fail"
says 'unrecovered read error|0x281' "the read"
cli error-log $controller -e 1 || fail "error-log"
says '^status_field.*281' "the error log"
says '^lba.*0x8$' "the error log's block"
cli get-log $controller -i 0xe0 -l 4096 -b || fail "get-log E0h"
says '^0 armed [1-9][0-9]* [1-9][0-9]* read => status=media/unrecovered-read' "the vendor's log page"

# Type 15 on the wire is every I/O: writes too.
arm '\001\000\017\000' 1
$bb dd if=/dev/zero of=/block bs=4096 count=1 2>/dev/null
cli write $disk -s 8 -c 0 -z 4096 -d /block && fail "a write that must fail"
says 'internal|0x6' "the write"

# Nothing armed: everything is as before.
arm '' 0
cli read $disk -s 8 -c 0 -z 4096 || fail "a read after all was disarmed"
cli get-log $controller -i 0xe0 -l 4096 -b || fail "get-log E0h"
$bb grep -q ' armed ' /said && fail "a rule is still armed"

echo "nvme-cli guest: all is well"
$bb sleep 1
$bb poweroff -f
