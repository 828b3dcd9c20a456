//! The ledger of truth: what this Paygent did, kept in a file so that it outlives the process.
//!
//! `schema` the tables · `payments` the records that Paygent Online lists · `tokens` cards in disguise · `stored_cards`
//! カード情報お預かり · `authentications` of 3-D Secure · `links` orders of the link type · `notices` what the shop is told of · `telegrams` the log of all that came. A transaction is committed before its answer leaves.

pub(crate) mod authentications;
pub(crate) mod links;
pub(crate) mod notices;
pub(crate) mod payments;
pub(crate) mod schema;
pub(crate) mod stored_cards;
pub(crate) mod telegrams;
pub(crate) mod tokens;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

/// Columns that came later, by table: a file that was made before gets them.
const ADDED: [(&str, &str, &str); 2] = [
    ("payments", "three_ds", "BOOLEAN NOT NULL DEFAULT 0"),
    ("notices", "amount", "INTEGER"),
];

/// The open file.
pub(crate) struct Ledger(Mutex<SqliteConnection>);

impl Ledger {
    /// Opens or makes the file.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.to_str().context("the ledger's path is not UTF-8")?;
        let mut connection = SqliteConnection::establish(name).context("the ledger cannot be opened")?;
        connection
            .batch_execute(include_str!("ledger/schema.sql"))
            .context("the ledger has no tables")?;
        add_columns(&mut connection).context("the ledger is of an older kind")?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Reads, or changes everything or nothing.
    pub(crate) fn transact<T>(&self, work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T>) -> QueryResult<T> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .immediate_transaction(work)
    }
}

fn add_columns(connection: &mut SqliteConnection) -> QueryResult<()> {
    for (table, column, definition) in ADDED {
        let known = format!("EXISTS (SELECT 1 FROM pragma_table_info('{table}') WHERE name = '{column}')");
        if !diesel::select(sql::<Bool>(&known)).get_result::<bool>(connection)? {
            connection.batch_execute(&format!("ALTER TABLE {table} ADD COLUMN {column} {definition}"))?;
        }
    }
    Ok(())
}

/// An empty ledger for a test.
#[cfg(test)]
pub(crate) fn in_memory() -> Ledger {
    Ledger::open(Path::new(":memory:")).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_older_kind_gets_the_columns_that_came_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let ledger = Ledger::open(&path).unwrap();
        ledger
            .transact(|connection| {
                for (table, column, _) in ADDED {
                    connection.batch_execute(&format!("ALTER TABLE {table} DROP COLUMN {column}"))?;
                }
                Ok(())
            })
            .unwrap();
        drop(ledger);
        let ledger = Ledger::open(&path).unwrap();
        assert!(ledger.transact(payments::all).unwrap().is_empty());
        assert!(ledger.transact(notices::all).unwrap().is_empty());
    }
}
