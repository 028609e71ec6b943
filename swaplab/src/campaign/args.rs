//! The arguments of `swaplab campaign`.

use std::path::PathBuf;
use std::time::Duration;

use campaign::engine::EngineKind;
use clap::{Args, Subcommand};
use results::Shard;

#[derive(Debug, Args)]
pub(crate) struct CampaignArgs {
    #[command(subcommand)]
    pub(crate) command: CampaignCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CampaignCommand {
    /// Expand a campaign file to a plan: every unit, and the space they cover
    Plan(Plan),
    /// Run a plan, or a campaign file directly, or a shard of it
    Run(Run),
    /// Say what results mean together, on one page
    Report(Report),
    /// Run one unit again: is its trace the recorded one, byte for byte?
    Replay(Replay),
    /// Find the smallest unit that fails in the same way, and where its failure was sealed
    Shrink(Shrink),
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The results
    #[arg(value_name = "RESULTS", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Write a page to FILE: self-contained, for a browser
    #[arg(long, value_name = "FILE")]
    pub(crate) html: PathBuf,

    /// Compare with these earlier results, unit by unit
    #[arg(long, value_name = "RESULTS")]
    pub(crate) against: Option<PathBuf>,

    /// Take results of different builds together
    #[arg(long)]
    pub(crate) allow_other_build: bool,
}

/// Which unit.
#[derive(Debug, Args)]
pub(crate) struct UnitArgs {
    /// The unit: its text (key=value words, as a line to paste has it), or the first digits of its name
    #[arg(value_name = "UNIT")]
    pub(crate) unit: String,

    /// Look the name up in this plan or these results (may be repeated)
    #[arg(long = "in", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) unit: UnitArgs,

    /// The hash of the recorded trace, or its first digits
    #[arg(long, value_name = "HASH")]
    pub(crate) hash: Option<String>,

    /// The build that recorded it, as a line to paste has it
    #[arg(long, value_name = "BUILD")]
    pub(crate) build: Option<String>,

    /// Write every event to FILE, as text
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,

    /// Write the trace to FILE for ui.perfetto.dev: a track a layer, flows from swap I/O to completions
    #[arg(long, value_name = "FILE")]
    pub(crate) perfetto: Option<PathBuf>,

    /// Tell what happened, layer by layer
    #[arg(long)]
    pub(crate) explain: bool,

    /// Where the guest runs: kvm (a real virtual machine) or host (in process)
    #[arg(long, default_value = "kvm", value_name = "kvm|host")]
    pub(crate) engine: EngineKind,
}

#[derive(Debug, Args)]
pub(crate) struct Shrink {
    #[command(flatten)]
    pub(crate) unit: UnitArgs,

    /// Runs at the most
    #[arg(long, default_value_t = 2000, value_name = "N")]
    pub(crate) runs: u64,

    /// Start no run after this time, such as 30s; what was found by then is printed
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) budget: Option<Duration>,

    /// Write the schedule to FILE, a rule a line
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,

    /// Where the guest runs: host (in process, fast) or kvm; the result is the same
    #[arg(long, default_value = "host", value_name = "host|kvm")]
    pub(crate) engine: EngineKind,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The campaign (TOML; docs/campaigns.md has the form)
    #[arg(value_name = "CAMPAIGN")]
    pub(crate) file: PathBuf,

    /// Write the plan to FILE; without it, the space is printed and nothing written
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A campaign (.toml) or a plan
    #[arg(value_name = "CAMPAIGN|PLAN")]
    pub(crate) file: PathBuf,

    /// Write results to FILE (the campaign's name and the shard if nothing is said)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Run this part of the plan only, such as 2/8 or slice:2/8; without it Bazel, Slurm, Kubernetes
    /// indexed jobs and CI nodes are asked through their variables
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,

    /// Machines at a time (as many as there are processors if nothing is said)
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,

    /// Start no unit after this time, such as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) budget: Option<Duration>,

    /// Go on with the results in FILE: run what is missing
    #[arg(long)]
    pub(crate) resume: bool,

    /// Where the guest runs: kvm (a real virtual machine) or host (in process)
    #[arg(long, default_value = "kvm", value_name = "kvm|host")]
    pub(crate) engine: EngineKind,

    /// Run a plan that another build made
    #[arg(long)]
    pub(crate) allow_other_build: bool,
}

/// `90s`, `10m`, `2h`.
fn time(text: &str) -> Result<Duration, String> {
    let error = || format!("{text:?} is not a time: write a number and s, m or h, such as 10m");
    let unit = text.chars().last().ok_or_else(error)?;
    let seconds = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        _ => return Err(error()),
    };
    let number: f64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| error())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_a_unit() {
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(time("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(time("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "10", "m", "-1s", "1d", "1e30h", "10µ"] {
            time(bad).expect_err(bad);
        }
    }
}
