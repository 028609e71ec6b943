//! Is a node what it should be, by itself?

use super::node::Node;
use super::{LEVELS_MAX, TreeKind};
use crate::format::Image;
use crate::format::superblock::Layout;
use crate::{dir, extent, refcount};

/// Checks the node at byte `at` of a block, and every record in it.
///
/// # Errors
/// What should be there.
pub(crate) fn check_node(
    kind: TreeKind,
    layout: &Layout,
    image: &Image,
    at: usize,
) -> Result<(), &'static str> {
    let node = Node(image.get(at..).unwrap_or_default());
    node.check(LEVELS_MAX, |key, value| match kind {
        TreeKind::Extents => extent::is_record(layout, key, value),
        TreeKind::Directory => dir::is_record(layout, value),
        TreeKind::Refcounts => refcount::is_record(layout, key, value),
        TreeKind::Orphans => value.is_empty() && layout.is_data_run(key, 1),
    })
}
