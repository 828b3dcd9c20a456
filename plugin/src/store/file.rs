//! The database's file: that one copy of the library has it open in this process, that it is the file it was, and that it is
//! this shop's and not an empty one in its place.
//!
//! Two copies of SQLite in one process lose committed rows in silence: a process's file locks are the process's, so the
//! copies do not see each other's, and the first one to close the file drops both's. A lock file per process, held by `flock`,
//! which belongs to the open file and not to the process, tells them apart.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError as Held, Weak};
use std::time::Duration;

use super::{StoreError, StoreResult};

/// That this copy of the library has a database open in this process, for as long as this lives.
pub(super) struct Claim {
    process: u32,
    lock: PathBuf,
    /// Holds the lock; closed with this.
    _file: File,
}

/// By the database's absolute path.
type Claims = Option<HashMap<PathBuf, Weak<Claim>>>;

static CLAIMS: Mutex<Claims> = Mutex::new(None);

impl Claim {
    /// Claims a database; shared by all who ask in this copy of the library. Refused where another copy has it.
    pub(super) fn of(database: &Path) -> StoreResult<Arc<Self>> {
        let process = std::process::id();
        let path = std::path::absolute(database).map_err(|error| at(database, error))?;
        let mut guard = claims(database)?;
        let all = guard.get_or_insert_default();
        all.retain(|_, claim| claim.strong_count() > 0);
        let known = all.get(&path).and_then(Weak::upgrade);
        if let Some(claim) = known.filter(|claim| claim.process == process) {
            return Ok(claim);
        }
        sweep(&path);
        let claim = Arc::new(Self::locked(
            database,
            with_end(&path, &format!(".{process}.lock")),
            process,
        )?);
        all.insert(path, Arc::downgrade(&claim));
        Ok(claim)
    }

    fn locked(database: &Path, lock: PathBuf, process: u32) -> StoreResult<Self> {
        // Somebody may sweep the file away between opening and locking it; then another one stands there, or none.
        for _ in 0..100 {
            let file = private(OpenOptions::new().write(true).create(true).truncate(false))
                .open(&lock)
                .map_err(|error| at(database, error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(StoreError::SecondCopy(database.to_owned())),
                Err(TryLockError::Error(error)) => return Err(at(database, error)),
            }
            if identity(&lock) == Some(identity_of(&file).map_err(|error| at(database, error))?) {
                return Ok(Self {
                    process,
                    lock,
                    _file: file,
                });
            }
        }
        Err(StoreError::SecondCopy(database.to_owned()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // In a forked child the file is the parent's.
        if self.process == std::process::id() {
            // A file that stays behind is swept away by the next who opens the database.
            let _ = std::fs::remove_file(&self.lock);
        }
    }
}

/// Removes lock files of processes that were killed.
fn sweep(database: &Path) {
    let (Some(folder), Some(name)) = (database.parent(), database.file_name().and_then(|name| name.to_str())) else {
        return;
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let lock = entry.path();
        let is_lock = lock
            .file_name()
            .and_then(|file| file.to_str())
            .and_then(|file| file.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(".lock"))
            .is_some_and(|process| process.parse::<u32>().is_ok());
        if is_lock && File::open(&lock).is_ok_and(|file| file.try_lock().is_ok()) {
            // Whoever opened it meanwhile sees that another file, or none, stands there.
            let _ = std::fs::remove_file(&lock);
        }
    }
}

/// In a forked child whoever held the table may not exist any more: so the wait ends.
fn claims(database: &Path) -> StoreResult<MutexGuard<'static, Claims>> {
    const TRIES: u32 = 4_000;
    const BREATH: Duration = Duration::from_micros(500);
    for _ in 0..TRIES {
        match CLAIMS.try_lock() {
            Ok(guard) => return Ok(guard),
            Err(Held::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(Held::WouldBlock) => std::thread::sleep(BREATH),
        }
    }
    let forked = std::io::Error::other("forked in the middle of a call");
    Err(at(database, forked))
}

/// Which file stands at a path: none where there is none.
pub(super) type Identity = (u64, u64);

/// The file at that path.
#[cfg(unix)]
pub(super) fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(unix)]
fn identity_of(file: &File) -> std::io::Result<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Where files have no numbers, one that stands at its path is the one that stood there.
#[cfg(not(unix))]
pub(super) fn identity(path: &Path) -> Option<Identity> {
    path.exists().then_some((0, 0))
}

#[cfg(not(unix))]
fn identity_of(_: &File) -> std::io::Result<Identity> {
    Ok((0, 0))
}

/// The name that a database has for itself, as the file beside it says; none where there is no such file.
pub(super) fn name_beside(database: &Path) -> StoreResult<Option<String>> {
    match std::fs::read_to_string(with_end(database, ".name")) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(database, error)),
    }
}

/// A name that no other database has.
pub(super) fn fresh_name() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes the name of a database into the file beside it, all of it or nothing.
pub(super) fn write_name(database: &Path, name: &str) -> StoreResult<()> {
    static WRITERS: AtomicU64 = AtomicU64::new(0);
    let failed = |error| at(database, error);
    let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
    let own = with_end(database, &format!(".name.{}.{writer}", std::process::id()));
    let mut file = private(OpenOptions::new().write(true).create(true).truncate(true))
        .open(&own)
        .map_err(failed)?;
    file.write_all(name.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&own, with_end(database, ".name")))
        .map_err(failed)
}

/// Readable by its owner alone.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn at(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        source: source.into(),
    }
}
