//! Environment markers (PEP 508): `python_version >= "3.12" and extra == "cuda"`.
//!
//! A marker is kept as it is written and evaluated term by term, so that it costs no more than its length. (A normal
//! form of markers, which pep508_rs keeps, is exponential in the number of terms.)

use std::fmt;

use pep440_rs::{Operator, VersionPattern, VersionSpecifier};
use pep508_rs::StringVersion;
use pep508_rs::{ExtraName, MarkerEnvironment};

/// The most comparisons in one marker: of the 7,350 different ones in axle's catalogue the longest has 9.
const MOST_TERMS: usize = 64;
/// How deep parentheses may be nested.
const DEEPEST: usize = 32;

/// When a requirement holds; always, where nothing is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marker {
    text: String,
    /// Nothing where all of it is [ignored](parse).
    expression: Option<Expression>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Version {
        key: VersionKey,
        specifier: VersionSpecifier,
    },
    Text {
        key: TextKey,
        comparison: Comparison,
        value: String,
    },
    /// What is compared with is no name of an extra: then there is none.
    Extra {
        name: Option<ExtraName>,
        negated: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VersionKey {
    Implementation,
    PythonFull,
    Python,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextKey {
    ImplementationName,
    OsName,
    PlatformMachine,
    PlatformPythonImplementation,
    PlatformRelease,
    PlatformSystem,
    PlatformVersion,
    SysPlatform,
    /// The text of a version, in which another is looked for.
    Version(VersionKey),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    /// `~=`, of versions alone.
    Compatible,
    /// The left is part of the right.
    In,
    NotIn,
    /// The right is part of the left.
    Contains,
    ContainsNot,
}

enum Value {
    Version(VersionKey),
    Text(TextKey),
    Extra,
    Quoted(String),
}

impl Marker {
    /// Whether it holds on a machine, of a package that is installed with some extras.
    pub fn holds(&self, environment: &MarkerEnvironment, extras: &[ExtraName]) -> bool {
        self.holds_with(environment, &|extra| extras.contains(extra))
    }

    /// The same, where `has` says which extras there are.
    pub fn holds_with(&self, environment: &MarkerEnvironment, has: &dyn Fn(&ExtraName) -> bool) -> bool {
        self.expression.as_ref().is_none_or(|expression| expression.holds(environment, has))
    }

    /// The extras that it asks for, each as often as it stands there.
    pub fn extras(&self) -> Vec<&ExtraName> {
        let mut extras = Vec::new();
        self.visit(&mut |expression| {
            if let Expression::Extra { name: Some(name), negated: false } = expression {
                extras.push(name);
            }
        });
        extras
    }

    /// Whether it depends on extras.
    pub fn is_of_extras(&self) -> bool {
        let mut found = false;
        self.visit(&mut |expression| found |= matches!(expression, Expression::Extra { .. }));
        found
    }

    /// Whether it always holds.
    pub fn is_empty(&self) -> bool {
        self.expression.is_none()
    }

    fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Expression)) {
        let mut left: Vec<&Expression> = self.expression.iter().collect();
        while let Some(expression) = left.pop() {
            if let Expression::All(parts) | Expression::Any(parts) = expression {
                left.extend(parts.iter().rev());
            }
            see(expression);
        }
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Expression {
    fn holds(&self, environment: &MarkerEnvironment, has: &dyn Fn(&ExtraName) -> bool) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(environment, has)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(environment, has)),
            Self::Version { key, specifier } => specifier.contains(&key.of(environment).version),
            Self::Text { key, comparison, value } => comparison.holds(key.of(environment), value),
            Self::Extra { name, negated } => name.as_ref().is_some_and(has) != *negated,
        }
    }
}

impl VersionKey {
    fn of(self, environment: &MarkerEnvironment) -> &StringVersion {
        match self {
            Self::Implementation => environment.implementation_version(),
            Self::PythonFull => environment.python_full_version(),
            Self::Python => environment.python_version(),
        }
    }
}

impl TextKey {
    fn of(self, environment: &MarkerEnvironment) -> &str {
        match self {
            Self::ImplementationName => environment.implementation_name(),
            Self::OsName => environment.os_name(),
            Self::PlatformMachine => environment.platform_machine(),
            Self::PlatformPythonImplementation => environment.platform_python_implementation(),
            Self::PlatformRelease => environment.platform_release(),
            Self::PlatformSystem => environment.platform_system(),
            Self::PlatformVersion => environment.platform_version(),
            Self::SysPlatform => environment.sys_platform(),
            Self::Version(key) => &key.of(environment).string,
        }
    }
}

