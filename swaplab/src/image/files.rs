//! `swaplab image ls | cat | put`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use block::{BLOCK_BYTES, BlockDevice};
use campaign::disk_image::tool;
use guest_fs::{FileKind, FileSystem, Ino};
use hal::DmaBuf;
use iomap::{Direction, Errno, Transfer};

use super::args::{Cat, Ls, Put};
use super::{at, kind_text, name_text, usage};
use crate::exit::Exit;

/// Pages of one read or write.
const PAGES_MAX: usize = 64;

pub(super) fn ls(args: &Ls) -> Result<Exit, Exit> {
    let (fs, _) = tool::mount_in_memory(&args.image).map_err(usage)?;
    let failed = |errno| at(&args.image, &args.path, errno);
    let ino = fs.open(&args.path).map_err(failed)?;
    if fs.stat(ino).map_err(failed)?.kind != FileKind::Directory {
        println!("{}", line(&fs, ino, args.path.as_bytes()).map_err(failed)?);
        return Ok(Exit::Expected);
    }
    let mut entries = fs.read_dir(ino, 0, usize::MAX).map_err(failed)?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    for entry in entries {
        let below = fs.lookup(ino, &entry.name).map_err(failed)?;
        let mut text = line(&fs, below, &entry.name).map_err(failed)?;
        if entry.kind == FileKind::Symlink {
            let path = [args.path.as_bytes(), b"/", &entry.name].concat();
            let target = fs.readlink(path).map_err(failed)?;
            text += &format!(" -> {}", name_text(&target));
        }
        println!("{text}");
    }
    Ok(Exit::Expected)
}

fn line<D: BlockDevice>(fs: &FileSystem<D>, ino: Ino, name: &[u8]) -> Result<String, Errno> {
    let stat = fs.stat(ino)?;
    let kind = kind_text(stat.kind);
    Ok(format!("{kind:<9} {:>4} {:>14} {}", stat.nlink, stat.size_bytes, name_text(name)))
}

pub(super) fn cat(args: &Cat) -> Result<Exit, Exit> {
    let (fs, device) = tool::mount_in_memory(&args.image).map_err(usage)?;
    let failed = |errno| at(&args.image, &args.path, errno);
    let ino = fs.open(&args.path).map_err(failed)?;
    let mut left = fs.stat(ino).map_err(failed)?.size_bytes;
    let mut pos = 0;
    let mut out = io::stdout().lock();
    while left > 0 {
        let mut transfer = transfer(&*device, Direction::Read, pos, PAGES_MAX).map_err(failed)?;
        let bytes = fs.dio_read(ino, &mut transfer).map_err(failed)?.min(left);
        if bytes == 0 {
            break;
        }
        let mut content = vec![0; PAGES_MAX * BLOCK_BYTES];
        for (page, bytes) in transfer.pages.iter().zip(content.chunks_mut(BLOCK_BYTES)) {
            page.read(0, bytes);
        }
        let inside = usize::try_from(bytes).unwrap_or(content.len()).min(content.len());
        match out.write_all(&content[..inside]) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written.map_err(|error| usage(format!("standard output: {error}")))?,
        }
        (pos, left) = (pos + bytes, left - bytes);
    }
    Ok(Exit::Expected)
}

fn transfer<D: BlockDevice>(
    device: &D,
    direction: Direction,
    pos: u64,
    pages: usize,
) -> Result<Transfer<D::Page>, Errno> {
    let pages = (0..pages).map(|_| device.alloc_page()).collect::<Result<_, _>>();
    Ok(Transfer { direction, pos, pages: pages.map_err(|_| Errno::ENOMEM)? })
}

pub(super) fn put(args: &Put) -> Result<Exit, Exit> {
    let mut source = open_source(&args.source)?;
    let failed = |errno| at(&args.image, &args.path, errno);
    let (fs, device) = tool::mount(&args.image).map_err(usage)?;
    let put = fill(&fs, &*device, &args.path, &mut source, &args.source);
    // Whatever was put is brought to its place, and the image is left in order.
    let unmounted = fs.unmount().map_err(|(_, errno)| failed(errno));
    let bytes = put.map_err(|error| match error {
        PutError::There(errno) => failed(errno),
        PutError::Here(exit) => exit,
    })?;
    unmounted?;
    println!("{}: {}: {bytes} bytes", args.image.display(), args.path);
    Ok(Exit::Expected)
}

fn open_source(path: &Path) -> Result<Box<dyn Read>, Exit> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| usage(format!("{}: {error}", path.display())))?;
    Ok(Box::new(file))
}

enum PutError {
    /// The image's filesystem refused.
    There(Errno),
    /// The source could not be read.
    Here(Exit),
}

impl From<Errno> for PutError {
    fn from(errno: Errno) -> Self {
        Self::There(errno)
    }
}

fn fill<D: BlockDevice>(
    fs: &FileSystem<D>,
    device: &D,
    path: &str,
    source: &mut dyn Read,
    name: &Path,
) -> Result<u64, PutError> {
    let ino = match fs.open(path) {
        Ok(ino) => {
            fs.truncate(ino, 0)?;
            ino
        }
        Err(Errno::ENOENT) => fs.create(path)?,
        Err(errno) => return Err(errno.into()),
    };
    let mut pos = 0;
    loop {
        let mut content = Vec::new();
        let most = (PAGES_MAX * BLOCK_BYTES) as u64;
        source
            .take(most)
            .read_to_end(&mut content)
            .map_err(|error| PutError::Here(usage(format!("{}: {error}", name.display()))))?;
        if content.is_empty() {
            break;
        }
        let pages = content.len().div_ceil(BLOCK_BYTES);
        let mut transfer = transfer(device, Direction::Write, pos, pages)?;
        for (page, bytes) in transfer.pages.iter().zip(content.chunks(BLOCK_BYTES)) {
            page.write(0, bytes);
        }
        fs.dio_write(ino, &mut transfer)?;
        pos += content.len() as u64;
    }
    // Direct writes are whole pages; the size is not.
    fs.truncate(ino, pos)?;
    fs.fsync(ino)?;
    Ok(pos)
}
