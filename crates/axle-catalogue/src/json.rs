//! Formatting of generated JSON: a value that fits on a line is on one, so that diffs are readable, and nothing is
//! indented, so that files are small.

/// The longest line that a whole array or object is written on.
const LINE: usize = 160;

/// Lays out compact JSON. Only white space is added.
pub(crate) fn layout(compact: &str) -> String {
    let ends = ends(compact.as_bytes());
    let mut text = String::with_capacity(compact.len() + compact.len() / 8);
    write(compact, 0, compact.len(), &ends, &mut text);
    text.push('\n');
    text
}

/// For every opening bracket of compact JSON where its closing one is; the rest is 0.
fn ends(json: &[u8]) -> Vec<u32> {
    let mut ends = vec![0; json.len()];
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => at = end_of_string(json, at),
            b'[' | b'{' => open.push(at),
            b']' | b'}' => {
                if let Some(end) = open.pop().and_then(|start| ends.get_mut(start)) {
                    *end = u32::try_from(at).unwrap_or_default();
                }
            }
            _ => {}
        }
        at += 1;
    }
    ends
}

/// Where the string that starts at `at` has its closing quote.
fn end_of_string(json: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// Writes the values of `json` between `from` and `to`.
fn write(json: &str, from: usize, to: usize, ends: &[u32], text: &mut String) {
    let bytes = json.as_bytes();
    let mut at = from;
    while at < to {
        let Some(&byte) = bytes.get(at) else { return };
        match byte {
            b'"' => {
                let end = end_of_string(bytes, at);
                text.push_str(json.get(at..=end).unwrap_or_default());
                at = end;
            }
            b'[' | b'{' => {
                let end = ends.get(at).copied().unwrap_or_default() as usize;
                if end <= at {
                    return;
                }
                if end - at < LINE {
                    text.push_str(json.get(at..=end).unwrap_or_default());
                } else {
                    text.push(char::from(byte));
                    text.push('\n');
                    write(json, at + 1, end, ends, text);
                    text.push('\n');
                    text.push_str(json.get(end..=end).unwrap_or_default());
                }
                at = end;
            }
            b',' => text.push_str(",\n"),
            _ => text.push(char::from(byte)),
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_fits_a_line_stands_on_one() {
        let long = "x".repeat(160);
        let value = json!({"a": [1, {"b": null}], "c": [long, "}],\"", [], 1.5], "d": {"e": true}});
        let text = layout(&value.to_string());
        let expected = format!(
            "{{\n\"a\":[1,{{\"b\":null}}],\n\"c\":[\n\"{long}\",\n\"}}],\\\"\",\n[],\n1.5\n],\n\"d\":{{\"e\":true}}\n}}\n"
        );
        assert_eq!(text, expected);
    }

    proptest! {
        #[test]
        fn only_white_space_is_added(
            words in prop::collection::vec(("[\\PC\"\\\\{}\\[\\],:]{0,40}", prop::collection::vec("\\PC{0,60}", 0..6)), 0..12),
        ) {
            let value: Value = words.into_iter().map(|(key, values)| (key, json!({"v": values, "n": {}}))).collect();
            let compact = value.to_string();
            let text = layout(&compact);
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            prop_assert!(text.lines().count() > 0 && text.ends_with('\n'));
        }
    }
}
