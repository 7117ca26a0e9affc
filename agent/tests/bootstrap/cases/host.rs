//! The host of one case: folders, files, hooks, repositories, and the environment of its job.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::case::{Case, File, Made, Repository, Route, Texts};
use super::endpoint::Endpoint;
use super::text::Names;
use super::{repository, shims};

/// What every host has in its `PATH` behind the recording programs.
pub(super) const SYSTEM: &str = "/usr/local/bin:/usr/bin:/bin";

pub(super) struct Host {
    dir: TempDir,
    pub(super) names: Names,
    pub(super) endpoint: Option<Endpoint>,
    /// Held for as long as the host is there.
    locks: Vec<fs::File>,
}

const FOLDERS: [&str; 10] = [
    "repos",
    "builds",
    "plugins",
    "hooks",
    "home",
    "home/template",
    "agentbin",
    "bin",
    "s",
    "tmp",
];

/// An empty template: a new repository is made in half the time.
const GIT_CONFIG: &str = "[user]\n name = A\n email = a@example.test\n[protocol \"file\"]\n \
    allow = always\n[safe]\n directory = *\n[gc]\n auto = 0\n[init]\n defaultBranch = main\n \
    templateDir = ~/template\n";

impl Host {
    pub(super) fn new(case: &Case) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("case")
            .tempdir()
            .expect("folder");
        let mut host = Self {
            dir,
            names: Names::default(),
            endpoint: None,
            locks: Vec::new(),
        };
        for folder in FOLDERS {
            fs::create_dir(host.path(folder)).expect("folder");
        }
        host.name_places();
        fs::write(host.path("home/.gitconfig"), GIT_CONFIG).expect("file");
        host.make_repositories(case);
        host.start_endpoint(case);
        for (name, file) in &case.hooks {
            host.put(&format!("hooks/{name}"), file, 0o755);
        }
        for (number, hooks) in case.more_hooks.iter().enumerate() {
            for (name, file) in hooks {
                host.put(&format!("hooks{}/{name}", number + 2), file, 0o755);
            }
        }
        for (path, file) in &case.files {
            host.put(path, file, 0o644);
        }
        for (path, files) in &case.zips {
            host.zip(path, files);
        }
        host.make_programs(case);
        for path in &case.locked {
            let lock = host.lock(path);
            host.locks.push(lock);
        }
        host
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        let tmp = self.dir.path().canonicalize().expect("path");
        tmp.join(relative)
    }

    fn name_places(&mut self) {
        let tmp = self
            .path("")
            .to_str()
            .expect("text")
            .trim_end_matches('/')
            .to_owned();
        for (name, relative) in [
            ("repos", "/repos"),
            ("repo", "/repos/main"),
            ("builds", "/builds"),
            ("checkout", "/builds/agent-1/org/pipe"),
            ("plugins", "/plugins"),
            ("hooks", "/hooks"),
            ("home", "/home"),
            ("mirrors", "/mirrors"),
            ("sockets", "/s"),
            ("agentbin", "/agentbin"),
            ("bin", "/bin"),
            ("tmp", ""),
        ] {
            self.names.set(name, format!("{tmp}{relative}"));
        }
        let dashed: String = tmp
            .chars()
            .map(|one| if one.is_alphanumeric() { one } else { '-' })
            .collect();
        self.names.set("label", dashed.trim_start_matches('-'));
        self.names.set("dashed", dashed);
        self.names.set("path", format!("{tmp}/bin:{SYSTEM}"));
        self.names.set("agent", env!("CARGO_BIN_EXE_agent"));
        self.names.set("git", real_git());
        self.names.set("endpoint", "http://127.0.0.1:1");
    }

    /// `main` comes last: its submodules stand at commits of the others.
    fn make_repositories(&mut self, case: &Case) {
        let (folder, git) = (self.path("repos"), real_git());
        let others = case.repos.iter().filter(|(name, _)| *name != "main");
        for (name, repository) in others {
            repository::make(&folder, name, repository, &[git], &mut self.names);
        }
        let usual = Repository {
            files: BTreeMap::from([("README".to_owned(), File::Text("one\n".to_owned()))]),
            commits: Vec::new(),
            tags: Texts::new(),
            refs: Texts::new(),
        };
        let main = case.repos.get("main").unwrap_or(&usual);
        repository::make(&folder, "main", main, &[git], &mut self.names);
        let last = main.commits.last().map_or("c1", |commit| &commit.id);
        let last = self
            .names
            .get(&format!("commit:{last}"))
            .expect("a commit")
            .to_owned();
        self.names.set("last", last);
    }

    fn start_endpoint(&mut self, case: &Case) {
        let Some(routes) = &case.endpoint else { return };
        let fill = |text: &str| self.names.fill(text);
        let routes = routes.iter().map(|route| Route {
            method: route.method.clone(),
            path: fill(&route.path),
            status: route.status,
            json: fill(&route.json),
        });
        let endpoint = Endpoint::start(routes.collect());
        self.names
            .set("endpoint", format!("http://127.0.0.1:{}", endpoint.port));
        self.endpoint = Some(endpoint);
    }

    fn make_programs(&mut self, case: &Case) {
        symlink(
            env!("CARGO_BIN_EXE_agent"),
            self.path("agentbin/buildkite-agent"),
        )
        .expect("link");
        let pipe = self.path("events");
        let pipe = pipe.to_str().expect("text");
        let tmp = self.names.fill("@tmp@");
        self.program("tell", &shims::tell(pipe));
        self.program("ask", &shims::ask(pipe));
        self.program("speaker", shims::SPEAKER);
        let git = shims::git(pipe, real_git(), &tmp, &case.git_rules);
        self.program("git", &self.names.fill(&git));
        for (name, answer) in &case.programs {
            let text = shims::program(pipe, name, answer);
            self.program(name, &self.names.fill(&text));
        }
        if let Some(rules) = &case.own {
            self.program("own", &shims::own(pipe, env!("CARGO_BIN_EXE_agent"), rules));
        }
    }

    fn program(&self, name: &str, text: &str) {
        write(&self.path("bin").join(name), text, 0o755);
    }

    fn put(&self, relative: &str, file: &File, mode: u32) {
        let path = self.path(relative);
        let (text, mode) = match file {
            File::Text(text) => (text, mode),
            File::Made(Made::Plain(text)) => (text, 0o644),
            File::Made(Made::Executable(text)) => (text, 0o755),
            File::Made(Made::Link(target)) => {
                fs::create_dir_all(path.parent().expect("parent")).expect("folder");
                return symlink(self.names.fill(target), path).expect("link");
            }
            File::Made(Made::Program(name)) => {
                fs::copy(self.names.fill(name), path).expect("copy");
                return;
            }
            File::Made(other) => panic!("{relative}: {other:?} belongs in a repository"),
        };
        write(&path, &self.names.fill(text), mode);
    }

    fn zip(&self, relative: &str, files: &Texts) {
        let file = fs::File::create(self.path(relative)).expect("zip");
        let mut zip = zip::ZipWriter::new(file);
        for (name, text) in files {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(name.as_str(), options).expect("zip");
            zip.write_all(self.names.fill(text).as_bytes())
                .expect("zip");
        }
        zip.finish().expect("zip");
    }

    fn lock(&self, path: &str) -> fs::File {
        let path = PathBuf::from(self.names.fill(path));
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        let file = fs::File::create(path).expect("lock");
        file.lock().expect("lock");
        file
    }

    /// The environment of a job: what each has, what the case says, and what this job changes.
    pub(super) fn environment(&self, case: &Case, more: &Texts) -> Texts {
        let mut env: Texts = USUAL
            .iter()
            .map(|(name, value)| owned(name, value))
            .collect();
        if !case.more_hooks.is_empty() {
            let folders =
                (2..case.more_hooks.len() + 2).map(|number| format!("@tmp@/hooks{number}"));
            let folders = folders.collect::<Vec<_>>().join(",");
            env.insert("BUILDKITE_ADDITIONAL_HOOKS_PATHS".to_owned(), folders);
        }
        if case.own.is_some() {
            env.insert("BUILDKITE_OVERRIDE_SELF".to_owned(), "@bin@/own".to_owned());
        }
        env.extend(case.job.clone());
        env.extend(more.clone());
        env.retain(|name, _| !case.unset.contains(name));
        for value in env.values_mut() {
            *value = self.names.fill(value);
        }
        env
    }
}

