//! Reading an answer: success with the expected body, or the right error.

use serde::de::DeserializeOwned;
use shared_protocol::agent::ErrorBody;

use crate::error::ClientError;
use crate::transport::Answer;

/// Most bytes of a body that is not JSON to repeat in an error.
const QUOTE_BYTES: usize = 512;

impl Answer {
    /// A success whose body is the JSON of a `T`.
    pub(crate) fn expect<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        self.success()?;
        serde_json::from_slice(&self.body).map_err(|fault| self.undecodable(self.describe(&fault)))
    }

    /// A success whose body does not matter, as long as it is no web page: a page means that a proxy
    /// answered in the endpoint's place and nothing was done.
    pub(crate) fn expect_nothing(&self) -> Result<(), ClientError> {
        self.success()?;
        if self.body.trim_ascii_start().starts_with(b"<") {
            return Err(self.undecodable(format!("the body begins {}", quote(&self.body))));
        }
        Ok(())
    }

    fn success(&self) -> Result<(), ClientError> {
        if self.status.is_success() {
            return Ok(());
        }
        let asks_for_patience = matches!(self.status.as_u16(), 429 | 503);
        Err(ClientError::Status {
            method: self.method,
            url: self.url.clone(),
            status: self.status.as_u16(),
            message: self.message(),
            retry_after: asks_for_patience.then(|| self.retry_after()).flatten(),
        })
    }

    fn message(&self) -> String {
        if let Some(location) = self
            .headers
            .get("Location")
            .filter(|_| self.status.is_redirection())
        {
            return format!("moved to {}", quote(location.as_bytes()));
        }
        match serde_json::from_slice::<ErrorBody>(&self.body) {
            Ok(body) => on_one_line(&body.message),
            Err(_) if self.body.is_empty() || self.is_json() => String::new(),
            Err(_) => quote(&self.body),
        }
    }

    fn is_json(&self) -> bool {
        serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).is_ok()
    }

    /// What is wrong with a body. serde's own words may repeat values, so they are not used.
    fn describe(&self, fault: &serde_json::Error) -> String {
        if self.body.is_empty() {
            return "the body is empty".to_owned();
        }
        if self.is_json() {
            return format!(
                "JSON of an unexpected shape at line {} column {}",
                fault.line(),
                fault.column()
            );
        }
        format!("the body begins {}", quote(&self.body))
    }

    fn undecodable(&self, found: String) -> ClientError {
        ClientError::Undecodable {
            method: self.method,
            url: self.url.clone(),
            status: self.status.as_u16(),
            found,
        }
    }
}

/// The endpoint's own words, without what could forge log lines.
fn on_one_line(message: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    message.chars().map(shown).collect()
}

/// The start of foreign bytes, escaped so that they cannot forge log lines.
fn quote(bytes: &[u8]) -> String {
    let part = &bytes[..bytes.len().min(QUOTE_BYTES)];
    format!("{:?}", String::from_utf8_lossy(part))
}
