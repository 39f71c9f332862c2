//! Files and folders as all of the crate uses them: written whole or not at all, and the user's cache folder.

mod atomic;
mod user_cache;

pub(crate) use atomic::write_atomically;
pub(crate) use user_cache::{user_cache, variable};
