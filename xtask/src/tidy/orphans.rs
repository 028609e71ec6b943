//! Every Rust file belongs to a crate: it is reachable by `mod` from the first file of a target.

use std::collections::BTreeSet;

use super::tree::Tree;
use super::{Context, Finding};

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let mut reached = BTreeSet::new();
    for root in context.packages.iter().flat_map(|package| &package.roots) {
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        visit(&context.tree, root, folder, &mut reached);
    }
    let orphans = context.tree.rust().filter(|(path, _)| !reached.contains(*path));
    let complain = |path: &str| {
        Finding::new(path, 1, "no crate has this file", "name it in a `mod`, or remove it")
    };
    orphans.map(|(path, _)| complain(path)).collect()
}

/// Marks `file` and the files of its modules, which lie in `folder`.
fn visit(tree: &Tree, file: &str, folder: &str, reached: &mut BTreeSet<String>) {
    let Some(text) = tree.get(file) else { return };
    if !reached.insert(file.to_owned()) {
        return;
    }
    // A syntax error is reported by the length check.
    if let Ok(parsed) = syn::parse_file(text) {
        visit_items(tree, file, folder, &parsed.items, reached);
    }
}

fn visit_items(
    tree: &Tree,
    file: &str,
    folder: &str,
    items: &[syn::Item],
    reached: &mut BTreeSet<String>,
) {
    for item in items {
        let syn::Item::Mod(module) = item else {
            continue;
        };
        let name = module.ident.to_string();
        let inner = format!("{folder}/{name}");
        if let Some((_, items)) = &module.content {
            visit_items(tree, file, &inner, items, reached);
        } else if let Some(path) = path_attribute(module) {
            let beside = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let target = format!("{beside}/{path}");
            let folder = target.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            visit(tree, &target, &folder, reached);
        } else {
            visit(tree, &format!("{inner}.rs"), &inner, reached);
            visit(tree, &format!("{inner}/mod.rs"), &inner, reached);
        }
    }
}

/// `#[path = "..."]`, if the module has it.
fn path_attribute(module: &syn::ItemMod) -> Option<String> {
    let attribute = module.attrs.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let syn::Meta::NameValue(meta) = &attribute.meta else {
        return None;
    };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) = &meta.value else {
        return None;
    };
    Some(path.value())
}

#[cfg(test)]
mod tests {
    use super::super::packages::Package;
    use super::*;

    #[test]
    fn every_way_to_name_a_module_is_followed_and_the_rest_is_found() {
        let mut context = Context::of(&[
            ("c/src/lib.rs", "mod a;\nmod b { mod inner; }\n#[path = \"odd/name.rs\"] mod d;"),
            ("c/src/a.rs", "#[cfg(test)]\nmod tests;"),
            ("c/src/a/tests.rs", ""),
            ("c/src/b/inner/mod.rs", "mod deep;"),
            ("c/src/b/inner/deep.rs", ""),
            ("c/src/odd/name.rs", ""),
            ("c/src/left_over.rs", "mod a;"),
            ("c/build.rs", ""),
        ]);
        context.packages = vec![Package {
            roots: vec!["c/src/lib.rs".to_owned(), "c/build.rs".to_owned()],
            ..Package::default()
        }];
        let found: Vec<_> = check(&context).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["c/src/left_over.rs"]);
    }
}
