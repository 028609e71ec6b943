//! Takes the guest's console apart: text for people, frames of records for the trace.

use hal::trace::{RECORD_BYTES, Record};
use machine::frame;

/// What came out of the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A record of a guest layer.
    Record(Record),
    /// A complete line of text, without its newline.
    Line(&'a str),
    /// Bytes that are neither: the guest's console driver is broken.
    Malformed(String),
}

/// A decoder that takes bytes as they come and gives pieces as they are complete.
#[derive(Debug, Default)]
pub struct ConsoleStream {
    pending: Vec<u8>,
}

/// Text without a newline is cut here, so that a guest cannot grow the buffer without bound.
const LINE_BYTES_MAX: usize = 4096;

impl ConsoleStream {
    /// Adds `bytes` and calls `each` for every piece that is now complete.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Piece<'_>)) {
        if self.pending.is_empty() {
            // Nearly always: what comes is whole pieces.
            let used = whole_pieces(bytes, &mut each);
            self.pending.extend_from_slice(&bytes[used..]);
        } else {
            self.pending.extend_from_slice(bytes);
            let used = whole_pieces(&self.pending, &mut each);
            self.pending.drain(..used);
        }
    }

    /// The text of an unfinished last line, for reports on a guest that died.
    #[must_use]
    pub fn unfinished(&self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}

/// Consumes the pieces that are complete; returns how many bytes they are.
fn whole_pieces(bytes: &[u8], each: &mut impl FnMut(Piece<'_>)) -> usize {
    let mut at = 0;
    while let Some(used) = next_piece(&bytes[at..], each) {
        at += used;
    }
    at
}

/// Consumes one piece from the front of `bytes`; `None` if none is complete.
fn next_piece(bytes: &[u8], each: &mut impl FnMut(Piece<'_>)) -> Option<usize> {
    match *bytes.first()? {
        frame::START => next_frame(bytes, each),
        _ => next_line(bytes, each),
    }
}

fn next_frame(bytes: &[u8], each: &mut impl FnMut(Piece<'_>)) -> Option<usize> {
    let header = bytes.get(..frame::HEADER_BYTES)?;
    let length = usize::from(u16::from_le_bytes([header[2], header[3]]));
    if header[1] != frame::KIND_RECORDS
        || length > frame::PAYLOAD_BYTES_MAX
        || !length.is_multiple_of(RECORD_BYTES)
    {
        each(Piece::Malformed(format!("console frame of kind {} and {length} bytes", header[1])));
        return Some(frame::HEADER_BYTES);
    }
    let end = frame::HEADER_BYTES + length;
    let payload = bytes.get(frame::HEADER_BYTES..end)?;
    for chunk in payload.chunks_exact(RECORD_BYTES) {
        let record = <&[u8; RECORD_BYTES]>::try_from(chunk).ok().and_then(Record::from_bytes);
        each(match record {
            Some(record) => Piece::Record(record),
            None => Piece::Malformed(format!("record of unknown layer {}", chunk[0])),
        });
    }
    Some(end)
}

fn next_line(bytes: &[u8], each: &mut impl FnMut(Piece<'_>)) -> Option<usize> {
    let stop = bytes.iter().position(|byte| matches!(*byte, b'\n' | frame::START));
    let end = match stop {
        Some(end) => end,
        None if bytes.len() >= LINE_BYTES_MAX => LINE_BYTES_MAX,
        None => return None,
    };
    each(Piece::Line(&String::from_utf8_lossy(&bytes[..end])));
    let has_newline = bytes.get(end) == Some(&b'\n');
    Some(end + usize::from(has_newline))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hal::trace::Layer;

    fn record(code: u8) -> Record {
        Record { layer: Layer::Swap, code, small: 0, word: 0, args: [1, 2, 3] }
    }

    fn frame_of(records: &[Record]) -> Vec<u8> {
        let length = u16::try_from(records.len() * RECORD_BYTES).unwrap();
        let mut bytes = frame::header(frame::KIND_RECORDS, length).to_vec();
        records.iter().for_each(|record| bytes.extend(record.to_bytes()));
        bytes
    }

    fn decode(chunks: &[&[u8]]) -> Vec<String> {
        let mut stream = ConsoleStream::default();
        let mut pieces = Vec::new();
        for chunk in chunks {
            stream.push(chunk, |piece| pieces.push(format!("{piece:?}")));
        }
        pieces
    }

    #[test]
    fn text_and_frames_are_told_apart_wherever_the_chunks_break() {
        let mut bytes = b"hello\n".to_vec();
        bytes.extend(frame_of(&[record(1), record(2)]));
        bytes.extend(b"bye\n");
        let whole = decode(&[&bytes]);
        assert_eq!(whole.len(), 4);
        for cut in 0..bytes.len() {
            assert_eq!(decode(&[&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_broken_frame_is_reported_and_does_not_stop_the_stream() {
        let pieces = decode(&[&[frame::START, 9, 0, 0], b"still here\n"]);
        assert!(pieces[0].contains("kind 9"), "{pieces:?}");
        assert!(pieces[1].contains("still here"), "{pieces:?}");
    }

    #[test]
    fn endless_text_without_newline_is_cut() {
        let mut stream = ConsoleStream::default();
        stream.push(&[b'x'; 3 * LINE_BYTES_MAX], |_| {});
        assert!(stream.pending.len() < LINE_BYTES_MAX);
    }
}
