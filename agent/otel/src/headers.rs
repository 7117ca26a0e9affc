//! Headers as `OTEL_EXPORTER_OTLP_HEADERS` holds them: `name=value`, separated by commas, values
//! percent-encoded (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>). Pure.

use percent_encoding::percent_decode_str;

/// The values, as they are written and as they are sent: what a log must not show.
pub fn header_values(headers: &str) -> impl Iterator<Item = String> {
    let written = headers
        .split(',')
        .filter_map(|pair| Some(pair.split_once('=')?.1.trim()));
    written.flat_map(|value| {
        let sent = percent_decode_str(value).decode_utf8_lossy().into_owned();
        let encoded = (sent != value).then(|| value.to_owned());
        std::iter::once(sent).chain(encoded)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_in_both_forms() {
        let values: Vec<_> = header_values("a=Bearer%20x, b = c=d,nothing,").collect();
        assert_eq!(values, ["Bearer x", "Bearer%20x", "c=d"]);
    }
}
