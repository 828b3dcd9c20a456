//! A Paygent card payment plugin that any shop engine can load.