impl Comparison {
    /// Of texts that are no versions.
    fn holds(self, left: &str, right: &str) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
            Self::Compatible => false,
            Self::In => right.contains(left),
            Self::NotIn => !right.contains(left),
            Self::Contains => left.contains(right),
            Self::ContainsNot => !left.contains(right),
        }
    }

    /// The same with the sides exchanged.
    fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            Self::In => Self::Contains,
            Self::NotIn => Self::ContainsNot,
            Self::Contains => Self::In,
            Self::ContainsNot => Self::NotIn,
            Self::Equal | Self::NotEqual | Self::Compatible => self,
        }
    }

    /// The operator of versions (PEP 440).
    fn operator(self) -> Option<Operator> {
        match self {
            Self::Equal => Some(Operator::Equal),
            Self::NotEqual => Some(Operator::NotEqual),
            Self::Less => Some(Operator::LessThan),
            Self::LessEqual => Some(Operator::LessThanEqual),
            Self::Greater => Some(Operator::GreaterThan),
            Self::GreaterEqual => Some(Operator::GreaterThanEqual),
            Self::Compatible => Some(Operator::TildeEqual),
            Self::In | Self::NotIn | Self::Contains | Self::ContainsNot => None,
        }
    }
}

/// Reads a marker. A comparison that can't mean anything (of two constants, of a version with what is none) is ignored,
/// as pip and uv do: published packages have them.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Marker, String> {
    let mut parser = Parser { rest: text, terms: 0, depth: 0 };
    let expression = parser.either()?;
    match parser.peek() {
        None => Ok(Marker { text: text.trim().to_owned(), expression }),
        Some(other) => Err(format!("expected `and`, `or` or the end of the marker, found `{other}`")),
    }
}

