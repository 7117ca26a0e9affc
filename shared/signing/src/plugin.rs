//! Plugins as a step names them, and the full names that are signed and allowed. Pure.

use serde_json::{Map, Value};

use crate::read::{Misread, named};

/// A plugin of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Plugin {
    /// As it was written.
    pub source: String,
    /// Its configuration; null for none.
    pub config: Value,
}

impl Plugin {
    /// Reads a step's plugins: a list of names and of maps from names to configurations, or one
    /// such map, in their order.
    pub fn read_all(value: &Value) -> Result<Vec<Self>, Misread> {
        match value {
            Value::Null => Ok(Vec::new()),
            Value::Object(map) => Ok(of_map(map).collect()),
            Value::Array(items) => {
                let mut plugins = Vec::with_capacity(items.len());
                for item in items {
                    match item {
                        Value::String(source) => plugins.push(Self::new(source, &Value::Null)),
                        Value::Object(map) => plugins.extend(of_map(map)),
                        other => return Err(Misread::new("plugins", named(other))),
                    }
                }
                Ok(plugins)
            }
            other => Err(Misread::new("plugins", named(other))),
        }
    }

    /// Reads the list that a job has as text. An empty text is an empty list.
    pub fn read_text(text: &str) -> Result<Vec<Self>, Misread> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let value = serde_json::from_str(text)
            .map_err(|error| Misread::new("plugins", error.to_string()))?;
        Self::read_all(&value)
    }

    /// The name in full: short names stand for repositories of the peer's own collection, names
    /// of two parts for repositories on GitHub; everything else stays as it was written.
    pub fn full_source(&self) -> String {
        short(&self.source).map_or_else(|| self.source.clone(), |parts| parts.join())
    }

    /// Whether its name leads elsewhere than it looks: [`Self::full_source`], and git, take `..` and
    /// the part before it away.
    pub fn climbs(&self) -> bool {
        climbs(&self.source) || decoded(&self.source).is_some_and(|source| climbs(&source))
    }

    /// As it is signed: a map of one entry.
    pub(crate) fn canonical(&self) -> Value {
        Value::Object(Map::from_iter([(self.full_source(), self.config.clone())]))
    }

    /// An empty configuration is none.
    fn new(source: &str, config: &Value) -> Self {
        let empty = match config {
            Value::Object(map) => map.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        Self {
            source: source.to_owned(),
            config: if empty { Value::Null } else { config.clone() },
        }
    }
}

/// Whether an address, of a repository or of a plugin, has a part `..`, also in the way of URLs.
pub fn climbs(address: &str) -> bool {
    let mut parts = address.split(['/', '\\', ':', '#', '?']);
    parts.any(|part| part.to_ascii_lowercase().replace("%2e", ".") == "..")
}

fn of_map(map: &Map<String, Value>) -> impl Iterator<Item = Plugin> {
    map.iter()
        .map(|(source, config)| Plugin::new(source, config))
}

/// The parts of a name that is to be completed.
struct Short {
    owner: String,
    name: String,
    fragment: String,
}

/// Names with a scheme, of a host in the way of scp, of a path, or of more than two parts are not
/// short; nor is what is no URL reference at all.
fn short(source: &str) -> Option<Short> {
    if source.is_empty() || source.starts_with(['/', '.', '\\']) {
        return None;
    }
    let (rest, fragment) = source.split_once('#').unwrap_or((source, ""));
    let (path, _query) = rest.split_once('?').unwrap_or((rest, ""));
    let first = path.split('/').next().unwrap_or_default();
    if first.contains(':') || source.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let path = decoded(path)?;
    let fragment = decoded(fragment)?;
    let (owner, name) = match path.split('/').collect::<Vec<_>>()[..] {
        [name] => ("buildkite-plugins", name),
        [owner, name] => (owner, name),
        _ => return None,
    };
    Some(Short {
        owner: owner.to_owned(),
        name: name.to_owned(),
        fragment,
    })
}

impl Short {
    fn join(&self) -> String {
        let Self {
            owner,
            name,
            fragment,
        } = self;
        let hash = if fragment.is_empty() { "" } else { "#" };
        let whole = format!("github.com/{owner}/{name}-buildkite-plugin{hash}{fragment}");
        clean(&whole)
    }
}

/// Without empty parts and `.`, and with `..` taking the part before it along.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// With `%41` as the byte it stands for; `None` if a sign of per cent stands for nothing.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            let [high, low] = [digits[0], digits[1]].map(|digit| char::from(digit).to_digit(16));
            bytes.push(u8::try_from(high? * 16 + low?).ok()?);
            rest = tail;
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_names_stand_for_repositories_and_others_for_themselves() {
        for (source, full) in [
            (
                "docker",
                "github.com/buildkite-plugins/docker-buildkite-plugin",
            ),
            (
                "docker#v1.2",
                "github.com/buildkite-plugins/docker-buildkite-plugin#v1.2",
            ),
            (
                "docker#a/b",
                "github.com/buildkite-plugins/docker-buildkite-plugin#a/b",
            ),
            ("my/thing", "github.com/my/thing-buildkite-plugin"),
            (
                "my/thing?x#m%61in",
                "github.com/my/thing-buildkite-plugin#main",
            ),
            ("github.com/my/thing#v1", "github.com/my/thing#v1"),
            (
                "https://host/my/thing.git#v1",
                "https://host/my/thing.git#v1",
            ),
            ("ssh://git@host/x", "ssh://git@host/x"),
            ("git@host:my/thing", "git@host:my/thing"),
            ("./local", "./local"),
            ("/abs/olute", "/abs/olute"),
            ("C:\\x", "C:\\x"),
            ("bad%zz", "bad%zz"),
            ("bad%+1", "bad%+1"),
            ("bad%4", "bad%4"),
            ("", ""),
        ] {
            assert_eq!(
                Plugin::new(source, &Value::Null).full_source(),
                full,
                "{source}"
            );
        }
    }

    #[test]
    fn plugins_are_read_from_lists_and_from_maps() {
        let of = |value: Value| {
            let plugins = Plugin::read_all(&value).expect("plugins");
            let pairs = plugins
                .into_iter()
                .map(|plugin| (plugin.source, plugin.config));
            pairs.collect::<Vec<_>>()
        };
        let config = json!({"a": 1});
        let both = vec![
            ("x".to_owned(), config.clone()),
            ("y".to_owned(), Value::Null),
        ];
        assert_eq!(of(json!([{"x": config}, "y"])), both);
        assert_eq!(of(json!({"x": config, "y": {}})), both);
        assert_eq!(of(json!([{"x": config, "y": []}])), both);
        assert!(of(json!(null)).is_empty());
        assert!(Plugin::read_all(&json!([1])).is_err());
        assert!(Plugin::read_text("{").is_err());
        assert!(Plugin::read_text("").expect("none").is_empty());
    }
}
