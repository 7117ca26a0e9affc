//! The server's REST interface, as far as tasks use it.

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// The organization of a server with one.
const ORGANIZATION: &str = "trireme";

/// A client with an API token.
pub(crate) struct Api {
    client: Client,
    base: String,
    token: String,
}

impl Api {
    pub(crate) fn new(server_url: &str, token: &str) -> Result<Self> {
        Ok(Self {
            client: Client::builder()
                .no_proxy()
                .build()
                .context("make an HTTP client")?,
            base: format!("{server_url}/v2/organizations/{ORGANIZATION}"),
            token: token.to_owned(),
        })
    }

    /// Makes a pipeline whose steps run one after the other.
    pub(crate) async fn create_pipeline(
        &self,
        name: &str,
        repository: &str,
        steps: Vec<Value>,
    ) -> Result<()> {
        let body = json!({"name": name, "repository": repository, "steps": steps});
        self.call(Method::POST, "pipelines", Some(body))
            .await
            .map(drop)
    }

    /// Starts a build and returns its number.
    pub(crate) async fn create_build(&self, pipeline: &str, commit: &str) -> Result<u64> {
        let body = json!({"commit": commit, "branch": "main", "message": "Demo build"});
        let build = self
            .call(
                Method::POST,
                &format!("pipelines/{pipeline}/builds"),
                Some(body),
            )
            .await?;
        build["number"]
            .as_u64()
            .context("the answer to a new build has no number")
    }

    /// The state of a build, and its jobs in order.
    pub(crate) async fn build(&self, pipeline: &str, number: u64) -> Result<Value> {
        self.call(
            Method::GET,
            &format!("pipelines/{pipeline}/builds/{number}"),
            None,
        )
        .await
    }

    /// The jobs of a build in order.
    pub(crate) async fn jobs(&self, pipeline: &str, number: u64) -> Result<Vec<Value>> {
        let build = self.build(pipeline, number).await?;
        Ok(build["jobs"]
            .as_array()
            .context("a build has jobs")?
            .clone())
    }

    /// The log of a job from `offset` on, as raw bytes.
    pub(crate) async fn log(
        &self,
        pipeline: &str,
        number: u64,
        job: &str,
        offset: usize,
    ) -> Result<Vec<u8>> {
        let url = format!(
            "{}/pipelines/{pipeline}/builds/{number}/jobs/{job}/log",
            self.base
        );
        let answer = self
            .client
            .get(&url)
            .bearer_auth(&self.token)
            .header("Accept", "text/plain")
            .header("Range", format!("bytes={offset}-"))
            .send()
            .await
            .with_context(|| format!("GET {url}"))?;
        match answer.status().as_u16() {
            // Nothing new yet.
            416 => Ok(Vec::new()),
            206 => Ok(answer.bytes().await?.to_vec()),
            200 => Ok(answer
                .bytes()
                .await?
                .get(offset..)
                .unwrap_or_default()
                .to_vec()),
            other => bail!("GET {url}: {other}"),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let url = format!("{}/{path}", self.base);
        let mut request = self
            .client
            .request(method.clone(), &url)
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request
                .header("Content-Type", "application/json")
                .body(body.to_string());
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("{method} {url}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{method} {url}: {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {url} answered no JSON"))
    }
}
