//! A step's matrix: the dimensions of the jobs that a step stands for, the check that a job is one
//! of them, and its values put in place of their tokens. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::read::{Misread, named, scalar, scalars};

const PART: &str = "matrix";

/// The values of one job of a matrix, by dimension. A matrix of a plain list has one dimension
/// without a name.
pub type Permutation = BTreeMap<String, String>;

/// Reads the values that an endpoint gives of a job.
pub fn permutation(value: &Value) -> Result<Permutation, Misread> {
    match value {
        Value::Null => Ok(Permutation::new()),
        Value::Object(map) => map
            .iter()
            .map(|(dim, value)| Ok((dim.clone(), scalar("matrix permutation", value)?)))
            .collect(),
        other => Err(Misread::new("matrix permutation", named(other))),
    }
}

/// A step's matrix.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Matrix {
    setup: BTreeMap<String, Vec<String>>,
    adjustments: Vec<Adjustment>,
    rest: Map<String, Value>,
}

/// One combination that differs from the others, or is one more.
#[derive(Debug, Clone, PartialEq)]
struct Adjustment {
    with: Permutation,
    skip: Value,
    rest: Map<String, Value>,
}

/// Why a job is none of its matrix, or cannot be told to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// There is no matrix.
    #[error("the job has values of a matrix and the step has none")]
    NoMatrix,
    /// Other dimensions than the matrix has.
    #[error("the job's dimensions are not those of the matrix")]
    Dimensions,
    /// An adjustment has other dimensions than the matrix.
    #[error("the dimensions of an adjustment are not those of the matrix")]
    Adjustment,
    /// The combination is to be left out.
    #[error("the combination is skipped by an adjustment")]
    Skipped,
    /// The combination is not there.
    #[error("the combination is neither in the matrix nor an adjustment of it")]
    NotThere,
    /// A token of a dimension that is not there.
    #[error("unknown matrix token: matrix{0}")]
    Token(String),
}

impl Matrix {
    /// Reads it from a plain list, or from a map with `setup` and `adjustments`.
    pub(crate) fn read(value: &Value) -> Result<Option<Self>, Misread> {
        let matrix = match value {
            Value::Null => return Ok(None),
            Value::Array(_) => Self {
                setup: setup(value)?,
                ..Self::default()
            },
            Value::Object(map) => {
                let mut rest = map.clone();
                let of = |key| map.get(key).unwrap_or(&Value::Null);
                let adjustments = match of("adjustments") {
                    Value::Null => Vec::new(),
                    Value::Array(items) => items
                        .iter()
                        .map(Adjustment::read)
                        .collect::<Result<_, _>>()?,
                    other => return Err(Misread::new(PART, named(other))),
                };
                rest.retain(|key, _| key != "setup" && key != "adjustments");
                Self {
                    setup: setup(of("setup"))?,
                    adjustments,
                    rest,
                }
            }
            other => return Err(Misread::new(PART, named(other))),
        };
        Ok(Some(matrix))
    }

    /// As it is signed; nothing at all is null.
    pub(crate) fn canonical(&self) -> Value {
        let plain = plain(&self.setup).filter(|values| !values.is_empty());
        if self.adjustments.is_empty() && self.rest.is_empty() {
            if let Some(values) = plain {
                return values.to_owned().into();
            }
            if self.setup.is_empty() {
                return Value::Null;
            }
        }
        let setup = match plain {
            Some(values) => values.to_owned().into(),
            None => serde_json::json!(self.setup),
        };
        let mut map = self.rest.clone();
        map.insert("setup".to_owned(), setup);
        if !self.adjustments.is_empty() {
            let adjustments = self.adjustments.iter().map(Adjustment::canonical);
            map.insert("adjustments".to_owned(), adjustments.collect());
        }
        Value::Object(map)
    }

    /// Whether the matrix has this combination and does not skip it.
    fn check(&self, job: &Permutation) -> Result<(), MatrixError> {
        let known = |with: &Permutation| {
            with.len() == self.setup.len() && with.keys().all(|dim| self.setup.contains_key(dim))
        };
        if !known(job) {
            return Err(MatrixError::Dimensions);
        }
        let mut there = job.iter().all(|(dim, value)| {
            let values = self.setup.get(dim);
            values.is_some_and(|values| values.contains(value))
        });
        for adjustment in &self.adjustments {
            if !known(&adjustment.with) {
                return Err(MatrixError::Adjustment);
            }
            if adjustment.with == *job {
                if adjustment.skips() {
                    return Err(MatrixError::Skipped);
                }
                there = true;
            }
        }
        if there {
            Ok(())
        } else {
            Err(MatrixError::NotThere)
        }
    }
}

