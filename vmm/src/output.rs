//! What the guest prints: counted against its limit, kept for the report, handed to the observer.

use crate::MachineObserver;
use crate::tail::Tail;

/// The guest's output since power-on.
#[derive(Debug)]
pub(crate) struct Output {
    tail: Tail,
    bytes_left: u64,
    bytes_max: u64,
}

/// The guest wrote more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flooded;

impl Output {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { tail: Tail::default(), bytes_left: bytes_max, bytes_max }
    }

    /// A new power-on.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.bytes_max);
    }

    /// The most bytes it takes.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Bytes it still takes.
    pub(crate) fn bytes_left(&self) -> u64 {
        self.bytes_left
    }

    /// The last lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.tail.lines()
    }

    /// Bytes of the console.
    ///
    /// # Errors
    /// [`Flooded`] if they are too many; the observer sees those that still fit.
    pub(crate) fn console(
        &mut self,
        now_ns: u64,
        bytes: &[u8],
        observer: &mut dyn MachineObserver,
    ) -> Result<(), Flooded> {
        let (fitting, result) = self.count(bytes);
        self.tail.push_stream(fitting);
        if !fitting.is_empty() {
            observer.console(now_ns, fitting);
        }
        result
    }

    /// Bytes of the debug port.
    ///
    /// # Errors
    /// As for [`Output::console`].
    pub(crate) fn debug(
        &mut self,
        now_ns: u64,
        bytes: &[u8],
        observer: &mut dyn MachineObserver,
    ) -> Result<(), Flooded> {
        let (fitting, result) = self.count(bytes);
        self.tail.push_text(fitting);
        if !fitting.is_empty() {
            observer.debug_console(now_ns, fitting);
        }
        result
    }

    fn count<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], Result<(), Flooded>) {
        let size = bytes.len() as u64;
        let fitting = size.min(self.bytes_left);
        self.bytes_left -= fitting;
        let result = if fitting == size { Ok(()) } else { Err(Flooded) };
        (&bytes[..usize::try_from(fitting).unwrap_or(bytes.len())], result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoObserver;

    #[test]
    fn the_byte_that_is_too_many_floods() {
        let mut output = Output::new(5);
        assert_eq!(output.console(0, b"abc", &mut NoObserver), Ok(()));
        assert_eq!(output.debug(0, b"de", &mut NoObserver), Ok(()));
        assert_eq!(output.debug(0, b"f", &mut NoObserver), Err(Flooded));
        assert_eq!(output.lines(), ["abcde"]);
        output.reset();
        assert_eq!(output.console(0, b"abcdef", &mut NoObserver), Err(Flooded));
        assert_eq!(output.lines(), ["abcde"]);
    }
}
