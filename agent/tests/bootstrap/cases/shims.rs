//! Programs in front of the job's `PATH` that write down how they are called.
//!
//! Plain `sh`, so that they start at once and need nothing installed. A record is one write to a
//! named pipe: fields are parted by the byte 31, a record ends with the byte 30.

use std::fmt::Write as _;

use super::case::{Answer, GitRule, OwnRule};

/// `tell NAME [VARIABLE…] [--all] [--stdin] [-- ARGUMENT…]`: an event with these and the folder.
///
/// It takes no signal, so that a job may be canceled the moment its event is seen.
pub(super) fn tell(pipe: &str) -> String {
    let text = "#!/bin/sh
trap '' TERM INT HUP QUIT
tell_record=\"told<US>$1<US>$PWD\"
shift
while [ $# -gt 0 ]; do
  case $1 in
  --) shift
    for tell_word; do tell_record=\"$tell_record<US>arg=$tell_word\"; done
    break ;;
  --all) tell_record=\"$tell_record<US>all=$(env -0 | tr '\\000' '\\035')\" ;;
  --stdin) tell_value=$(cat; echo x)
    tell_record=\"$tell_record<US>stdin=${tell_value%x}\" ;;
  *) eval \"tell_set=\\${$1+x} tell_value=\\${$1-}\"
    if [ \"$tell_set\" ]; then tell_record=\"$tell_record<US>env=$1=$tell_value\"
    else tell_record=\"$tell_record<US>unset=$1\"; fi ;;
  esac
  shift
done
printf '%s<RS>' \"$tell_record\" >>'<PIPE>'
";
    finish(text, pipe)
}

/// A program that only says it was called, and answers as it is told.
pub(super) fn program(pipe: &str, name: &str, answer: &Answer) -> String {
    let text = format!(
        "#!/bin/sh\nr=\"ran<US>{name}<US>$PWD\"\n{ARGUMENTS}printf '%s' {}\nexit {}\n",
        quoted(&answer.prints),
        answer.exit
    );
    finish(&text, pipe)
}

/// `git` as it is installed, after the rules of the case.
pub(super) fn git(pipe: &str, real: &str, counters: &str, rules: &[GitRule]) -> String {
    let mut text = format!("#!/bin/sh\nr=\"git<US><US>$PWD\"\n{ARGUMENTS}");
    for (number, rule) in rules.iter().enumerate() {
        let count = format!("{counters}/git-rule-{number}");
        let _ = write!(
            text,
            "case \" $* \" in *{}*) n=$(cat {count} 2>/dev/null || echo 0)\n\
             if [ $n -lt {} ]; then echo $((n+1)) >{count}\n{}\nfi ;; esac\n",
            quoted(&rule.has),
            rule.times,
            rule.run
        );
    }
    let _ = writeln!(text, "exec {real} \"$@\"");
    finish(&text, pipe)
}

/// Stands in for our own executable; `env dump` is left to it.
pub(super) fn own(pipe: &str, agent: &str, rules: &[OwnRule]) -> String {
    let mut text = format!(
        "#!/bin/sh\n[ \"$1 $2\" = 'env dump' ] && exec {agent} \"$@\"\nr=\"own<US><US>$PWD\"\n\
         if [ \"$1 $2\" = 'meta-data set' ]; then v=$(cat; echo x); r=\"$r<US>stdin=${{v%x}}\"; fi\n\
         {ARGUMENTS}"
    );
    for rule in rules {
        let _ = writeln!(
            text,
            "case \"$*\" in {}*) printf '%s' {}; exit {} ;; esac",
            quoted(&rule.starts),
            quoted(&rule.prints),
            rule.exit
        );
    }
    finish(&text, pipe)
}

/// `ask [--token TOKEN] METHOD PATH [BODY]`: one request to the job's own socket.
///
/// The test sends it and hands back status and body; there is nothing on a bare host that could.
pub(super) fn ask(pipe: &str) -> String {
    let text = "#!/bin/sh
token=$BUILDKITE_AGENT_JOB_API_TOKEN
if [ \"$1\" = --token ]; then token=$2; shift 2; fi
reply=$(mktemp -u)
mkfifo \"$reply\"
r=\"ask<US><US>$PWD<US>socket=$BUILDKITE_AGENT_JOB_API_SOCKET<US>token=$token<US>reply=$reply\"
for a; do r=\"$r<US>arg=$a\"; done
printf '%s<RS>' \"$r\" >>'<PIPE>'
cat \"$reply\"
rm \"$reply\"
";
    finish(text, pipe)
}

/// An interpreter that is no shell by name: what a hook in another language needs, and no more.
pub(super) const SPEAKER: &str = "#!/bin/sh\nscript=$1\nshift\n. \"$script\"\n";

const ARGUMENTS: &str = "for a; do r=\"$r<US>arg=$a\"; done\nprintf '%s<RS>' \"$r\" >>'<PIPE>'\n";

fn finish(text: &str, pipe: &str) -> String {
    text.replace("<US>", "\x1f")
        .replace("<RS>", "\x1e")
        .replace("<PIPE>", pipe)
}

/// The text as one word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
