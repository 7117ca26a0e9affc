//! The migrations, compiled in. A migration that was released is never edited; a new one is added.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// All migrations, oldest first.
pub(crate) fn migrator() -> Migrator {
    let initial = Migration::new(
        1,
        "initial".into(),
        MigrationType::Simple,
        include_str!("../migrations/0001_initial.sql").into_sql_str(),
        false,
    );
    Migrator::with_migrations(vec![initial])
}
