//! The namespaces of a drive whose guest runs: listed, added, removed, resized.
//!
//! The guest is told as the standard says: Namespace Attribute Changed if it asked for that, and the changed
//! namespace list.
// Spec: NVMe-Base-2.0c 8.12 "Namespace Management"

use std::path::Path;

use nvme_model::media::FileAccess;
use nvme_model::{Controller, Media, NamespaceInfo, RamMedia};
use serde_json::{Value, json};
use vmm::ControlledDrive;

use super::NewNamespace;
use crate::disk_image::{self, DiskUser};

/// 64 TiB: as much as a file of a filesystem may have.
const BYTES_MAX: u64 = 64 << 40;

pub(super) fn list(controller: &Controller) -> Value {
    let namespaces: Vec<Value> = controller.namespace_infos().iter().map(entry).collect();
    let unallocated = u64::try_from(controller.unallocated_bytes()).unwrap_or(u64::MAX);
    json!({ "namespaces": namespaces, "unallocated": unallocated })
}

fn entry(info: &NamespaceInfo) -> Value {
    json!({
        "nsid": info.nsid,
        "bytes": info.size_blocks.saturating_mul(info.block_bytes.into()),
        "lba": info.block_bytes,
        "attached": info.is_attached,
        "disk": info.file,
    })
}

pub(super) fn add(drive: ControlledDrive<'_>, new: &NewNamespace) -> Result<Value, String> {
    check_presence(drive.controller)?;
    let nsid = match new.nsid {
        Some(nsid) => nsid,
        None => lowest_free(drive.controller)?,
    };
    check_free(drive.controller, nsid)?;
    let media = media(new)?;
    let added = drive.controller.add_namespace(drive.now_ns, nsid, media, drive.observer);
    added.map_err(|error| error.to_string())?;
    found(drive.controller, nsid).map(|info| entry(&info))
}

pub(super) fn remove(drive: ControlledDrive<'_>, nsid: u32) -> Result<Value, String> {
    check_presence(drive.controller)?;
    let info = found(drive.controller, nsid)?;
    let removed = drive.controller.remove_namespace(drive.now_ns, nsid, drive.observer);
    removed.map_err(|error| error.to_string())?;
    Ok(entry(&info))
}

pub(super) fn resize(drive: ControlledDrive<'_>, nsid: u32, bytes: u64) -> Result<Value, String> {
    check_presence(drive.controller)?;
    let info = found(drive.controller, nsid)?;
    if let Some(file) = info.file {
        return Err(format!(
            "namespace {nsid} is as large as its file {file}: remove it, give the file another size, and add it again"
        ));
    }
    let blocks = blocks(bytes, info.block_bytes)?;
    let make = |old: &dyn Media| Ok(old.resized(blocks));
    let resized = drive.controller.resize_namespace(drive.now_ns, nsid, make, drive.observer);
    resized.map_err(|error| error.to_string())?;
    found(drive.controller, nsid).map(|info| entry(&info))
}

/// What a drive without power held in its cache is decided when the power is back.
fn check_presence(controller: &Controller) -> Result<(), String> {
    if !controller.is_removed() {
        return Ok(());
    }
    let why = match controller.is_power_lost() {
        true => "a fault has cut the drive's power",
        false => "a fault has pulled the drive out",
    };
    Err(format!("{why}: its namespaces can be changed when it is back"))
}

fn found(controller: &Controller, nsid: u32) -> Result<NamespaceInfo, String> {
    let infos = controller.namespace_infos();
    let nsids: Vec<String> = infos.iter().map(|info| info.nsid.to_string()).collect();
    infos.into_iter().find(|info| info.nsid == nsid).ok_or_else(|| match nsids.len() {
        0 => format!("there is no namespace {nsid}: there are none"),
        _ => format!("there is no namespace {nsid}: there are {}", nsids.join(", ")),
    })
}

fn lowest_free(controller: &Controller) -> Result<u32, String> {
    let max = controller.config().namespaces_max;
    let taken: Vec<u32> = controller.namespaces().map(|(nsid, _)| nsid).collect();
    let free = (1..=max).find(|nsid| !taken.contains(nsid));
    free.ok_or_else(|| format!("all {max} identifiers are taken: remove a namespace first"))
}

fn check_free(controller: &Controller, nsid: u32) -> Result<(), String> {
    let max = controller.config().namespaces_max;
    if !(1..=max).contains(&nsid) {
        return Err(format!("an identifier is 1 to {max}, not {nsid}"));
    }
    if found(controller, nsid).is_ok() {
        let remedy = "remove it first, or name none to take the lowest that is free";
        return Err(format!("there is a namespace {nsid} already: {remedy}"));
    }
    Ok(())
}

fn media(new: &NewNamespace) -> Result<Box<dyn Media>, String> {
    if ![512, 4096].contains(&new.lba) {
        return Err(format!("a block has 512 or 4096 bytes, not {}", new.lba));
    }
    match (new.bytes, &new.disk) {
        (Some(bytes), None) => Ok(Box::new(RamMedia::new(blocks(bytes, new.lba)?, new.lba))),
        (None, Some(disk)) => image(disk, new.lba),
        _ => Err("a namespace has either bytes, in memory, or a disk, in a file".to_owned()),
    }
}

fn image(path: &Path, lba_bytes: u32) -> Result<Box<dyn Media>, String> {
    let media = disk_image::open(path, DiskUser::ForeignGuest { lba_bytes }, FileAccess::Cached);
    media.map(|media| Box::new(media) as Box<dyn Media>).map_err(|error| error.to_string())
}

fn blocks(bytes: u64, block_bytes: u32) -> Result<u64, String> {
    if bytes == 0 || bytes > BYTES_MAX || !bytes.is_multiple_of(block_bytes.into()) {
        return Err(format!(
            "{bytes} bytes: a namespace has a positive multiple of its blocks' {block_bytes} bytes, at most 64 TiB"
        ));
    }
    Ok(bytes / u64::from(block_bytes))
}
