//! Files and functions short enough to be read in one go.

use std::collections::BTreeMap;

use proc_macro2::Span;
use serde::Deserialize;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::ratchet::{Lengths, Place, compare};
use super::{Context, Finding};

const RATCHET: &str = "xtask/data/ratchet.toml";
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// Today's exceptions.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ratchet {
    files: BTreeMap<String, usize>,
    functions: BTreeMap<String, usize>,
}

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let text = context.tree.get(RATCHET).unwrap_or_default();
    let ratchet: Ratchet = match toml::from_str(text) {
        Ok(ratchet) => ratchet,
        Err(error) => return vec![Finding::new(RATCHET, 1, error.message(), "correct it")],
    };
    let mut findings = Vec::new();
    let (mut files, mut functions) = (Lengths::new(), Lengths::new());
    for (path, text) in context.tree.rust() {
        let place = Place { path: path.to_owned(), line: 1 };
        files.insert(path.to_owned(), (text.lines().count(), place));
        match syn::parse_file(text) {
            Ok(file) => {
                let mut measure = Measure { path, functions: &mut functions };
                measure.visit_file(&file);
            }
            Err(error) => {
                let line = error.span().start().line;
                findings.push(Finding::new(path, line, error.to_string(), "correct the syntax"));
            }
        }
    }
    findings.extend(compare(RATCHET, "file", FILE_LINES_MAX, &files, &ratchet.files));
    findings.extend(compare(
        RATCHET,
        "function",
        FUNCTION_LINES_MAX,
        &functions,
        &ratchet.functions,
    ));
    findings
}

/// Collects function lengths, from the word `fn` to the closing brace.
struct Measure<'a> {
    path: &'a str,
    functions: &'a mut Lengths,
}

impl Measure<'_> {
    /// Of functions of one name in one file, the longest counts.
    fn add(&mut self, name: &syn::Ident, from: Span, to: Span) {
        let line = from.start().line;
        let length = to.end().line - line + 1;
        let place = Place { path: self.path.to_owned(), line };
        let entry = self.functions.entry(format!("{}#{name}", self.path));
        let longest = entry.or_insert_with(|| (length, place.clone()));
        if length > longest.0 {
            *longest = (length, place);
        }
    }
}

impl<'ast> Visit<'ast> for Measure<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig.ident, item.sig.span(), item.block.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig.ident, item.sig.span(), item.block.span());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig.ident, item.sig.span(), block.span());
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "[files]\n[functions]\n";

    fn found(source: &str) -> Vec<Finding> {
        check(&Context::of(&[(RATCHET, EMPTY), ("a.rs", source)]))
    }

    #[test]
    fn a_function_of_seventy_one_lines_is_found_where_it_begins() {
        let body = "    x();\n".repeat(69);
        let source =
            format!("struct A;\n\nimpl A {{\n/// Doc.\n#[inline]\nfn long() {{\n{body}}}\n}}\n");
        let findings = found(&source);
        assert_eq!((findings.len(), findings[0].line), (1, 6), "{findings:?}");
        assert!(findings[0].what.contains("`a.rs#long` has 71 lines"));
    }

    #[test]
    fn seventy_lines_are_not_too_many() {
        let source = format!("fn fits() {{\n{}}}\n", "    x();\n".repeat(68));
        assert_eq!(found(&source), []);
    }

    #[test]
    fn a_file_of_four_hundred_and_one_lines_is_found() {
        assert!(found(&"// a\n".repeat(401))[0].what.contains("401 lines, more than 400"));
        assert_eq!(found(&"// a\n".repeat(400)), []);
    }
}
