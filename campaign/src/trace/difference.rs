//! Where two traces part: what a determinism alarm shows.

use std::fmt::Write;

use super::TraceLog;

/// Events before the first difference that are shown with it.
const CONTEXT: usize = 8;

/// The first event in which two traces differ, with what came before it; `None` if they are equal.
#[must_use]
pub fn first_difference(left: (&str, &TraceLog), right: (&str, &TraceLog)) -> Option<String> {
    let (one, other) = (left.1.entries(), right.1.entries());
    let at = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    if at == one.len() && at == other.len() {
        return None;
    }
    let mut out = format!("the traces part at event {}\n", at + 1);
    for entry in &one[at.saturating_sub(CONTEXT)..at] {
        let _ = writeln!(out, "  {entry}");
    }
    for (name, log) in [left, right] {
        let line = log.entries().get(at).map_or("(end)".to_owned(), ToString::to_string);
        let _ = writeln!(out, "{name}: {line}");
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Source;

    fn log(vectors: &[u16]) -> TraceLog {
        let mut log = TraceLog::default();
        for vector in vectors {
            log.push(0, Source::Controller(nvme_model::Event::Interrupt { vector: *vector }));
        }
        log
    }

    #[test]
    fn the_first_event_that_differs_is_named_and_so_is_an_early_end() {
        let text = first_difference(("host", &log(&[1, 2, 3])), ("kvm", &log(&[1, 2, 4])));
        assert!(text.is_some_and(|text| text.starts_with("the traces part at event 3")));
        let text = first_difference(("host", &log(&[1])), ("kvm", &log(&[])));
        assert!(text.is_some_and(|text| text.contains("kvm: (end)")));
        assert_eq!(first_difference(("host", &log(&[1])), ("kvm", &log(&[1]))), None);
    }
}
