//! ARCHITECTURE.md is a map: every path on it exists, and every crate is on it.

use super::markdown::code_spans;
use super::{Context, Finding};

const MAP: &str = "ARCHITECTURE.md";

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let Some(text) = context.tree.get(MAP) else {
        return vec![Finding::new(MAP, 1, "there is no map", "write one")];
    };
    let mut findings = Vec::new();
    let mut named = Vec::new();
    for (line, span) in code_spans(text) {
        if !looks_like_a_path(&span) {
            continue;
        }
        if !context.tree.has(&span) {
            let what = format!("the map names `{span}`, which does not exist");
            findings.push(Finding::new(MAP, line, what, "name what is there, from the root on"));
        }
        named.push(span.trim_end_matches('/').to_owned());
    }
    for package in &context.packages {
        if !named.iter().any(|name| name == package.folder()) {
            let what = format!("the crate in `{}` is not on the map", package.folder());
            findings.push(Finding::new(MAP, 1, what, "describe it"));
        }
    }
    findings
}

/// `vmm/src/kvm`, `guest-io/` and `README.md` are paths; `hal::Platform`, `/dev/kvm` and `A/D bits`
/// are not.
fn looks_like_a_path(span: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let is_file = span
        .rsplit_once('.')
        .is_some_and(|(_, extension)| ["rs", "toml", "md", "lock", "ld", "S"].contains(&extension));
    let parts = span.strip_suffix('/').unwrap_or(span);
    (span.contains('/') || is_file) && parts.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::super::packages::Package;
    use super::*;

    #[test]
    fn paths_are_told_from_other_code() {
        for path in ["vmm/src/kvm", "guest-io/", "README.md", ".ci/run"] {
            assert!(looks_like_a_path(path), "{path}");
        }
        for other in
            ["hal::Platform", "/dev/kvm", "swaplab boot", "IOMAP_SWAP", "no_std", "a/{b,c}"]
        {
            assert!(!looks_like_a_path(other), "{other}");
        }
    }

    #[test]
    fn a_path_that_is_gone_is_found() {
        let context =
            Context::of(&[(MAP, "# Map\n\nSee `a/old.rs`\nand `a/new.rs`."), ("a/new.rs", "")]);
        let found = check(&context);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].line, found[0].what.contains("a/old.rs")), (3, true));
    }

    #[test]
    fn a_crate_that_is_not_on_the_map_is_found() {
        let mut context = Context::of(&[(MAP, "# Map\n"), ("new/Cargo.toml", "")]);
        context.packages =
            vec![Package { manifest: "new/Cargo.toml".to_owned(), ..Package::default() }];
        assert!(check(&context)[0].what.contains("`new`"));
    }
}
