//! The last lines that a guest printed, for the report about its end.

use std::collections::VecDeque;

use machine::frame;

/// Bytes of text that are kept.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// Lines that a report shows.
const LINES_MAX: usize = 24;

/// Keeps the end of the console's text; frames (see `machine::frame`) are skipped.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    text: VecDeque<u8>,
    header: Vec<u8>,
    payload_left: usize,
}

impl Tail {
    /// Takes bytes of the console's stream, which may begin and end inside a frame.
    pub(crate) fn push_stream(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let skipped = self.payload_left.min(bytes.len());
                self.payload_left -= skipped;
                bytes = &bytes[skipped..];
            } else if let [frame::START, _, low, high, rest @ ..] = bytes
                && self.header.is_empty()
            {
                self.payload_left = usize::from(u16::from_le_bytes([*low, *high]));
                bytes = rest;
            } else if !self.header.is_empty() || bytes[0] == frame::START {
                // A header that is cut.
                self.header.push(bytes[0]);
                bytes = &bytes[1..];
                if let [_, _, low, high] = self.header[..] {
                    self.payload_left = usize::from(u16::from_le_bytes([low, high]));
                    self.header.clear();
                }
            } else {
                let end = bytes.iter().position(|b| *b == frame::START).unwrap_or(bytes.len());
                self.push_text(&bytes[..end]);
                bytes = &bytes[end..];
            }
        }
    }

    /// Takes plain text.
    pub(crate) fn push_text(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TEXT_BYTES_MAX)..];
        let excess = (self.text.len() + bytes.len()).saturating_sub(TEXT_BYTES_MAX);
        self.text.drain(..excess);
        self.text.extend(bytes);
    }

    /// The last lines, oldest first, without control characters.
    pub(crate) fn lines(&self) -> Vec<String> {
        let (front, back) = self.text.as_slices();
        let text = [front, back].concat();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
        let printable = |line: &&str| line.chars().filter(|c| !c.is_control()).collect();
        lines[lines.len().saturating_sub(LINES_MAX)..].iter().map(printable).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_skipped_wherever_the_stream_is_cut() {
        let mut stream = b"one\ntw".to_vec();
        stream.extend(frame::header(frame::KIND_RECORDS, 300));
        stream.extend([b'\n'; 300]);
        stream.extend(b"o\nthree\n");
        for cut in 0..stream.len() {
            let mut tail = Tail::default();
            tail.push_stream(&stream[..cut]);
            tail.push_stream(&stream[cut..]);
            assert_eq!(tail.lines(), ["one", "two", "three"], "cut at {cut}");
        }
    }

    #[test]
    fn only_the_end_is_kept() {
        let mut tail = Tail::default();
        for line in 0..10_000 {
            tail.push_text(format!("line {line}\n").as_bytes());
        }
        tail.push_text(&[b'y'; 3 * TEXT_BYTES_MAX]);
        assert_eq!(tail.text.len(), TEXT_BYTES_MAX);
        tail.push_text(b"\n\x1b[1mlast");
        assert_eq!(tail.lines().last().map(String::as_str), Some("[1mlast"));
        assert!(tail.lines().len() <= LINES_MAX);
    }
}
