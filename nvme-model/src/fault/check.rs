//! Whether the parts of a rule go together.

use super::error::Complaint;
use super::kinds::On;
use super::rule::{Match, OpClass, Phase, Rule, Transition};
use super::target::Target;

/// Checks that the parts of a rule go together.
pub(super) fn check(rule: &Rule) -> Result<(), Complaint> {
    let row = rule.action.kind().row();
    let (default_phase, has_choice) = rule.action.default_phase();
    if rule.phase != default_phase && !has_choice {
        let only = if default_phase == Phase::Submission { "submission" } else { "completion" };
        let problem = format!("{} works at {only} only", row.word);
        return Err(Complaint::new(problem).about("phase"));
    }
    check_transition(rule)?;
    let Rule { when, until, .. } = rule;
    if when.nth.is_some() && until.count.is_some_and(|count| count > 1) {
        let problem = "nth fires once, so count cannot be more than 1";
        return Err(Complaint::new(problem).about("count"));
    }
    if when.within.is_some() && when.after.is_none() {
        let problem = "within needs after=NAME: the rule that it is counted from";
        return Err(Complaint::new(problem).about("within"));
    }
    if until.is_until_rewrite && rule.matcher.lba.is_none() {
        let problem = "until-rewrite needs lba=FIRST..END: the blocks that are to be rewritten";
        return Err(Complaint::new(problem).about("until-rewrite"));
    }
    Ok(())
}

/// Some things happen to a command, some while the host does something else.
fn check_transition(rule: &Rule) -> Result<(), Complaint> {
    let row = rule.action.kind().row();
    let transition = match rule.matcher.op {
        OpClass::Transition(transition) => Some(transition),
        _ => None,
    };
    let known: Vec<&'static str> = match (transition, rule.action.on()) {
        (None, On::Commands | On::Anything) => return check_fields(&rule.matcher, None),
        (None, On::These(targets)) => {
            check_targets(rule, &rule.matcher, targets)?;
            return check_fields(&rule.matcher, None);
        }
        (Some(here), On::Anything) => return check_fields(&rule.matcher, Some(here)),
        (Some(here), On::Only(fits)) if fits.contains(&here) => {
            return check_fields(&rule.matcher, Some(here));
        }
        (_, On::Only(fits)) => fits.iter().map(|fit| fit.name()).collect(),
        (Some(_), On::Commands) => vec!["any command"],
        (Some(here), On::These(targets)) => {
            return Err(wrong_command(rule, OpClass::Transition(here), targets));
        }
    };
    let problem = format!("{} does not go with this", row.word);
    Err(Complaint::choice(problem, known).about(row.word))
}

fn wrong_command(rule: &Rule, op: OpClass, targets: &[Target]) -> Complaint {
    let names: Vec<String> = targets.iter().map(Target::to_string).collect();
    let (action, names) = (&rule.action, names.join(", "));
    let problem = format!("{action} changes nothing about it; it happens to {names}");
    Complaint::new(problem).about_op(op)
}

/// What cannot happen to any of the commands that a match names would count, and change nothing.
fn check_targets(rule: &Rule, matcher: &Match, targets: &[Target]) -> Result<(), Complaint> {
    if !targets.iter().any(|target| matcher.op.covers(target.op)) {
        return Err(wrong_command(rule, matcher.op, targets));
    }
    // What a group excludes may be anything.
    let groups = matcher.all.iter().chain(&matcher.any);
    groups.into_iter().try_for_each(|inner| check_targets(rule, inner, targets))
}

/// Commands have no register offset; what is no command has nothing else, but a doorbell its queue.
fn check_fields(matcher: &Match, transition: Option<Transition>) -> Result<(), Complaint> {
    let Match { queue, nsid, lba, sqe, data, reg, all, any, not, .. } = matcher;
    match transition {
        None if reg.is_some() => {
            let problem = "a command has no register: reg goes with register-read, register-write, \
                           config-read and doorbell";
            return Err(Complaint::new(problem).about("reg"));
        }
        Some(here) => {
            let given = [
                ("nsid", nsid.is_some()),
                ("lba", lba.is_some()),
                ("sqe", sqe.is_some()),
                ("data", data.is_some()),
                ("queue", queue.is_some() && here != Transition::Doorbell),
                ("reg", reg.is_some() && !here.has_offset()),
            ];
            if let Some((word, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                let problem = format!("{} is no command: it has no {word}", here.name());
                return Err(Complaint::new(problem).about(word));
            }
        }
        None => {}
    }
    let groups = [all, any, not].into_iter().flatten();
    groups.into_iter().try_for_each(|inner| check_fields(inner, transition))
}
