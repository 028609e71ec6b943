//! Steps: every action of a program is announced, and its outcome recorded, errno and all.

use hal::Tracer;
use iomap::Errno;

use crate::events::{Event, Step};

/// Runs `action` as `step`; its success counts something (pages, findings).
pub(crate) fn step<T>(
    tracer: &Tracer,
    step: Step,
    action: impl FnOnce() -> Result<(T, u64), Errno>,
) -> Result<T, Errno> {
    tracer.emit(Event::StepBegin { step });
    let outcome = action();
    let (result, count) = match &outcome {
        Ok((_, count)) => (Ok(()), *count),
        Err(errno) => (Err(*errno), 0),
    };
    tracer.emit(Event::StepEnd { step, result, count });
    outcome.map(|(value, _)| value)
}
