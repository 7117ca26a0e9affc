//! The statements that ran, as the database's library logs them.

use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// One statement that ran.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) rows: u64,
}

/// All that ran since the last look.
#[derive(Clone, Default)]
pub(crate) struct Statements(Arc<Mutex<Vec<Statement>>>);

impl Statements {
    /// Listens from now on, to the whole process.
    pub(crate) fn listen() -> Self {
        let statements = Self::default();
        let subscriber = tracing_subscriber::registry().with(statements.clone());
        tracing::subscriber::set_global_default(subscriber).expect("the first to listen");
        statements
    }

    pub(crate) fn take(&self) -> Vec<Statement> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "sqlx::query" {
            return;
        }
        let mut statement = Statement::default();
        event.record(&mut Reader(&mut statement));
        self.0.lock().unwrap().push(statement);
    }
}

struct Reader<'a>(&'a mut Statement);

impl Visit for Reader<'_> {
    /// `summary` has the first words of a statement, and all of a short one; `db.statement` all of a
    /// long one.
    fn record_str(&mut self, field: &Field, value: &str) {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_text = ["summary", "db.statement"].contains(&field.name());
        if is_text && value.len() > self.0.sql.len() {
            self.0.sql = value;
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.0.rows = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
