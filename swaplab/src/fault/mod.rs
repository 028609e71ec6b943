//! `swaplab fault`: what faults there are, and the faults of a running machine.

mod kinds;

use std::path::Path;

use campaign::control::Request;
use nvme_model::FaultPlan;
use nvme_model::fault::json_schema;
use serde_json::Value;

use crate::args::{FaultArgs, FaultCommand};
use crate::control_client::{self as client, items, number, text};
use crate::exit::Exit;

pub(crate) fn run(args: &FaultArgs) -> Exit {
    let done = match &args.command {
        FaultCommand::Kinds => {
            print!("{}", kinds::text());
            Ok(())
        }
        FaultCommand::Schema => {
            print!("{}", json_schema());
            Ok(())
        }
        FaultCommand::Check { file } => check(file),
        FaultCommand::CheckServer { rules } => {
            (0..).zip(rules).for_each(|(index, rule)| println!("{index:>5}  {rule}"));
            Ok(())
        }
        FaultCommand::Arm { rules, socket } => rules.iter().try_for_each(|rule| {
            let reply = client::ask(&socket.path, &Request::Arm { rule: rule.to_string() })?;
            println!("{:>5}  {}", number(&reply["rule"]), text(&reply["text"]));
            items(&reply["warnings"]).iter().for_each(|said| eprintln!("warning: {}", text(said)));
            Ok(())
        }),
        FaultCommand::Disarm { rules, socket } => rules.iter().try_for_each(|rule| {
            client::ask(&socket.path, &Request::Disarm { rule: *rule }).map(drop)
        }),
        FaultCommand::List { socket } => {
            client::ask(&socket.path, &Request::List {}).map(|reply| print_list(&reply))
        }
        FaultCommand::Log { since, socket } => print_log(&socket.path, *since),
    };
    done.err().unwrap_or(Exit::Expected)
}

/// Reads a plan from a file.
pub(crate) fn read_plan(file: &Path) -> Result<FaultPlan, Exit> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Exit::Usage.with(&format!("{name}: {error}")))?;
    FaultPlan::from_toml(&text).map_err(|error| Exit::Usage.with(&error.in_file(name)))
}

fn check(file: &Path) -> Result<(), Exit> {
    let plan = read_plan(file)?;
    for (index, rule) in plan.rules.iter().enumerate() {
        println!("{index:>5}  {rule}");
    }
    Ok(())
}

fn print_list(reply: &Value) {
    println!("state {}, at {:.3} ms", text(&reply["state"]), number(&reply["now_ns"]) as f64 / 1e6);
    println!(" rule  status     matched    fired  planned");
    for rule in items(&reply["rules"]) {
        let counts = ["matched", "fired", "planned"].map(|key| number(&rule[key]));
        let [matched, fired, planned] = counts;
        print!("{:>5}  {:<9}", number(&rule["rule"]), text(&rule["status"]));
        println!(" {matched:>8} {fired:>8} {planned:>8}");
        println!("       {}", text(&rule["text"]));
    }
}

/// Prints decisions until there are no more.
fn print_log(socket: &Path, mut since: u64) -> Result<(), Exit> {
    loop {
        let reply = client::ask(socket, &Request::Log { since })?;
        let decisions = items(&reply["decisions"]);
        for decision in decisions {
            let [at, rule, command, fired] =
                ["now_ns", "rule", "command", "fired"].map(|key| number(&decision[key]));
            let at_ms = at as f64 / 1e6;
            print!("{:>6} {at_ms:>12.3} ms  rule {rule:<4}", number(&decision["number"]));
            println!(" command {command:<7} {} ({fired})", text(&decision["action"]));
        }
        if decisions.is_empty() {
            if number(&reply["dropped"]) > 0 {
                println!("{} older decisions are no longer kept", number(&reply["dropped"]));
            }
            for finding in items(&reply["findings"]) {
                println!("driver finding: {}", text(finding));
            }
            return Ok(());
        }
        since = number(&reply["next"]);
    }
}
