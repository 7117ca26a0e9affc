//! Reading single settings: flags over environment.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use agent_process::Signal;
use shared_protocol::env as names;
use shared_protocol::protection::OverrideMode;

use super::error::SettingsError;
use super::flags;
use super::phase::Phase;
use crate::cancellation::Grace;
use crate::environment::Environment;
use crate::words;

/// Flags over environment, and over both what hooks changed.
pub(super) struct Source<'a> {
    pub(super) given: &'a BTreeMap<&'static str, String>,
    pub(super) again: &'a BTreeMap<&'static str, String>,
    pub(super) env: &'a Environment,
}

impl Source<'_> {
    pub(super) fn text(&self, variable: &str) -> Option<&str> {
        if let Some(again) = self.again.get(variable) {
            return Some(again);
        }
        let flag = self.given.get(variable).map(String::as_str);
        flag.or_else(|| self.env.text(variable))
            .filter(|value| !value.is_empty())
    }

    /// As [`Source::text`], but what a hook emptied is not there.
    pub(super) fn filled(&self, variable: &str) -> Option<String> {
        let text = self.text(variable).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    }

    pub(super) fn required(&self, variable: &'static str) -> Result<String, SettingsError> {
        let flag = flags::flag_of(variable);
        self.text(variable)
            .map(str::to_owned)
            .ok_or(SettingsError::Missing { flag, variable })
    }

    pub(super) fn invalid(&self, variable: &'static str, wanted: &'static str) -> SettingsError {
        SettingsError::Invalid {
            flag: flags::flag_of(variable),
            variable,
            value: self.text(variable).unwrap_or_default().to_owned(),
            wanted,
        }
    }

    /// The spellings of true and false that the peer reads.
    pub(super) fn switch(
        &self,
        variable: &'static str,
        default: bool,
    ) -> Result<bool, SettingsError> {
        match self.text(variable) {
            None => Ok(default),
            Some(text) => {
                agent_flags::switch(text).ok_or_else(|| self.invalid(variable, "true or false"))
            }
        }
    }

    pub(super) fn number<T: FromStr>(
        &self,
        variable: &'static str,
        default: T,
    ) -> Result<T, SettingsError> {
        match self.text(variable) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| self.invalid(variable, "a whole number in range")),
        }
    }

    pub(super) fn words(
        &self,
        variable: &'static str,
        default: &str,
    ) -> Result<Vec<String>, SettingsError> {
        words::split(self.text(variable).unwrap_or(default)).map_err(|error| SettingsError::Words {
            flag: flags::flag_of(variable),
            variable,
            error,
        })
    }

    pub(super) fn commas(&self, variable: &str) -> impl Iterator<Item = &str> {
        let text = self.text(variable).unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }

    pub(super) fn list(&self, variable: &str, default: &[&str]) -> Vec<String> {
        match self.text(variable) {
            None => default.iter().map(|&item| item.to_owned()).collect(),
            Some(_) => self.commas(variable).map(str::to_owned).collect(),
        }
    }

    /// Either way to ask for more.
    pub(super) fn debug(&self) -> Result<bool, SettingsError> {
        let level = self.text("BUILDKITE_AGENT_LOG_LEVEL");
        Ok(self.switch("BUILDKITE_AGENT_DEBUG", false)? || level == Some("debug"))
    }

    pub(super) fn shell(&self) -> Result<Vec<String>, SettingsError> {
        let words = self.words(names::SHELL, crate::os::DEFAULT_SHELL)?;
        if words.is_empty() {
            return Err(self.invalid(names::SHELL, "a shell to run"));
        }
        Ok(words)
    }

    pub(super) fn phases(&self) -> Result<Vec<Phase>, SettingsError> {
        const VARIABLE: &str = "BUILDKITE_BOOTSTRAP_PHASES";
        if self.text(VARIABLE).is_none() {
            return Ok(Phase::ORDER.to_vec());
        }
        self.commas(VARIABLE)
            .map(|name| {
                Phase::from_name(name)
                    .ok_or_else(|| self.invalid(VARIABLE, "a list of plugin, checkout, command"))
            })
            .collect()
    }

    pub(super) fn override_mode(&self) -> Result<OverrideMode, SettingsError> {
        const VARIABLE: &str = "BUILDKITE_CHECKOUT_OVERRIDE_MODE";
        match self.text(VARIABLE) {
            None => Ok(OverrideMode::default()),
            Some(name) => OverrideMode::from_name(name)
                .ok_or_else(|| self.invalid(VARIABLE, "strict, from-job or none")),
        }
    }

    pub(super) fn signal(&self) -> Result<Signal, SettingsError> {
        let name = self.text(names::CANCEL_SIGNAL).unwrap_or("SIGTERM");
        Signal::from_name(name)
            .ok_or_else(|| self.invalid(names::CANCEL_SIGNAL, "the name of a signal"))
    }

    /// A negative number of seconds counts back from the whole grace period.
    pub(super) fn grace(&self) -> Result<Grace, SettingsError> {
        let cancel = self.number(names::CANCEL_GRACE_PERIOD, 10_i64)?;
        let signal = match self.number(names::SIGNAL_GRACE_PERIOD_SECONDS, -1_i64)? {
            back if back < 0 => cancel.saturating_add(back),
            seconds => seconds,
        };
        let seconds = |seconds| u64::try_from(seconds).ok().map(Duration::from_secs);
        match (seconds(signal), seconds(cancel)) {
            (Some(signal), Some(cancel)) if signal <= cancel => Ok(Grace { signal, cancel }),
            _ => Err(self.invalid(
                names::SIGNAL_GRACE_PERIOD_SECONDS,
                "within the cancel grace period; lower it or raise BUILDKITE_CANCEL_GRACE_PERIOD",
            )),
        }
    }
}
