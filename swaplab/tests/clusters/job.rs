//! A Job of Kubernetes as its API server reads it: `batch/v1` of Kubernetes 1.33, as far as a campaign needs it.
//!
//! An unknown field is refused, as `kubectl` does (`--validate=strict`). Fields that the API has and no campaign
//! uses are left out: who adds one to the file looks it up and adds it here.
// Source: kubernetes/api batch/v1/types.go (Job, JobSpec, PodFailurePolicy) and core/v1/types.go (PodSpec).

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Job {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) metadata: Metadata,
    pub(super) spec: JobSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct JobSpec {
    pub(super) completion_mode: String,
    pub(super) completions: u32,
    pub(super) parallelism: u32,
    pub(super) backoff_limit_per_index: u32,
    pub(super) max_failed_indexes: u32,
    pub(super) pod_failure_policy: PodFailurePolicy,
    pub(super) template: PodTemplate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PodFailurePolicy {
    pub(super) rules: Vec<FailureRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct FailureRule {
    pub(super) action: FailureAction,
    pub(super) on_exit_codes: ExitCodes,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) enum FailureAction {
    FailJob,
    FailIndex,
    Ignore,
    Count,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ExitCodes {
    pub(super) container_name: String,
    pub(super) operator: Operator,
    pub(super) values: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Operator {
    In,
    NotIn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PodTemplate {
    pub(super) spec: PodSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PodSpec {
    pub(super) restart_policy: String,
    pub(super) containers: Vec<Container>,
    pub(super) volumes: Vec<Volume>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) command: Vec<String>,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<Variable>,
    pub(super) resources: Resources,
    pub(super) volume_mounts: Vec<VolumeMount>,
}

/// Its value is text: a number without quotes is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resources {
    pub(super) requests: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct VolumeMount {
    pub(super) name: String,
    pub(super) mount_path: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) persistent_volume_claim: Claim,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Claim {
    pub(super) claim_name: String,
}
