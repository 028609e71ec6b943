//! What can be said to a running machine: the protocol of its control socket, without the socket.
//!
//! One JSON object a line each way. A request has `"v": 1` and `"do"`; a reply has `"v": 1` and either
//! `"ok"` or `"error"`. A field that is not known is an error, and so is another version.

mod namespaces;
mod request;

use nvme_model::Controller;
use nvme_model::fault::{ActionKind, Decision, Rule, RuleError};
use serde_json::{Value, json};
use vmm::ControlledDrive;

pub use request::{NewNamespace, Request, VERSION};

/// Decisions in one reply at the most; `next` says where to go on.
const DECISIONS_MAX: usize = 1000;

/// Answers requests with a drive's controller. Keeps nothing between two of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct DriveControl;

impl vmm::ControlHook for DriveControl {
    fn answer(&mut self, drive: Option<ControlledDrive<'_>>, line: &str) -> String {
        answer(drive, line)
    }
}

/// The answer to a line.
#[must_use]
pub fn answer(drive: Option<ControlledDrive<'_>>, line: &str) -> String {
    let result = Request::parse(line).and_then(|request| {
        let drive = drive.ok_or("the machine has no NVMe controller")?;
        carry_out(drive, &request)
    });
    match result {
        Ok(value) => json!({ "v": VERSION, "ok": value }).to_string(),
        Err(error) => json!({ "v": VERSION, "error": error }).to_string(),
    }
}

fn carry_out(drive: ControlledDrive<'_>, request: &Request) -> Result<Value, String> {
    match request {
        Request::Arm { rule } => arm(drive.controller, rule),
        Request::Disarm { rule } => disarm(drive.controller, *rule),
        Request::List {} => Ok(list(drive.controller, drive.now_ns)),
        Request::Log { since } => Ok(log(drive.controller, *since)),
        Request::Namespaces {} => Ok(namespaces::list(drive.controller)),
        Request::AddNamespace(new) => namespaces::add(drive, new),
        Request::RemoveNamespace { nsid } => namespaces::remove(drive, *nsid),
        Request::ResizeNamespace { nsid, bytes } => namespaces::resize(drive, *nsid, *bytes),
    }
}

fn disarm(controller: &mut Controller, rule: u32) -> Result<Value, String> {
    if controller.faults_mut().disarm(rule) {
        return Ok(json!({ "rule": rule }));
    }
    let last = controller.faults().counts().count();
    Err(format!("there is no rule {rule}: there are {last}, from 0"))
}

/// Arms a rule, if no rule that may come later is what it needs: that much it is warned about.
fn arm(controller: &mut Controller, line: &str) -> Result<Value, String> {
    let rule: Rule = line.parse().map_err(|error: RuleError| error.to_string())?;
    let mut plan = controller.faults().plan().clone();
    plan.rules.push(rule.clone());
    // What rules before it wait for was said when they were armed.
    let number = plan.rules.len();
    let waits: Vec<_> = plan.dangling().into_iter().filter(|wait| wait.rule == number).collect();
    if let Some(wait) = waits.iter().find(|wait| !wait.may_come_later()) {
        return Err(wait.to_string());
    }
    let warnings: Vec<String> = waits
        .iter()
        .map(|wait| format!("{}; it waits until one does that is armed later", wait.problem()))
        .collect();
    let text = rule.to_string();
    let index = controller.faults_mut().arm(rule);
    let mut reply = json!({ "rule": index, "text": text });
    if !warnings.is_empty() {
        reply["warnings"] = warnings.into();
    }
    Ok(reply)
}

fn list(controller: &Controller, now_ns: u64) -> Value {
    let faults = controller.faults();
    let rules = (0..).zip(faults.counts().zip(faults.statuses()));
    let rules: Vec<Value> = rules
        .map(|(index, ((rule, counts), status)): (u32, _)| {
            json!({
                "rule": index,
                "text": rule.to_string(),
                "status": status.name(),
                "matched": counts.armed,
                "fired": counts.fired,
                "planned": counts.planned,
                "violated": rule.action.kind() == ActionKind::Forbid && counts.fired > 0,
            })
        })
        .collect();
    json!({ "now_ns": now_ns, "state": faults.state(), "rules": rules })
}

fn log(controller: &Controller, since: u64) -> Value {
    let log = controller.faults().log();
    let decisions = log.iter().skip_while(|(number, _)| *number < since);
    let decisions: Vec<(u64, &Decision)> = decisions.take(DECISIONS_MAX).collect();
    let next = decisions.last().map_or(since, |(number, _)| number + 1);
    let decisions: Vec<Value> = decisions
        .into_iter()
        .map(|(number, decision)| {
            json!({
                "number": number,
                "now_ns": decision.now_ns,
                "rule": decision.rule,
                "command": decision.command,
                "action": decision.action.name(),
                "fired": decision.fired,
            })
        })
        .collect();
    let findings: Vec<String> =
        controller.findings().counts().map(|(kind, count)| format!("{kind}: {count}")).collect();
    json!({ "decisions": decisions, "next": next, "dropped": log.dropped(), "findings": findings })
}

#[cfg(test)]
mod tests;
