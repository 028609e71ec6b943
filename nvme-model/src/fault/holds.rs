//! Commands that rules hold, and those that they have let go.
//!
//! A command goes on once no rule holds it any more: when the state that it waits for was set, or its
//! rule was disarmed. Which commands there still are, is the controller's business.

/// One rule's hold on one command.
#[derive(Clone, Debug)]
struct Hold {
    rule: u32,
    /// The state that ends it.
    state: String,
    /// The command's number.
    command: u64,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    held: Vec<Hold>,
    /// Commands that were let go and not yet taken.
    released: Vec<u64>,
}

impl Holds {
    pub(super) fn add(&mut self, rule: u32, state: &str, command: u64) {
        self.held.push(Hold { rule, state: state.into(), command });
    }

    /// Whether a rule holds this command.
    pub(super) fn has(&self, command: u64) -> bool {
        self.held.iter().any(|hold| hold.command == command)
    }

    /// The rules are in another state.
    pub(super) fn state_was_set(&mut self, state: &str) {
        self.end(|hold| hold.state == state);
    }

    pub(super) fn rule_was_disarmed(&mut self, rule: u32) {
        self.end(|hold| hold.rule == rule);
    }

    fn end(&mut self, is_over: impl Fn(&Hold) -> bool) {
        let ended: Vec<Hold> = self.held.extract_if(.., |hold| is_over(hold)).collect();
        let free = ended.iter().map(|hold| hold.command).filter(|command| !self.has(*command));
        let free: Vec<u64> = free.collect();
        self.released.extend(free);
        self.released.sort_unstable();
        self.released.dedup();
    }

    /// There are no commands any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    /// Takes the commands that were let go, in the order in which they were fetched.
    pub(super) fn take_released(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.released)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_two_rules_hold_waits_for_both() {
        let mut holds = Holds::default();
        holds.add(0, "go", 7);
        holds.add(1, "come", 7);
        holds.add(1, "come", 5);
        holds.state_was_set("go");
        assert!(holds.has(7) && !holds.has_released());
        holds.rule_was_disarmed(1);
        assert_eq!(holds.take_released(), [5, 7]);
        assert!(!holds.has(7) && !holds.has_released());
    }
}
