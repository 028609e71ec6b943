//! What the host runs as its first program: mounts, then the command, then power-off.

use std::ffi::OsStr;

use anyhow::{Context, Result};

use super::Options;

/// The 9p tag of this machine's root, read-only.
pub(super) const TAG_ROOT: &str = "root";
/// The 9p tag of the folder that is written through.
pub(super) const TAG_FOLDER: &str = "folder";
/// The 9p tag of the folder where the exit status is left.
pub(super) const TAG_RESULT: &str = "result";
/// The file in it.
pub(super) const STATUS_FILE: &str = "status";

/// The virtio-serial port numbers of standard output and standard error.
pub(super) const PORT_STDOUT: u32 = 1;
/// See [`PORT_STDOUT`].
pub(super) const PORT_STDERR: u32 = 2;

/// `/init` of the initramfs.
pub(super) fn text(options: &Options) -> Result<String> {
    let folder = quote(options.folder.as_os_str())?;
    let mut env = String::new();
    for (name, value) in &options.env {
        let name = name.to_str().context("an environment variable's name is not UTF-8")?;
        env.push_str(&format!(" {name}={}", quote(value)?));
    }
    for name in ["HOME", "PATH"] {
        env.push_str(&format!(" {name}={}", quote(&std::env::var_os(name).unwrap_or_default())?));
    }
    let words: Result<Vec<String>> = options.command.iter().map(|word| quote(word)).collect();
    let command = words?.join(" ");
    let (out, err) = (PORT_STDOUT, PORT_STDERR);
    let nine = "trans=virtio,version=9p2000.L,msize=524288";
    Ok(format!(
        r#"#!/bin/busybox sh
b=/bin/busybox
fail() {{ echo "stock-kvm: $1" > /dev/ttyS0; $b sync; $b poweroff -f; }}
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do $b insmod $module || fail "cannot load $module"; done
$b mkdir -p /run/lower /run/result /run/top
$b mount -t 9p -o {nine},ro,cache=loose {TAG_ROOT} /run/lower || fail "cannot mount the root folder"
$b mount -t 9p -o {nine},rw {TAG_RESULT} /run/result || fail "cannot mount the result folder"
$b mount -t tmpfs -o size=60% tmpfs /run/top && $b mkdir /run/top/upper /run/top/work
$b mount -t overlay -o lowerdir=/run/lower,upperdir=/run/top/upper,workdir=/run/top/work overlay /host \
    || fail "cannot mount the overlay"
$b mount -t 9p -o {nine},rw {TAG_FOLDER} /host/{folder} || fail "cannot mount the current folder"
for folder in dev proc sys; do $b mount -o bind /$folder /host/$folder; done
$b mkdir -p /host/dev/shm /host/dev/pts
$b mount -t tmpfs tmpfs /host/dev/shm
$b mount -t devpts devpts /host/dev/pts
$b mount -t tmpfs tmpfs /host/run
$b ip link set lo up
tries=0
while [ ! -e /dev/vport0p{out} -o ! -e /dev/vport0p{err} ]; do
    tries=$((tries + 1)); [ $tries -lt 100 ] || fail "the output ports do not appear"
    $b usleep 50000
done
$b cat > /host/run/stock-kvm-command <<'END_OF_COMMAND'
cd {folder} && exec {command}
END_OF_COMMAND
$b env -i TERM=dumb{env} $b chroot /host /bin/sh /run/stock-kvm-command \
    < /dev/null > /dev/vport0p{out} 2> /dev/vport0p{err}
echo $? > /run/result/{STATUS_FILE}
$b sync
$b poweroff -f
"#
    ))
}

/// A word that the shell reads as one literal word.
fn quote(word: &OsStr) -> Result<String> {
    let word = word.to_str().with_context(|| format!("{} is not UTF-8", word.display()))?;
    anyhow::ensure!(!word.contains('\n'), "a word with a line break cannot be passed: {word:?}");
    Ok(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_inside_a_word_stays_literal() {
        assert_eq!(quote(OsStr::new("it's $HOME")).unwrap(), r"'it'\''s $HOME'");
    }

    #[test]
    fn a_line_break_is_refused() {
        quote(OsStr::new("a\nb")).unwrap_err();
    }
}
