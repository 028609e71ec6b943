//! What a second worker brings: units in a second of the wall clock.
//!
//! Under KVM a worker may have an attendant, a second thread that wants a processor of its own. So the gain of a second
//! worker is taken without attendants, where both have one processor; what a campaign does if nobody asks is held
//! against everything else that the same processors can do.

use std::thread;
use std::time::{Duration, Instant};

use campaign::Unit;
use campaign::engine::{Engine, EngineError, EngineKind, HostEngine, KvmEngine, Shortcuts};
use campaign::run::run_unit_into;
use campaign::trace::TraceLog;

/// How long each crew works.
const SHIFT: Duration = Duration::from_millis(1500);

/// The gain that a second worker has to bring.
const GAIN_MIN: f64 = 1.7;

/// An engine; the shortcuts are those of a machine.
pub(super) fn engine(
    kind: EngineKind,
    shortcuts: Shortcuts,
) -> Result<Box<dyn Engine>, EngineError> {
    Ok(match kind {
        EngineKind::Host => Box::new(HostEngine::new()),
        EngineKind::Kvm => Box::new(KvmEngine::with_shortcuts(shortcuts)?),
    })
}

/// Prints what one worker and two do, with attendants and without; true if the second is worth it.
pub(super) fn compare(kind: EngineKind, units: &[Unit]) -> Result<bool, EngineError> {
    let alone = rate(kind, units, 1, false)?;
    let gain = rate(kind, units, 2, false)? / alone;
    let name = kind.name();
    println!("{name:<6} two workers: {gain:.2} times as many units; limit: >= {GAIN_MIN}");
    if kind == EngineKind::Kvm {
        let attended = rate(kind, units, 1, true)? / alone;
        let both = rate(kind, units, 2, true)? / alone;
        println!("{name:<6} one with an attendant: {attended:.2} times; two: {both:.2}");
    }
    println!("{name:<6} --jobs {} if nobody asks\n", kind.workers());
    Ok(gain >= GAIN_MIN)
}

/// Units in a second of the wall clock, by so many workers.
fn rate(
    kind: EngineKind,
    units: &[Unit],
    workers: usize,
    attendant: bool,
) -> Result<f64, EngineError> {
    let shortcuts = Shortcuts { attendant, ..Shortcuts::for_one_of(workers) };
    let count = || {
        let mut engine = engine(kind, shortcuts)?;
        let mut trace = TraceLog::default();
        let (start, mut done) = (Instant::now(), 0_u32);
        while start.elapsed() < SHIFT {
            let unit = &units[done as usize % units.len()];
            trace = run_unit_into(engine.as_mut(), unit, trace)?.trace;
            done += 1;
        }
        Ok(f64::from(done) / start.elapsed().as_secs_f64())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(count)).collect();
        let gone = |_| EngineError::Infrastructure("a worker panicked".to_owned());
        workers.into_iter().map(|worker| worker.join().map_err(gone)?).sum()
    })
}
