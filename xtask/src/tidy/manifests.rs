//! Every crate takes the workspace's lints: a crate that forgets them is linted by none.

use super::Finding;
use super::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.texts("Cargo.toml")
        // The root has no crate; the fuzz crate is a workspace of its own, for libFuzzer.
        .filter(|(path, text)| *path != "Cargo.toml" && !text.contains("[workspace]"))
        .filter(|(_, text)| !text.replace(' ', "").contains("[lints]\nworkspace=true"))
        .map(|(path, _)| Finding::new(path, "lacks `[lints] workspace = true`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_the_lints_is_found() {
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace]\n"),
            ("a/Cargo.toml", "[package]\n[lints]\nworkspace = true\n"),
            ("b/Cargo.toml", "[package]\n[lints]\n"),
        ]);
        let places: Vec<String> = check(&tree)
            .into_iter()
            .map(|finding| finding.place)
            .collect();
        assert_eq!(places, ["b/Cargo.toml"]);
    }
}
