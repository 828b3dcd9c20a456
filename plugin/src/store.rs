//! The plugin's own database: opened once per process, asked in small questions, written in short transactions.
//!
//! `schema` the tables · then one file of questions per table. No transaction is ever open while a telegram is
//! on its way or while the host is asked for something.
//!
//! SQLite: write-ahead log with `synchronous=FULL`, because an intent must outlive a power cut before its
//! telegram leaves; every writing transaction is `BEGIN IMMEDIATE`, because a deferred one fails under contention.

pub(crate) mod acs_pages;
pub(crate) mod answers;
pub(crate) mod attempts;
pub(crate) mod changes;
pub(crate) mod effects;
pub(crate) mod facts;
pub(crate) mod failures;
mod file;
pub(crate) mod flags;
pub(crate) mod holds;
pub(crate) mod jobs;
pub(crate) mod leases;
pub(crate) mod notices;
pub(crate) mod orders;
pub(crate) mod payments;
pub(crate) mod removals;
mod schema;
pub(crate) mod search;
pub(crate) mod storings;
pub(crate) mod telegrams;
pub(crate) mod tries;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::Connection as _;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration as _, MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

/// The connection that every question takes.
pub(crate) type Connection = SqliteConnection;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The file cannot be opened or created.
    #[error("the database cannot be opened at {path}")]
    Open {
        path: PathBuf,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Its tables cannot be brought to this version's.
    #[error("the database cannot be migrated: {0}")]
    Migrate(String),
    /// Another copy of this library has the file open in this process.
    #[error("another copy of this library has {0} open in this process: SQLite would lose rows; load the library once")]
    SecondCopy(PathBuf),
    /// It is not the file that was opened: somebody deleted, moved or replaced it.
    #[error(
        "{0} was deleted, moved or replaced while it was open: stop the shop's payments, put the file back, and start anew"
    )]
    Replaced(PathBuf),
    /// An empty file, or another shop's, stands where this shop's database was.
    #[error(
        "{0} is not the database that stood here (`{0}.name` tells which): put that one back from its backup, or remove \
         `{0}.name` to begin anew without it"
    )]
    Missing(PathBuf),
    /// A newer version of the plugin has changed the tables.
    #[error("the database is of a newer version of the plugin (step {0}): open it with that version")]
    Newer(String),
    /// A statement failed; nothing of its transaction stands.
    #[error("the database refused a statement")]
    Statement(#[from] DieselError),
    /// Somebody else changed the row meanwhile; nothing of the transaction stands.
    #[error("another process was first")]
    Lost,
    /// A row holds a word that this version does not know.
    #[error("row {row} holds the unknown word `{word}`")]
    Unreadable { row: String, word: String },
}

impl StoreError {
    /// A unique column already held the value: somebody else was first.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(
            self,
            Self::Statement(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
        )
    }
}

/// A result of the store.
pub(crate) type StoreResult<T> = Result<T, StoreError>;

/// The database, as this process sees it.
pub(crate) struct Store {
    path: PathBuf,
    idle: Mutex<Idle>,
}

/// Connections not in use. They belong to the process that opened them: SQLite forbids carrying one over `fork`.
struct Idle {
    process: u32,
    connections: Vec<SqliteConnection>,
    /// That this copy of the library has the file open in this process.
    claim: Option<Arc<file::Claim>>,
    /// The file that was opened.
    file: Option<file::Identity>,
}

