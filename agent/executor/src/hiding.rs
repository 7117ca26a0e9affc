//! Hiding the values of variables in the log, by the variables' names.

use shared_redact::{Added, Names};

use crate::job::Job;
use crate::warnings::Warning;

/// Hides the values of all variables that now have a secret's name. What was hidden once stays so,
/// and what cannot be hidden is said once: this is done after every hook.
pub(crate) fn refresh(job: &mut Job) {
    let patterns = job.settings.redacted_names.iter().map(String::as_str);
    let (names, bad) = Names::new(patterns);
    let mut short = Vec::new();
    for (name, value) in job.env.iter() {
        let name = name.to_string_lossy();
        if names.matches(&name)
            && job.log.hide_value(value.as_encoded_bytes()) == Added::TooShort
            && job.visible.insert(name.to_string())
        {
            short.push(name.into_owned());
        }
    }
    for pattern in bad {
        if !job.visible.insert(pattern.0.clone()) {
            continue;
        }
        let text = format!(
            "the pattern {:?} of redacted variables cannot be read and hides nothing",
            pattern.0
        );
        job.warn(Warning::BadRedactedVars, &text);
    }
    if !short.is_empty() {
        let text = format!(
            "values shorter than {} bytes stay visible in the log: {}",
            shared_redact::MIN_LENGTH,
            short.join(", ")
        );
        job.warn(Warning::ShortRedactedVars, &text);
    }
}
