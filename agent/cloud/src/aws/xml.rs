//! Texts in the answers of services that speak XML. Pure.
//!
//! Their answers are flat: an element is found by its name, and what it lies in does not matter.
//! Attributes, comments and `CDATA` do not occur in them and are not understood.

/// The elements of this name, as they were written, one after the other.
pub(super) fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&start)?;
        let (inside, after) = after.split_once(&end)?;
        rest = after;
        Some(inside)
    })
}

/// The text of the first element of this name. `None` where there is none, or none of a text alone.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    unescaped(elements(xml, name).next()?.trim())
}

/// With `&amp;` and its like as what they stand for.
fn unescaped(text: &str) -> Option<String> {
    if text.contains('<') {
        return None;
    }
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once(';')?;
        out.push(character(name)?);
        out.push_str(after);
    }
    Some(out)
}

fn character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_its_entities_stand_for() {
        for (inside, wanted) in [
            ("a b", Some("a b")),
            ("", Some("")),
            ("a &amp;&lt;&gt;&quot;&apos; b", Some("a &<>\"' b")),
            ("&#233;&#xe9;&amp;amp;", Some("éé&amp;")),
            ("&eacute;", None),
            ("&#xd800;", None),
            ("&#99999999999;", None),
            ("&#;", None),
            ("a & b", None),
            ("<b>a</b>", None),
        ] {
            let xml = format!("<?xml?><r><a/><x>{inside}</x></r>");
            assert_eq!(text(&xml, "x").as_deref(), wanted, "{inside}");
        }
        for xml in ["", "<x>", "<x/>", "</x><x>", "<y>a</y>"] {
            assert_eq!(text(xml, "x"), None, "{xml}");
        }
    }

    #[test]
    fn elements_follow_each_other() {
        let found = |xml: &'static str| elements(xml, "i").collect::<Vec<_>>();
        assert_eq!(found("<s><i>a</i> <i>b</i><i/></s>"), ["a", "b"]);
        assert!(found("<i>a").is_empty());
    }
}
