//! The hooks of a job by name, and who may have them.

/// A point of a job where hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name {
    /// Before anything else.
    Environment,
    /// Before the checkout.
    PreCheckout,
    /// In the place of the checkout.
    Checkout,
    /// After the checkout.
    PostCheckout,
    /// Before the command.
    PreCommand,
    /// In the place of the command.
    Command,
    /// After the command.
    PostCommand,
    /// Before artifacts are uploaded.
    PreArtifact,
    /// After artifacts were uploaded.
    PostArtifact,
    /// At the end, however the job went.
    PreExit,
}

/// Whose hook it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The host's: the hooks folders of the agent.
    Agent,
    /// The checkout's: `.buildkite/hooks`.
    Repository,
    /// A plugin's.
    Plugin,
}

impl Name {
    /// All of them, in the order of a job.
    pub const ALL: [Self; 10] = [
        Self::Environment,
        Self::PreCheckout,
        Self::Checkout,
        Self::PostCheckout,
        Self::PreCommand,
        Self::Command,
        Self::PostCommand,
        Self::PreArtifact,
        Self::PostArtifact,
        Self::PreExit,
    ];

    /// Whether the hook stands in the place of what the job would do itself.
    pub fn stands_in(self) -> bool {
        matches!(self, Self::Checkout | Self::Command)
    }

    /// Whether a repository may have it: one cannot act before it is there.
    pub fn in_repository(self) -> bool {
        !matches!(self, Self::Environment | Self::PreCheckout | Self::Checkout)
    }

    /// Whether it belongs to the checkout, and so is over once the repository is there.
    pub fn around_checkout(self) -> bool {
        matches!(
            self,
            Self::PreCheckout | Self::Checkout | Self::PostCheckout
        )
    }

    /// The name of its file, without an extension.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::PreCheckout => "pre-checkout",
            Self::Checkout => "checkout",
            Self::PostCheckout => "post-checkout",
            Self::PreCommand => "pre-command",
            Self::Command => "command",
            Self::PostCommand => "post-command",
            Self::PreArtifact => "pre-artifact",
            Self::PostArtifact => "post-artifact",
            Self::PreExit => "pre-exit",
        }
    }
}

impl Scope {
    /// As logs and `BUILDKITE_HOOK_SCOPE` name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Repository => "repository",
            Self::Plugin => "plugin",
        }
    }
}
