//! `swaplab namespace`: the namespaces of a running machine.

pub(crate) mod args;

use campaign::control::{NewNamespace, Request};
use serde_json::Value;

use crate::control_client::{ask, items, number};
use crate::exit::Exit;
use args::{Add, NamespaceArgs, NamespaceCommand};

/// Characters of a file's name that a line of 80 has room for.
const NAME_MAX: usize = 40;

pub(crate) fn run(args: &NamespaceArgs) -> Exit {
    let done = match &args.command {
        NamespaceCommand::List { socket } => {
            ask(&socket.path, &Request::Namespaces {}).map(|reply| {
                print(items(&reply["namespaces"]));
                println!("unallocated {}", size(number(&reply["unallocated"])));
            })
        }
        NamespaceCommand::Add(add) => run_add(add),
        NamespaceCommand::Remove { nsids, socket } => nsids.iter().try_for_each(|nsid| {
            ask(&socket.path, &Request::RemoveNamespace { nsid: *nsid }).map(drop)
        }),
        NamespaceCommand::Resize { nsid, size, socket } => {
            let request = Request::ResizeNamespace { nsid: *nsid, bytes: size << 20 };
            ask(&socket.path, &request).map(|entry| print(&[entry]))
        }
    };
    done.err().unwrap_or(Exit::Expected)
}

fn run_add(add: &Add) -> Result<(), Exit> {
    // The machine's process may run in another folder.
    let disk = add.disk.as_ref().map(std::path::absolute).transpose();
    let request = Request::AddNamespace(NewNamespace {
        nsid: add.nsid,
        bytes: add.size.map(|mib| mib << 20),
        disk: disk.map_err(|error| Exit::Usage.with(&error))?,
        lba: add.lba,
    });
    ask(&add.socket.path, &request).map(|entry| print(&[entry]))
}

fn print(entries: &[Value]) {
    println!(" nsid            size  block  attached  media");
    entries.iter().for_each(|entry| println!("{}", line(entry)));
}

fn line(entry: &Value) -> String {
    let attached = if entry["attached"] == true { "yes" } else { "no" };
    let [nsid, bytes, lba] = ["nsid", "bytes", "lba"].map(|key| number(&entry[key]));
    let media = entry["disk"].as_str().map_or("RAM".to_owned(), shortened);
    format!("{nsid:>5}  {:>14}  {lba:>5}  {attached:<8}  {media}", size(bytes))
}

/// In MiB if it is a whole number of them.
fn size(bytes: u64) -> String {
    match bytes % (1 << 20) {
        0 => format!("{} MiB", bytes >> 20),
        _ => format!("{bytes} B"),
    }
}

/// The end of a long name tells more than its beginning.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME_MAX {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length - (NAME_MAX - 3)).collect();
    format!("...{end}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_fits_80_columns_whatever_the_namespace() {
        let large = json!({
            "nsid": 65536, "bytes": 1_u64 << 46, "lba": 4096, "attached": false,
            "disk": format!("/images/{}/drive.img", "x".repeat(99)),
        });
        let line = line(&large);
        assert!(line.chars().count() <= 80 && line.ends_with("x/drive.img"), "{line}");
        assert!(line.contains("67108864 MiB") && line.contains(" no "), "{line}");
    }

    #[test]
    fn sizes_are_exact() {
        for (bytes, text) in [(0, "0 MiB"), (1 << 20, "1 MiB"), (1536, "1536 B")] {
            assert_eq!(size(bytes), text);
        }
    }
}
