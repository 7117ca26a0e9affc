//! `token`: making, listing and withdrawing tokens, beside a running server or without one.

use anyhow::{Context as _, Result, ensure};
use server_store::{DataDir, Store, TokenKind};

use crate::cli::{Kind, Token};
use crate::{clock, print};

pub(crate) async fn run(token: Token) -> Result<()> {
    match token {
        Token::Create {
            kind,
            description,
            data,
        } => {
            let kind = match kind {
                Kind::Agent => TokenKind::Agent,
                Kind::Api => TokenKind::Api,
            };
            let store = open(&DataDir::prepare(&data.dir)?).await?;
            let secret = store.create_token(kind, &description, clock()).await?;
            store.close().await;
            print(secret.expose())
        }
        Token::List { data } => {
            let store = open(&DataDir::prepare(&data.dir)?).await?;
            for row in store.tokens().await? {
                let made = server_api::for_people(row.created);
                print(&format!(
                    "{}  {:5}  {made}  {}",
                    row.id, row.kind, row.description
                ))?;
            }
            store.close().await;
            Ok(())
        }
        Token::Revoke { id, data } => {
            let store = open(&DataDir::prepare(&data.dir)?).await?;
            let revoked = store.revoke_token(&id).await?;
            store.close().await;
            ensure!(
                revoked,
                "no token has the id {id:?}; `trireme-server token list` shows the ids"
            );
            print(&format!("revoked {id}"))
        }
    }
}

async fn open(dir: &DataDir) -> Result<Store> {
    Store::open(dir)
        .await
        .with_context(|| format!("open the database in {}", dir.path().display()))
}
