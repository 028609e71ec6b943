//! `swaplab image`: filesystems and swap space in images, without a machine.

pub(crate) mod args;
mod dump;
mod files;
mod fsck;
mod mkfs;
mod mkswap;
mod uuid;

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use campaign::disk_image::tool;
use guest_fs::FileKind;
use iomap::Errno;

use crate::exit::Exit;
use args::{ImageArgs, ImageCommand};

pub(crate) fn run(args: &ImageArgs) -> Exit {
    let done = match &args.command {
        ImageCommand::Mkfs(args) => mkfs::run(args),
        ImageCommand::Fsck(args) => fsck::run(args),
        ImageCommand::Dump(args) => dump::run(args),
        ImageCommand::Ls(args) => files::ls(args),
        ImageCommand::Cat(args) => files::cat(args),
        ImageCommand::Put(args) => files::put(args),
        ImageCommand::Mkswap(args) => mkswap::run(args),
    };
    match done {
        Ok(exit) | Err(exit) => exit,
    }
}

/// The user can put it right.
fn usage(error: impl fmt::Display) -> Exit {
    Exit::Usage.with(&error)
}

/// A path in an image, and what came of it.
fn at(image: &Path, path: &str, errno: Errno) -> Exit {
    let why = match errno {
        Errno::ENOENT => "no such file or directory; `swaplab image ls` shows what is there",
        Errno::ENOTDIR => "a part of the path is not a directory",
        Errno::EISDIR => "a directory, where a file is expected",
        Errno::ENOSPC => "no space left on the filesystem; a larger image has more",
        Errno::EUCLEAN => "damaged; `swaplab image fsck` says how",
        other => return usage(format!("{}: {path}: {other}", image.display())),
    };
    usage(format!("{}: {path}: {why}", image.display()))
}

/// Nothing of value may be there, or the user says so.
fn refuse_content(image: &Path, is_forced: bool) -> Result<(), Exit> {
    match tool::content(image).map_err(usage)? {
        Some(what) if !is_forced => {
            Err(usage(format!("{}: holds {what}; --force destroys it", image.display())))
        }
        _ => Ok(()),
    }
}

/// Makes a raw image that does not exist yet. It takes no place on the host until something is written to it.
fn create(image: &Path, bytes: u64) -> Result<(), Exit> {
    let file = std::fs::File::create_new(image).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            usage(format!("{}: exists; leave --size out to use it as it is", image.display()))
        }
        _ => usage(format!("{}: {error}", image.display())),
    })?;
    file.set_len(bytes).map_err(|error| {
        // An empty file helps nobody. If it cannot be removed, the first error is still the one to tell.
        let _ = std::fs::remove_file(image);
        usage(match error.kind() {
            ErrorKind::FileTooLarge => format!(
                "{}: the host's filesystem has no files of {}: a smaller --size, or an image on \
                 another filesystem or a block device",
                image.display(),
                bytes_text(bytes)
            ),
            _ => format!("{}: {error}", image.display()),
        })
    })
}

/// Bytes for people.
fn bytes_text(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} bytes"),
    }
}

const fn kind_text(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "file",
        FileKind::Directory => "directory",
        FileKind::Symlink => "symlink",
    }
}

/// A name or label of the image, whatever bytes it has.
fn name_text(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    String::from_utf8_lossy(&bytes[..end]).escape_debug().to_string()
}