/// Whether a job with these values may be of a step with this matrix.
pub(crate) fn check(matrix: Option<&Matrix>, job: &Permutation) -> Result<(), MatrixError> {
    match matrix {
        Some(matrix) => matrix.check(job),
        None if job.is_empty() => Ok(()),
        None => Err(MatrixError::NoMatrix),
    }
}

fn setup(value: &Value) -> Result<BTreeMap<String, Vec<String>>, Misread> {
    match value {
        Value::Null => Ok(BTreeMap::new()),
        Value::Array(_) => Ok(BTreeMap::from([(String::new(), scalars(PART, value)?)])),
        Value::Object(map) => map
            .iter()
            .map(|(dim, values)| Ok((dim.clone(), scalars(PART, values)?)))
            .collect(),
        other => Err(Misread::new(PART, named(other))),
    }
}

/// What belongs to the one dimension without a name, if there is only that.
fn plain<T>(map: &BTreeMap<String, T>) -> Option<&T> {
    map.get("").filter(|_| map.len() == 1)
}

impl Adjustment {
    fn read(value: &Value) -> Result<Self, Misread> {
        let map = value
            .as_object()
            .ok_or_else(|| Misread::new(PART, named(value)))?;
        let with = match map.get("with").unwrap_or(&Value::Null) {
            Value::Null => Permutation::new(),
            Value::Object(with) => with
                .iter()
                .map(|(dim, value)| Ok((dim.clone(), scalar(PART, value)?)))
                .collect::<Result<_, _>>()?,
            single => Permutation::from([(String::new(), scalar(PART, single)?)]),
        };
        let mut rest = map.clone();
        rest.retain(|key, _| key != "with" && key != "skip");
        Ok(Self {
            with,
            skip: map.get("skip").cloned().unwrap_or_default(),
            rest,
        })
    }

    fn canonical(&self) -> Value {
        let mut map = self.rest.clone();
        let with = match plain(&self.with) {
            Some(single) => single.as_str().into(),
            None => serde_json::json!(self.with),
        };
        map.insert("with".to_owned(), with);
        if !self.skip.is_null() {
            map.insert("skip".to_owned(), self.skip.clone());
        }
        Value::Object(map)
    }

    /// A reason skips as well as the plain truth.
    fn skips(&self) -> bool {
        !matches!(self.skip, Value::Null | Value::Bool(false))
    }
}

