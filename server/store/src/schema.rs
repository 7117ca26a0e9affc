//! The migrations, compiled in. A migration that was released is never edited; a new one is added.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// All migrations, oldest first.
pub(crate) fn migrator() -> Migrator {
    let plain = |version, name: &'static str, sql: &'static str| {
        let sql = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(vec![
        plain(1, "initial", include_str!("../migrations/0001_initial.sql")),
        plain(2, "ends", include_str!("../migrations/0002_ends.sql")),
        plain(3, "hosts", include_str!("../migrations/0003_hosts.sql")),
        plain(4, "orders", include_str!("../migrations/0004_orders.sql")),
        plain(5, "scale", include_str!("../migrations/0005_scale.sql")),
        plain(
            6,
            "successors",
            include_str!("../migrations/0006_successors.sql"),
        ),
    ])
}
