//! Help texts, made of the table of commands.

use std::fmt::Write as _;

use crate::given::{COMMON, Kind};
use crate::{COMMANDS, Command};

pub(crate) fn of_group(group: &str) -> String {
    let mut text = format!("Usage: buildkite-agent {group} COMMAND [flags]\n\n");
    for command in COMMANDS.iter().filter(|command| command.group == group) {
        let _ = writeln!(text, "  {:<9} {}", command.name, command.help);
    }
    text
}

pub(crate) fn of_command(command: &Command) -> String {
    let Command {
        group,
        name,
        arguments,
        help,
        flags,
        ..
    } = command;
    let words = [*group, name, arguments];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let mut text = format!(
        "Usage: buildkite-agent {} [flags]\n\n{help}\n\n\
         Flags, with their variables of the environment:\n",
        words.join(" ")
    );
    for flag in flags.iter().chain(COMMON) {
        let shown = match flag.kind {
            Kind::Switch => flag.name.to_owned(),
            _ => format!("{} VALUE", flag.name),
        };
        let entry = agent_flags::help_entry(&shown, flag.variable, flag.help, flag.default);
        text.push_str(&entry);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_command_and_every_flag() {
        for command in COMMANDS {
            assert!(of_group(command.group).contains(command.name));
            let help = of_command(command);
            for flag in command.flags.iter().chain(COMMON) {
                let word = format!("--{}", flag.name);
                assert!(help.split_whitespace().any(|w| w == word), "{word}");
            }
        }
    }
}
