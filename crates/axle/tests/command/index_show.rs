//! `axle catalogue show`, on the small catalogue.

use crate::run::Folder;

#[test]
fn artefacts() {
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        "axle catalogue show --catalogue catalogue triton",
        "axle catalogue show --catalogue catalogue TRITON --format json",
    ]));
}

#[test]
fn packages_without_artefacts() {
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        "axle catalogue show --catalogue catalogue torch",
        "axle catalogue show --catalogue catalogue pandas",
        "axle catalogue show --catalogue catalogue pandas --format json",
        "axle catalogue show --catalogue catalogue ''",
        "axle catalogue show --catalogue catalogue ../../matrix",
    ]));
}
