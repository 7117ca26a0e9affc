//! Facts about the host, as tags of its workers: the operating system, EC2, ECS, Google Cloud,
//! Kubernetes.
//!
//! Read once, before workers register. A source that does not answer in its time is left out, or
//! ends the start when the user says so.