struct Parser<'a> {
    rest: &'a str,
    terms: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// The next character, past blanks.
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    /// Takes characters as long as they are such.
    fn take(&mut self, such: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|next| !such(next)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Takes a word, if it is the next one.
    fn word(&mut self, word: &str) -> bool {
        self.peek();
        match self.rest.strip_prefix(word) {
            Some(rest) if rest.chars().next().is_none_or(char::is_whitespace) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// What is joined by `or`.
    fn either(&mut self) -> Result<Option<Expression>, String> {
        self.joined("or", Self::both, Expression::Any)
    }

    /// What is joined by `and`.
    fn both(&mut self) -> Result<Option<Expression>, String> {
        self.joined("and", Self::one, Expression::All)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Option<Expression>, String>,
        join: fn(Vec<Expression>) -> Expression,
    ) -> Result<Option<Expression>, String> {
        let mut parts: Vec<Expression> = part(self)?.into_iter().collect();
        while self.word(word) {
            parts.extend(part(self)?);
        }
        Ok(if parts.len() > 1 { Some(join(parts)) } else { parts.pop() })
    }

    fn one(&mut self) -> Result<Option<Expression>, String> {
        if self.peek() != Some('(') {
            return self.comparison();
        }
        if self.depth == DEEPEST {
            return Err(format!("more than {DEEPEST} nested parentheses are not supported"));
        }
        self.depth += 1;
        self.rest = self.rest.get(1..).unwrap_or_default();
        let inner = self.either()?;
        if self.peek() != Some(')') {
            return Err("a parenthesis is not closed".to_owned());
        }
        self.rest = self.rest.get(1..).unwrap_or_default();
        self.depth -= 1;
        Ok(inner)
    }

    fn comparison(&mut self) -> Result<Option<Expression>, String> {
        self.terms += 1;
        if self.terms > MOST_TERMS {
            return Err(format!("more than {MOST_TERMS} comparisons in a marker are not supported"));
        }
        let left = self.value()?;
        let comparison = self.operator()?;
        let right = self.value()?;
        Ok(match (left, right) {
            (Value::Version(key), Value::Quoted(text)) => versions(key, comparison, text),
            // Not `3.*`, which stands on the right alone.
            (Value::Quoted(text), Value::Version(key)) if !text.ends_with('*') => {
                versions(key, comparison.mirrored(), text)
            }
            (Value::Text(key), Value::Quoted(value)) => text(key, comparison, value),
            (Value::Quoted(value), Value::Text(key)) => text(key, comparison.mirrored(), value),
            (Value::Extra, Value::Quoted(name)) | (Value::Quoted(name), Value::Extra) => {
                let name = name.parse().ok();
                match comparison {
                    Comparison::Equal => Some(Expression::Extra { name, negated: false }),
                    Comparison::NotEqual => Some(Expression::Extra { name, negated: true }),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek() {
            None => Err("expected a variable or a quoted string, found the end of the marker".to_owned()),
            Some(quote @ ('"' | '\'')) => {
                let inner = self.rest.get(1..).unwrap_or_default();
                let (value, rest) = inner
                    .split_once(quote)
                    .ok_or_else(|| format!("`{quote}{inner}` has no closing quote"))?;
                self.rest = rest;
                Ok(Value::Quoted(value.to_owned()))
            }
            Some(_) => {
                let name = self.take(|next| next.is_ascii_alphanumeric() || "_.".contains(next));
                variable(name).ok_or_else(|| {
                    let name = if name.is_empty() { self.rest } else { name };
                    format!("`{name}` is not a marker variable")
                })
            }
        }
    }

    fn operator(&mut self) -> Result<Comparison, String> {
        let letters = self.peek().is_some_and(char::is_alphabetic);
        let operator =
            if letters { self.take(char::is_alphabetic) } else { self.take(|next| "<=>~!".contains(next)) };
        Ok(match operator {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterEqual,
            "~=" => Comparison::Compatible,
            "in" => Comparison::In,
            "not" => {
                let blanks = self.take(char::is_whitespace);
                let Some(rest) = self.rest.strip_prefix("in").filter(|_| !blanks.is_empty()) else {
                    return Err("expected `in` after `not`".to_owned());
                };
                self.rest = rest;
                Comparison::NotIn
            }
            other => return Err(format!("`{other}` is not an operator such as `>=` or `not in`")),
        })
    }
}

/// A comparison of a version. With `in` its text is looked for, as in `python_version in "3.11 3.12"`.
fn versions(key: VersionKey, comparison: Comparison, value: String) -> Option<Expression> {
    let Some(operator) = comparison.operator() else { return text(TextKey::Version(key), comparison, value) };
    let pattern: VersionPattern = value.parse().ok()?;
    let specifier = VersionSpecifier::from_pattern(operator, pattern).ok()?;
    Some(Expression::Version { key, specifier })
}

fn text(key: TextKey, comparison: Comparison, value: String) -> Option<Expression> {
    (comparison != Comparison::Compatible).then_some(Expression::Text { key, comparison, value })
}

/// What a name stands for; those with dots are of PEP 345.
fn variable(name: &str) -> Option<Value> {
    Some(match name {
        "implementation_version" => Value::Version(VersionKey::Implementation),
        "python_full_version" => Value::Version(VersionKey::PythonFull),
        "python_version" => Value::Version(VersionKey::Python),
        "implementation_name" => Value::Text(TextKey::ImplementationName),
        "os_name" | "os.name" => Value::Text(TextKey::OsName),
        "platform_machine" | "platform.machine" => Value::Text(TextKey::PlatformMachine),
        "platform_python_implementation" | "platform.python_implementation" | "python_implementation" => {
            Value::Text(TextKey::PlatformPythonImplementation)
        }
        "platform_release" => Value::Text(TextKey::PlatformRelease),
        "platform_system" => Value::Text(TextKey::PlatformSystem),
        "platform_version" | "platform.version" => Value::Text(TextKey::PlatformVersion),
        "sys_platform" | "sys.platform" => Value::Text(TextKey::SysPlatform),
        "extra" => Value::Extra,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use pep508_rs::MarkerEnvironmentBuilder;
    use proptest::prelude::*;

    use super::*;

    fn environment() -> MarkerEnvironment {
        MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: "3.12.99",
            os_name: "posix",
            platform_machine: "x86_64",
            platform_python_implementation: "CPython",
            platform_release: "",
            platform_system: "Linux",
            platform_version: "",
            python_full_version: "3.12.99",
            python_version: "3.12",
            sys_platform: "linux",
        })
        .unwrap()
    }

    fn holds(text: &str, extras: &[&str]) -> bool {
        let extras: Vec<ExtraName> = extras.iter().map(|extra| extra.parse().unwrap()).collect();
        parse(text).unwrap().holds(&environment(), &extras)
    }

    #[test]
    fn what_holds() {
        for text in [
            "python_version >= '3.9'",
            "'3.9' <= python_version",
            "python_version == '3.*'",
            "python_version in '3.11 3.12' and python_version not in '3.9 3.10' and '3.1' in python_version",
            "'linux' == sys_platform and (os_name == 'nt' or os.name=='posix')",
            "platform_system in 'Linux Darwin' and 'nux' in platform_system and 'y' not in platform_system",
            "extra != 'a'",
            // These mean nothing, and are ignored.
            "python_version >= 'x'",
            "'a' == 'b'",
            "python_version == os_name and sys_platform == 'linux'",
        ] {
            assert!(holds(text, &[]), "{text}");
        }
        for text in
            ["python_version < '3.9' or os_name == 'nt'", "extra == 'a'", "extra == '-'", "'3.*' == os_name"]
        {
            assert!(!holds(text, &[]), "{text}");
        }
        assert!(holds("extra == 'A.b' and python_version > '3'", &["a-b"]));
        let marker = parse(" extra == 'a' or (extra=='b' and extra != 'c') ").unwrap();
        assert_eq!(marker.to_string(), "extra == 'a' or (extra=='b' and extra != 'c')");
        assert_eq!(marker.extras().iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b"]);
        assert!(marker.is_of_extras() && !parse("os_name == 'extra'").unwrap().is_of_extras());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let told: Vec<String> = [
            "",
            "os_name",
            "os_name ==",
            "os_name = 'x'",
            "name == 'x'",
            "os_name == 'x",
            "(os_name == 'x'",
            "os_name == 'x')",
            "os_name == 'x' os_name == 'y'",
            "os_name not 'x'",
            "os_name notin 'x'",
            "é == 'x'",
        ]
        .iter()
        .map(|text| format!("{text}: {}", parse(text).unwrap_err()))
        .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    /// In a normal form each of these pairs would double the memory, and make the text seven times as long.
    #[test]
    fn terms_cost_what_they_are_long() {
        let pairs = |count: usize| {
            let pair = |index| format!("'a{index}' in platform_version and 'b{index}' in platform_release");
            (0..count).map(pair).collect::<Vec<_>>().join(" or ")
        };
        assert!(!holds(&pairs(32), &[]));
        let refused = "more than 64 comparisons in a marker are not supported";
        assert_eq!(parse(&pairs(33)).unwrap_err(), refused);
        let deep = |depth: usize| format!("{}os_name == 'posix'{}", "(".repeat(depth), ")".repeat(depth));
        assert!(holds(&deep(32), &[]));
        let refused = "more than 32 nested parentheses are not supported";
        assert_eq!(parse(&deep(33)).unwrap_err(), refused);
        assert_eq!(parse(&"(".repeat(1 << 20)).unwrap_err(), refused);
    }

    fn term() -> impl Strategy<Value = String> {
        const COMPARISONS: [&str; 9] = ["==", "!=", "<", "<=", ">", ">=", "~=", "in", "not  in"];

        let version =
            prop::sample::select(vec!["python_version", "python_full_version", "implementation_version"]);
        let text = prop::sample::select(vec![
            "os_name",
            "sys_platform",
            "platform_machine",
            "platform_system",
            "platform_release",
            "os.name",
            "python_implementation",
        ]);
        // It takes `in` for a list of versions, and panics at `'x' ~= os_name`.
        let of_versions = prop::sample::select(&COMPARISONS[..7]);
        let of_text = || prop::sample::select(&COMPARISONS[..]);
        let number = prop::sample::select(vec![
            "3",
            "3.11",
            "3.12",
            "3.13",
            "3.12.99",
            "3.12.4",
            "3.*",
            "3.12.*",
            "3.11 3.12",
            "x",
            "",
        ]);
        let value = prop::sample::select(vec!["posix", "linux", "Linux Darwin", "x86_64", "nux", "", "a"]);
        let extra = prop::sample::select(vec!["a", "B_c", "-", ""]);
        let flip = |(left, operator, right, swap): (&str, &str, &str, bool)| {
            if swap {
                format!("'{right}' {operator} {left}")
            } else {
                format!("{left} {operator} \"{right}\"")
            }
        };
        prop_oneof![
            (version, of_versions, number, any::<bool>()).prop_map(flip),
            (text, of_text(), value, any::<bool>()).prop_map(move |(left, operator, right, swap)| flip((
                left,
                operator,
                right,
                swap && operator != "~="
            ))),
            (Just("extra"), of_text(), extra, any::<bool>()).prop_map(flip),
        ]
    }

    fn tree() -> impl Strategy<Value = String> {
        term().prop_recursive(3, 6, 3, |inner| {
            let parts = prop::collection::vec(inner, 2..4);
            (parts, any::<bool>(), any::<bool>()).prop_map(|(parts, and, open)| {
                let joined = parts.join(if and { " and " } else { " or " });
                if open { joined } else { format!("({joined})") }
            })
        })
    }

    proptest! {
        /// uv's reader of markers, on small ones.
        #[test]
        #[expect(clippy::disallowed_types, reason = "what it says is compared with")]
        fn another_reader_says_the_same(text in tree(), extra in prop::option::of(prop::sample::select(vec!["a", "b-c"]))) {
            let theirs = pep508_rs::MarkerTree::from_str(&text);
            let ours = parse(&text);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
            if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                let extras: Vec<ExtraName> = extra.into_iter().map(|extra| extra.parse().unwrap()).collect();
                prop_assert_eq!(ours.holds(&environment(), &extras), theirs.evaluate(&environment(), &extras));
            }
        }

        #[test]
        fn any_text_gives_an_answer(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
