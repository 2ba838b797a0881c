//! Which lines of the README are run, and what they are to answer.

use anyhow::{Context, bail};

/// Stands before the block.
const MARK: &str = "<!-- `cargo xtask compose` runs these lines. -->";
const FENCE: &str = "```";

/// A line of the block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// For a shell.
    pub(super) command: String,
    /// What its output must hold: its comment up to the first comma.
    pub(super) expected: Option<String>,
}

impl Line {
    /// What its output must hold; of a status alone, the line of HTTP that has it.
    pub(super) fn expected(&self) -> String {
        let expected = self.expected.clone().unwrap_or_default();
        let is_status = expected.len() == 3 && expected.bytes().all(|byte| byte.is_ascii_digit());
        if is_status { format!("HTTP/1.1 {expected} ") } else { expected }
    }
}

/// The lines of the marked block.
pub(super) fn lines(readme: &str) -> anyhow::Result<Vec<Line>> {
    let (_, after) = readme.split_once(MARK).with_context(|| format!("lacks the line {MARK}"))?;
    let mut parts = after.split(FENCE);
    let before = parts.next().unwrap_or_default();
    let block = parts.next().filter(|_| before.trim().is_empty() && parts.next().is_some());
    let block = block.with_context(|| format!("lacks a block between {FENCE} after {MARK}"))?;
    let joined = block.replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.trim().is_empty()).map(line);
    let lines: Vec<Line> = lines.collect();
    if lines.is_empty() {
        bail!("the block after {MARK} is empty");
    }
    Ok(lines)
}

fn line(text: &str) -> Line {
    let (command, comment) = text.rsplit_once(" # ").unwrap_or((text, ""));
    let expected = comment.split(',').next().unwrap_or_default().trim();
    Line {
        command: command.trim().to_owned(),
        expected: (!expected.is_empty()).then(|| expected.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marked_block_is_read_and_no_other() {
        let text = format!(
            "```\nrm -rf /\n```\n{MARK}\n```\ncurl -i \\\nlocalhost:7481   # 201, or so\n\ndown\n```\n```\nno\n```\n"
        );
        let line = |command: &str, expected: Option<&str>| Line {
            command: command.to_owned(),
            expected: expected.map(str::to_owned),
        };
        let expected = [line("curl -i  localhost:7481", Some("201")), line("down", None)];
        assert_eq!(lines(&text).unwrap(), expected);
        assert_eq!(expected.map(|line| line.expected()), ["HTTP/1.1 201 ", ""]);
        for wrong in
            ["", "```\nx\n```", MARK, &format!("{MARK}\n```\n```"), &format!("{MARK}\n```")]
        {
            assert!(lines(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_readme_has_such_a_block() {
        let readme = include_str!("../../../../README.md");
        let lines = lines(readme).unwrap();
        assert!(lines.iter().any(|line| line.command.starts_with("curl")), "{lines:?}");
        assert!(lines.last().unwrap().command.contains("down"), "it cleans up after itself");
    }

    #[test]
    fn the_compose_file_names_this_version() {
        let file = include_str!("../../../../docker-compose.yml");
        let own = concat!("gryadka:", env!("CARGO_PKG_VERSION"), "}");
        assert!(file.contains(own), "docker-compose.yml does not name {own}");
        let images = file.lines().filter(|line| line.contains("image:"));
        assert!(images.clone().all(|line| line.contains(":-") && !line.contains("latest")));
        assert_eq!(images.count(), 3);
    }
}
