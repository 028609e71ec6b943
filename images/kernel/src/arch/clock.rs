//! The time-stamp counter, and its rate measured against the interval timer: for machines that have
//! no lab device to tell the time.
// UNSAFETY: `rdtsc` is an intrinsic.
#![expect(unsafe_code, reason = "time-stamp counter")]

use kernel_core::clock::TickRate;

use super::port;

const PIT_CHANNEL_2: u16 = 0x42;
const PIT_MODE: u16 = 0x43;
const PIT_GATE: u16 = 0x61;
const PIT_HZ: u64 = 1_193_182;
/// Channel 2, low byte then high byte, mode 0 (output rises at the end of the count).
const PIT_ONE_SHOT: u8 = 0b1011_0000;
const GATE_ON: u8 = 0x01;
const GATE_SPEAKER: u8 = 0x02;
const GATE_OUTPUT: u8 = 0x20;

/// How long the measurement takes, in ticks of the interval timer (10 ms).
const MEASURE_TICKS: u16 = 11_932;
/// Give up after so many looks at the timer.
const LOOKS_MAX: u32 = 1_000_000;
/// Taken for granted when there is no timer to measure against.
const FALLBACK_HZ: u64 = 1_000_000_000;

/// The counter now.
pub(crate) fn ticks() -> u64 {
    // SAFETY: every x86-64 has it, and CR4.TSD is clear.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Measures the counter's rate.
pub(crate) fn measure_rate() -> TickRate {
    let gate = port::read8(PIT_GATE);
    port::write8(PIT_GATE, gate & !GATE_SPEAKER | GATE_ON);
    port::write8(PIT_MODE, PIT_ONE_SHOT);
    let [low, high] = MEASURE_TICKS.to_le_bytes();
    port::write8(PIT_CHANNEL_2, low);
    port::write8(PIT_CHANNEL_2, high);
    let start = ticks();
    let is_over = (0..LOOKS_MAX).any(|_| port::read8(PIT_GATE) & GATE_OUTPUT != 0);
    let span = ticks().wrapping_sub(start);
    port::write8(PIT_GATE, gate);
    let nanos = u64::from(MEASURE_TICKS) * 1_000_000_000 / PIT_HZ;
    let rate = if is_over { TickRate::measured(span, nanos) } else { None };
    rate.unwrap_or_else(|| TickRate::new(FALLBACK_HZ))
}
