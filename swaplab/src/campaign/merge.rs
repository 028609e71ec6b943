//! `swaplab campaign merge`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::summary::troubles;
use super::{args, file_error, other_builds};
use crate::exit::Exit;

pub(super) fn merge(args: &args::Merge) -> Result<Exit, Exit> {
    let io = |error: std::io::Error| {
        Exit::Infrastructure.with(&format!("{}: {error}", args.out.display()))
    };
    // Whoever reads the output sees all of it or none: the name is given at the end.
    let unfinished = unfinished(&args.out);
    let file = File::create(&unfinished).map_err(io)?;
    let mut output = BufWriter::new(file);
    let builds = other_builds(args.allow_other_build);
    let merged = results::merge::merge(&args.files, builds, &mut output, &args.out);
    let merged = match merged {
        Ok(merged) => merged,
        Err(error) => {
            // The error is what has to be told; a rest of a file is only in the way.
            let _ = fs::remove_file(&unfinished);
            return Err(file_error(error));
        }
    };
    output.flush().and_then(|()| output.get_ref().sync_all()).map_err(io)?;
    fs::rename(&unfinished, &args.out).map_err(io)?;
    println!(
        "{} units, {} records left out as equal or INFRA; results {} in {}",
        merged.units,
        merged.duplicates,
        &merged.digest,
        args.out.display()
    );
    Ok(troubles(&merged))
}

fn unfinished(out: &Path) -> PathBuf {
    let mut name = OsString::from(out);
    name.push(".unfinished");
    PathBuf::from(name)
}
