//! Accepted → Running: the endpoint is told, the executor is prepared and started.

use std::io;
use std::sync::Arc;

use agent_process::{Command, Output, Running as Child, StartError, Stream, Window};
use jiff::Timestamp;
use shared_client::ClientError;
use shared_protocol::job::StartRequest;
use tempfile::TempPath;

use crate::accept::Accepted;
use crate::environment::{JobFacts, executor_environment, file_variables};
use crate::finish::Exited;
use crate::log::Log;
use crate::outcome::{NotRun, Outcome};
use crate::step;
use crate::stream::Running;
use crate::{ExecutorOutput, JobSettings, NotRunning};

/// What became of the start.
#[derive(Debug)]
#[must_use]
pub enum Started {
    /// The executor runs.
    Running(Box<Running>),
    /// It could not be started, or was not to be. The job still has to be finished.
    NotRun(Box<Exited>),
}

/// Why the executor could not be started.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("write the job's files to {0}: {1}; make room there, or set --job-context-dir")]
    Files(String, #[source] io::Error),
    #[error("make the file for a copy of the job's log: {0}; see --job-log-path")]
    Log(#[source] io::Error),
    #[error("{0}")]
    Start(#[from] StartError),
}

impl Accepted {
    /// Starts the job. When the endpoint refuses, nothing has been run and nothing is to be told.
    pub async fn start(mut self) -> Result<Started, NotRunning> {
        let told = tokio::select! {
            biased;
            // Whether the endpoint counts it as started cannot be known any more.
            () = self.stop.cancelled() => Ok(()),
            told = self.tell_start() => told,
        };
        if let Err(error) = told {
            self.record.remove();
            return Err(NotRunning::NotStarted(self.job.id, error));
        }
        step::reached("job-step.started");
        tracing::info!(job = %self.job.id, "job started");
        let (log, log_file) = Log::open(&self.job, &self.client, &self.settings, &self.record);
        if self.stop.is_cancelled() {
            return Ok(self.not_run(NotRun::AgentStopped, log));
        }
        if let Err(refused) = self.check(&log).await {
            return Ok(self.not_run(refused, log));
        }
        if let Err(trouble) = self.prepare(log_file) {
            return Ok(self.failed(&trouble, log).await);
        }
        if let Err(refused) = self.ask_hook(&log).await {
            return Ok(self.not_run(refused, log));
        }
        match self.launch() {
            Ok((child, output)) => {
                step::reached("job-step.executor-started");
                self.record.set_executor(child.group().leader());
                step::reached("job-step.executor-recorded");
                Ok(Started::Running(Box::new(Running {
                    accepted: self,
                    child,
                    output,
                    log,
                })))
            }
            Err(trouble) => Ok(self.failed(&trouble, log).await),
        }
    }

    async fn tell_start(&self) -> Result<(), ClientError> {
        let started_at = Timestamp::now().to_string();
        let request = StartRequest { started_at };
        self.client.start(&self.job.id, &request).await
    }

    async fn failed(self, trouble: &Trouble, log: Log) -> Started {
        tracing::error!(job = %self.job.id, "failed to start the executor: {trouble}");
        let text = format!("+++ The job could not be started\r\n{trouble}\r\n");
        log.say(&text).await;
        self.not_run(NotRun::StartFailed, log)
    }

    fn not_run(self, why: NotRun, log: Log) -> Started {
        Started::NotRun(Box::new(Exited {
            job: self.job.id,
            client: self.client,
            settings: self.settings,
            outcome: Outcome::of_not_run(why),
            log,
            record: self.record,
        }))
    }

    /// Writes the files beside the job, which its checks and its executor read.
    fn prepare(&mut self, log_file: io::Result<Option<TempPath>>) -> Result<(), Trouble> {
        let log_file = log_file.map_err(Trouble::Log)?;
        if let Some(file) = &log_file {
            self.record.add_file(file.to_path_buf());
        }
        self.files.keep_log(log_file);
        let variables = file_variables(&self.job.env);
        let written = self
            .files
            .write(&variables, self.settings.settings_in_env_file);
        step::reached("job-step.files-written");
        written.map_err(|error| {
            let folder = self.settings.context_folder.display().to_string();
            Trouble::Files(folder, error)
        })
    }

    fn launch(&self) -> Result<(Child, Output), Trouble> {
        let settings: &Arc<JobSettings> = &self.settings;
        let facts = JobFacts {
            endpoint: self.client.endpoint().as_str(),
            token: self.client.token(),
            request_headers: &self.client.request_headers(),
            env_file: self.files.env(),
            env_json_file: self.files.env_json(),
            timeout_file: self.files.timeout(),
            log_file: self.files.log(),
            traceparent: &self.job.traceparent,
            tracestate: &self.job.tracestate,
            step: &self.job.step,
        };
        let env = executor_environment(&self.job.env, &settings.variables, &facts);
        let stream = match settings.output {
            ExecutorOutput::Pipe => Stream::PipeInSession,
            ExecutorOutput::Terminal => Stream::Terminal(Window::JOB),
            ExecutorOutput::PipeWithTerminal => Stream::PipeWithTerminal(Window::JOB),
        };
        let mut words = settings.executor.iter().cloned();
        Ok(Command::new(words.next().unwrap_or_default())
            .args(words)
            .env(env)
            .cwd(&settings.build_path)
            .stream(stream)
            .start()?)
    }
}
