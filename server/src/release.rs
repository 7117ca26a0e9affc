//! `release …`: what the publisher does in the tree that the server hands out.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use server_releases::{Component, Draft, Files, KeyAccess, Platform, Publisher, Reissued, Tree};
use server_store::DataDir;

use crate::cli::Data;
use crate::cli::release::{Command, Export, InitKeys, Publish, Renew, Revoke, Rotate};
use crate::{clock, print, release_show};

/// Carries out a release command.
pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::InitKeys(args) => init_keys(args),
        Command::Publish(args) => publish(args),
        Command::Rotate(args) => rotate(args),
        Command::Revoke(args) => revoke(args),
        Command::Renew(args) => renew(args),
        Command::Export(args) => export(&args),
        Command::List(args) => release_show::list(&args),
        Command::Show(args) => release_show::show(&args),
    }
}

/// The tree of a data folder, which is made if it is not there.
fn new_tree(data: &Data) -> Result<Tree> {
    Ok(Tree::new(DataDir::prepare(&data.dir)?.path()))
}

/// The tree of a data folder that must be there: a mistyped one is not made, nor is another folder
/// turned into one.
pub(crate) fn tree(data: &Data) -> Result<Tree> {
    ensure!(
        data.dir.is_dir(),
        "there is no folder {}; name the server's with --data-dir",
        data.dir.display()
    );
    Ok(Tree::new(&data.dir))
}

fn publisher(tree: &Tree, access: KeyAccess) -> Publisher<'_> {
    Publisher {
        tree,
        access,
        now: server_api::timestamp(clock()),
        tell: &tell,
    }
}

/// Progress goes to standard error: scripts read the result only.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn init_keys(args: InitKeys) -> Result<()> {
    let (data, change, access) = args.split();
    let tree = new_tree(&data)?;
    publisher(&tree, access)
        .init_keys(&change)
        .context("no keys were made")?;
    release_show::print_root(&tree)?;
    print(&format!("trust root: {}", tree.root_file().display()))
}

fn publish(args: Publish) -> Result<()> {
    let tree = new_tree(&args.data)?;
    let draft = draft(&args)?;
    let published = publisher(&tree, args.access.into())
        .publish(&draft)
        .with_context(|| format!("nothing was published of release {}", args.version))?;
    print(&format!(
        "published {} to {} as serial {}",
        args.version, args.channel, published.serial
    ))?;
    for component in &published.components {
        print(&line(component))?;
    }
    print(&format!("trust root: {}", tree.root_file().display()))
}

/// A file of a release, and what it costs a host.
fn line(component: &Component) -> String {
    let zstd = component.encoded;
    let zstd = zstd.map_or(String::new(), |size| format!(", zstd {size}"));
    let sizes = &component.deltas;
    let deltas = match (sizes.len(), sizes.iter().min(), sizes.iter().max()) {
        (2.., Some(least), Some(most)) => {
            format!(", {} deltas of {least} to {most}", sizes.len())
        }
        (_, Some(only), _) => format!(", delta {only}"),
        _ => String::new(),
    };
    format!(
        "{:8}  {}  {}  {} bytes{zstd}{deltas}  seq {}",
        component.name, component.platform, component.digest, component.size, component.seq
    )
}

fn draft(args: &Publish) -> Result<Draft> {
    let mut targets = args.target.clone();
    if targets.is_empty() {
        targets.push(Platform::here());
    }
    let templates = [
        Some(&args.launcher),
        Some(&args.agent),
        args.plugins.as_ref(),
    ];
    for template in templates.into_iter().flatten() {
        ensure!(
            targets.len() == 1 || template.contains("{target}"),
            "{template:?} would be published for all {} targets; write {{target}} where their \
             paths differ",
            targets.len()
        );
    }
    let files = targets.into_iter().map(|platform| {
        let place = |template: &String| place(template, &platform);
        Files {
            launcher: place(&args.launcher),
            agent: place(&args.agent),
            plugins: args.plugins.as_ref().map(place),
            platform,
        }
    });
    Ok(Draft {
        security: args.security,
        barrier: args.barrier,
        min_from_seq: args.min_from_seq.clone(),
        allow_downgrade: args.allow_downgrade.clone(),
        life: args.expires_in,
        encode: !args.plain,
        delta_from: args.delta_from.into(),
        ..Draft::new(&args.channel, &args.version, files.collect())
    })
}

fn place(template: &str, platform: &Platform) -> PathBuf {
    let exe = if platform.os == "windows" { ".exe" } else { "" };
    template
        .replace("{target}", &platform.to_string())
        .replace("{exe}", exe)
        .into()
}

fn rotate(args: Rotate) -> Result<()> {
    let (data, change, access) = args.split();
    let tree = tree(&data)?;
    let rotated = publisher(&tree, access)
        .rotate(&change)
        .context("the trust root was not changed")?;
    print(&format!("trust root {} published", rotated.version))?;
    for (channel, serial) in &rotated.channels {
        print(&format!("{channel}: signed anew as serial {serial}"))?;
    }
    for path in &rotated.retired {
        print(&format!(
            "trusted no more, to be destroyed: {}",
            path.display()
        ))?;
    }
    release_show::print_root(&tree)?;
    print(&format!("trust root: {}", tree.root_file().display()))
}

fn revoke(args: Revoke) -> Result<()> {
    let tree = tree(&args.data)?;
    let reissued = publisher(&tree, args.access.into())
        .revoke(&args.channel, &args.what, &args.allow_downgrade)
        .context("nothing was revoked")?;
    print_reissued(&args.channel, &reissued)
}

fn renew(args: Renew) -> Result<()> {
    let tree = tree(&args.data)?;
    let reissued = publisher(&tree, args.access.into())
        .renew(&args.channel, args.expires_in)
        .context("nothing was renewed")?;
    print_reissued(&args.channel, &reissued)
}

fn print_reissued(channel: &str, reissued: &Reissued) -> Result<()> {
    print(&format!("{channel}: serial {}", reissued.serial))?;
    for (digest, whose) in &reissued.revoked {
        print(&format!("revoked  {digest}  {whose}"))?;
    }
    Ok(())
}

fn export(args: &Export) -> Result<()> {
    let tree = tree(&args.data)?;
    let exported = publisher(&tree, KeyAccess::default())
        .export(&args.channel, &args.target, &args.out)
        .context("nothing was exported")?;
    print(&format!(
        "{}  {}  {} bytes: {} serial {}, {} files",
        args.out.display(),
        exported.digest,
        exported.size,
        args.channel,
        exported.serial,
        exported.files
    ))
}
