//! `axle index show`, on the small catalogue.

use crate::run::Folder;

#[test]
fn artefacts() {
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        "axle index show --catalogue catalogue triton",
        "axle index show --catalogue catalogue TRITON --format json",
    ]));
}

#[test]
fn packages_without_artefacts() {
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        "axle index show --catalogue catalogue torch",
        "axle index show --catalogue catalogue pandas",
        "axle index show --catalogue catalogue pandas --format json",
        "axle index show --catalogue catalogue ''",
        "axle index show --catalogue catalogue ../../matrix",
    ]));
}
