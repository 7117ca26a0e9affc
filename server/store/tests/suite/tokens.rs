//! Tokens: what they grant and what is kept of them.

use server_store::{Grant, TokenKind};

use crate::{Bed, NOW};

#[tokio::test]
async fn a_token_grants_what_it_was_made_for_and_nothing_else_grants_anything() {
    let bed = Bed::new().await;
    let api = bed
        .store
        .create_token(TokenKind::Api, "laptop", NOW)
        .await
        .unwrap();
    let agent = bed
        .store
        .create_token(TokenKind::Agent, "", NOW)
        .await
        .unwrap();
    let grant = async |text: &str| bed.store.grant(text).await.unwrap();
    assert_eq!(
        grant(api.expose()).await,
        Some(Grant::Api("laptop".to_owned()))
    );
    assert_eq!(grant(agent.expose()).await, Some(Grant::Register));
    assert_eq!(grant("").await, None);
    assert_eq!(
        grant(&agent.expose()[..agent.expose().len() - 1]).await,
        None
    );
}

#[tokio::test]
async fn no_file_of_the_store_holds_a_tokens_value() {
    let bed = Bed::new().await;
    let token = bed
        .store
        .create_token(TokenKind::Api, "laptop", NOW)
        .await
        .unwrap();
    bed.store.close().await;
    let database = std::fs::read(bed.folder.path().join("trireme.db")).unwrap();
    let holds = |text: &str| {
        database
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(holds("laptop"), "the row is there");
    assert!(!holds(token.expose()));
}

#[tokio::test]
async fn the_list_of_tokens_names_kind_and_description() {
    let bed = Bed::new().await;
    bed.store
        .create_token(TokenKind::Agent, "build hosts", NOW)
        .await
        .unwrap();
    let rows = bed.store.tokens().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].kind.as_str(), rows[0].description.as_str()),
        ("agent", "build hosts")
    );
    assert_eq!(rows[0].id.len(), 8);
}

#[tokio::test]
async fn a_revoked_token_grants_nothing_and_leaves_the_others() {
    let bed = Bed::new().await;
    let token = async |kind| bed.store.create_token(kind, "", NOW).await.unwrap();
    let (agent, api) = (token(TokenKind::Agent).await, token(TokenKind::Api).await);
    let rows = bed.store.tokens().await.unwrap();
    let id = &rows.iter().find(|row| row.kind == "api").unwrap().id;
    assert!(bed.store.revoke_token(id).await.unwrap());
    assert!(!bed.store.revoke_token(id).await.unwrap());
    assert_eq!(bed.store.grant(api.expose()).await.unwrap(), None);
    let left = bed.store.grant(agent.expose()).await.unwrap();
    assert_eq!(left, Some(Grant::Register));
}
