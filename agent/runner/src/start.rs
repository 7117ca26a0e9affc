//! Accepted → Running: the endpoint is told, the executor is prepared and started.

use std::io;
use std::sync::Arc;

use agent_log_stream::{JobLog, LogSink, Summary};
use agent_process::{Command, Output, Running as Child, StartError, Stream, Window};
use jiff::Timestamp;
use shared_protocol::job::StartRequest;
use tokio::task::JoinHandle;

use crate::accept::Accepted;
use crate::environment::{JobFacts, executor_environment, file_variables};
use crate::files::JobFiles;
use crate::finish::Exited;
use crate::outcome::{NotRun, Outcome};
use crate::record::{Record, RecordFile};
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
    #[error("write the job's files to {0}: {1}")]
    Files(String, #[source] io::Error),
    #[error("{0}")]
    Start(#[from] StartError),
}

/// The log of a started job: where bytes go in, and the task that delivers them.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) sink: LogSink,
    pub(crate) delivery: JoinHandle<Summary>,
}

impl Accepted {
    /// Starts the job. When the endpoint refuses, nothing has been run and nothing is to be told.
    pub async fn start(self) -> Result<Started, NotRunning> {
        let id = self.job.id.clone();
        let started_at = Timestamp::now().to_string();
        if let Err(error) = self.client.start(&id, &StartRequest { started_at }).await {
            return Err(NotRunning::NotStarted(id, error));
        }
        tracing::info!(job = %id, "job started");
        let mut record = self
            .settings
            .records
            .create(Record::started(&id, &self.client));
        let uploader = JobLog {
            client: self.client.clone(),
            job: id,
            metrics: self.settings.metrics.clone(),
        };
        let limits = agent_log_stream::Settings::for_job(&self.job, self.settings.marks);
        let span = tracing::error_span!("log", job = %self.job.id);
        let (sink, delivery) = span.in_scope(|| agent_log_stream::start(uploader, limits));
        let log = Log { sink, delivery };
        if self.stop.is_cancelled() {
            return Ok(self.not_run(NotRun::AgentStopped, log, record));
        }
        match self.launch(&mut record) {
            Ok((child, output, files)) => {
                record.set_executor(child.group().leader());
                Ok(Started::Running(Box::new(Running {
                    accepted: self,
                    child,
                    output,
                    files,
                    log,
                    record,
                })))
            }
            Err(trouble) => {
                tracing::error!(job = %self.job.id, "failed to start the executor: {trouble}");
                let text = format!("+++ The job could not be started\r\n{trouble}\r\n");
                log.say(&text).await;
                Ok(self.not_run(NotRun::StartFailed, log, record))
            }
        }
    }

    fn not_run(self, why: NotRun, log: Log, record: RecordFile) -> Started {
        Started::NotRun(Box::new(Exited {
            job: self.job.id,
            client: self.client,
            settings: self.settings,
            outcome: Outcome::of_not_run(why),
            log,
            record,
        }))
    }

    fn launch(&self, record: &mut RecordFile) -> Result<(Child, Output, JobFiles), Trouble> {
        let settings: &Arc<JobSettings> = &self.settings;
        let folder = &settings.context_folder;
        let variables = file_variables(&self.job.env);
        let files = JobFiles::create(
            folder,
            &self.job.id,
            &variables,
            settings.settings_in_env_file,
        )
        .map_err(|error| Trouble::Files(folder.display().to_string(), error))?;
        record.set_files(files.paths());
        let facts = JobFacts {
            endpoint: self.client.endpoint().as_str(),
            token: self.client.token(),
            request_headers: &self.client.request_headers(),
            env_file: files.env(),
            env_json_file: files.env_json(),
            timeout_file: files.timeout(),
            traceparent: &self.job.traceparent,
            tracestate: &self.job.tracestate,
            step: &self.job.step,
        };
        let env = executor_environment(&self.job.env, &settings.variables, &facts);
        let stream = match settings.output {
            ExecutorOutput::Pipe => Stream::PipeInSession,
            ExecutorOutput::Terminal => Stream::Terminal(Window::JOB),
            ExecutorOutput::RawTerminal => Stream::RawTerminal(Window::JOB),
        };
        let mut words = settings.executor.iter().cloned();
        let (child, output) = Command::new(words.next().unwrap_or_default())
            .args(words)
            .env(env)
            .cwd(&settings.build_path)
            .stream(stream)
            .start()?;
        Ok((child, output, files))
    }
}

impl Log {
    /// Adds a line of the agent's own to the job's log. A log that ended is not the place to
    /// complain about that.
    pub(crate) async fn say(&self, text: &str) {
        let _ = self.sink.write(text.as_bytes(), now_ms()).await;
    }
}

/// Milliseconds since 1970, as log marks carry them.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}
