//! `swaplab campaign plan`.

use campaign::plan::plan_file;
use results::{Plan, Role};

use super::{args, file_error, this_build};
use crate::exit::Exit;

pub(super) fn plan(args: &args::Plan) -> Result<Exit, Exit> {
    let planned = plan_file(&args.file, this_build()?).map_err(|error| Exit::Usage.with(&error))?;
    println!("{}: {}", planned.plan.header().campaign, planned.question.trim());
    print_space(&planned.plan);
    if let Some(out) = &args.out {
        planned.plan.write(out).map_err(file_error)?;
        println!("the plan is in {}", out.display());
    }
    Ok(Exit::Expected)
}

/// What the units cover.
pub(super) fn print_space(plan: &Plan) {
    let controls = plan.units().iter().filter(|unit| unit.role == Role::Control).count();
    println!(
        "plan {}: {} units, {controls} controls among them",
        plan.header().plan,
        plan.units().len()
    );
    for line in &plan.header().space {
        println!("  {:<12} {:>6}  {}", line.axis, line.size, line.values);
    }
}
