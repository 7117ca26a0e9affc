//! The server's REST interface, as the suite uses it.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::wait::until_async;

/// A client with an API token.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base: String,
    token: String,
}

/// One job of a build, by which the suite asks for it again.
#[derive(Debug, Clone)]
pub struct JobRef {
    pipeline: String,
    build: u64,
    id: String,
}

impl Api {
    /// A client for the server at `url`.
    pub fn new(url: &str, token: &str) -> Self {
        Self {
            client: Client::builder()
                .no_proxy()
                .build()
                .expect("make an HTTP client"),
            base: format!("{url}/v2/organizations/trireme"),
            token: token.to_owned(),
        }
    }

    /// Any request; the answer's status and JSON (or null).
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self
            .client
            .request(method, format!("{}/{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request
                .header("Content-Type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.expect("the server answers");
        let status = answer.status();
        let text = answer.text().await.expect("the answer has a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Starts a build of a new pipeline with these commands, which check out nothing, and returns
    /// its jobs.
    pub async fn run_commands(&self, pipeline: &str, commands: &[&str]) -> Vec<JobRef> {
        let env = json!({"BUILDKITE_SKIP_CHECKOUT": "true"});
        let steps: Vec<Value> = commands
            .iter()
            .map(|command| json!({"command": command, "env": env}))
            .collect();
        let body = json!({"name": pipeline, "repository": "/nowhere.git", "steps": steps});
        let (status, answer) = self.call(Method::POST, "pipelines", Some(body)).await;
        assert!(status.is_success(), "new pipeline: {status} {answer}");
        self.start_build(pipeline).await
    }

    /// Starts a build of a pipeline that is there, and returns its jobs.
    pub async fn start_build(&self, pipeline: &str) -> Vec<JobRef> {
        let body = json!({"commit": "HEAD", "branch": "main", "message": "test"});
        let (status, build) = self
            .call(
                Method::POST,
                &format!("pipelines/{pipeline}/builds"),
                Some(body),
            )
            .await;
        assert!(status.is_success(), "new build: {status} {build}");
        let number = build["number"].as_u64().expect("a build has a number");
        let jobs = build["jobs"].as_array().expect("a build has jobs");
        let id = |job: &Value| job["id"].as_str().expect("a job has an id").to_owned();
        jobs.iter()
            .map(|job| JobRef {
                pipeline: pipeline.to_owned(),
                build: number,
                id: id(job),
            })
            .collect()
    }

    /// The job as the server tells of it now.
    pub async fn job(&self, job: &JobRef) -> Value {
        let path = format!("pipelines/{}/builds/{}", job.pipeline, job.build);
        let (status, build) = self.call(Method::GET, &path, None).await;
        assert!(status.is_success(), "{path}: {status} {build}");
        let jobs = build["jobs"].as_array().expect("a build has jobs");
        jobs.iter()
            .find(|other| other["id"] == job.id.as_str())
            .expect("the build has this job")
            .clone()
    }

    /// Waits until the job is in this state.
    pub async fn until_state(&self, job: &JobRef, state: &str) -> Value {
        until_async(&format!("the job is {state}"), || async {
            let job = self.job(job).await;
            (job["state"] == state).then_some(job)
        })
        .await
    }

    /// Waits until the job has ended, in whatever way.
    pub async fn until_ended(&self, job: &JobRef) -> Value {
        until_async("the job ends", || async {
            let job = self.job(job).await;
            (!job["finished_at"].is_null()).then_some(job)
        })
        .await
    }

    /// The job's log as raw bytes.
    pub async fn log(&self, job: &JobRef) -> Vec<u8> {
        let url = format!(
            "{}/pipelines/{}/builds/{}/jobs/{}/log",
            self.base, job.pipeline, job.build, job.id
        );
        let request = self
            .client
            .get(url)
            .bearer_auth(&self.token)
            .header("Accept", "text/plain");
        let answer = request.send().await.expect("the server answers");
        answer.bytes().await.expect("the log has a body").to_vec()
    }

    /// Waits until the job's log contains this text.
    pub async fn until_logged(&self, job: &JobRef, text: &str) {
        until_async(&format!("the job prints {text:?}"), || async {
            let log = self.log(job).await;
            String::from_utf8_lossy(&log).contains(text).then_some(())
        })
        .await;
    }

    /// The agents the server knows.
    pub async fn agents(&self) -> Vec<Value> {
        let (status, agents) = self.call(Method::GET, "agents", None).await;
        assert!(status.is_success(), "agents: {status} {agents}");
        agents.as_array().expect("a list of agents").clone()
    }
}
