//! Unsafe code lives in few files, and each says why it is one of them.

use super::rust::Source;
use super::{Context, Finding};

/// Where unsafe code may be: what touches KVM, what touches hardware or stacks, what plays hardware to a
/// driver that is not ours, one instruction that is a hint, and an allocator, whose trait is unsafe. Folders end in a
/// slash.
const PLACES: [&str; 7] = [
    "campaign/stacks/src/",
    "nvme-model/heap/src/",
    "nvme-model/prefetch/src/",
    "vmm/src/kvm/",
    "images/kernel/src/arch/",
    "images/kernel/src/hal/",
    "tests/clients/nvme-driver/src/hardware/",
];

/// The tokens that open a file for unsafe code.
const OPENING: [&str; 6] = ["#", "!", "[", "expect", "(", "unsafe_code"];

/// How the comment above them begins.
const HEADER: &str = "UNSAFETY:";

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in context.tree.rust() {
        let source = Source::new(text);
        let line = lifted(&source).or_else(|| used(&source));
        let Some(line) = line else { continue };
        if !PLACES.iter().any(|place| path.starts_with(place)) {
            let what = "unsafe code outside the folders that touch KVM or hardware";
            let remedy = format!("move it to one of {}", PLACES.join(", "));
            findings.push(Finding::new(path, line, what, remedy));
        } else if !has_header(&source) {
            let what = "a file with unsafe code that does not say why";
            let remedy = format!("put `// {HEADER} why` and `#![expect(unsafe_code)]` at its top");
            findings.push(Finding::new(path, line, what, remedy));
        }
    }
    findings
}

/// The first use of the keyword.
fn used(source: &Source<'_>) -> Option<usize> {
    source.find(&["unsafe"]).next().map(|token| token.line)
}

/// The first attribute that lifts the ban.
fn lifted(source: &Source<'_>) -> Option<usize> {
    let lifting = ["expect", "allow", "warn"];
    let places = lifting
        .iter()
        .filter_map(|word| source.find(&[word, "(", "unsafe_code"]).next().map(|token| token.line));
    places.min()
}

/// The attribute, right below a comment that begins with the header and goes on with a reason.
fn has_header(source: &Source<'_>) -> bool {
    let Some(attribute) = source.find(&OPENING).next() else {
        return false;
    };
    let above: Vec<(usize, &str)> =
        source.comment_lines().filter(|(line, _)| *line < attribute.line).collect();
    let block = above.iter().rev().zip((1..attribute.line).rev());
    let mut block = block.take_while(|((line, _), expected)| line == expected);
    block.any(|((_, text), _)| {
        text.strip_prefix(HEADER).is_some_and(|reason| !reason.trim().is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "//! Doc.\n\n// UNSAFETY: the ioctls of KVM\n// have no safe form.\n\
        #![expect(unsafe_code)]\nfn f() { unsafe { g() } }\n";

    fn found(path: &str, source: &str) -> Vec<String> {
        check(&Context::of(&[(path, source)])).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_file_that_says_why_in_the_right_folder_is_silent() {
        assert_eq!(found("vmm/src/kvm/vcpu.rs", GOOD), [""; 0]);
    }

    #[test]
    fn the_wrong_folder_is_found_whatever_the_file_says() {
        assert!(found("vmm/src/pci/mod.rs", GOOD)[0].contains("outside the folders"));
        assert_eq!(found("guest-fs/src/a.rs", "#![allow(unsafe_code)]").len(), 1);
    }

    #[test]
    fn a_missing_or_empty_reason_is_found() {
        let bare = "#![expect(unsafe_code)]\nfn f() { unsafe { g() } }\n";
        assert!(found("vmm/src/kvm/a.rs", bare)[0].contains("does not say why"));
        let empty = format!("// UNSAFETY: \n{bare}");
        assert!(found("vmm/src/kvm/a.rs", &empty)[0].contains("does not say why"));
        assert_eq!(found("vmm/src/kvm/a.rs", "unsafe extern \"C\" {}").len(), 1);
    }

    #[test]
    fn a_reason_that_is_not_right_above_does_not_count() {
        let apart = "// UNSAFETY: x\n\n#![expect(\n    unsafe_code,\n    reason = \"y\"\n)]\n";
        assert_eq!(found("vmm/src/kvm/a.rs", apart).len(), 1);
        let together = apart.replace("x\n\n", "x\n");
        assert_eq!(found("vmm/src/kvm/a.rs", &together), [""; 0]);
    }

    #[test]
    fn forbidding_it_and_talking_about_it_is_no_use() {
        let source = "#![forbid(unsafe_code)]\n// unsafe\nlet a = \"unsafe\";";
        assert_eq!(found("swap-path/src/lib.rs", source), [""; 0]);
    }
}
