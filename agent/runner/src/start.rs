//! Accepted → Running: the endpoint is told, the executor is prepared and started.

use std::io;
use std::sync::Arc;

use agent_process::{Command, Output, Running as Child, StartError, Stream, Window};
use jiff::Timestamp;
use shared_protocol::job::StartRequest;
use tempfile::TempPath;

use crate::accept::Accepted;
use crate::environment::{JobFacts, executor_environment, file_variables};
use crate::files::JobFiles;
use crate::finish::Exited;
use crate::log::Log;
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
    #[error("make the file for a copy of the job's log: {0}; see --job-log-path")]
    Log(#[source] io::Error),
    #[error("{0}")]
    Start(#[from] StartError),
}

impl Accepted {
    /// Starts the job. When the endpoint refuses, nothing has been run and nothing is to be told.
    pub async fn start(mut self) -> Result<Started, NotRunning> {
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
        let (log, log_file) = Log::open(&self.job, &self.client, &self.settings);
        if self.stop.is_cancelled() {
            return Ok(self.not_run(NotRun::AgentStopped, log, record));
        }
        let log_file = match log_file {
            Ok(file) => file,
            Err(error) => return Ok(self.failed(&Trouble::Log(error), log, record).await),
        };
        if let Err(refused) = self.check(&log).await {
            return Ok(self.not_run(refused, log, record));
        }
        let files = match self.files(&mut record, log_file) {
            Ok(files) => files,
            Err(trouble) => return Ok(self.failed(&trouble, log, record).await),
        };
        if let Err(refused) = self.ask_hook(&files, &log, &mut record).await {
            return Ok(self.not_run(refused, log, record));
        }
        match self.launch(&files) {
            Ok((child, output)) => {
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
            Err(trouble) => Ok(self.failed(&trouble, log, record).await),
        }
    }

    async fn failed(self, trouble: &Trouble, log: Log, record: RecordFile) -> Started {
        tracing::error!(job = %self.job.id, "failed to start the executor: {trouble}");
        let text = format!("+++ The job could not be started\r\n{trouble}\r\n");
        log.say(&text).await;
        self.not_run(NotRun::StartFailed, log, record)
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

    fn files(
        &self,
        record: &mut RecordFile,
        log_file: Option<TempPath>,
    ) -> Result<JobFiles, Trouble> {
        let settings = &self.settings;
        let folder = &settings.context_folder;
        let variables = file_variables(&self.job.env);
        let mut files = JobFiles::create(
            folder,
            &self.job.id,
            &variables,
            settings.settings_in_env_file,
        )
        .map_err(|error| Trouble::Files(folder.display().to_string(), error))?;
        files.keep_log(log_file);
        record.set_files(files.paths());
        Ok(files)
    }

    fn launch(&self, files: &JobFiles) -> Result<(Child, Output), Trouble> {
        let settings: &Arc<JobSettings> = &self.settings;
        let facts = JobFacts {
            endpoint: self.client.endpoint().as_str(),
            token: self.client.token(),
            request_headers: &self.client.request_headers(),
            env_file: files.env(),
            env_json_file: files.env_json(),
            timeout_file: files.timeout(),
            log_file: files.log(),
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
        Ok((child, output))
    }
}
