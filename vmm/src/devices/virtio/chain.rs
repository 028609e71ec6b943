//! Descriptor chains as two byte streams: what the device reads, what it writes.
//!
//! virtio-queue ends a chain quietly at the first descriptor that makes no sense, so a short chain is
//! all that a device ever sees of one; every device checks the lengths it needs.

use nvme_model::GuestMemory;
use virtio_queue::{DescriptorChain, Queue, QueueOwnedT, QueueT};
use vm_memory::GuestMemoryMmap;

use super::BrokenRing;
use crate::kvm::Ram;

/// A run of guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) address: u64,
    pub(super) size_bytes: u64,
}

/// One request of the guest.
#[derive(Debug)]
pub(super) struct Request {
    head: u16,
    /// What the device may read, in order.
    pub(super) readable: Vec<Span>,
    /// What the device may write, in order.
    pub(super) writable: Vec<Span>,
}

impl Request {
    fn new(chain: DescriptorChain<&GuestMemoryMmap>) -> Self {
        let mut request =
            Self { head: chain.head_index(), readable: Vec::new(), writable: Vec::new() };
        for descriptor in chain {
            let span =
                Span { address: descriptor.addr().0, size_bytes: u64::from(descriptor.len()) };
            if descriptor.is_write_only() {
                request.writable.push(span);
            } else {
                request.readable.push(span);
            }
        }
        request
    }

    /// Gives the request back; `written_bytes` of its writable part were written.
    pub(super) fn finish(
        self,
        queue: &mut Queue,
        ram: &Ram,
        written_bytes: u32,
    ) -> Result<(), BrokenRing> {
        Ok(queue.add_used(ram.memory(), self.head, written_bytes)?)
    }
}

/// The next request, if the guest has made one available.
pub(super) fn next_request(queue: &mut Queue, ram: &Ram) -> Result<Option<Request>, BrokenRing> {
    if !queue.ready() {
        return Ok(None);
    }
    let mut available = queue.iter(ram.memory())?;
    Ok(available.next().map(Request::new))
}

/// The bytes in all of `spans`.
pub(super) fn size_bytes(spans: &[Span]) -> u64 {
    spans.iter().map(|span| span.size_bytes).sum()
}

/// Splits the first `size_bytes` off `spans`; `None` if there are fewer.
pub(super) fn split(spans: &[Span], size_bytes: u64) -> Option<(Vec<Span>, Vec<Span>)> {
    let (mut front, mut back) = (Vec::new(), Vec::new());
    let mut left = size_bytes;
    for span in spans {
        let taken = left.min(span.size_bytes);
        left -= taken;
        if taken > 0 {
            front.push(Span { address: span.address, size_bytes: taken });
        }
        if taken < span.size_bytes {
            let address = span.address.checked_add(taken)?;
            back.push(Span { address, size_bytes: span.size_bytes - taken });
        }
    }
    (left == 0).then_some((front, back))
}

/// Copies guest memory into `dst`; the spans must hold as much. `None` if they do not or are not memory.
pub(super) fn gather(ram: &Ram, spans: &[Span], mut dst: &mut [u8]) -> Option<()> {
    for span in spans {
        let size = usize::try_from(span.size_bytes).unwrap_or(usize::MAX).min(dst.len());
        let (now, later) = dst.split_at_mut(size);
        GuestMemory::read(ram, span.address, now).ok()?;
        dst = later;
    }
    dst.is_empty().then_some(())
}

/// Copies `src` into guest memory; the spans must have room. `None` if they have not or are not memory.
pub(super) fn scatter(ram: &Ram, spans: &[Span], mut src: &[u8]) -> Option<()> {
    for span in spans {
        let size = usize::try_from(span.size_bytes).unwrap_or(usize::MAX).min(src.len());
        let (now, later) = src.split_at(size);
        GuestMemory::write(ram, span.address, now).ok()?;
        src = later;
    }
    src.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(address: u64, size_bytes: u64) -> Span {
        Span { address, size_bytes }
    }

    #[test]
    fn a_split_cuts_inside_and_between_spans() {
        let spans = [span(0x1000, 4), span(0x2000, 8)];
        let (front, back) = split(&spans, 6).expect("enough");
        assert_eq!(front, [span(0x1000, 4), span(0x2000, 2)]);
        assert_eq!(back, [span(0x2002, 6)]);
        let (front, back) = split(&spans, 4).expect("enough");
        assert_eq!((front.len(), back), (1, vec![span(0x2000, 8)]));
        assert_eq!(split(&spans, 13), None);
        assert_eq!(size_bytes(&spans), 12);
    }

    #[test]
    fn bytes_are_gathered_and_scattered_in_order() {
        let ram = Ram::new(1 << 20).expect("memory");
        let spans = [span(0x1000, 2), span(0x3000, 0), span(0x2000, 3)];
        assert_eq!(scatter(&ram, &spans, b"hello"), Some(()));
        assert_eq!(scatter(&ram, &spans, b"hello!"), None);
        let mut dst = [0; 4];
        assert_eq!(gather(&ram, &spans, &mut dst), Some(()));
        assert_eq!(&dst, b"hell");
        assert_eq!(gather(&ram, &spans, &mut [0; 6]), None);
        assert_eq!(gather(&ram, &[span(u64::MAX, 8)], &mut dst), None);
    }
}
