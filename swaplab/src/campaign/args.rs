//! The arguments of `swaplab campaign`.

use std::path::PathBuf;
use std::time::Duration;

use campaign::crash::ImageName;
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
    /// Merge the results of shards: any order, any number of times, the same bytes
    Merge(Merge),
    /// Say what results mean: for people, or for other programs
    Report(Report),
    /// Compare two sets of results, or two designs in one, under the identical faults
    Diff(Diff),
    /// Run one unit again: is its trace the recorded one, byte for byte?
    Replay(Replay),
    /// Find the smallest unit that fails in the same way, and where its failure was sealed
    Shrink(Shrink),
    /// Recover and check what a power cut may legally leave of a unit's first life, at every cut
    Crash(Crash),
}

#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// Results of shards
    #[arg(value_name = "RESULTS", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Write the merged results to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// Merge results of different builds, which are results of different experiments
    #[arg(long)]
    pub(crate) allow_other_build: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Results, merged or not
    #[arg(value_name = "RESULTS", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Print JUnit XML: a test for each cell of the matrix
    #[arg(long, group = "form")]
    pub(crate) junit: bool,

    /// Print KTAP, the kernel's test format
    #[arg(long, group = "form")]
    pub(crate) ktap: bool,

    /// Print one JSON object
    #[arg(long, group = "form")]
    pub(crate) json: bool,

    /// Write a page to FILE: self-contained, for a browser
    #[arg(long, value_name = "FILE", group = "form")]
    pub(crate) html: Option<PathBuf>,

    /// On the page, compare with these earlier results, unit by unit
    #[arg(long, value_name = "RESULTS", requires = "html")]
    pub(crate) against: Option<PathBuf>,

    /// Take results of different builds together
    #[arg(long)]
    pub(crate) allow_other_build: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The first results
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,

    /// The second results (the first again if nothing is said)
    #[arg(value_name = "B")]
    pub(crate) b: Option<PathBuf>,

    /// Of the first, only units with this word, such as path=dio (may be repeated)
    #[arg(long, value_name = "WORD=VALUE", value_parser = word)]
    pub(crate) where_a: Vec<(String, String)>,

    /// Of the second, only units with this word, such as path=swap (may be repeated)
    #[arg(long, value_name = "WORD=VALUE", value_parser = word)]
    pub(crate) where_b: Vec<(String, String)>,

    /// Compare what the runs came to (ok, kept, lost N, ...) and not their verdicts
    #[arg(long)]
    pub(crate) came_to: bool,
}

/// `path=dio`.
fn word(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("not of the form WORD=VALUE")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
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
pub(crate) struct Crash {
    #[command(flatten)]
    pub(crate) unit: UnitArgs,

    /// Images of a cut: all of it if it has no more, else so many by chance
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) images: u32,

    /// Chooses them
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    pub(crate) seed: u64,

    /// One image of this cut instead of all cuts
    #[arg(long, value_name = "CUT")]
    pub(crate) cut: Option<u64>,

    /// Which: a number, nothing, everything or sample:SEED, as a finding names it (nothing, if nothing is said)
    #[arg(long, value_name = "IMAGE", requires = "cut")]
    pub(crate) image: Option<ImageName>,

    /// Write it to FILE, as a raw image for `swaplab image`
    #[arg(long, value_name = "FILE", requires = "cut")]
    pub(crate) write: Option<PathBuf>,

    /// Take it from the control: a drive that never flushes
    #[arg(long, requires = "cut")]
    pub(crate) without_flushes: bool,

    /// Where the guest runs: kvm (a real virtual machine) or host (in process); the images are the same
    #[arg(long, default_value = "kvm", value_name = "kvm|host")]
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

    /// Machines at a time (if nothing is said, as many as there are processors; under kvm half as many, since a
    /// second thread answers the guest)
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,

    /// Start no unit after this time, such as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) budget: Option<Duration>,

    /// Stop when so many units in a row have shown nothing new: no new combination of scenario, path,
    /// verdict, outcome and errors
    #[arg(long, value_name = "UNITS")]
    pub(crate) until_saturated: Option<u64>,

    /// Go on with the results in FILE: run what is missing
    #[arg(long)]
    pub(crate) resume: bool,

    /// Where the guest runs: kvm (a real virtual machine) or host (in process)
    #[arg(long, default_value = "kvm", value_name = "kvm|host")]
    pub(crate) engine: EngineKind,

    /// Afterwards, run so many of the units again on the other engine: an outcome that differs is a determinism
    /// alarm (exit 3)
    #[arg(long, value_name = "N")]
    pub(crate) cross: Option<usize>,

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
