//! Libraries, good and bad, made by the system's C compiler against the published header.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use agent_plugin_api::HEADER;
use agent_plugins::{Event, Limits, Settings, gather};

use crate::zip_bytes::{archive, file, written};

/// A call's limit where every call is expected to end.
const ENOUGH: Duration = Duration::from_mins(5);

/// A plugin; the macros change one thing each.
const PLUGIN: &str = r#"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifndef NAME
#define NAME "tiny"
#endif
#ifndef ANSWER
#define ANSWER "made-in=c\n"
#endif
#ifndef STATUS
#define STATUS TRIREME_OK
#endif
#ifdef UNDEFINED
extern int nowhere_to_be_found(void);
#undef STATUS
#define STATUS nowhere_to_be_found()
#endif
/* Whether this is no rehearsal but what comes after it. */
static int is_agent(void) {
  char program[4096] = { 0 };
  ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
  return size < 0 || strstr(program, "/examples/rehearse") == NULL;
}
static struct trireme_text text(const char *s) {
  struct trireme_text t = { s, strlen(s) };
  return t;
}
static void give_back(void *state, struct trireme_answer *answer) {
  if (state != NULL && answer->data != NULL) free(answer->data);
}
static int32_t tags(void *state, struct trireme_answer *answer) {
#ifdef HANG
  for (;;) pause();
#endif
#ifdef HANG_LATER
  while (is_agent()) pause();
#endif
#ifdef DIE
  abort();
#endif
  answer->size = sizeof ANSWER - 1;
  answer->data = malloc(answer->size + 1);
  if (state == NULL || answer->data == NULL) return 1;
  memcpy(answer->data, ANSWER, answer->size);
#ifdef HUGE_ANSWER
  answer->size = TRIREME_MOST_ANSWER + 1u;
#endif
  return STATUS;
}
#ifdef NO_ENTRY
int other(void) { return tags(NULL, NULL); }
#define trireme_plugin_v1 another_entry
#endif
static int mine;
int32_t trireme_plugin_v1(const struct trireme_host *host, struct trireme_plugin *plugin) {
  (void)tags;
  (void)is_agent;
#ifdef HANG_AT_ONCE_LATER
  while (is_agent()) pause();
#endif
#ifdef HANG_AT_ONCE
  for (;;) pause();
#endif
  if (host->size < sizeof *host || host->version != TRIREME_PLUGIN_VERSION) return 9;
  host->log(host->context, TRIREME_INFO, text("hello"));
#ifdef REFUSE
  return 7;
#endif
  plugin->name = text(NAME);
  plugin->release = text("1.2");
  plugin->state = &mine;
  plugin->kinds = TRIREME_TAGS | 1024u;
  plugin->free = give_back;
#ifndef NO_TAGS
  plugin->tags = tags;
#endif
  TRIREME_PLUGIN_FILLED(plugin);
#ifdef OTHER_VERSION
  plugin->version = 2;
#endif
#ifdef SHORT_TABLE
  plugin->size = 8;
#endif
  return TRIREME_OK;
}
"#;

/// Libraries and other files that go into one archive.
pub(crate) struct Release {
    folder: tempfile::TempDir,
    files: Vec<(String, Vec<u8>)>,
}

impl Release {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            files: Vec::new(),
        }
    }

    fn with(mut self, stem: &str, content: Vec<u8>) -> Self {
        self.files
            .push((format!("{stem}{}", std::env::consts::DLL_SUFFIX), content));
        self
    }

    /// Compiles the plugin with some macros set.
    fn compiled(self, stem: &str, macros: &[&str]) -> Self {
        let library = compile(self.folder.path(), macros);
        self.with(stem, library)
    }

    fn gather(&self, limit: Duration) -> Vec<Event> {
        let entries: Vec<_> = self
            .files
            .iter()
            .map(|(name, bytes)| file(name.as_str(), bytes.as_slice()))
            .collect();
        let zip = written(self.folder.path(), &archive(&entries));
        gather_from(&zip, &self.plugins(), limit)
    }

    fn plugins(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }
}

fn gather_from(zip: &Path, into: &Path, call_limit: Duration) -> Vec<Event> {
    let program = &program();
    let limits = Limits::default();
    let settings = Settings {
        zip,
        into,
        program,
        limits,
        call_limit,
    };
    let mut events = Vec::new();
    let kept = gather(&settings, || true, |event| events.push(event));
    assert!(kept.is_some(), "{events:?}");
    events
}

