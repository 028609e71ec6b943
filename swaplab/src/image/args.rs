//! The arguments of `swaplab image`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    pub(crate) command: ImageCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Make a filesystem of a whole image or block device
    Mkfs(Mkfs),
    /// Check a filesystem: 0 it is clean, 1 something is wrong
    Fsck(Fsck),
    /// Show what is on it: superblock, groups, journal, inodes, extents
    Dump(Dump),
    /// List a directory
    Ls(Ls),
    /// Write a file's content to standard output
    Cat(Cat),
    /// Put a file into a filesystem
    Put(Put),
    /// Make swap space of an image, or of a file inside a filesystem
    Mkswap(Mkswap),
}

#[derive(Debug, Args)]
pub(crate) struct Mkfs {
    /// The image (raw or qcow2) or block device
    #[arg(value_name = "IMAGE")]
    pub(crate) image: PathBuf,

    /// Make the image first, of this size: 64M, 2G (a raw file that must not exist)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) size: Option<u64>,

    /// A name for people, at most 32 bytes
    #[arg(long, value_name = "LABEL", default_value = "", value_parser = label::<32>)]
    pub(crate) label: String,

    /// The filesystem's UUID (by chance if none is named)
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    pub(crate) uuid: Option<[u8; 16]>,

    /// Blocks of the journal (1/64 of the device, at most 4096, if nothing is said)
    #[arg(long, value_name = "BLOCKS")]
    pub(crate) journal_blocks: Option<u64>,

    /// Destroy what is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Fsck {
    /// The image or block device
    #[arg(value_name = "IMAGE")]
    pub(crate) image: PathBuf,

    /// Replay the journal, and repair what needs no guess
    #[arg(long)]
    pub(crate) repair: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Dump {
    /// The image or block device
    #[arg(value_name = "IMAGE")]
    pub(crate) image: PathBuf,

    /// Only what PATH names: its inode, and its extents or entries
    #[arg(long, value_name = "PATH", conflicts_with = "inodes")]
    pub(crate) path: Option<String>,

    /// Every inode with its path and extents, too
    #[arg(long)]
    pub(crate) inodes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// The image or block device
    #[arg(value_name = "IMAGE")]
    pub(crate) image: PathBuf,

    /// The directory or file
    #[arg(value_name = "PATH", default_value = "/")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// The image or block device
    #[arg(value_name = "IMAGE")]
    pub(crate) image: PathBuf,

    /// The file
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The image or block device
    #[arg(value_name = "IMAGE")]
    pub(crate) image: PathBuf,

    /// The file to put there (- is standard input)
    #[arg(value_name = "SOURCE")]
    pub(crate) source: PathBuf,

    /// Where; what the file held before is replaced
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Mkswap {
    /// The image or block device
    #[arg(value_name = "IMAGE")]
    pub(crate) image: PathBuf,

    /// A file inside the filesystem on the image instead of the whole image
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,

    /// Make the file, or the image, first: of this size
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) size: Option<u64>,

    /// A name for people, at most 16 bytes
    #[arg(long, value_name = "LABEL", default_value = "", value_parser = label::<16>)]
    pub(crate) label: String,

    /// The area's UUID (by chance if none is named)
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    pub(crate) uuid: Option<[u8; 16]>,

    /// Destroy what is there
    #[arg(long)]
    pub(crate) force: bool,
}

fn size(text: &str) -> Result<u64, String> {
    // `16MiB` is what the answers say.
    let short = text.strip_suffix("iB").unwrap_or(text);
    let (digits, unit) = match short.char_indices().last() {
        Some((at, 'K' | 'k')) => (&short[..at], 1 << 10),
        Some((at, 'M' | 'm')) => (&short[..at], 1 << 20),
        Some((at, 'G' | 'g')) => (&short[..at], 1 << 30),
        Some((at, 'T' | 't')) => (&short[..at], 1 << 40),
        _ => (text, 1),
    };
    let number: Option<u64> = digits.parse().ok();
    let bytes = number.and_then(|number| number.checked_mul(unit));
    match bytes {
        Some(bytes) if bytes > 0 && bytes.is_multiple_of(4096) => Ok(bytes),
        Some(_) => Err("not a positive multiple of 4096 bytes".into()),
        None => Err("not a size: bytes, or a number with K, M, G or T".into()),
    }
}

fn label<const MAX: usize>(text: &str) -> Result<String, String> {
    if text.len() <= MAX {
        Ok(text.to_owned())
    } else {
        Err(format!("{} bytes, at most {MAX} fit", text.len()))
    }
}

fn uuid(text: &str) -> Result<[u8; 16], String> {
    super::uuid::parse(text).ok_or_else(|| "not a UUID (8-4-4-4-12 hexadecimal digits)".into())
}
