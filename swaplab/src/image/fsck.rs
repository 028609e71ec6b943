//! `swaplab image fsck`.

use std::path::Path;

use campaign::disk_image::tool;
use guest_fs::{FileSystem, Finding, Report};

use super::args::Fsck;
use super::usage;
use crate::exit::Exit;

pub(super) fn run(args: &Fsck) -> Result<Exit, Exit> {
    let image = args.image.as_path();
    let report = {
        let device = tool::look(image).map_err(usage)?;
        FileSystem::fsck(&device).map_err(|error| not_ours(image, &error))?
    };
    show(image, &report);
    if !args.repair {
        return Ok(verdict(image, &report, "; --repair repairs what needs no guess"));
    }
    if is_clean(&report) && batches(&report).is_none() {
        return Ok(verdict(image, &report, ""));
    }
    repair(image, &report)
}

fn repair(image: &Path, report: &Report) -> Result<Exit, Exit> {
    if batches(report).is_some() {
        let (fs, _) = tool::mount(image).map_err(usage)?;
        fs.unmount().map_err(|(_, errno)| usage(format!("{}: {errno}", image.display())))?;
        println!("{}: the journal was replayed", image.display());
    }
    let device = tool::change(image).map_err(usage)?;
    let repaired = FileSystem::repair(&device).map_err(|error| not_ours(image, &error))?;
    if repaired.repaired_blocks > 0 {
        println!("{}: {} blocks were repaired", image.display(), repaired.repaired_blocks);
    }
    let after = FileSystem::fsck(&device).map_err(|error| not_ours(image, &error))?;
    if !is_clean(&after) {
        println!("after the repair:");
        show(image, &after);
    }
    Ok(verdict(image, &after, "; what is left needs a decision about what to lose"))
}

fn not_ours(image: &Path, error: &guest_fs::FsckError) -> Exit {
    usage(format!("{}: {error}; `swaplab image mkfs` makes one", image.display()))
}

/// Batches that wait for their replay.
fn batches(report: &Report) -> Option<u32> {
    report.findings.iter().find_map(|finding| match finding {
        Finding::JournalNotEmpty { batches } => Some(*batches),
        _ => None,
    })
}

/// A journal that is not empty is what a power cut leaves, and no damage.
fn damage(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| !matches!(finding, Finding::JournalNotEmpty { .. }))
}

fn is_clean(report: &Report) -> bool {
    damage(report).next().is_none()
}

fn show(image: &Path, report: &Report) {
    for finding in damage(report) {
        println!("{}: {finding}", image.display());
    }
    if report.is_truncated {
        println!("{}: and more", image.display());
    }
}

fn verdict(image: &Path, report: &Report, remedy: &str) -> Exit {
    let image = image.display();
    let found = damage(report).count();
    if found > 0 {
        println!("{image}: {found} findings{remedy}");
        return Exit::Findings;
    }
    let Report { files, directories, blocks_used, .. } = report;
    println!("{image}: clean, {files} files, {directories} directories, {blocks_used} blocks");
    if let Some(batches) = batches(report) {
        println!("  not unmounted: a mount (or --repair) replays {batches} batches of its journal");
    }
    if report.orphans + report.staged > 0 {
        let (orphans, staged) = (report.orphans, report.staged);
        println!("  a mount finishes {orphans} orphans and {staged} copies on write");
    }
    Exit::Expected
}
