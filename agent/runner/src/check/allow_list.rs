//! Which repositories, variables and plugins this agent runs. Pure.
//!
//! Patterns look for a match anywhere, as the peer's do; `^` and `$` are the user's to write. An
//! address with a part `..` matches nothing: it looks like one place and is another.

use std::collections::BTreeMap;
use std::fmt;

use regex::bytes::Regex;
use shared_protocol::env;
use shared_signing::{Misread, Plugin, climbs};

use super::re2;

/// The job's plugins, as text.
const PLUGINS: &str = "BUILDKITE_PLUGINS";

/// Variables that every job has, whatever the list of allowed ones says.
const ALWAYS: [&str; 3] = ["^BUILDKITE$", "^BUILDKITE_.*$", "^CI$"];

/// Patterns, one of which a text has to match.
#[derive(Debug, Clone)]
pub struct AllowList(Vec<Regex>, Vec<String>);

/// What this agent runs. Nothing is restricted of which there is no list.
#[derive(Debug, Clone, Default)]
pub struct AllowLists {
    /// Addresses of repositories, also of mirrors.
    pub repositories: Option<AllowList>,
    /// Names of variables.
    pub variables: Option<AllowList>,
    /// Full names of plugins. Of no meaning where plugins are off.
    pub plugins: Option<AllowList>,
}

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is not a pattern of RE2: {why}")]
pub struct BadPattern {
    /// Which.
    pub pattern: String,
    /// The first line that says something.
    pub why: String,
}

/// Why a job is not for this agent. The text is for the job's log, in the peer's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Its repository.
    #[error("failed to validate repo: {0} has no match in {1}")]
    Repository(String, String),
    /// Some of its variables, by name.
    #[error("failed to validate environment variables: {0} has no match in {1}")]
    Variables(String, String),
    /// One of its plugins.
    #[error("failed to validate plugins: {0} has no match in {1}")]
    Plugin(String, String),
    /// Its list of plugins cannot be read.
    #[error("failed to validate plugins: {0}")]
    Plugins(Misread),
    /// The address of its repository, or of a plugin.
    #[error("failed to validate {0}: {1:?} has a part `..`; write the address without it")]
    Climbs(&'static str, String),
}

impl AllowList {
    /// Compiles patterns of Go's RE2.
    pub fn compile(patterns: &[String]) -> Result<Self, BadPattern> {
        let compiled = patterns.iter().map(|pattern| {
            re2::compile(pattern).map_err(|error| BadPattern {
                pattern: pattern.clone(),
                why: last_line(&error.to_string()),
            })
        });
        Ok(Self(
            compiled.collect::<Result<_, _>>()?,
            patterns.to_owned(),
        ))
    }

    /// As [`AllowList::compile`], together with the names that every job has.
    pub fn of_variables(patterns: &[String]) -> Result<Self, BadPattern> {
        let always = ALWAYS.map(str::to_owned);
        let all: Vec<String> = always.into_iter().chain(patterns.iter().cloned()).collect();
        Self::compile(&all)
    }

    fn allows(&self, text: &str) -> bool {
        self.0.iter().any(|regex| regex.is_match(text.as_bytes()))
    }
}

impl fmt::Display for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.1.join(" "))
    }
}

impl AllowLists {
    /// Whether a job with these variables may run.
    pub fn check(&self, job: &BTreeMap<String, String>) -> Result<(), NotAllowed> {
        let text = |name: &str| job.get(name).map_or("", String::as_str);
        if let Some(list) = &self.repositories {
            let repository = text(env::REPO);
            if climbs(repository) {
                return Err(NotAllowed::Climbs("repo", repository.to_owned()));
            }
            if !list.allows(repository) {
                return Err(NotAllowed::Repository(
                    on_one_line(repository),
                    list.to_string(),
                ));
            }
        }
        if let Some(list) = &self.variables {
            let names = job.keys().filter(|name| !list.allows(name));
            let names: Vec<&str> = names.map(String::as_str).collect();
            if !names.is_empty() {
                let names = on_one_line(&names.join(", "));
                return Err(NotAllowed::Variables(names, list.to_string()));
            }
        }
        if let Some(list) = &self.plugins {
            let plugins = Plugin::read_text(text(PLUGINS)).map_err(NotAllowed::Plugins)?;
            if let Some(plugin) = plugins.iter().find(|plugin| plugin.climbs()) {
                return Err(NotAllowed::Climbs("plugins", plugin.source.clone()));
            }
            for name in plugins.iter().map(Plugin::full_source) {
                if !list.allows(&name) {
                    return Err(NotAllowed::Plugin(on_one_line(&name), list.to_string()));
                }
            }
        }
        Ok(())
    }

    /// Whether a job's mirror of its repository is to be left out: it is a repository, too.
    pub fn leaves_out(&self, mirror: &str) -> bool {
        let list = self.repositories.as_ref();
        let good = |list: &AllowList| !climbs(mirror) && list.allows(mirror);
        !mirror.is_empty() && list.is_some_and(|list| !good(list))
    }
}

