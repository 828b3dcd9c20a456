//! The plugin as one value: configuration, database, gateway, signing key.

use std::sync::Arc;

use crate::config::{self, Config};
use crate::paygent::Gateway;
use crate::reply::Problem;
use crate::seal::Seal;
use crate::store::{Store, facts, notices};

/// One configured plugin. Making it opens nothing: the database is opened by the first question, a connection
/// to the gateway by the first telegram.
pub(crate) struct Instance {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) gateway: Gateway,
    pub(crate) seal: Seal,
}

impl Instance {
    /// From the configuration's JSON.
    pub(crate) fn open(config: &str) -> Result<Self, Problem> {
        Self::new(Arc::new(Config::parse(config)?))
    }

    /// The same plugin with nothing opened yet, for a forked child.
    pub(crate) fn afresh(&self) -> Result<Self, Problem> {
        Self::new(Arc::clone(&self.config))
    }

    fn new(config: Arc<Config>) -> Result<Self, Problem> {
        let store = Store::new(&config.database);
        let gateway = Gateway::new(config.gateway.clone());
        let seal = Seal::new(&config::key_bytes(&config.signing_key)?)?;
        Ok(Self {
            config,
            store,
            gateway,
            seal,
        })
    }

    /// The rows belong to the configured account, or may from now on: test and live, or two merchants, are not switched
    /// while something is under way at the old one, for nobody could ask what became of it. Asked at every call: another
    /// process may have switched.
    pub(crate) fn check_account(&self) -> Result<(), Problem> {
        let own = self.config.gateway.account();
        if self.store.read(|rows| facts::find(rows, facts::ACCOUNT))?.as_ref() == Some(&own) {
            return Ok(());
        }
        let left = self.store.write(|rows| match facts::find(rows, facts::ACCOUNT)? {
            Some(before) if before != own => {
                let left = facts::under_way(rows)?;
                if left == 0 {
                    // Notices are numbered per account: the other one's numbers would hide this one's.
                    notices::forget_all(rows)?;
                    facts::set(rows, facts::ACCOUNT, &own)?;
                }
                Ok((left > 0).then_some((before, left)))
            }
            _ => {
                facts::adopt_payments(rows, &own)?;
                facts::set(rows, facts::ACCOUNT, &own).map(|()| None)
            }
        })?;
        match left {
            None => Ok(()),
            Some((before, left)) => Err(Problem::refused(
                "config.account_switched",
                format!(
                    "{left} operations are under way at {before}; open the plugin with that account until they have ended"
                ),
            )),
        }
    }
}