/// Puts the job's values in the place of `{{ matrix }}` and `{{ matrix.dimension }}`.
pub(crate) fn fill(text: &str, job: &Permutation) -> Result<String, MatrixError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match token(from) {
            Some((dimension, after)) => {
                let name = dimension.strip_prefix('.').unwrap_or(dimension);
                let value = job.get(name);
                out.push_str(value.ok_or_else(|| MatrixError::Token(dimension.to_owned()))?);
                rest = after;
            }
            None => {
                // One brace: of three, the last two may begin a token.
                out.push('{');
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// A token at the beginning of the text: its dimension with the dot before it, and what follows.
fn token(text: &str) -> Option<(&str, &str)> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c');
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let inner = text.strip_prefix("{{")?.trim_start_matches(blank);
    let inner = inner.strip_prefix("matrix")?;
    let length = match inner.strip_prefix('.') {
        Some(dimension) => 1 + dimension.find(|c| !name(c)).unwrap_or(dimension.len()),
        None => 0,
    };
    let (dimension, after) = inner.split_at(length);
    let after = after.trim_start_matches(blank).strip_prefix("}}")?;
    (dimension != ".").then_some((dimension, after))
}

/// As [`fill`], for every text of a value, names of maps included.
pub(crate) fn fill_all(value: &Value, job: &Permutation) -> Result<Value, MatrixError> {
    Ok(match value {
        Value::String(text) => Value::String(fill(text, job)?),
        Value::Array(items) => {
            let items = items.iter().map(|item| fill_all(item, job));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let pairs = map
                .iter()
                .map(|(key, value)| Ok((fill(key, job)?, fill_all(value, job)?)));
            Value::Object(pairs.collect::<Result<_, MatrixError>>()?)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(pairs: &[(&str, &str)]) -> Permutation {
        let pairs = pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
        pairs.collect()
    }

    fn verdict(matrix: &Value, pairs: &[(&str, &str)]) -> Result<(), MatrixError> {
        check(Matrix::read(matrix).expect("matrix").as_ref(), &job(pairs))
    }

    #[test]
    fn a_job_is_one_of_its_matrix() {
        let plain = json!(["a", 1]);
        assert_eq!(verdict(&plain, &[("", "1")]), Ok(()));
        assert_eq!(verdict(&plain, &[("", "b")]), Err(MatrixError::NotThere));
        assert_eq!(verdict(&plain, &[]), Err(MatrixError::Dimensions));
        assert_eq!(verdict(&json!(null), &[]), Ok(()));
        assert_eq!(
            verdict(&json!(null), &[("", "a")]),
            Err(MatrixError::NoMatrix)
        );
        let wide = json!({
            "setup": {"os": ["x", "y"], "v": []},
            "adjustments": [
                {"with": {"os": "z", "v": 2}},
                {"with": {"os": "x", "v": 3}, "skip": "broken"},
                {"with": {"os": "y", "v": 3}, "skip": false},
            ],
        });
        assert_eq!(verdict(&wide, &[("os", "z"), ("v", "2")]), Ok(()));
        assert_eq!(verdict(&wide, &[("os", "y"), ("v", "3")]), Ok(()));
        assert_eq!(
            verdict(&wide, &[("os", "x"), ("v", "3")]),
            Err(MatrixError::Skipped)
        );
        assert_eq!(
            verdict(&wide, &[("os", "x"), ("v", "2")]),
            Err(MatrixError::NotThere)
        );
        assert_eq!(
            verdict(&wide, &[("os", "x"), ("w", "2")]),
            Err(MatrixError::Dimensions)
        );
        let wrong = json!({"setup": ["a"], "adjustments": [{"with": {"os": "a"}}]});
        assert_eq!(verdict(&wrong, &[("", "a")]), Err(MatrixError::Adjustment));
    }

    #[test]
    fn the_signed_form_of_a_matrix_is_the_shortest() {
        for (written, signed) in [
            (json!(["a", 1, true]), json!(["a", "1", "true"])),
            (json!({"setup": ["a"]}), json!(["a"])),
            (json!({}), json!(null)),
            (json!([]), json!({"setup": {"": []}})),
            (
                json!({"setup": ["a"], "adjustments": [{"with": 2, "soft_fail": true}]}),
                json!({"setup": ["a"], "adjustments": [{"with": "2", "soft_fail": true}]}),
            ),
            (
                json!({"setup": {"os": "x"}, "adjustments": [{"with": {"os": "z"}, "skip": true}]}),
                json!({"setup": {"os": ["x"]}, "adjustments": [{"with": {"os": "z"}, "skip": true}]}),
            ),
        ] {
            let matrix = Matrix::read(&written).expect("matrix").expect("one");
            assert_eq!(matrix.canonical(), signed, "{written}");
        }
    }

    #[test]
    fn tokens_are_replaced_and_unknown_ones_are_errors() {
        let values = job(&[("", "V"), ("os", "linux"), ("a.b-c", "x")]);
        for (text, filled) in [
            ("{{matrix}} {{ matrix }}", "V V"),
            ("{{matrix.os}}/{{ matrix.a.b-c\n}}", "linux/x"),
            ("{{{matrix}}}", "{V}"),
            (
                "{{matri}} {{ matrix . os }} {matrix}",
                "{{matri}} {{ matrix . os }} {matrix}",
            ),
            ("{{matrix.}}", "{{matrix.}}"),
            ("$${{", "$${{"),
        ] {
            assert_eq!(fill(text, &values).as_deref(), Ok(filled), "{text}");
        }
        let unknown = fill("{{matrix.arch}}", &values);
        assert_eq!(unknown, Err(MatrixError::Token(".arch".to_owned())));
    }

    proptest::proptest! {
        #[test]
        fn a_value_is_put_in_as_it_is_and_the_text_around_it_stays(
            before in "[{} a-z.]{0,9}",
            value in ".{0,9}",
            after in "[{} a-z.]{0,9}",
        ) {
            proptest::prop_assume!(!before.contains("matrix") && !after.contains("matrix"));
            proptest::prop_assume!(!before.ends_with('{') && !after.starts_with('}'));
            let filled = fill(&format!("{before}{{{{matrix}}}}{after}"), &job(&[("", &value)]));
            proptest::prop_assert_eq!(filled, Ok(format!("{before}{value}{after}")));
        }
    }
}
