//! Rust source as tokens with line numbers: comments and code told apart, strings skipped.

use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind, strip_shebang, tokenize};

/// A piece of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// Its text.
    pub(super) text: &'a str,
    /// The line it begins on, from 1.
    pub(super) line: usize,
}

/// A file's comments, and its code without white space.
#[derive(Debug, Default)]
pub(super) struct Source<'a> {
    /// Comments and documentation, one token a comment.
    pub(super) comments: Vec<Token<'a>>,
    /// Everything else. Literals are there; no check may look inside them.
    pub(super) code: Vec<Token<'a>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut source = Self::default();
        let (mut at, mut line) = (strip_shebang(text).unwrap_or(0), 1);
        for token in tokenize(&text[at..], FrontmatterAllowed::No) {
            let end = at + token.len as usize;
            let piece = Token { text: &text[at..end], line };
            match token.kind {
                TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => {
                    source.comments.push(piece);
                }
                TokenKind::Whitespace => {}
                _ => source.code.push(piece),
            }
            line += piece.text.matches('\n').count();
            at = end;
        }
        source
    }

    /// The lines of the comments, without their marks, with line numbers.
    pub(super) fn comment_lines(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.comments.iter().flat_map(|comment| {
            let lines = comment.text.lines().enumerate();
            lines.map(|(index, text)| (comment.line + index, strip_marks(text)))
        })
    }

    /// Places where the code reads exactly like `words`.
    pub(super) fn find<'s>(&'s self, words: &'s [&str]) -> impl Iterator<Item = Token<'a>> + 's {
        let windows = self.code.windows(words.len());
        windows
            .filter(|window| window.iter().map(|token| token.text).eq(words.iter().copied()))
            .map(|window| window[0])
    }
}

/// `/// text` and ` * text` are both `text`.
fn strip_marks(line: &str) -> &str {
    let line = line.trim().trim_end_matches("*/");
    line.trim_start_matches(['/', '!', '*']).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_mark_inside_a_string_is_no_comment() {
        let source = Source::new("let a = \"// no\"; // yes\n/* more\n * lines */");
        let lines: Vec<_> = source.comment_lines().collect();
        assert_eq!(lines, [(1, "yes"), (2, "more"), (3, "lines")]);
    }

    #[test]
    fn code_is_found_across_white_space_but_not_in_strings() {
        let source = Source::new("a\n  :: b; \"a::b\"");
        let found: Vec<_> = source.find(&["a", ":", ":", "b"]).map(|token| token.line).collect();
        assert_eq!(found, [1]);
    }
}