/// The example of this crate, which is built with its tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let name = format!("rehearse{}", std::env::consts::EXE_SUFFIX);
    let program = profile.join("examples").join(name);
    assert!(
        program.is_file(),
        "`cargo test -p agent-plugins` builds {}",
        program.display()
    );
    program
}

fn compile(folder: &Path, macros: &[&str]) -> Vec<u8> {
    let (source, library) = (folder.join("tiny.c"), folder.join("tiny.out"));
    fs::write(&source, format!("{HEADER}{PLUGIN}")).unwrap();
    let status = Command::new("cc")
        .args([
            "-D_POSIX_C_SOURCE=200809L",
            "-Wall",
            "-Werror",
            "-shared",
            "-fPIC",
            "-o",
        ])
        .args([&library, &source])
        .args(macros.iter().map(|name| format!("-D{name}")))
        .status()
        .expect("cc, which the build needs too");
    assert!(status.success());
    fs::read(&library).unwrap()
}

/// The tags and the warnings of some events.
fn outcome(events: Vec<Event>) -> (Vec<String>, Vec<String>) {
    let (mut all, mut troubles) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Ready { tags, .. } => all.extend(tags),
            Event::Trouble(text) => troubles.push(text),
        }
    }
    (all, troubles)
}

#[test]
fn a_plugin_written_in_c_gives_its_tags() {
    let events = Release::new().compiled("tiny", &[]).gather(ENOUGH);
    let [Event::Ready { plugin, tags }] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!((plugin.name(), plugin.release()), ("tiny", "1.2"));
    assert_eq!(
        plugin.kinds(),
        [agent_plugin_api::Kind::Tags],
        "unknown bits do not matter"
    );
    assert_eq!(tags, &["made-in=c"]);
}

#[test]
fn each_broken_library_is_one_warning_and_the_good_one_is_loaded() {
    for (macros, reason) in [
        (&["NO_ENTRY"][..], "has no function trireme_plugin_v1"),
        (&["UNDEFINED"], "nowhere_to_be_found"),
        (&["OTHER_VERSION"], "version 2"),
        (&["REFUSE"], "error 7"),
        (&["NO_TAGS"], "is missing"),
        (&["SHORT_TABLE"], "another size"),
        (&["NAME=\"\""], "its name"),
        (&["NAME=\"a b\""], "its name"),
        (&["NAME=\"\\xff\""], "its name"),
    ] {
        let release = Release::new()
            .compiled("a-bad", macros)
            .compiled("b-good", &[]);
        let (tags, troubles) = outcome(release.gather(ENOUGH));
        assert_eq!(tags, ["made-in=c"], "{macros:?}");
        assert_eq!(troubles.len(), 1, "{troubles:?}");
        assert!(
            troubles[0].contains("a-bad") && troubles[0].contains(reason),
            "{troubles:?}"
        );
    }
}

#[test]
fn a_file_that_is_no_library_is_a_warning() {
    let whole = compile(tempfile::tempdir().unwrap().path(), &[]);
    for bytes in [b"I am text".to_vec(), Vec::new(), whole[..200].to_vec()] {
        let (tags, troubles) = outcome(Release::new().with("bad", bytes).gather(ENOUGH));
        assert!(tags.is_empty());
        assert!(troubles[0].contains("does not load"), "{troubles:?}");
    }
}

#[test]
fn a_plugin_whose_answer_is_bad_is_a_warning_and_stays_a_plugin() {
    for (macros, reason) in [
        (&["STATUS=3", "ANSWER=\"no luck\""][..], "error 3: no luck"),
        (&["ANSWER=\"\\xff\""], "not UTF-8"),
        (&["ANSWER=\"a line\""], "a line"),
        (&["HUGE_ANSWER"], "1048577 bytes"),
    ] {
        let events = Release::new().compiled("tiny", macros).gather(ENOUGH);
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::Ready { .. }))
        );
        let (tags, troubles) = outcome(events);
        assert!(
            tags.is_empty() && troubles.len() == 1,
            "{tags:?} {troubles:?}"
        );
        assert!(troubles[0].contains(reason), "{troubles:?}");
    }
}

