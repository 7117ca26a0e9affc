//! HTTP handlers: agents, people, releases, pages.
