//! Documents: a title first, and links that lead somewhere.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};

use super::tree::Tree;
use super::{Context, Finding};

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let documents = context.tree.with_extension("md");
    documents.flat_map(|(path, text)| document_findings(path, text, &context.tree)).collect()
}

fn document_findings(path: &str, text: &str, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let title = Event::Start(Tag::Heading {
        level: HeadingLevel::H1,
        id: None,
        classes: Vec::new(),
        attrs: Vec::new(),
    });
    if Parser::new(text).next() != Some(title) {
        findings.push(Finding::new(path, 1, "the document has no title", "begin with `# Title`"));
    }
    for (line, target) in links(text) {
        let Some(file) = linked_file(path, &target) else {
            continue;
        };
        if !tree.has(&file) {
            let what = format!("the link to {target} leads to {file}, which does not exist");
            findings.push(Finding::new(path, line, what, "correct the link"));
        }
    }
    findings
}

/// The repository's file that a relative link means; none for addresses and for places in the same
/// document.
fn linked_file(path: &str, target: &str) -> Option<String> {
    let target = target.split('#').next().unwrap_or_default();
    if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Links and pictures: line and target.
fn links(text: &str) -> Vec<(usize, String)> {
    let events = Parser::new(text).into_offset_iter();
    let link = |(event, range): (Event<'_>, Range<usize>)| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some((line_of(text, range.start), dest_url.into_string()))
        }
        _ => None,
    };
    events.filter_map(link).collect()
}

/// Code in running text (not code blocks): line and content.
pub(super) fn code_spans(text: &str) -> Vec<(usize, String)> {
    let events = Parser::new(text).into_offset_iter();
    let span = |(event, range): (Event<'_>, Range<usize>)| match event {
        Event::Code(code) => Some((line_of(text, range.start), code.into_string())),
        _ => None,
    };
    events.filter_map(span).collect()
}

/// Running text outside code: line and content.
pub(super) fn prose_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = Vec::new();
    let mut is_code = false;
    for (event, range) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_code = true,
            Event::End(TagEnd::CodeBlock) => is_code = false,
            Event::Text(prose) if !is_code => {
                lines.push((line_of(text, range.start), prose.into_string()));
            }
            _ => {}
        }
    }
    lines.into_iter()
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let context = Context::of(&[("docs/a.md", text), ("docs/b.md", "# B"), ("c/d.rs", "")]);
        check(&context).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_document_without_a_title_is_found() {
        assert_eq!(found("Text\n\n# Title\n"), ["the document has no title"]);
        assert_eq!(found("## Second level\n"), ["the document has no title"]);
    }

    #[test]
    fn links_are_followed_from_the_documents_folder() {
        let good =
            "# A\n\n[b](b.md) [d](../c/d.rs#L1) [c](../c/) [w](https://example.org/x) [s](#a)\n";
        assert_eq!(found(good), [""; 0]);
        let bad = found("# A\n\n[d](c/d.rs) ![p](gone.png)\n");
        assert_eq!(bad.len(), 2, "{bad:?}");
        assert!(bad[0].contains("docs/c/d.rs"), "{bad:?}");
    }
}
