//! Nothing in the repository knows the machine it was written on.

use super::{Context, Finding};

/// Folders of somebody's machine, without their first slash.
const FOLDERS: [&str; 3] = ["work", "root", "home"];

/// Hosts of package registries, as labels: a dot would make this file its own finding.
const HOSTS: [&[&str]; 5] = [
    &["crates", "io"],
    &["registry", "npmjs", "org"],
    &["pypi", "org"],
    &["files", "pythonhosted", "org"],
    &["deb", "debian", "org"],
];

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let hosts: Vec<String> = HOSTS.iter().map(|labels| labels.join(".")).collect();
    let mut findings = Vec::new();
    // Cargo writes the registry's name into every lock file.
    let written = context.tree.files().filter(|(path, _)| !path.ends_with("Cargo.lock"));
    for (path, text) in written {
        for (index, line) in text.lines().enumerate() {
            if let Some(folder) = FOLDERS.iter().find(|folder| names_folder(line, folder)) {
                let what = format!("the line names a folder below /{folder}");
                findings.push(Finding::new(path, index + 1, what, "use a relative path"));
            }
            if let Some(host) = hosts.iter().find(|host| line.contains(host.as_str())) {
                let what = format!("the line names the package registry {host}");
                findings.push(Finding::new(path, index + 1, what, "name the package alone"));
            }
        }
    }
    findings
}

/// Is `/folder` in the line, as an absolute path and as a whole word?
fn names_folder(line: &str, folder: &str) -> bool {
    let is_path_char = |c: char| c.is_ascii_alphanumeric() || "_-.$}{/~".contains(c);
    let needle = format!("/{folder}");
    line.match_indices(&needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let mut after = line[at + needle.len()..].chars();
        // Prose such as "and/or" has a letter before; a path such as target/x has one, too.
        !before.is_some_and(is_path_char)
            && after.next().is_some_and(|c| c == '/')
            && after.next().is_some_and(|c| c.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        check(&Context::of(&[("a.md", text)])).len()
    }

    #[test]
    fn a_path_of_a_machine_is_found() {
        for folder in FOLDERS {
            assert_eq!(found(&format!("see /{folder}/me/x")), 1, "{folder}");
            assert_eq!(found(&format!("`/{folder}/me`")), 1, "{folder}");
        }
    }

    #[test]
    fn other_paths_are_silent() {
        assert_eq!(found("/workspace/x top/work/x ./root/x $TOP/home/x /dev/kvm"), 0);
    }

    #[test]
    fn a_registry_is_found() {
        for labels in HOSTS {
            assert_eq!(found(&format!("https://static.{}/x", labels.join("."))), 1);
        }
    }
}
