//! The parts of a job that its settings can ask for.

/// What a job consists of, between set-up and teardown. A job may ask for some of them only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Getting the plugins.
    Plugin,
    /// Getting the repository.
    Checkout,
    /// Running the command.
    Command,
}

impl Phase {
    /// All of them, in their order.
    pub(crate) const ORDER: [Self; 3] = [Self::Plugin, Self::Checkout, Self::Command];

    /// The phase of a name in settings.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "plugin" => Some(Self::Plugin),
            "checkout" => Some(Self::Checkout),
            "command" => Some(Self::Command),
            _ => None,
        }
    }
}
