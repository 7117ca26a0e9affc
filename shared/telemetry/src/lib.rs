//! Set-up of text logs for launcher, agent and server.
