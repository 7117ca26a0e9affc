//! What happens without a request: leases and time limits run out, silent workers are lost, a newly
//! published release is noticed, old tokens go.

use std::time::Duration;

use server_jobs::{Moment, Presence};
use server_releases::PublishError;
use server_store::StoreError;
use tracing::{error, info, warn};

use crate::Server;

/// Time between two ticks.
const TICK: Duration = Duration::from_secs(1);

/// Time between two looks at who is silent.
const ROLL_CALL: Duration = Duration::from_secs(5);

/// Time between two removals of old tokens.
const EXPIRY: Duration = Duration::from_mins(10);

/// How long the token of a finished job still answers questions about it.
const TOKEN_REST: Duration = Duration::from_hours(1);

/// The server's own work, tick by tick.
pub struct Sweeper {
    server: Server,
    next_roll_call: Moment,
    next_expiry: Moment,
    /// The manifest whose serial workers are told.
    manifest: Option<Vec<u8>>,
}

impl Sweeper {
    /// A sweeper that does everything at its first tick.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            next_roll_call: Moment::default(),
            next_expiry: Moment::default(),
            manifest: None,
        }
    }

    /// Ticks until the task is dropped.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.tick().await;
        }
    }

    /// Does what is due. A failure is logged; the next tick tries again.
    pub async fn tick(&mut self) {
        let now = self.server.now();
        if let Err(error) = self.look_for_release() {
            warn!(%error, "release tree not usable");
        }
        if let Err(error) = self.sweep(now).await {
            error!(%error, "sweep failed");
        }
    }

    /// Publishing is another process, so the tree is looked at. Signatures are checked only when the
    /// manifest is another one.
    fn look_for_release(&mut self) -> Result<(), PublishError> {
        let channel = &self.server.settings.channel;
        let manifest = self.server.tree.manifest(channel)?;
        if manifest != self.manifest {
            self.manifest = manifest;
            self.server
                .set_release_serial(self.server.tree.serial(channel)?);
        }
        Ok(())
    }

    async fn sweep(&mut self, now: Moment) -> Result<(), StoreError> {
        let changed = self.server.store.run_timers(now).await?;
        self.server.announce(&changed).await;
        if now >= self.next_roll_call {
            self.roll_call(now).await?;
            self.next_roll_call = now.plus(ROLL_CALL);
        }
        if now >= self.next_expiry {
            self.server
                .store
                .expire_job_tokens(now.minus(TOKEN_REST))
                .await?;
            self.next_expiry = now.plus(EXPIRY);
        }
        Ok(())
    }

    /// Writes down who was heard of, and takes from lost workers what they held.
    async fn roll_call(&self, now: Moment) -> Result<(), StoreError> {
        let heard = self.server.take_heard();
        self.server.store.set_heard(&heard).await?;
        let limit = self.server.settings.forget_pending_after;
        let forgotten = self
            .server
            .store
            .expire_pending_hosts(now.minus(limit))
            .await?;
        if forgotten > 0 {
            info!(forgotten, "hosts that waited to be let in are silent");
            self.server.wakes.fleet();
        }
        let limit = self.server.settings.lost_after;
        for (agent, presence, heard) in self.server.store.silent_agents(now.minus(limit)).await? {
            let silence = now.since(heard.max(self.server.up_since));
            if presence.after(silence, limit) == Presence::Lost {
                info!(agent = agent.as_str(), "agent lost");
                let changed = self
                    .server
                    .store
                    .depart(&agent, Presence::Lost, now)
                    .await?;
                self.server.announce(&changed).await;
                self.server.wakes.fleet();
            }
        }
        Ok(())
    }
}
