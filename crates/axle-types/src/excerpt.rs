//! Excerpts of untrusted text for error messages.

/// The text, or its start where it is longer than a line or two.
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 200;

    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(excerpt(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(excerpt(&"é".repeat(1 << 20)), format!("{}…", "é".repeat(200)));
    }
}
