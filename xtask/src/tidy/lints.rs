//! One lint list: every crate takes the workspace's, and a workspace of its own repeats it exactly.

use toml::{Table, Value};

use super::{Context, Finding};

const ROOT: &str = "Cargo.toml";

pub(super) fn check(context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    let list =
        manifest(context, ROOT).and_then(|root| find(&root, &["workspace", "lints"]).cloned());
    for package in &context.packages {
        let Some(text) = manifest(context, &package.manifest) else {
            continue;
        };
        let lints = find(&text, &["lints"]);
        let is_taken =
            lints.and_then(|lints| lints.get("workspace")) == Some(&Value::Boolean(true));
        let is_own_workspace = text.contains_key("workspace");
        if is_own_workspace && lints != list.as_ref() {
            let what = format!("the lint list is not the one of {ROOT}");
            findings.push(Finding::new(
                &package.manifest,
                1,
                what,
                "copy `[workspace.lints]` there",
            ));
        } else if !is_own_workspace && !is_taken {
            let what = "the crate does not take the workspace's lints";
            findings.push(Finding::new(
                &package.manifest,
                1,
                what,
                "add `[lints] workspace = true`",
            ));
        }
    }
    findings
}

fn manifest(context: &Context, path: &str) -> Option<Table> {
    context.tree.get(path)?.parse().ok()
}

fn find<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use super::super::packages::Package;
    use super::*;

    const LIST: &str = "[workspace.lints.rust]\nunsafe_code = \"deny\"\n";

    fn found(member: &str) -> Vec<String> {
        let mut context = Context::of(&[(ROOT, LIST), ("a/Cargo.toml", member)]);
        context.packages =
            vec![Package { manifest: "a/Cargo.toml".to_owned(), ..Package::default() }];
        check(&context).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_member_takes_the_list() {
        assert_eq!(found("[lints]\nworkspace = true\n"), [""; 0]);
        assert!(found("[package]\nname = \"a\"\n")[0].contains("does not take"));
    }

    #[test]
    fn a_workspace_of_its_own_repeats_the_list() {
        assert_eq!(found("[workspace]\n[lints.rust]\nunsafe_code = \"deny\"\n"), [""; 0]);
        let weaker = "[workspace]\n[lints.rust]\nunsafe_code = \"warn\"\n";
        assert!(found(weaker)[0].contains("is not the one"));
    }
}
