//! The pages of the rules: an index, and one page per rule.

use std::fmt::Write as _;

use crate::Rule;

/// The pages, each with its path below `docs/` and its text in Markdown: the index `rules.md`, and a page per rule,
/// such as `rules/AX201.md`.
pub fn pages() -> Vec<(String, String)> {
    let index = ("rules.md".to_owned(), index());
    let rules = Rule::ALL.iter().map(|rule| (path(*rule), page(*rule)));
    [index].into_iter().chain(rules).collect()
}

fn path(rule: Rule) -> String {
    format!("rules/{}.md", rule.code())
}

fn index() -> String {
    let mut text = String::from(
        "# Rules\n\nEverything that axle reports about a wheel or an environment has a code and a name. A code never \
         changes its meaning: scripts should match codes, not messages. Each rule has a page, which says what it \
         checks, why that matters, what to do, and how axle knows.\n",
    );
    section(
        &mut text,
        "Findings of `axle audit`",
        "A finding is a defect or an oddity of a wheel. All findings follow from the bytes of the wheel alone.",
        "severity",
        Rule::ALL.iter().filter(|rule| rule.is_finding()),
    );
    section(
        &mut text,
        "Rules of `axle check` and `axle doctor`",
        "These rules are conditions on an environment in which CUDA code is built or run. `axle concretise` refuses \
         requests by some of them, and the overlay evaluations and builds. `--allow RULE`, by code or name, reports \
         violations of a rule as warnings instead of errors; in Nix it is the list `allow`.",
        "severity at worst",
        Rule::ALL.iter().filter(|rule| !rule.is_finding()),
    );
    text
}

fn section<'a>(
    text: &mut String,
    heading: &str,
    introduction: &str,
    severity: &str,
    rules: impl Iterator<Item = &'a Rule>,
) {
    let _ = write!(
        text,
        "\n## {heading}\n\n{introduction}\n\n| code | name | {severity} | reported |\n| --- | --- | --- | --- |\n"
    );
    for rule in rules {
        let (path, name, severity, title) = (path(*rule), rule.name(), rule.severity(), rule.title());
        let _ = writeln!(text, "| [{rule}]({path}) | {name} | {severity} | {title} |");
    }
}

fn page(rule: Rule) -> String {
    let at_worst = if rule.is_finding() { "" } else { " at worst" };
    let mut text = format!(
        "# {} ({rule})\n\n{}.\n\nSeverity: **{}**{at_worst}. Since axle {}. [All rules](../rules.md)\n",
        rule.name(),
        rule.title(),
        rule.severity(),
        rule.since(),
    );
    for (heading, content) in [
        ("What it does", rule.what()),
        ("Why is this bad?", rule.why()),
        ("Example", rule.example()),
        ("What to do", rule.fix()),
        ("Source", rule.source()),
    ] {
        let _ = write!(text, "\n## {heading}\n\n{content}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADINGS: [&str; 5] = ["What it does", "Why is this bad?", "Example", "What to do", "Source"];

    #[test]
    fn every_rule_has_a_page_with_every_heading() {
        let pages = pages();
        assert_eq!(pages.len(), Rule::ALL.len() + 1);
        for (rule, (path, text)) in Rule::ALL.iter().zip(&pages[1..]) {
            assert_eq!(*path, format!("rules/{}.md", rule.code()));
            assert!(text.starts_with(&format!("# {} ({})\n", rule.name(), rule.code())), "{text}");
            let headings: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
            assert_eq!(headings, HEADINGS, "{path}");
            assert!(text.contains("](../rules.md)"), "{path}");
            assert!(text.ends_with(".\n") && !text.contains("\n\n\n"), "{path}");
        }
    }

    #[test]
    fn the_index_links_every_page() {
        let pages = pages();
        let (path, index) = &pages[0];
        assert_eq!(path, "rules.md");
        for (page, _) in &pages[1..] {
            assert_eq!(index.matches(&format!("]({page})")).count(), 1, "{page}");
        }
        assert_eq!(index.matches("\n## ").count(), 2);
    }
}
