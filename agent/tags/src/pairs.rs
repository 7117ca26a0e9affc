//! `tag=path` pairs: which value of a metadata service becomes which tag. Pure.

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The tag's key, in lower case.
    pub key: String,
    /// Where the service has the value.
    pub path: String,
}

/// Text that is no pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not of the form tag=path/of/the/value")]
pub struct BadPair(pub String);

/// Reads pairs.
pub fn pairs(texts: &[String]) -> Result<Vec<Pair>, BadPair> {
    texts.iter().map(|text| pair(text)).collect()
}

fn pair(text: &str) -> Result<Pair, BadPair> {
    let bad = || BadPair(text.to_owned());
    let (key, path) = text.split_once('=').ok_or_else(bad)?;
    let (key, path) = (key.trim().to_lowercase(), path.trim());
    if key.is_empty() || path.is_empty() || path.contains('=') {
        return Err(bad());
    }
    Ok(Pair {
        key,
        path: path.trim_start_matches('/').to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_a_tag_and_a_path() {
        for (text, key, path) in [
            ("a=b/c", "a", "b/c"),
            (" Image = /ami-id ", "image", "ami-id"),
        ] {
            let (key, path) = (key.to_owned(), path.to_owned());
            assert_eq!(pair(text), Ok(Pair { key, path }));
        }
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for text in ["a", "=b", "a=", "", "a=b=c"] {
            assert_eq!(pair(text), Err(BadPair(text.to_owned())));
        }
    }
}
