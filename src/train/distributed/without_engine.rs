//! What stands for libtorch's engine where the crate is built without its feature `distributed`: nothing of it can exist.

use std::time::Duration;

use tch::Tensor;

pub enum Store {}
pub enum ProcessGroup {}
pub enum Reducer {}

#[derive(Clone, Copy)]
pub enum Reduce {
    Sum,
    Mean,
    Product,
    Min,
    Max,
}

pub type Error = String;
type Result<T> = std::result::Result<T, Error>;

fn missing<T>() -> Result<T> {
    Err("herbarium was built without its feature `distributed`: build it with the default features".into())
}

impl Store {
    pub fn open(_: &str, _: u16, _: usize, _: bool, _: Duration) -> Result<Store> {
        missing()
    }

    pub fn set(&self, _: &str, _: &str) -> Result<()> {
        match *self {}
    }

    pub fn get(&self, _: &str, _: Duration) -> Result<String> {
        match *self {}
    }
}

impl ProcessGroup {
    pub fn join(store: &Store, _: &str, _: usize, _: usize, _: &str, _: Duration) -> Result<ProcessGroup> {
        match *store {}
    }

    pub fn all_reduce(&self, _: &[Tensor], _: Reduce) -> Result<()> {
        match *self {}
    }

    pub fn broadcast(&self, _: &[Tensor], _: usize) -> Result<()> {
        match *self {}
    }

    pub fn verify(&self, _: &[Tensor]) -> Result<()> {
        match *self {}
    }
}

impl Reducer {
    pub fn new(group: &ProcessGroup, _: &[Tensor], _: usize, _: usize) -> Result<Reducer> {
        match *group {}
    }

    pub fn before_forward(&self) -> Result<()> {
        match *self {}
    }

    pub fn before_backward(&self) -> Result<()> {
        match *self {}
    }
}
