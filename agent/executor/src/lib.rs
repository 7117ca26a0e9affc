//! One job, child side: checkout and command; sees the job token only.
