//! Finds who waits for whom in a circle.

use alloc::vec::Vec;

use crate::state::{State, Status};
use crate::{Resource, TaskId};

/// A task, what it waits for, and who could give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) task: TaskId,
    pub(crate) resource: Resource,
    pub(crate) holder: Option<TaskId>,
}

/// Every task that waits for something that it needs to get on, in the order of their making.
pub(crate) fn waiting(state: &State) -> Vec<Edge> {
    let edges = state.ids().filter_map(|(task, known)| match known.status {
        Status::Waiting { resource, .. } if !resource.kind.is_idle() => {
            Some(Edge { task, resource, holder: state.holders.get(&resource).copied() })
        }
        _ => None,
    });
    edges.collect()
}

/// The first circle among the waits: each waits for the next, the last for the first.
pub(crate) fn find(edges: &[Edge]) -> Vec<Edge> {
    let edge_of = |task: TaskId| edges.iter().find(|edge| edge.task == task);
    for start in edges {
        let mut path = Vec::from([*start]);
        while let Some(next) = path.last().and_then(|edge| edge.holder).and_then(edge_of) {
            if let Some(at) = path.iter().position(|edge| edge.task == next.task) {
                return path.split_off(at);
            }
            path.push(*next);
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResourceKind;

    fn edge(task: u16, holder: Option<u16>) -> Edge {
        let resource = Resource::new(ResourceKind::MapLock, u64::from(task));
        Edge { task: TaskId(task), resource, holder: holder.map(TaskId) }
    }

    fn cycle(edges: &[Edge]) -> Vec<u16> {
        find(edges).iter().map(|edge| edge.task.0).collect()
    }

    #[test]
    fn a_chain_that_ends_is_no_circle() {
        assert_eq!(cycle(&[edge(0, Some(1)), edge(1, Some(2)), edge(2, None)]), []);
    }

    #[test]
    fn only_the_circle_is_found_not_who_waits_for_it() {
        let edges = [edge(0, Some(1)), edge(1, Some(2)), edge(2, Some(3)), edge(3, Some(1))];
        assert_eq!(cycle(&edges), [1, 2, 3]);
    }

    #[test]
    fn who_waits_for_itself_is_a_circle_of_one() {
        assert_eq!(cycle(&[edge(0, None), edge(1, Some(1))]), [1]);
    }

    #[test]
    fn a_holder_who_does_not_wait_breaks_it() {
        assert_eq!(cycle(&[edge(0, Some(7))]), []);
    }
}
