//! Files and folders for the whole crate: atomic writing, reading from a place, and the user's cache folder.

mod atomic;
mod read_at;
mod user_cache;

pub(crate) use atomic::write_atomically;
pub(crate) use read_at::read_exact_at;
pub(crate) use user_cache::{user_cache, variable};
