//! A large set of painted species to pretrain on: hundreds of kinds of plants, none of them equal or
//! close to one of the twelve of the default set.
//!
//! Unlike the twelve, these species are not written by hand: [`traits`] lists the parameters that make one
//! (how many petals of which outline in which order, patterns, middle, blooms, leaves, colours), and draws
//! them at random from a fixed seed. [`garden`] keeps those that are far enough ([`form`]) from the twelve
//! and from each other. [`grow`] makes a bloom of a species' traits, [`foliage`] its stem and leaves,
//! [`setting`] what stands behind it, [`portrait`] the picture, and [`store`] keeps the set on disk.

mod foliage;
mod form;
mod garden;
mod grow;
mod name;
mod portrait;
mod setting;
mod store;
mod traits;

pub use store::{PlantOptions, draw_plants};
