//! `swaplab image mkfs`.

use campaign::disk_image::tool;
use guest_fs::MkfsOptions;
use guest_fs::inspect::Inspector;

use super::args::Mkfs;
use super::{bytes_text, create, name_text, refuse_content, usage, uuid};
use crate::exit::Exit;

pub(super) fn run(args: &Mkfs) -> Result<Exit, Exit> {
    let image = args.image.as_path();
    let mut label = [0; 32];
    label[..args.label.len()].copy_from_slice(args.label.as_bytes());
    let uuid = uuid::or_new(args.uuid)?;
    match args.size {
        Some(bytes) => create(image, bytes)?,
        None => refuse_content(image, args.force)?,
    }
    let options = MkfsOptions { uuid, label, journal_blocks: args.journal_blocks };
    if let Err(error) = tool::mkfs(image, &options) {
        if args.size.is_some() {
            // What was made for this is of no use to anybody.
            let _ = std::fs::remove_file(image);
        }
        return Err(usage(error));
    }
    let device = tool::look(image).map_err(usage)?;
    let inspector = Inspector::new(&device).map_err(usage)?;
    let superblock = inspector.superblock();
    let free: u64 = inspector.groups().map_err(usage)?.iter().map(|g| u64::from(g.free)).sum();
    println!("{}: swaplab filesystem, version {}", image.display(), superblock.version);
    println!("  uuid     {}", uuid::Uuid(superblock.uuid));
    println!("  label    {}", name_text(&superblock.label));
    let size = bytes_text(superblock.blocks * 4096);
    println!("  size     {size}, {} blocks in {} groups", superblock.blocks, superblock.groups);
    println!("  journal  {} blocks", superblock.journal_blocks);
    println!("  free     {}, {free} blocks", bytes_text(free * 4096));
    Ok(Exit::Expected)
}
