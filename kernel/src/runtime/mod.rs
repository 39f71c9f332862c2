//! The processes that run cells. evcxr starts a [`forwarder`], which starts the process that loads and runs the
//! compiled cells ([`child`]) and stands between its output and evcxr. What the forwarder sees goes to the kernel
//! over a Unix socket as [`frame`]s; evcxr gets its own control lines only.
//!
//! All three are this one program, in the role that [`ROLE`] names.

pub mod child;
mod cleanup;
pub mod forwarder;
pub mod frame;
pub mod link;
mod markers;
pub mod message;
mod pipes;
pub mod question;
pub mod scanner;
mod stdin;
mod stdout;
pub mod untyped;

/// The environment variable with the process's role.
pub const ROLE: &str = "HERBARIUM_ROLE";
/// The value of [`ROLE`] for the process between evcxr and the cells.
pub const FORWARDER: &str = "forwarder";
/// The value of [`ROLE`] for the process that runs the cells.
pub const RUNTIME: &str = "runtime";
/// The value of [`ROLE`] in rustc's place, for cells without the crate.
pub const RUSTC: &str = "rustc";
/// The path of the socket on which the kernel listens for frames.
pub const OUTPUT: &str = "HERBARIUM_OUTPUT";
/// The folder beside [`OUTPUT`] in which evcxr makes a crate of each cell.
pub const CELLS: &str = "cells";
/// Set for code in cells: the kernel understands rich messages on stdout.
pub const KERNEL: &str = "HERBARIUM_KERNEL";
/// The process id of the parent; this process ends with it.
pub const PARENT: &str = "HERBARIUM_PARENT";
/// The library of the crate that all cells use: the cells' process loads it while the first cell is compiled.
pub const AHEAD: &str = "HERBARIUM_AHEAD";
/// What the user set RUST_BACKTRACE to; evcxr sets that one to 1 always.
pub const BACKTRACE: &str = "HERBARIUM_BACKTRACE";

/// Runs this process's role if it was started as a part of a session, or as evcxr's wrapper around rustc.
/// Returns in the kernel itself.
pub fn enter_role() {
    match std::env::var(ROLE).as_deref() {
        Ok(FORWARDER) => forwarder::run(),
        Ok(RUNTIME) => child::run(),
        Ok(RUSTC) => question::run(),
        _ => evcxr::runtime_hook(),
    }
}
