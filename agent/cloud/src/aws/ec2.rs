//! EC2: the tags of an instance.
//!
//! Source: `DescribeTags` of the EC2 API reference, version 2016-11-15.

use url::form_urlencoded::Serializer;

use super::{Credentials, endpoint, sign, xml};
use crate::CloudError;
use crate::surroundings::{Surroundings, once};

/// An instance has up to 50 tags, and a page holds more: this many pages come from no EC2.
const MOST_PAGES: usize = 16;

/// The tags of an instance, by key and value. Needs credentials that may `ec2:DescribeTags`. Asks
/// once: whoever calls knows how often tags are worth asking for.
pub async fn instance_tags(
    around: &Surroundings,
    region: &str,
    instance: &str,
) -> Result<Vec<(String, String)>, CloudError> {
    let credentials = Credentials::find(around).await?;
    let place = endpoint(around, "ec2", region);
    let nonsense = || CloudError::Nonsense(place.clone());
    let mut tags = Vec::new();
    let mut next = None;
    for _ in 0..MOST_PAGES {
        let form = form(instance, next.as_deref());
        let answer = ask(around, &credentials, (&place, region), form).await?;
        tags.extend(page(&answer).ok_or_else(nonsense)?);
        next = xml::text(&answer, "nextToken").filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(tags);
        }
    }
    Err(nonsense())
}

fn form(instance: &str, next: Option<&str>) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", "DescribeTags")
        .append_pair("Version", "2016-11-15")
        .append_pair("Filter.1.Name", "resource-id")
        .append_pair("Filter.1.Value.1", instance);
    if let Some(token) = next {
        form.append_pair("NextToken", token);
    }
    form.finish()
}

async fn ask(
    around: &Surroundings,
    credentials: &Credentials,
    (place, region): (&str, &str),
    form: String,
) -> Result<String, CloudError> {
    let address = format!("{place}/");
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let signature = sign(
        credentials,
        ("ec2", region),
        ("POST", &address),
        &[kind],
        form.as_bytes(),
        around.now(),
    )?;
    let mut request = around.http().post(&address).header(kind.0, kind.1);
    for (name, value) in signature {
        request = request.header(name, value);
    }
    once(place, request.body(form)).await
}

/// The tags of a page. `None` if it is something else.
fn page(answer: &str) -> Option<Vec<(String, String)>> {
    answer.contains("<DescribeTagsResponse").then_some(())?;
    xml::elements(answer, "item")
        .map(|item| {
            // A tag without a value is written in several ways, none of which is a text.
            let value = if item.contains("<value>") {
                xml::text(item, "value")?
            } else {
                String::new()
            };
            Some((xml::text(item, "key")?, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_tags_or_nothing() {
        let of = |items: &str| {
            let page = page(&format!(
                "<DescribeTagsResponse xmlns=\"u\"><tagSet>{items}</tagSet></DescribeTagsResponse>"
            ));
            page.map(|tags| tags.into_iter().map(|(k, v)| format!("{k}={v}")).collect())
        };
        let wanted = |tags: &[&str]| Some(tags.iter().map(|&t| t.to_owned()).collect::<Vec<_>>());
        let item = "<item><resourceId>i-1</resourceId><key>a&amp;b</key><value>c d</value></item>";
        assert_eq!(of(item), wanted(&["a&b=c d"]));
        assert_eq!(of("<item><key>k</key><value/></item>"), wanted(&["k="]));
        assert_eq!(of(""), wanted(&[]));
        assert_eq!(of("<item><value>v</value></item>"), None);
        assert_eq!(of("<item><key>k</key><value>&x;</value></item>"), None);
        assert_eq!(page("<html>"), None);
    }
}
