//! Simulated crates know no clock but the machine's, no threads, and no order but a chosen one.

use super::rust::{Source, Token};
use super::{Context, Finding};

/// Folders whose code must run the same way every time.
const SIMULATED: [&str; 6] =
    ["nvme-model/", "vmm/file-server/", "guest-io/", "guest-fs/", "swap-path/", "images/lab/"];

/// In them, and no part of a simulation: an allocator serves all threads of a process, and no unit can tell.
const EXEMPT: &str = "nvme-model/heap/";

/// Modules of `std` that bring the host in.
const MODULES: [&str; 2] = ["time", "thread"];

/// What may be asked of them all the same: a drop guard must not panic a second time.
const HARMLESS: [&str; 1] = ["panicking"];

/// Collections whose order differs from run to run.
const UNORDERED: [&str; 3] = ["HashMap", "HashSet", "RandomState"];

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let is_simulated = |path: &str| {
        SIMULATED.iter().any(|folder| path.starts_with(folder)) && !path.starts_with(EXEMPT)
    };
    let mut findings = Vec::new();
    for (path, text) in context.tree.rust().filter(|(path, _)| is_simulated(path)) {
        let source = Source::new(text);
        for token in source.code.iter().filter(|token| UNORDERED.contains(&token.text)) {
            let what = format!("`{}` has no fixed order", token.text);
            findings.push(Finding::new(path, token.line, what, "use BTreeMap, BTreeSet or Vec"));
        }
        for token in host_modules(&source.code) {
            let what = format!("`std::{}` in a simulated crate", token.text);
            let remedy =
                "take time from hal::Platform, spans from core::time; tasks are cooperative";
            findings.push(Finding::new(path, token.line, what, remedy));
        }
    }
    findings
}

/// `std::time`, `std::{fmt, time::Instant}`, `::std::thread`: the offending words.
fn host_modules<'a>(code: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut found = Vec::new();
    for (index, window) in code.windows(4).enumerate() {
        if [window[0].text, window[1].text, window[2].text] != ["std", ":", ":"] {
            continue;
        }
        let end = if window[3].text == "{" { group_end(code, index + 3) } else { index + 4 };
        if code.get(end + 2).is_some_and(|token| HARMLESS.contains(&token.text)) {
            continue;
        }
        let named = code[index + 3..end].iter().filter(|token| MODULES.contains(&token.text));
        found.extend(named.copied());
    }
    found
}

/// The index after the brace that closes the one at `open`.
fn group_end(code: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in code.iter().enumerate().skip(open) {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, source: &str) -> Vec<usize> {
        check(&Context::of(&[(path, source)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn the_hosts_clock_is_found_in_every_spelling() {
        let source =
            "use std::time::Instant;\nuse std::{\n fmt,\n thread,\n};\nlet t = ::std::time::x();";
        assert_eq!(found("nvme-model/src/a.rs", source), [1, 4, 6]);
    }

    #[test]
    fn a_span_of_time_and_a_word_in_a_comment_are_no_clock() {
        let source =
            "use core::time::Duration; // std::time\nuse std::fmt;\nlet thread = \"std::thread\";";
        assert_eq!(found("guest-io/hal/src/a.rs", source), [0; 0]);
    }

    #[test]
    fn a_drop_guard_may_ask_whether_it_unwinds() {
        assert_eq!(found("nvme-model/src/a.rs", "if !std::thread::panicking() {}"), [0; 0]);
        assert_eq!(found("nvme-model/src/a.rs", "std::thread::sleep(panicking());"), [1]);
    }

    #[test]
    fn a_hash_map_is_found_in_simulated_crates_only() {
        let source = "use std::collections::HashMap;";
        assert_eq!(found("swap-path/src/a.rs", source), [1]);
        assert_eq!(found("vmm/src/a.rs", source), [0; 0]);
        assert_eq!(found("nvme-model/src/a.rs", source), [1]);
        assert_eq!(found("nvme-model/heap/src/a.rs", source), [0; 0]);
    }
}
