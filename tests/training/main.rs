//! Training from outside: what a learner sees and gets, and the errors when something is wrong.

mod checkpoints;
#[path = "../support/child.rs"]
mod child;
mod course;
mod learning;
mod processes;
mod ranks;
mod refusals;
mod resuming;
#[path = "../support/mod.rs"]
mod support;
