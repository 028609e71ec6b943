//! Bytes of a stream to lines of a bounded length.

/// The longest line that a client may send, without its end.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;

/// A line is longer than it may be, or is no text. There is no way on: where it ends is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadLine;

/// What has come of a line so far.
#[derive(Debug, Default)]
pub(super) struct LineBuffer(Vec<u8>);

impl LineBuffer {
    /// Takes bytes; returns the lines that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, BadLine> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.0.extend_from_slice(part);
            if self.0.last() == Some(&b'\n') {
                let mut line = std::mem::take(&mut self.0);
                line.pop();
                lines.push(String::from_utf8(line).map_err(|_| BadLine)?);
            } else if self.0.len() > LINE_BYTES_MAX {
                return Err(BadLine);
            }
        }
        match lines.iter().any(|line| line.len() > LINE_BYTES_MAX) {
            true => Err(BadLine),
            false => Ok(lines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_the_bytes_are_cut() {
        let text = b"one\ntwo\n\nthree\nrest";
        for cut in 0..text.len() {
            let mut buffer = LineBuffer::default();
            let (first, second) = text.split_at(cut);
            let mut lines = buffer.push(first).expect("short lines");
            lines.extend(buffer.push(second).expect("short lines"));
            assert_eq!(lines, ["one", "two", "", "three"]);
            assert_eq!(buffer.0, b"rest");
        }
    }

    #[test]
    fn a_line_that_is_too_long_or_no_text_is_refused() {
        let mut buffer = LineBuffer::default();
        assert_eq!(buffer.push(&vec![b'x'; LINE_BYTES_MAX]), Ok(Vec::new()));
        assert_eq!(buffer.push(b"x"), Err(BadLine));
        let long = [vec![b'x'; LINE_BYTES_MAX + 1], vec![b'\n']].concat();
        assert_eq!(LineBuffer::default().push(&long), Err(BadLine));
        assert_eq!(LineBuffer::default().push(b"\xff\n"), Err(BadLine));
    }
}