fn owned(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The environment that a job on a small host has.
const USUAL: [(&str, &str); 26] = [
    ("PATH", "@path@"),
    ("HOME", "@home@"),
    ("LANG", "C.UTF-8"),
    ("TMPDIR", "@tmp@/tmp"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("CI", "true"),
    ("BUILDKITE", "true"),
    ("BUILDKITE_JOB_ID", "1111-1111-1111-1111"),
    ("BUILDKITE_REPO", "@repo@"),
    ("BUILDKITE_BRANCH", "main"),
    ("BUILDKITE_COMMIT", "@last@"),
    ("BUILDKITE_AGENT_NAME", "agent-1"),
    ("BUILDKITE_ORGANIZATION_SLUG", "org"),
    ("BUILDKITE_PIPELINE_SLUG", "pipe"),
    ("BUILDKITE_PIPELINE_PROVIDER", "git"),
    ("BUILDKITE_PULL_REQUEST", "false"),
    ("BUILDKITE_BUILD_PATH", "@builds@"),
    ("BUILDKITE_HOOKS_PATH", "@hooks@"),
    ("BUILDKITE_PLUGINS_PATH", "@plugins@"),
    ("BUILDKITE_BIN_PATH", "@agentbin@"),
    ("BUILDKITE_SOCKETS_PATH", "@sockets@"),
    ("BUILDKITE_COMMIT_RESOLVED", "true"),
    ("BUILDKITE_AGENT_ENDPOINT", "@endpoint@"),
    ("BUILDKITE_AGENT_ACCESS_TOKEN", "access-token-of-the-job"),
    ("BUILDKITE_PTY", "false"),
    ("BUILDKITE_CHECKOUT_ATTEMPTS", "1"),
];

fn write(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("parent")).expect("folder");
    fs::write(path, text).expect("file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
}

pub(super) fn real_git() -> &'static str {
    let places = ["/usr/local/bin/git", "/usr/bin/git", "/bin/git"];
    let found = places.into_iter().find(|path| Path::new(path).exists());
    found.expect("git is installed")
}
