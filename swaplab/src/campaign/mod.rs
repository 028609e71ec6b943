//! `swaplab campaign`: many units, believed together.

pub(crate) mod args;
mod crash;
mod cross;
mod diff;
mod find;
mod merge;
mod plan;
mod progress;
mod replay;
mod report;
mod report_html;
mod run;
mod shrink;
mod summary;

use std::path::Path;

use results::merge::OtherBuilds;
use results::{Build, FileError, Plan};

use crate::exit::Exit;
use args::{CampaignArgs, CampaignCommand};

pub(crate) fn run(args: &CampaignArgs) -> Exit {
    let outcome = match &args.command {
        CampaignCommand::Plan(args) => plan::plan(args),
        CampaignCommand::Run(args) => run::run(args),
        CampaignCommand::Merge(args) => merge::merge(args),
        CampaignCommand::Report(args) => report::report(args),
        CampaignCommand::Diff(args) => diff::diff(args),
        CampaignCommand::Replay(args) => replay::replay(args),
        CampaignCommand::Shrink(args) => shrink::shrink(args),
        CampaignCommand::Crash(args) => crash::crash(args),
    };
    outcome.unwrap_or_else(|exit| exit)
}

/// Whether results of different builds may meet.
const fn other_builds(is_allowed: bool) -> OtherBuilds {
    if is_allowed { OtherBuilds::Allow } else { OtherBuilds::Refuse }
}

/// This build.
fn this_build() -> Result<Build, Exit> {
    campaign::this_build(env!("CARGO_PKG_VERSION"))
        .map_err(|error| Exit::Infrastructure.with(&format!("/proc/self/exe: {error}")))
}

/// The plan in a file, or the plan that a campaign file makes.
fn read_plan(file: &Path, build: &Build) -> Result<Plan, Exit> {
    if file.extension().is_some_and(|extension| extension == "toml") {
        let planned = campaign::plan::plan_file(file, build.clone());
        return planned.map(|planned| planned.plan).map_err(|error| Exit::Usage.with(&error));
    }
    Plan::read(file).map_err(file_error)
}

/// A file that cannot be used: the user can put it right, unless the host failed.
fn file_error(error: FileError) -> Exit {
    match error {
        FileError::Io { ref source, .. } if is_hosts(source.kind()) => {
            Exit::Infrastructure.with(&error)
        }
        _ => Exit::Usage.with(&error),
    }
}

/// Whether a failure is the host's and not of a name that the user gave.
fn is_hosts(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind as Kind;
    !matches!(
        kind,
        Kind::NotFound | Kind::PermissionDenied | Kind::IsADirectory | Kind::NotADirectory
    )
}
