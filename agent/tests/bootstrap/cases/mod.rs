//! Cases of `agent bootstrap` as data: one file of `data/` for each area, run through the real
//! binary with real git, shells and hooks, each in a temporary home of its own, two at a time.
//!
//! `CASES=text cargo test -p agent --test bootstrap cases::` runs only the cases whose claim has
//! this text. A failing area shows every case that fails, with every difference.
//!
//! # A case
//!
//! `[[case]]` with these fields; only `claim` and `wants` must be there:
//!
//! * `claim`: what is true. `use = ["name"]`: tables of `[parts.name]` of the same file that the
//!   case goes on from. `rows`: a list of tables, each of which makes one case out of this one.
//! * `job`: variables of the job's environment beside the usual ones (`host.rs`); `unset`: names
//!   taken away; `flags`: arguments behind `bootstrap`.
//! * `hooks`: hooks of the agent by name; `more_hooks`: further folders of them. A file is its
//!   text, or `{ plain = … }`, `{ executable = … }`, `{ link = … }`, `{ program = PATH }`.
//! * `repos.NAME`: bare repositories, with `files` (one commit `c1`) or `commits` (`id`, `branch`,
//!   `parent`, `merge`, `message`, `author`, `files`; `{ submodule = "repo:id" }` and
//!   `{ gone = true }` are files, too), `tags` and `refs`. `main` is there in any case.
//! * `files`, `zips`: other files, paths below `@tmp@`. `locked`: files that another process has
//!   locked while the job runs.
//! * `before`: steps before the job, `{ sh = … }` or `{ job = { NAME = … } }`, a whole earlier job.
//! * `git_rules`: when ` ARGUMENTS ` of git has `has`, shell code `run` comes first, at most
//!   `times` times. `programs.NAME`: stand-ins that only `prints` and `exit`. `own`: a stand-in for
//!   our own executable where the executor calls itself; rules by what the arguments start with.
//! * `signals`: when the event named `after` is seen, the executor's group gets the signal `send`.
//! * `endpoint`: routes (`method`, `path`, `status`, `json`) of a loopback endpoint.
//! * `watch`: kinds of events that count, `told` if not said.
//!
//! Scripts can call `tell NAME [VARIABLE…] [--all] [--stdin] [-- ARGUMENT…]` (an event), `ask
//! [--token T] METHOD PATH [BODY]` (a raw request to the job's socket; prints status and body) and
//! `#!/usr/bin/env speaker` (an interpreter that no one takes for a shell; the script is `sh`).
//!
//! # Wants
//!
//! `exit` (0 if not said) or `signal`; `events`, all of them, in this order unless `any_order`:
//! `{ told = NAME }`, `{ git = ARGUMENTS }`, `{ ran = PROGRAM, args = … }`, `{ own = ARGUMENTS }`,
//! with `in` (the checkout folder if not said), `env` and `unset` (all variables that were asked
//! for), `args`, `stdin`; `headers` of the log; `lines`, what follows `out:` at the start of a line;
//! `requests`; `files` by path, `{ plain = … }`, `{ executable = … }`, `{ link = … }`, `{ folder =
//! [names] }`, `"absent"`; `log_has`, `log_lacks` (without escapes), `raw_has`.
//!
//! # Placeholders
//!
//! `@tmp@ @repos@ @repo@ @builds@ @checkout@ @plugins@ @hooks@ @home@ @mirrors@ @sockets@ @bin@
//! @agentbin@ @agent@ @git@ @path@ @endpoint@ @last@`, `@commit:ID@`, `@commit:REPO:ID@`,
//! `@short:ID@`, `@dashed@` and `@label@` (`@tmp@` in names of mirrors and of plugins), and in
//! wanted text `@any@` (not empty, no slash), `@number@` and `@token@`.

mod case;
mod compare;
mod endpoint;
mod events;
mod host;
mod repository;
mod run;
mod shims;
mod text;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use case::Case;

/// Cases at a time, over all areas.
const AT_ONCE: usize = 2;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// Runs every case of an area; fails with all differences of all of them.
fn area(name: &str, data: &str) {
    let only = std::env::var("CASES").unwrap_or_default();
    let cases: Vec<Case> = case::read(data);
    let cases: Vec<&Case> = cases
        .iter()
        .filter(|case| case.claim.contains(&only))
        .collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = in_turn(|| differences(case));
                    if !found.is_empty() {
                        let list = found.join("\n    ");
                        let text = format!("  {}\n    {list}", case.claim);
                        failed.lock().expect("list").push(text);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("list");
    assert!(
        failed.is_empty(),
        "{name}: {} of {} cases fail\n{}",
        failed.len(),
        cases.len(),
        failed.join("\n")
    );
}

fn in_turn<T>(what: impl FnOnce() -> T) -> T {
    let mut running = RUNNING.lock().expect("count");
    while *running == AT_ONCE {
        running = ENDED.wait(running).expect("count");
    }
    *running += 1;
    drop(running);
    let result = what();
    *RUNNING.lock().expect("count") -= 1;
    ENDED.notify_one();
    result
}

fn differences(case: &Case) -> Vec<String> {
    let whole = || {
        let host = host::Host::new(case);
        let seen = run::run(case, &host);
        compare::compare(case, &host, &seen)
    };
    catch_unwind(AssertUnwindSafe(whole)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        vec![format!("the case is broken: {}", text.unwrap_or_default())]
    })
}

/// One test for each data file.
macro_rules! areas {
    ($($claim:ident: $file:literal,)*) => {
        $(#[test]
        fn $claim() {
            area($file, include_str!(concat!("data/", $file, ".toml")));
        })*
    };
}

areas! {
    a_command_line_or_script_is_run_as_the_command_of_the_job: "command",
    what_a_hook_changes_reaches_what_comes_after: "hook_environment",
    a_hook_is_run_as_what_it_is: "hook_kinds",
    hooks_run_in_their_order_and_single_ones_once: "hook_order",
    phases_are_chosen: "phases",
    the_checkout_folder_is_made_ready: "checkout",
    what_is_fetched_follows_from_the_job: "fetch",
    submodules_follow_the_checkout: "submodules",
    mirrors_are_made_used_and_locked: "mirrors",
    sparse_folders_and_large_files_are_fetched_as_asked: "sparse",
    the_commit_is_verified_resolved_and_described: "commit",
    keys_hosts_and_credentials_are_set_up_for_git: "access",
    plugins_are_fetched_and_checked: "plugins",
    the_configuration_of_a_plugin_becomes_variables: "plugin_configuration",
    artifacts_are_uploaded_at_the_end: "artifacts",
    subcommands_speak_with_the_job: "client",
    the_socket_of_the_job_answers: "job_api",
    secrets_become_variables: "secrets",
    secrets_never_reach_the_log: "redaction",
    a_canceled_job_ends_in_order: "cancel",
    what_fails_decides_what_still_runs: "refusals",
    experiments_are_honoured: "experiments",
    old_container_variables_still_work: "docker",
}
