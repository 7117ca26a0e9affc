//! `release publish`: signs a release into the tree that the server hands out.

use anyhow::{Context as _, Result};
use server_releases::{Draft, Platform, Tree};
use server_store::DataDir;

use crate::cli::Publish;
use crate::{clock, print};

pub(crate) fn publish(args: &Publish) -> Result<()> {
    let dir = DataDir::prepare(&args.data.dir)?;
    let tree = Tree::new(dir.path());
    let draft = Draft {
        channel: &args.channel,
        version: &args.version,
        platform: match &args.target {
            Some(text) => Platform::parse(text)?,
            None => Platform::here(),
        },
        launcher: &args.launcher,
        agent: &args.agent,
    };
    let published = tree
        .publish(&draft, server_api::timestamp(clock()))
        .with_context(|| format!("nothing was published of release {}", args.version))?;
    print(&format!(
        "published {} to {} as serial {}",
        args.version, args.channel, published.serial
    ))?;
    for component in published.components {
        print(&format!(
            "{:8}  {}  {} bytes  seq {}",
            component.name, component.digest, component.size, component.seq
        ))?;
    }
    print(&format!("trust root: {}", tree.root_file().display()))
}
