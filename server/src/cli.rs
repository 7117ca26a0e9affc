//! The command line as values. The release commands have a file of their own.

pub(crate) mod release;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

/// Trireme's control plane: Agent API, REST, releases and pages.
#[derive(Debug, Parser)]
#[command(name = "trireme-server")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server in the foreground.
    Serve(Serve),
    /// Tokens of agents and people.
    #[command(subcommand)]
    Token(Token),
    /// Releases of launcher and agent.
    #[command(subcommand)]
    Release(release::Command),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Address to listen on; port 0 takes a free one, which is written to DIR/server.addr.
    #[arg(
        long,
        env = "TRIREME_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    pub(crate) listen: SocketAddr,
    /// Address under which people and agents reach the server, for links; the listening address
    /// where not given.
    #[arg(long, env = "TRIREME_URL", value_name = "URL", value_parser = web_address)]
    pub(crate) url: Option<String>,
    /// How much is logged: off, error, warn, info, debug or trace.
    #[arg(
        long,
        env = "TRIREME_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    pub(crate) log_level: String,
}

/// The data folder, for every command.
#[derive(Debug, Args)]
pub(crate) struct Data {
    /// Folder that holds the database, logs, keys and releases; made if it is not there.
    #[arg(long = "data-dir", env = "TRIREME_DATA_DIR", value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token and print it. It is shown this once; only its hash is kept.
    Create {
        /// Who will use it.
        #[arg(long)]
        kind: Kind,
        /// What it is for; shown in lists, and as the creator of builds.
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        #[command(flatten)]
        data: Data,
    },
    /// List the tokens that were made: id, kind, time, description.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Withdraw a token at once. Agents that registered with it stay; who is signed in with it does not.
    Revoke {
        /// Its id, as `token list` shows it.
        id: String,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// Agents: registers them.
    Agent,
    /// People and tools: the REST interface and the pages.
    Api,
}

/// Reads the arguments of a process.
pub(crate) fn parse(
    args: impl Iterator<Item = OsString>,
    stamp: &'static str,
) -> Result<Command, clap::Error> {
    let matches = Cli::command().version(stamp).try_get_matches_from(args)?;
    Ok(Cli::from_arg_matches(&matches)?.command)
}

fn web_address(text: &str) -> Result<String, String> {
    let has_host = ["http://", "https://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty())
    });
    if has_host {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("it begins with http:// or https://".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        let args = line.split_whitespace().map(OsString::from);
        parse(args, "1.2.3").map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_url_loses_its_last_slash() {
        let command = read("s serve --data-dir d --url https://ci.example/").unwrap();
        let Command::Serve(serve) = command else {
            panic!("serve was asked for");
        };
        assert_eq!(serve.url.as_deref(), Some("https://ci.example"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            ("s serve", "--data-dir"),
            ("s serve --data-dir d --listen here", "--listen"),
            ("s serve --data-dir d --url ci.example", "http://"),
            ("s token create --data-dir d --kind owner", "agent, api"),
            ("s release publish --data-dir d", "--version"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