#[test]
fn of_two_plugins_with_one_name_the_first_is_used() {
    let release = Release::new()
        .compiled("a", &[])
        .compiled("b", &["ANSWER=\"second=1\""]);
    let (tags, troubles) = outcome(release.gather(ENOUGH));
    assert_eq!(tags, ["made-in=c"]);
    assert!(
        troubles.len() == 1 && troubles[0].contains("plugin b"),
        "{troubles:?}"
    );
}

#[test]
fn a_plugin_that_hangs_or_ends_its_process_is_left_out_and_the_next_one_is_asked() {
    for (macros, reason) in [
        ("HANG", "did not answer"),
        ("HANG_AT_ONCE", "did not answer"),
        ("DIE", "ended the process"),
    ] {
        let release = Release::new()
            .compiled("a", &[macros, "NAME=\"bad\""])
            .compiled("b", &[]);
        let (tags, troubles) = outcome(release.gather(ENOUGH));
        assert_eq!(tags, ["made-in=c"], "{macros}");
        assert!(
            troubles.len() == 1 && troubles[0].contains(reason),
            "{troubles:?}"
        );
    }
}

#[test]
fn a_plugin_that_hangs_in_the_agent_only_is_given_up() {
    let release = Release::new()
        .compiled("a", &["HANG_LATER", "NAME=\"hanging\""])
        .compiled("b", &[]);
    // Long enough for the good one on a loaded machine.
    let (tags, troubles) = outcome(release.gather(Duration::from_secs(3)));
    assert_eq!(tags, ["made-in=c"]);
    assert!(
        troubles.len() == 1 && troubles[0].contains("did not answer"),
        "{troubles:?}"
    );
}

#[test]
fn plugins_that_nobody_wants_any_more_are_not_loaded() {
    let release = Release::new().compiled("tiny", &[]);
    let library = format!("tiny{}", std::env::consts::DLL_SUFFIX);
    let entry = file(library, release.files[0].1.as_slice());
    let zip = written(release.folder.path(), &archive(&[entry]));
    let settings = Settings {
        zip: &zip,
        into: &release.plugins(),
        program: &program(),
        limits: Limits::default(),
        call_limit: ENOUGH,
    };
    let kept = gather(&settings, || false, |event| panic!("{event:?}"));
    assert!(kept.is_some());
}

#[test]
fn a_plugin_in_which_the_agent_died_twice_is_not_tried_again() {
    let release = Release::new().compiled("tiny", &[]);
    assert_eq!(outcome(release.gather(ENOUGH)).0, ["made-in=c"]);
    let folder = fs::read_dir(release.plugins())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let folder = folder.into_iter().find(|path| path.is_dir()).unwrap();
    let deaths = folder.with_extension("deaths");
    assert!(!deaths.exists(), "a plugin that works leaves no trace");
    let name = format!("tiny{}\n", std::env::consts::DLL_SUFFIX);
    fs::write(&deaths, name.repeat(2)).unwrap();
    let (tags, troubles) = outcome(release.gather(ENOUGH));
    assert!(
        tags.is_empty() && troubles[0].contains("died"),
        "{tags:?} {troubles:?}"
    );
    fs::write(&deaths, name).unwrap();
    assert_eq!(
        outcome(release.gather(ENOUGH)).0,
        ["made-in=c"],
        "once may be an accident"
    );
    assert!(!deaths.exists(), "and is forgiven");
}

#[test]
fn a_library_that_hangs_at_its_start_in_the_agent_twice_is_not_tried_again() {
    let release = Release::new().compiled("tiny", &["HANG_AT_ONCE_LATER"]);
    for reason in ["did not answer", "did not answer", "died or hung"] {
        let (tags, troubles) = outcome(release.gather(Duration::from_millis(100)));
        assert!(tags.is_empty() && troubles.len() == 1, "{troubles:?}");
        assert!(troubles[0].contains(reason), "{troubles:?}");
    }
}

#[test]
fn an_archive_without_a_library_of_this_platform_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let zip = written(folder.path(), &archive(&[file("plugin.other", "x")]));
    let events = gather_from(&zip, &folder.path().join("plugins"), ENOUGH);
    let (_, troubles) = outcome(events);
    assert!(
        troubles.len() == 1 && troubles[0].contains("no library"),
        "{troubles:?}"
    );
}