impl Store {
    /// Names the database; nothing is opened before the first question.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::new(Idle {
                process: std::process::id(),
                connections: Vec::new(),
                claim: None,
                file: None,
            }),
        }
    }

    /// Asks without changing anything.
    pub(crate) fn read<T>(&self, ask: impl FnOnce(&mut Connection) -> StoreResult<T>) -> StoreResult<T> {
        let mut connection = self.check_out()?;
        let answer = connection.transaction(ask);
        self.check_in(connection);
        answer
    }

    /// Changes rows: all of `change` stands on disk when this returns `Ok`, or nothing of it.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut Connection) -> StoreResult<T>) -> StoreResult<T> {
        let mut connection = self.check_out()?;
        let answer = connection.immediate_transaction(change);
        self.check_in(connection);
        answer
    }

    fn check_out(&self) -> StoreResult<SqliteConnection> {
        let pooled = {
            let mut idle = self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if idle.process != std::process::id() {
                // In a forked child the parent's connections may not even be closed: closing drops its locks.
                idle.connections.drain(..).for_each(std::mem::forget);
                idle.process = std::process::id();
                idle.claim = None;
                idle.file = None;
            }
            if idle.claim.is_none() {
                idle.claim = Some(file::Claim::of(&self.path)?);
            }
            // A file that was deleted is written to all the same, and lost when the last one closes it.
            if idle
                .file
                .is_some_and(|opened| file::identity(&self.path) != Some(opened))
            {
                return Err(StoreError::Replaced(self.path.clone()));
            }
            idle.connections.pop()
        };
        pooled.map_or_else(|| self.open(), Ok)
    }

    fn check_in(&self, connection: SqliteConnection) {
        const MOST_IDLE: usize = 4;
        let mut idle = self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if idle.process == std::process::id() && idle.connections.len() < MOST_IDLE {
            idle.connections.push(connection);
        }
    }

    fn open(&self) -> StoreResult<SqliteConnection> {
        let at = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Open {
            path: self.path.clone(),
            source,
        };
        if !self.path.exists() && file::name_beside(&self.path)?.is_some() {
            return Err(StoreError::Missing(self.path.clone()));
        }
        private_file(&self.path).map_err(|error| at(error.into()))?;
        let opened = file::identity(&self.path);
        let mut connection =
            SqliteConnection::establish(&self.path.to_string_lossy()).map_err(|error| at(error.into()))?;
        connection.batch_execute("PRAGMA busy_timeout = 10000;")?;
        log_ahead(&mut connection)?;
        connection
            .batch_execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;")?;
        // One transaction round all steps: of several processes that start together one migrates, the others see it done.
        connection.immediate_transaction(migrate)?;
        self.is_this_shops(&mut connection)?;
        if file::identity(&self.path) != opened {
            return Err(StoreError::Replaced(self.path.clone()));
        }
        let mut idle = self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        idle.file = idle.file.or(opened);
        Ok(connection)
    }

    /// The database has the name that stands beside it: an empty one in the place of one that was lost would take orders as
    /// if nothing had ever been paid.
    fn is_this_shops(&self, connection: &mut SqliteConnection) -> StoreResult<()> {
        // In this order: who names the database writes the name into it first.
        let beside = file::name_beside(&self.path)?;
        let own = connection.transaction(|connection| facts::find(connection, facts::NAME))?;
        match (own, beside) {
            (Some(own), Some(beside)) if own == beside => Ok(()),
            (_, Some(_)) => Err(StoreError::Missing(self.path.clone())),
            (Some(own), None) => file::write_name(&self.path, &own),
            (None, None) => {
                let fresh = file::fresh_name().map_err(|error| StoreError::Migrate(error.to_string()))?;
                // Of several processes that open a new file the first one names it.
                let own = connection.immediate_transaction(|connection| {
                    if let Some(own) = facts::find(connection, facts::NAME)? {
                        return Ok::<_, StoreError>(own);
                    }
                    facts::set(connection, facts::NAME, &fresh)?;
                    Ok(fresh)
                })?;
                file::write_name(&self.path, &own)
            }
        }
    }
}

/// Brings the tables to this version's; those of a newer version are left alone.
fn migrate(connection: &mut SqliteConnection) -> StoreResult<()> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Migrate(error.to_string());
    let applied = connection.applied_migrations().map_err(failed)?;
    let known = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).map_err(failed)?;
    let is_known = |version: &MigrationVersion<'_>| known.iter().any(|step| step.name().version() == *version);
    if let Some(newer) = applied.iter().find(|version| !is_known(version)) {
        return Err(StoreError::Newer(newer.to_string()));
    }
    connection.run_pending_migrations(MIGRATIONS).map(drop).map_err(failed)
}

/// Turns the write-ahead log on. Of two that do so at the same moment in a new file SQLite refuses one at once, without the
/// patience that it has for everything else: that one tries again.
fn log_ahead(connection: &mut SqliteConnection) -> StoreResult<()> {
    const PATIENCE: Duration = Duration::from_secs(10);
    const BREATH: Duration = Duration::from_millis(5);
    let begun = Instant::now();
    loop {
        match connection.batch_execute("PRAGMA journal_mode = WAL;") {
            Err(DieselError::DatabaseError(_, why))
                if why.message().contains("locked") && begun.elapsed() < PATIENCE =>
            {
                std::thread::sleep(BREATH);
            }
            done => return Ok(done?),
        }
    }
}

/// Makes the file readable by its owner alone before anything is written to it.
fn private_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Exactly one row was changed by a compare-and-set.
fn one_row(changed: usize) -> bool {
    changed == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_goes_up_and_down_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(&folder.path().join("paygent.db"));
        let mut connection = store.open().unwrap();
        connection.revert_all_migrations(MIGRATIONS).unwrap();
        connection.run_pending_migrations(MIGRATIONS).unwrap();
    }

    #[test]
    fn first_questions_at_the_same_moment_are_all_answered() {
        for _ in 0..60 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("paygent.db");
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| Store::new(&path).write(|_| Ok(())).unwrap());
                }
            });
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paygent.db");
        Store::new(&path).read(|_| Ok(())).unwrap();
        for name in ["paygent.db", "paygent.db-wal", "paygent.db-shm"] {
            let mode = std::fs::metadata(folder.path().join(name)).map(|file| file.permissions().mode() & 0o777);
            if let Ok(mode) = mode {
                assert_eq!(mode, 0o600, "{name}");
            }
        }
    }
}
