//! What a plugin's hooks see of its configuration: one variable for each value, and the whole of
//! it as JSON.

use std::collections::BTreeMap;

use crate::json::{Json, Map, compact};

/// What every variable of a plugin begins with.
const PREFIX: &str = "BUILDKITE_PLUGIN_";

/// The variables of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variables {
    /// All of them by name, old names too.
    pub set: BTreeMap<String, String>,
    /// Which of them have an old name as well, in the order of the old names.
    pub renamed: Vec<Renamed>,
    /// Names for which there is no variable, because the value is null or no variable can hold it.
    pub left_out: Vec<String>,
}

/// A variable whose name once had single underscores only. It has both names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Renamed {
    /// With single underscores.
    pub old: String,
    /// With as many underscores as the key has dashes, blanks and underscores.
    pub new: String,
}

/// The variables of a plugin with this short name and configuration.
pub fn variables(name: &str, configuration: &Map) -> Variables {
    let name = key(name);
    let mut variables = Variables::default();
    walk(&format!("{PREFIX}{name}"), configuration, &mut variables);
    variables.set.insert(format!("{PREFIX}NAME"), name);
    let whole = compact(configuration);
    variables
        .set
        .insert(format!("{PREFIX}CONFIGURATION"), whole);
    add_old_names(&mut variables);
    variables
}

fn walk(prefix: &str, map: &Map, into: &mut Variables) {
    for (name, value) in map {
        add(format!("{prefix}_{}", key(name)), value, into);
    }
}

fn add(name: String, value: &Json, into: &mut Variables) {
    let value = match value {
        Json::Map(map) => return walk(&name, map, into),
        Json::List(items) => {
            for (index, item) in items.iter().enumerate() {
                add(format!("{name}_{index}"), item, into);
            }
            return;
        }
        Json::Null => return into.left_out.push(name),
        Json::Bool(value) => value.to_string(),
        Json::Number(text) | Json::Text(text) => text.clone(),
    };
    // No process can be started with these.
    if value.contains('\0') || name.contains(['\0', '=']) {
        into.left_out.push(name);
    } else {
        into.set.insert(name, value);
    }
}

/// An old name never takes the place of another value's own name.
fn add_old_names(variables: &mut Variables) {
    for (new, value) in variables.set.clone() {
        let old = with_single_underscores(&new);
        if old != new {
            variables.set.entry(old.clone()).or_insert(value);
            variables.renamed.push(Renamed { old, new });
        }
    }
    variables.renamed.sort();
}

/// Capital letters, with an underscore for each dash and blank.
fn key(name: &str) -> String {
    let blank = |c: char| matches!(c, '-' | ' ' | '\t' | '\n' | '\r' | '\u{c}');
    name.chars()
        .map(|c| if blank(c) { '_' } else { capital(c) })
        .collect()
}

/// The capital letter, where it is one letter too.
fn capital(letter: char) -> char {
    let mut capitals = letter.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(capital), None) => capital,
        _ => letter,
    }
}

fn with_single_underscores(name: &str) -> String {
    let mut single = String::with_capacity(name.len());
    for character in name.chars() {
        if character != '_' || !single.ends_with('_') {
            single.push(character);
        }
    }
    single
}

#[cfg(test)]
mod tests;
