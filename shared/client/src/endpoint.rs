//! The address of an Agent API and how a route is put behind it.

use std::fmt;

use url::Url;

use crate::error::{EndpointError, Local};

/// Base address of an Agent API, such as `https://agent.buildkite.com/v3`, known to be usable.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// Checks an address as a person wrote it. Slashes at its end do not matter.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim();
        let fault = |reason| EndpointError {
            text: without_user(text),
            reason,
        };
        if text.is_empty() {
            return Err(fault("it is empty"));
        }
        let url = Url::parse(text).map_err(|_| fault("it is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(fault("it must begin with http:// or https://"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(fault("it names no host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fault(
                "it must not hold a user name or password; use a token",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(fault("it must end before any ? or #"));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The address without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name or address of its host.
    pub fn host(&self) -> &str {
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        let host = rest.split('/').next().unwrap_or_default();
        match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        }
    }

    /// Whether requests go over TLS.
    pub fn is_secure(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The address of a route below this endpoint.
    ///
    /// Segments of `path` must be encoded already. Empty ones, and ones that a URL parser takes for
    /// a step upwards even when encoded, are refused, so no id can lead to another route.
    pub(crate) fn join(&self, path: &str) -> Result<Url, Local> {
        let path = path.trim_start_matches('/');
        let route = path.split('?').next().unwrap_or(path);
        if route.split('/').any(is_unusable_segment) {
            return Err(Local::UnusablePath(path.to_owned()));
        }
        Url::parse(&format!("{}/{path}", self.0)).map_err(|_| Local::UnusablePath(path.to_owned()))
    }

    /// The address of a path at the root of this endpoint's host.
    pub(crate) fn at_root(&self, path: &str) -> Result<Url, Local> {
        let url = Url::parse(&self.0).and_then(|url| url.join(path));
        url.map_err(|_| Local::UnusablePath(path.to_owned()))
    }
}

fn is_unusable_segment(segment: &str) -> bool {
    let plain = segment.replace("%2E", ".");
    plain.is_empty() || plain == "." || plain == ".."
}

/// The text up to its host when it holds credentials, which must not end up in a log.
fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => text.to_owned(),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_and_route_meet_in_exactly_one_slash() {
        for base in [
            "http://h:8080/v3",
            "http://h:8080/v3/",
            " http://h:8080/v3// ",
        ] {
            for path in ["ping", "/ping"] {
                let url = Endpoint::parse(base).unwrap().join(path).unwrap();
                assert_eq!(url.as_str(), "http://h:8080/v3/ping");
            }
        }
        let root = Endpoint::parse("http://h").unwrap();
        assert_eq!(root.join("ping").unwrap().as_str(), "http://h/ping");
    }

    #[test]
    fn the_host_stands_without_its_port() {
        for (text, host) in [
            ("https://agent.example/v3", "agent.example"),
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("http://[::1]:80/v3", "[::1]"),
            ("http://[::1]/v3", "[::1]"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().host(), host);
        }
    }

    #[test]
    fn the_root_is_the_hosts_whatever_the_endpoints_path_is() {
        for base in ["http://h:8080", "http://h:8080/v3", "http://h:8080/a/v3/"] {
            let url = Endpoint::parse(base).unwrap().at_root("/p.S/M").unwrap();
            assert_eq!(url.as_str(), "http://h:8080/p.S/M");
        }
    }

    #[test]
    fn an_unusable_endpoint_says_why() {
        for (text, why) in [
            ("", "it is empty"),
            ("agent.example", "it is not a URL"),
            ("ftp://h/v3", "it must begin with http:// or https://"),
            (
                "localhost:8080/v3",
                "it must begin with http:// or https://",
            ),
            ("http://", "it is not a URL"),
            ("http://h/v3?x=1", "it must end before any ? or #"),
        ] {
            let error = Endpoint::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_in_an_endpoint_is_refused_and_not_repeated() {
        let error = Endpoint::parse("https://me:hunter2@h/v3").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn no_id_climbs_out_of_its_route() {
        let endpoint = Endpoint::parse("http://h/v3").unwrap();
        for id in ["", ".", "..", "../../x"] {
            let segment = shared_protocol::JobId::new(id).path_segment();
            match endpoint.join(&format!("jobs/{segment}/accept")) {
                Ok(url) => assert!(url.path().starts_with("/v3/jobs/"), "{id}: {url}"),
                Err(Local::UnusablePath(_)) => {}
                Err(other) => panic!("{id}: {other}"),
            }
        }
    }
}
