//! The serial port: a 16550 without an interrupt, for guests that have no driver for the virtio console.
//!
//! What the guest writes is console output. Input waits in a queue until the guest's driver, which
//! polls, has room for it.

use std::collections::VecDeque;
use std::convert::Infallible;

use machine::ports;
use vm_superio::serial::NoEvents;
use vm_superio::{Serial, Trigger};

/// No interrupt line is connected.
#[derive(Debug)]
struct NotConnected;

impl Trigger for NotConnected {
    type E = Infallible;

    fn trigger(&self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The port.
pub(super) struct SerialPort {
    uart: Serial<NotConnected, NoEvents, Vec<u8>>,
    input: VecDeque<u8>,
}

impl std::fmt::Debug for SerialPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SerialPort").field("input", &self.input.len()).finish_non_exhaustive()
    }
}

impl Default for SerialPort {
    fn default() -> Self {
        Self { uart: Serial::new(NotConnected, Vec::new()), input: VecDeque::new() }
    }
}

impl SerialPort {
    /// The register at `port`, if it is one of this device.
    pub(super) fn register(port: u16) -> Option<u8> {
        let offset = port.checked_sub(ports::SERIAL).filter(|at| *at < ports::SERIAL_PORTS)?;
        u8::try_from(offset).ok()
    }

    /// Writes a register; returns what was sent by that.
    pub(super) fn write(&mut self, register: u8, value: u8) -> Vec<u8> {
        if let Err(error) = self.uart.write(register, value) {
            log::debug!("serial port: {error:?}");
        }
        std::mem::take(self.uart.writer_mut())
    }

    /// Reads a register.
    pub(super) fn read(&mut self, register: u8) -> u8 {
        self.refill();
        self.uart.read(register)
    }

    /// Input from outside.
    pub(super) fn push_input(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
        self.refill();
    }

    fn refill(&mut self) {
        let room = self.uart.fifo_capacity().min(self.input.len());
        if room > 0 {
            let bytes: Vec<u8> = self.input.drain(..room).collect();
            if let Err(error) = self.uart.enqueue_raw_bytes(&bytes) {
                // In loopback mode the line is cut: what was typed meanwhile is lost.
                log::debug!("serial port: {error:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: u8 = 0;
    const LINE_STATUS: u8 = 5;
    const DATA_READY: u8 = 1;

    #[test]
    fn what_is_written_is_sent_at_once() {
        let mut port = SerialPort::default();
        assert_eq!(port.write(DATA, b'x'), b"x");
        assert_eq!(port.write(1, 0), b"");
    }

    #[test]
    fn input_waits_for_the_guest_however_much_it_is() {
        let mut port = SerialPort::default();
        let typed: Vec<u8> = (0..200).collect();
        port.push_input(&typed);
        let mut read = Vec::new();
        while port.read(LINE_STATUS) & DATA_READY != 0 {
            read.push(port.read(DATA));
        }
        assert_eq!(read, typed);
    }

    #[test]
    fn only_its_eight_ports_are_its_registers() {
        assert_eq!(SerialPort::register(0x3f7), None);
        assert_eq!(SerialPort::register(0x3f8), Some(0));
        assert_eq!(SerialPort::register(0x3ff), Some(7));
        assert_eq!(SerialPort::register(0x400), None);
    }
}
