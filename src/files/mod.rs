//! Files and folders for the whole crate: atomic writing, and the user's cache folder.

mod atomic;
mod user_cache;

pub(crate) use atomic::write_atomically;
pub(crate) use user_cache::{user_cache, variable};
