//! Blocks of lines: the first of each shape is told, the others are counted.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::line::Line;

/// What has been told, and the block that is being read.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    told: BTreeSet<String>,
    current: Vec<Line>,
    out: String,
    /// Blocks like earlier ones that were left out since the last one that was told.
    left_out: usize,
}

impl Blocks {
    pub(super) fn add(&mut self, line: Line) {
        if line.is_begin() {
            self.close();
        }
        let log = line.kernel_log();
        self.current.push(line);
        self.current.extend(log);
    }

    /// What there is to tell since the last call.
    pub(super) fn take(&mut self) -> String {
        self.close();
        self.count_left_out();
        std::mem::take(&mut self.out)
    }

    fn close(&mut self) {
        let lines = std::mem::take(&mut self.current);
        let runs: Vec<_> = lines.chunk_by(|one, next| one.shape() == next.shape()).collect();
        let shape: Vec<_> = runs.iter().filter_map(|run| Some(run.first()?.shape())).collect();
        if shape.is_empty() {
            return;
        }
        if !self.told.insert(shape.join("\n")) {
            self.left_out += 1;
            return;
        }
        self.count_left_out();
        for run in runs {
            let Some(first) = run.first() else { continue };
            let _ = match run.len() {
                1 => writeln!(self.out, "{first}"),
                count => writeln!(self.out, "{first} (and {} like it)", count - 1),
            };
        }
    }

    fn count_left_out(&mut self) {
        let count = std::mem::take(&mut self.left_out);
        if count > 0 {
            let _ = writeln!(self.out, "{:>12}  ({count} more as above)", "");
        }
    }
}
