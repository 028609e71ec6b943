//! `swaplab image dump`.

use std::path::Path;

use block::BlockDevice;
use campaign::disk_image::tool;
use guest_fs::inspect::{Inode, Inspector};
use guest_fs::{FileKind, Ino, MountError};
use iomap::MapKind;

use super::args::Dump;
use super::{at, kind_text, name_text, usage, uuid};
use crate::exit::Exit;

/// Lines of one list; what follows is counted.
const LINES_MAX: usize = 64;

pub(super) fn run(args: &Dump) -> Result<Exit, Exit> {
    let image = args.image.as_path();
    let device = tool::look(image).map_err(usage)?;
    let inspector =
        Inspector::new(&device).map_err(|error| usage(format!("{}: {error}", image.display())))?;
    let dumped = match &args.path {
        Some(path) => return one(image, &inspector, path),
        None if args.inodes => whole(&inspector).and_then(|()| inodes(&inspector)),
        None => whole(&inspector),
    };
    dumped.map_err(|error| damaged(image, &error))?;
    Ok(Exit::Expected)
}

fn damaged(image: &Path, error: &MountError) -> Exit {
    usage(format!("{}: {error}; `swaplab image fsck` says more", image.display()))
}

fn whole<D: BlockDevice>(inspector: &Inspector<'_, D>) -> Result<(), MountError> {
    let superblock = inspector.superblock();
    let [compat, ro_compat, incompat] = superblock.features;
    println!("superblock");
    println!("  version          {}", superblock.version);
    println!("  uuid             {}", uuid::Uuid(superblock.uuid));
    println!("  label            {}", name_text(&superblock.label));
    println!("  blocks           {}", superblock.blocks);
    println!("  features         {compat:#x} {ro_compat:#x} {incompat:#x}");
    println!("  group table      block {}, {} blocks", superblock.table.0, superblock.table.1);
    println!("  shared blocks    block {}", superblock.refcounts);
    println!("  orphans          block {}", superblock.orphans);
    println!("  root directory   block {}", superblock.root);
    println!("groups           first      blocks      free   longest run  bitmap");
    let groups = inspector.groups()?;
    lines(&groups, |group| {
        let bitmap = if group.has_bitmap { "on disk" } else { "fresh" };
        println!(
            "  {:<8} {:>11} {:>10} {:>10} {:>12}  {bitmap}",
            group.number, group.start, group.blocks, group.free, group.longest
        );
    });
    let journal = inspector.journal();
    println!("journal          {} blocks", superblock.journal_blocks);
    println!("  tail             {}", journal.tail);
    println!("  head             {}", journal.head);
    lines(&journal.batches, |batch| {
        let images: Vec<String> = batch
            .images
            .iter()
            .take(6)
            .map(|(block, kind)| format!("{block} {}", kind.map_or("?", |k| short(k))))
            .collect();
        let (count, revoked) = (batch.images.len(), batch.revoked.len());
        let more = if count > images.len() { ", ..." } else { "" };
        println!("  batch {:<10} {count} images, {revoked} revoked", batch.lsn);
        println!("    {}{more}", images.join(", "));
    });
    let orphans = inspector.orphans()?;
    println!("orphans          {}", orphans.len());
    lines(&orphans, |ino| println!("  inode {}", ino.0));
    let shared = inspector.shared()?;
    println!("shared runs      {}", shared.len());
    lines(&shared, |run| match run.owners {
        1 => println!("  {}+{} staging", run.block, run.blocks),
        owners => println!("  {}+{} {owners} owners", run.block, run.blocks),
    });
    Ok(())
}

const fn short(kind: guest_fs::Structure) -> &'static str {
    use guest_fs::Structure as S;
    match kind {
        S::Bitmap => "bitmap",
        S::GroupTable => "groups",
        S::Inode => "inode",
        S::ExtentNode => "extents",
        S::DirectoryNode => "names",
        S::RefcountNode => "owners",
        S::OrphanNode => "orphans",
        _ => "?",
    }
}

/// Shows the first of them and counts the others.
fn lines<T>(of: &[T], show: impl FnMut(&T)) {
    of.iter().take(LINES_MAX).for_each(show);
    if of.len() > LINES_MAX {
        println!("  ... and {} more", of.len() - LINES_MAX);
    }
}

fn one<D: BlockDevice>(
    image: &Path,
    inspector: &Inspector<'_, D>,
    path: &str,
) -> Result<Exit, Exit> {
    let found = inspector.lookup(path.as_bytes());
    let shown = found.and_then(|ino| show_inode(inspector, path, ino).map(drop));
    match shown {
        Ok(()) => Ok(Exit::Expected),
        Err(MountError::Unfinished(errno)) => Err(at(image, path, errno)),
        Err(error) => Err(damaged(image, &error)),
    }
}

/// Everything that has a name, directory by directory.
fn inodes<D: BlockDevice>(inspector: &Inspector<'_, D>) -> Result<(), MountError> {
    let mut left = vec![(String::from("/"), Ino(inspector.superblock().root))];
    let mut seen = std::collections::BTreeSet::new();
    while let Some((path, ino)) = left.pop() {
        // A damaged image may have a directory below itself.
        if !seen.insert(ino) {
            continue;
        }
        show_inode(inspector, &path, ino)?;
        for entry in inspector.entries(ino)? {
            let below = format!("{}/{}", path.trim_end_matches('/'), name_text(&entry.name));
            if entry.kind == FileKind::Directory {
                left.push((below, entry.ino));
            } else {
                show_inode(inspector, &below, entry.ino)?;
            }
        }
    }
    Ok(())
}

fn show_inode<D: BlockDevice>(
    inspector: &Inspector<'_, D>,
    path: &str,
    ino: Ino,
) -> Result<(), MountError> {
    let inode: Inode = inspector.inode(ino)?;
    println!("inode {} {path}", ino.0);
    println!(
        "  {}, size {}, {} names, {} blocks, flags {:#x}, generation {}",
        kind_text(inode.kind),
        inode.size,
        inode.nlink,
        inode.blocks,
        inode.flags,
        inode.generation
    );
    let times = inode.times;
    println!(
        "  ns: access {}, change {}, status {}, birth {}",
        times.atime_ns, times.mtime_ns, times.ctime_ns, times.btime_ns
    );
    match inode.kind {
        FileKind::File => lines(&inspector.extents(ino)?, |extent| {
            let kind = if extent.kind == MapKind::Unwritten { " unwritten" } else { "" };
            let (first, count) = (extent.pos / 4096, extent.length / 4096);
            println!("  pages {first}+{count} at block {}{kind}", extent.block);
        }),
        FileKind::Directory => lines(&inspector.entries(ino)?, |entry| {
            println!("  {:>8} {} {}", entry.ino.0, kind_text(entry.kind), name_text(&entry.name));
        }),
        FileKind::Symlink => println!("  -> {}", name_text(&inode.target)),
    }
    Ok(())
}
