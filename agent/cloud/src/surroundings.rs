//! What all calls have in common: the environment they are made from, and how they are made.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use reqwest::{Client, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

use crate::{CloudError, cause_of};

/// How often a call is made before it failed.
const ATTEMPTS: u32 = 3;
/// Between two of them.
const PAUSE: Duration = Duration::from_secs(1);
/// Most bytes of an answer.
const MOST_BYTES: usize = 1 << 20;
/// How much of a refusal is quoted.
const QUOTED: usize = 300;

/// The environment, and connections.
#[derive(Debug)]
pub struct Surroundings {
    variables: BTreeMap<String, String>,
    http: Client,
    near: Client,
    patience: Duration,
    clock: fn() -> SystemTime,
}

impl Surroundings {
    /// `variables` is the environment, `patience` is for each request, and `clock` tells the time
    /// that requests are signed with.
    pub fn new(
        variables: BTreeMap<String, String>,
        patience: Duration,
        clock: fn() -> SystemTime,
    ) -> Result<Self, CloudError> {
        let cannot = |error| CloudError::Silent("nobody".to_owned(), cause_of(&error));
        let client = || Client::builder().timeout(patience);
        Ok(Self {
            variables,
            http: client().build().map_err(cannot)?,
            near: client().no_proxy().build().map_err(cannot)?,
            patience,
            clock,
        })
    }

    /// The value of a variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    /// Time for each request.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// The file that a variable names, or one below the home folder.
    pub(crate) fn file(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let named = self.variable(variable).map(PathBuf::from);
        named.or_else(|| Some(PathBuf::from(self.variable("HOME")?).join(below_home)))
    }

    /// Connections to the internet.
    pub(crate) fn http(&self) -> &Client {
        &self.http
    }

    /// Connections within this machine and its link, which no proxy has anything to do with.
    pub(crate) fn near(&self) -> &Client {
        &self.near
    }
}

/// The content of a file, or `None` where there is no such file.
pub(crate) fn read(file: &std::path::Path) -> Result<Option<String>, CloudError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CloudError::File(file.display().to_string(), error)),
    }
}

/// Makes a call and gives its answer as text. A service that is busy or away is asked again; each
/// attempt is a request of its own, because signatures grow old.
pub(crate) async fn call(
    place: &str,
    request: impl Fn() -> Result<RequestBuilder, CloudError>,
) -> Result<String, CloudError> {
    let mut attempt = 1;
    loop {
        let failed = match once(place, request()?).await {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        let again = match &failed {
            CloudError::Silent(..) => true,
            CloudError::Refused { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        };
        if !again || attempt == ATTEMPTS {
            return Err(failed);
        }
        tracing::debug!("{failed}; asking again");
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// As [`call`], with an answer of JSON.
pub(crate) async fn call_json<T: DeserializeOwned>(
    place: &str,
    request: impl Fn() -> Result<RequestBuilder, CloudError>,
) -> Result<T, CloudError> {
    let text = call(place, request).await?;
    serde_json::from_str(&text).map_err(|_| CloudError::Nonsense(place.to_owned()))
}

/// Makes a call once and gives its answer as text.
pub(crate) async fn once(place: &str, request: RequestBuilder) -> Result<String, CloudError> {
    let silent = |error: reqwest::Error| CloudError::Silent(place.to_owned(), cause_of(&error));
    let mut answer = request.send().await.map_err(silent)?;
    let status = answer.status();
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(silent)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MOST_BYTES {
            return Err(CloudError::Nonsense(place.to_owned()));
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match status {
        StatusCode::OK => Ok(text),
        status => Err(CloudError::Refused {
            place: place.to_owned(),
            status: status.as_u16(),
            message: quoted(&text),
        }),
    }
}

/// The beginning of a refusal, on one line.
fn quoted(text: &str) -> String {
    let short = &text[..text.floor_char_boundary(QUOTED)];
    short.split_whitespace().collect::<Vec<_>>().join(" ")
}
