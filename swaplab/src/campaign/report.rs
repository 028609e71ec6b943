//! `swaplab campaign report`.

use results::export;

use super::summary::{self, Campaign};
use super::{args, other_builds};
use crate::exit::Exit;

pub(super) fn report(args: &args::Report) -> Result<Exit, Exit> {
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
