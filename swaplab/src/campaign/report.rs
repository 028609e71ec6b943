//! `swaplab campaign report`.

use results::export;

use super::summary::{self, Campaign};
use super::{args, other_builds, report_html};
use crate::exit::Exit;

pub(super) fn report(args: &args::Report) -> Result<Exit, Exit> {
    if let Some(page) = &args.html {
        let builds = other_builds(args.allow_other_build);
        return report_html::write(&args.files, builds, args.against.as_deref(), page);
    }
    let campaign = Campaign::read(&args.files, other_builds(args.allow_other_build))?;
    if args.junit {
        let xml = export::junit(&campaign.name, &campaign.summary);
        println!("{}", xml.map_err(|error| Exit::Infrastructure.with(&error))?);
    } else if args.ktap {
        print!("{}", export::ktap(&campaign.summary));
    } else if args.json {
        println!("{}", export::json(&campaign.name, &campaign.merged, &campaign.summary));
    } else {
        summary::print(&campaign);
    }
    Ok(campaign.exit())
}
