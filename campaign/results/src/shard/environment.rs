//! The shard that a batch system says this process is.

use super::{Assignment, Shard, ShardError};

/// A batch system's variables.
struct System {
    index: &'static str,
    count: &'static str,
    /// The index of the first part: a number, or the variable that has it.
    first: First,
}

enum First {
    Number(u32),
    Variable(&'static str),
}

/// Asked in this order; the first whose index is set counts.
///
/// Sources: Bazel's test encyclopedia (test sharding); Slurm's job array documentation; Kubernetes'
/// Indexed Job, whose number of completions the manifest has to pass on; GitLab CI's `parallel`.
const SYSTEMS: [System; 4] = [
    System { index: "TEST_SHARD_INDEX", count: "TEST_TOTAL_SHARDS", first: First::Number(0) },
    System {
        index: "SLURM_ARRAY_TASK_ID",
        count: "SLURM_ARRAY_TASK_COUNT",
        first: First::Variable("SLURM_ARRAY_TASK_MIN"),
    },
    System { index: "JOB_COMPLETION_INDEX", count: "JOB_COMPLETIONS", first: First::Number(0) },
    System { index: "CI_NODE_INDEX", count: "CI_NODE_TOTAL", first: First::Number(1) },
];

impl Shard {
    /// The shard that the environment names, if it names one. `variable` looks a variable up.
    ///
    /// A Slurm array must have a step of 1.
    ///
    /// # Errors
    /// [`ShardError`] if a batch system names half a shard, or an impossible one.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ShardError> {
        let Some(system) = SYSTEMS.iter().find(|system| variable(system.index).is_some()) else {
            return Ok(None);
        };
        let number = |name: &'static str| match variable(name) {
            None => Ok(None),
            Some(text) => match text.parse::<u32>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(bad(name, text, "in 32 bits")),
            },
        };
        let index = number(system.index)?.unwrap_or_default();
        let count = number(system.count)?
            .ok_or(ShardError::CountMissing { index: system.index, count: system.count })?;
        let first = match system.first {
            First::Number(first) => first,
            First::Variable(name) => number(name)?.unwrap_or(0),
        };
        let shard = index
            .checked_sub(first)
            .and_then(|from_0| from_0.checked_add(1))
            .and_then(|from_1| Self::new(from_1, count, Assignment::Hash));
        match shard {
            Some(shard) => Ok(Some(shard)),
            None => {
                let needs = format!("{}={count} with {first} as the first", system.count);
                Err(bad(system.index, index.to_string(), &needs))
            }
        }
    }
}

fn bad(variable: &'static str, value: String, needs: &str) -> ShardError {
    ShardError::BadVariable { variable, value, needs: needs.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(variables: &[(&str, &str)]) -> Result<Option<String>, ShardError> {
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Ok(Shard::from_environment(lookup)?.map(|shard| shard.to_string()))
    }

    #[test]
    fn each_batch_system_is_understood_with_its_own_first_index() {
        let cases: [(&[(&str, &str)], &str); 5] = [
            (&[("TEST_SHARD_INDEX", "0"), ("TEST_TOTAL_SHARDS", "4")], "1/4"),
            (
                &[
                    ("SLURM_ARRAY_TASK_ID", "5"),
                    ("SLURM_ARRAY_TASK_COUNT", "4"),
                    ("SLURM_ARRAY_TASK_MIN", "5"),
                ],
                "1/4",
            ),
            (&[("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "4")], "4/4"),
            (&[("JOB_COMPLETION_INDEX", "2"), ("JOB_COMPLETIONS", "3")], "3/3"),
            (&[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "2")], "2/2"),
        ];
        for (variables, expected) in cases {
            assert_eq!(shard(variables), Ok(Some(expected.to_owned())), "{variables:?}");
        }
        assert_eq!(shard(&[("HOME", "x")]), Ok(None));
    }

    #[test]
    fn half_a_shard_and_an_impossible_one_are_errors_that_name_the_variable() {
        let message =
            |variables: &[(&str, &str)]| shard(variables).map_err(|error| error.to_string());
        assert_eq!(
            message(&[("JOB_COMPLETION_INDEX", "2")]),
            Err("JOB_COMPLETION_INDEX is set but JOB_COMPLETIONS is not: say how many shards there \
                 are, or give --shard"
                .to_owned())
        );
        for (index, count) in [("0", "2"), ("3", "2"), ("x", "2"), ("1", "-1")] {
            let error = message(&[("CI_NODE_INDEX", index), ("CI_NODE_TOTAL", count)])
                .expect_err("impossible");
            assert!(error.starts_with("CI_NODE_"), "{error}");
        }
    }
}
