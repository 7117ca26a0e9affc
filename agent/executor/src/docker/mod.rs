//! Commands in containers by variables (`BUILDKITE_DOCKER…`), as jobs asked for them before there
//! were plugins. Kept for those that still do, each time with a warning.
//!
//! What to call is worked out by pure functions ([`call`]); here it is called.

mod call;

use agent_process::Exit;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::job::Job;
use crate::run_error::RunError;

use call::Compose;

const DOCKER: &str = "BUILDKITE_DOCKER";
const COMPOSE: &str = "BUILDKITE_DOCKER_COMPOSE_CONTAINER";
const BUILD_ALL: &str = "BUILDKITE_DOCKER_COMPOSE_BUILD_ALL";
const LEAVE_VOLUMES: &str = "BUILDKITE_DOCKER_COMPOSE_LEAVE_VOLUMES";
/// Variables that mean something only together with others, and with which.
const COMPANIONS: [(&str, &str); 4] = [
    ("BUILDKITE_DOCKER_COMPOSE_FILE", COMPOSE),
    (BUILD_ALL, COMPOSE),
    (LEAVE_VOLUMES, COMPOSE),
    ("BUILDKITE_DOCKER_FILE", DOCKER),
];

/// What children, and the end of the job, know the container by.
const CONTAINER: &str = "DOCKER_CONTAINER";
const IMAGE: &str = "DOCKER_IMAGE";
const PROJECT: &str = "COMPOSE_PROJ_NAME";

/// Whether the job's variables ask for containers.
pub(crate) fn is_wanted(env: &Environment) -> bool {
    let companions = COMPANIONS.iter().map(|(name, _)| *name);
    companions
        .chain([DOCKER, COMPOSE])
        .any(|name| env.get(name).is_some())
}

/// Runs the command in the container that the variables ask for; its status is the container's, or
/// that of the first step that failed. Companions without their main variable fail the command.
pub(crate) async fn run(job: &mut Job, command: &str) -> Result<Exit, RunError> {
    if job.settings.debug {
        job.log
            .comment("The job asks for a container by old variables");
    }
    if job.env.get(COMPOSE).is_some() {
        warn(job, COMPOSE, "docker-compose");
        return in_compose(job, command).await;
    }
    if job.env.get(DOCKER).is_some() {
        warn(job, DOCKER, "docker");
        return in_docker(job, command).await;
    }
    for (name, main) in COMPANIONS {
        if job.env.get(name).is_some() {
            job.log.warning(&format!(
                "{name} is set without {main}, which it belongs to; remove it from the step"
            ));
        }
    }
    Ok(Exit::Code(1))
}

fn warn(job: &mut Job, variable: &str, plugin: &str) {
    job.log.warning(&format!(
        "{variable} is deprecated and goes with the next major version; use the {plugin} plugin \
         (https://github.com/buildkite-plugins/{plugin}-buildkite-plugin)"
    ));
}

async fn in_docker(job: &mut Job, command: &str) -> Result<Exit, RunError> {
    let id = &job.settings.job;
    let container = format!("buildkite_{id}_container");
    let image = format!("buildkite_{id}_image");
    let file = job.env.filled("BUILDKITE_DOCKER_FILE");
    let file = file.unwrap_or("Dockerfile").to_owned();
    job.env.set(CONTAINER, container.as_str());
    job.env.set(IMAGE, image.as_str());
    job.log
        .header(&format!(":docker: Building Docker image {image}"));
    let exit = called(job, "docker", &["build", "-f", &file, "-t", &image, "."]).await?;
    if !exit.success() {
        return Ok(exit);
    }
    job.log
        .header(":docker: Running command (in Docker container)");
    let run = ["run", "--name", &container, &image, command];
    called(job, "docker", &run).await
}

async fn in_compose(job: &mut Job, command: &str) -> Result<Exit, RunError> {
    let container = job.env.text(COMPOSE).unwrap_or_default().to_owned();
    let project = call::project(&job.settings.job);
    job.env.set(PROJECT, project.as_str());
    job.log.header(":docker: Building Docker images");
    let compose = compose(job, project);
    let mut build = vec!["build", "--pull"];
    if !call::switch(job.env.text(BUILD_ALL)) {
        build.push(&container);
    }
    let exit = composed(job, &compose, &build).await?;
    if !exit.success() {
        return Ok(exit);
    }
    job.log
        .header(":docker: Running command (in Docker Compose container)");
    composed(job, &compose, &["run", &container, command]).await
}

/// Removes the containers of this job, if it made any.
pub(crate) async fn take_down(job: &mut Job) -> Result<(), Failure> {
    if !is_wanted(&job.env) {
        return Ok(());
    }
    let container = job.env.text(CONTAINER).map(str::to_owned);
    let project = job.env.text(PROJECT).map(str::to_owned);
    let removed = match (container, project) {
        (Some(container), _) => {
            job.log.header("Cleaning up Docker containers");
            called(job, "docker", &["rm", "-f", "-v", &container]).await
        }
        (None, Some(project)) => {
            job.log.header("Cleaning up Docker containers");
            take_down_project(job, project).await
        }
        (None, None) => return Ok(()),
    };
    let (status, text) = match removed {
        Ok(exit) if exit.success() => return Ok(()),
        Ok(exit) => (
            exit.status(),
            format!("the removal of the containers {exit}"),
        ),
        Err(RunError::Canceled) => return Err(Failure::Canceled),
        Err(error) => (1, format!("failed to remove the containers: {error}")),
    };
    job.log.error(&text);
    Err(Failure::Told(status))
}

/// Only the last step decides: the ones before may find nothing to do.
async fn take_down_project(job: &mut Job, project: String) -> Result<Exit, RunError> {
    let compose = compose(job, project);
    let mut remove = vec!["rm", "--force", "--all"];
    if !call::switch(job.env.text(LEAVE_VOLUMES)) {
        remove.push("-v");
    }
    composed(job, &compose, &["kill"]).await?;
    composed(job, &compose, &remove).await?;
    composed(job, &compose, &["down"]).await
}

fn compose(job: &Job, project: String) -> Compose {
    Compose {
        files: job
            .env
            .text("BUILDKITE_DOCKER_COMPOSE_FILE")
            .unwrap_or_default()
            .to_owned(),
        project,
        verbose: call::switch(job.env.text("BUILDKITE_AGENT_DEBUG")),
    }
}

async fn composed(job: &mut Job, compose: &Compose, words: &[&str]) -> Result<Exit, RunError> {
    let args = compose.args(words);
    called(job, "docker-compose", &args).await
}

async fn called(job: &mut Job, program: &str, args: &[&str]) -> Result<Exit, RunError> {
    job.log.prompt_words(program, args);
    job.run(program, args).await
}
