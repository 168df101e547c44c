//! Canonical JSON, which ids are hashes of: keys sorted, no spaces. Nix's `builtins.toJSON` writes the same bytes.

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The canonical JSON of a value.
///
/// # Errors
/// When the value cannot be represented in JSON.
pub fn to_string<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    // A `Value`'s maps are sorted by key, which the fields of a struct are not.
    serde_json::to_value(value).map(|value| value.to_string())
}

/// The lower-case hex SHA-256 of the canonical JSON of a value.
///
/// # Errors
/// As [`to_string`].
pub fn sha256_hex<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    to_string(value).map(|text| HEXLOWER.encode(&Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_are_sorted_and_nothing_is_spaced() {
        #[derive(serde::Serialize)]
        struct Example {
            b: Vec<u8>,
            a: Option<&'static str>,
        }
        let example = Example { b: vec![1, 2], a: None };
        assert_eq!(super::to_string(&example).unwrap(), r#"{"a":null,"b":[1,2]}"#);
        assert_eq!(
            super::sha256_hex(&()).unwrap(),
            "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"
        );
    }
}
