//! The plugin as one value: configuration, database, gateway, signing key.

use std::sync::Arc;

use crate::config::{self, Config};
use crate::paygent::Gateway;
use crate::reply::Problem;
use crate::seal::Seal;
use crate::store::Store;

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
}
