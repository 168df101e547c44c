//! The glibc that an audit found.

use axle_wheel::Glibc;

/// The release that a symbol version names. A few of them have a third number (`GLIBC_2.2.5`, the first of x86_64),
/// which every wheel's release has.
pub(crate) fn floor(text: &str) -> Option<Glibc> {
    let mut numbers = text.splitn(3, '.');
    let release = format!("{}.{}", numbers.next()?, numbers.next()?);
    let patch = numbers.next().is_none_or(|patch| patch.parse::<u16>().is_ok());
    release.parse().ok().filter(|_| patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbol_versions_are_releases() {
        assert_eq!(floor("2.35"), Some(Glibc::new(2, 35)));
        assert_eq!(floor("2.2.5"), Some(Glibc::new(2, 2)));
        for wrong in ["", "2", "2.x", "2.2.", "2.2.5.1", "PRIVATE"] {
            assert_eq!(floor(wrong), None, "{wrong}");
        }
    }
}
