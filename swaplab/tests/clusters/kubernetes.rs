//! The Indexed Job: its fields, and the rules between them that the API server checks.

use std::fs;

use super::contrib;
use super::job::{Container, FailureAction, Job, Operator};

fn text() -> String {
    fs::read_to_string(contrib("kubernetes-job.yaml")).expect("it is in contrib")
}

fn job() -> Job {
    serde_norway::from_str(&text()).unwrap_or_else(|error| panic!("kubernetes-job.yaml: {error}"))
}

fn container(job: &Job) -> &Container {
    let [container] = &job.spec.template.spec.containers[..] else { panic!("one container") };
    container
}

/// RFC 1123 label: what objects, containers and volumes may be called.
fn is_label(name: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(is_inside)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[test]
fn an_unknown_field_is_refused() {
    for (known, unknown) in [("completions: 16", "completion: 16"), ("image:", "img:")] {
        let broken = text().replacen(known, unknown, 1);
        assert_ne!(broken, text());
        assert!(serde_norway::from_str::<Job>(&broken).is_err(), "{unknown}");
    }
}

// Source: kubernetes pkg/apis/batch/validation ("validateJobSpec"), 1.33.
#[test]
fn the_job_keeps_the_rules_of_an_indexed_job() {
    let job = job();
    assert_eq!((&*job.api_version, &*job.kind), ("batch/v1", "Job"));
    let spec = &job.spec;
    assert_eq!(spec.completion_mode, "Indexed", "backoffLimitPerIndex needs it");
    assert!(spec.completions > 0 && spec.parallelism > 0 && spec.parallelism <= spec.completions);
    assert!(spec.max_failed_indexes <= spec.completions);
    assert_eq!(spec.template.spec.restart_policy, "Never", "podFailurePolicy needs it");
    assert!(spec.backoff_limit_per_index > 0, "what the machine did is tried again");
    let container = container(&job);
    let claims = spec.template.spec.volumes.iter().map(|volume| &volume.persistent_volume_claim);
    let mut names: Vec<_> = claims.map(|claim| &*claim.claim_name).collect();
    names.extend([&*job.metadata.name, &*container.name]);
    assert!(names.iter().all(|name| is_label(name)), "{names:?}");
    for mount in &container.volume_mounts {
        assert!(spec.template.spec.volumes.iter().any(|volume| volume.name == mount.name));
        assert!(mount.mount_path.starts_with('/') && !mount.mount_path.contains(':'));
    }
    assert!(container.resources.requests.keys().all(|key| key == "cpu" || key == "memory"));
    assert!(!container.image.is_empty());
}

#[test]
fn a_mistake_ends_the_job_and_a_finding_is_no_failure() {
    let job = job();
    let container = container(&job);
    let [rule] = &job.spec.pod_failure_policy.rules[..] else { panic!("one rule") };
    assert_eq!(
        (&rule.action, &rule.on_exit_codes.operator),
        (&FailureAction::FailJob, &Operator::In)
    );
    assert_eq!(rule.on_exit_codes.values, [2], "swaplab's code for a mistake of the user");
    assert_eq!(rule.on_exit_codes.container_name, container.name);
    assert_eq!(container.command, ["sh", "-c"]);
    let [script] = &container.args[..] else { panic!("one script") };
    assert!(script.contains("--resume"), "a pod that is replaced goes on");
    assert!(script.contains("[ \"$code\" -eq 1 ] && exit 0"), "findings are not retried");
}

#[test]
fn every_index_is_told_how_many_shards_there_are() {
    let job = job();
    let variables = &container(&job).env;
    let count = variables.iter().find(|variable| variable.name == "JOB_COMPLETIONS");
    assert_eq!(count.map(|count| count.value.clone()), Some(job.spec.completions.to_string()));
}