/// What a job brings along cannot forge lines of a log.
fn on_one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The library shows the place over several lines; the last one says what is wrong.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &[&str]) -> AllowList {
        let patterns: Vec<String> = patterns.iter().map(|&p| p.to_owned()).collect();
        AllowList::compile(&patterns).unwrap()
    }

    fn job(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
        pairs.collect()
    }

    #[test]
    fn one_matching_pattern_is_enough_and_no_list_restricts_nothing() {
        let lists = AllowLists {
            repositories: Some(list(&["^a$", "^b"])),
            ..AllowLists::default()
        };
        for (repository, allowed) in [("a", true), ("bcd", true), ("ab", false), ("", false)] {
            let verdict = lists.check(&job(&[(env::REPO, repository)]));
            assert_eq!(verdict.is_ok(), allowed, "{repository}");
        }
        assert!(lists.check(&job(&[])).is_err());
        assert!(AllowLists::default().check(&job(&[("X", "1")])).is_ok());
    }

    #[test]
    fn variables_of_the_endpoint_are_always_allowed_and_all_others_are_named() {
        let variables = AllowList::of_variables(&["^MY_".to_owned()]).unwrap();
        let lists = AllowLists {
            variables: Some(variables),
            ..AllowLists::default()
        };
        let fine = [
            ("BUILDKITE", "1"),
            ("BUILDKITE_X", "1"),
            ("CI", "1"),
            ("MY_A", "1"),
        ];
        assert!(lists.check(&job(&fine)).is_ok());
        let wrong = lists.check(&job(&[("Z", "secret"), ("CIX", "1"), ("MY_A", "1")]));
        let text = wrong.unwrap_err().to_string();
        assert!(
            text.contains("environment variables: CIX, Z has no match"),
            "{text}"
        );
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn plugins_are_allowed_by_their_full_names() {
        let lists = AllowLists {
            plugins: Some(list(&["^github\\.com/buildkite-plugins/"])),
            ..AllowLists::default()
        };
        for (plugins, allowed) in [
            (r#"["docker#v1"]"#, true),
            (r#"[{"docker#v1": {"a": 1}}]"#, true),
            (r#"[{"docker#v1": null}, "evil/docker"]"#, false),
            ("", true),
            ("null", true),
            ("[]", true),
            ("{not json", false),
        ] {
            let verdict = lists.check(&job(&[(PLUGINS, plugins)]));
            assert_eq!(verdict.is_ok(), allowed, "{plugins}");
        }
    }

    #[test]
    fn an_address_that_leads_elsewhere_than_it_looks_is_not_allowed() {
        let lists = AllowLists {
            repositories: Some(list(&["^https://git/good/"])),
            plugins: Some(list(&[
                "^github\\.com/buildkite-plugins/",
                "^https://git/good/",
            ])),
            ..AllowLists::default()
        };
        for (address, allowed) in [
            ("https://git/good/a..b", true),
            ("https://git/good/../evil/a", false),
            ("https://git/good/%2E%2e/evil/a", false),
            ("https://git/good/..", false),
        ] {
            let plugins = format!("[\"{address}\"]");
            let fine = [(env::REPO, "https://git/good/x"), (PLUGINS, &plugins)];
            assert_eq!(lists.check(&job(&fine)).is_ok(), allowed, "{address}");
            let fine = lists.check(&job(&[(env::REPO, address)]));
            assert_eq!(fine.is_ok(), allowed, "{address}");
            assert_eq!(lists.leaves_out(address), !allowed, "{address}");
        }
        // A full name is shortened as a path is, and what follows `#` belongs to it.
        for source in [
            "evil/x#:/../../../github.com/buildkite-plugins/docker-buildkite-plugin",
            "evil/x#:%2f..%2f..%2f..%2fgithub.com/buildkite-plugins/docker-buildkite-plugin",
        ] {
            let full = Plugin::read_text(&format!("[\"{source}\"]")).unwrap();
            assert!(
                full[0]
                    .full_source()
                    .starts_with("github.com/buildkite-plugins/")
            );
            let plugins = format!("[\"{source}\"]");
            let job = job(&[(env::REPO, "https://git/good/x"), (PLUGINS, &plugins)]);
            let refusal = lists.check(&job).unwrap_err().to_string();
            assert!(refusal.contains("a part `..`"), "{refusal}");
        }
    }

    #[test]
    fn a_refusal_is_one_line_whatever_the_job_is_called() {
        let none = || Some(list(&["^good$"]));
        let repositories = AllowLists {
            repositories: none(),
            ..AllowLists::default()
        };
        let variables = AllowLists {
            variables: none(),
            ..AllowLists::default()
        };
        let plugins = AllowLists {
            plugins: none(),
            ..AllowLists::default()
        };
        for (lists, pair) in [
            (repositories, (env::REPO, "evil\n+++ forged")),
            (variables, ("evil\n+++ forged", "")),
            (plugins, (PLUGINS, r#"["evil\n+++ forged"]"#)),
        ] {
            let text = lists.check(&job(&[pair])).unwrap_err().to_string();
            assert!(text.contains(r"evil\n+++ forged"), "{text}");
        }
    }

    #[test]
    fn a_mirror_is_a_repository_too() {
        let lists = AllowLists {
            repositories: Some(list(&["^good"])),
            ..AllowLists::default()
        };
        assert!(!lists.leaves_out("") && !lists.leaves_out("good/x"));
        assert!(lists.leaves_out("evil"));
        assert!(!AllowLists::default().leaves_out("evil"));
    }

    #[test]
    fn a_bad_pattern_says_what_is_wrong_with_it() {
        let error = AllowList::compile(&["(".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"(\" is not a pattern of RE2: unclosed group"
        );
    }
}
