//! `swaplab image mkswap`.

use block::BLOCK_BYTES;
use campaign::disk_image::tool;
use guest_fs::{FileKind, FileSystem, Ino};
use iomap::Errno;
use swap_path::{SwapHeader, mkswap};

use super::args::Mkswap;
use super::{at, bytes_text, create, refuse_content, usage, uuid};
use crate::exit::Exit;

pub(super) fn run(args: &Mkswap) -> Result<Exit, Exit> {
    let uuid = uuid::or_new(args.uuid)?;
    let header = match &args.path {
        Some(path) => in_filesystem(args, path, uuid)?,
        None => whole_image(args, uuid)?,
    };
    let bytes = (header.size_pages() - 1) * BLOCK_BYTES as u64;
    println!("swap space version 1, {} ({bytes} bytes)", bytes_text(bytes));
    let label = if args.label.is_empty() { "no label" } else { &args.label };
    println!("  {label}, uuid {}", uuid::Uuid(uuid));
    Ok(Exit::Expected)
}

fn whole_image(args: &Mkswap, uuid: [u8; 16]) -> Result<SwapHeader, Exit> {
    let image = args.image.as_path();
    match args.size {
        Some(bytes) => create(image, bytes)?,
        None => refuse_content(image, args.force)?,
    }
    let device = tool::change(image).map_err(usage)?;
    let mut media = device.into_media();
    let pages = nvme_model::Media::size_blocks(&media);
    let header = SwapHeader::new(pages, uuid, &args.label)
        .map_err(|error| usage(format!("{}: {error}", image.display())))?;
    let written = nvme_model::Media::write(&mut media, 0, &header.to_page());
    written.and_then(|()| nvme_model::Media::flush(&mut media)).map_err(usage)?;
    Ok(header)
}

fn in_filesystem(args: &Mkswap, path: &str, uuid: [u8; 16]) -> Result<SwapHeader, Exit> {
    let failed = |errno| at(&args.image, path, errno);
    let (fs, device) = tool::mount(&args.image).map_err(usage)?;
    let made = file(&fs, path, args.size).map_err(failed).and_then(|ino| {
        mkswap(&fs, &*device, ino, uuid, &args.label)
            .map_err(|error| usage(format!("{}: {path}: {error}", args.image.display())))
    });
    fs.unmount().map_err(|(_, errno)| failed(errno))?;
    made
}

/// The file, made if a size is given.
fn file<D: block::BlockDevice>(
    fs: &FileSystem<D>,
    path: &str,
    size: Option<u64>,
) -> Result<Ino, Errno> {
    let Some(bytes) = size else {
        let ino = fs.open(path)?;
        return match fs.stat(ino)?.kind {
            FileKind::Directory => Err(Errno::EISDIR),
            _ => Ok(ino),
        };
    };
    let ino = fs.create(path)?;
    fs.fallocate(ino, 0, bytes)?;
    Ok(ino)
}
