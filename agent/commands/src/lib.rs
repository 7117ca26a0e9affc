//! Client subcommands of the agent that hooks and commands call from inside a job.
