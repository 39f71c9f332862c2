//! Training on more than one process: libtorch's own engine, PyTorch's `torch.distributed`.
//!
//! Every process, a *rank*, runs the same program on its part of the data, and the gradients are averaged over all of
//! them in each step. [`train_model`](super::train_model), [`fine_tune`](super::fine_tune),
//! [`evaluate`](super::evaluate) and [`predict_all`](super::predict_all) do so by themselves where the environment says
//! that there are several ranks (`WORLD_SIZE` above 1), as `herbarium run --processes N`, `torchrun`, `mpirun` and
//! `srun` set it. The batch size is each rank's.
//!
//! A loop that is written out uses the parts:
//!
//! ```no_run
//! # fn main() -> herbarium::Result<()> {
//! use herbarium::prelude::*;
//! use herbarium::train::distributed::{DistributedDataParallel, Group};
//!
//! # let transforms = Splits { train: Compose::new(vec![to_tensor()]), valid: Compose::new(vec![to_tensor()]) };
//! # let image_datasets = ImageFolder::splits("flower_data", &transforms)?;
//! # let dataloaders = image_datasets.loaders(LoaderOptions { batch_size: 64, shuffle: true, ..Default::default() });
//! # let mut model = initialize_model("resnet18", 102, Pretrained::Yes, Device::Cpu)?;
//! # let mut optimizer = Sgd::new(model.trainable_parameters(), 1e-2);
//! # let criterion = CrossEntropyLoss::new();
//! let group = Group::from_env()?;
//! let train = dataloaders.train.shared_by(group.rank(), group.world())?;
//! let parallel = DistributedDataParallel::new(&group, &model)?; // every rank has rank 0's weights from here on
//! model.train();
//! for batch in &train {
//!     let batch = batch?;
//!     optimizer.zero_grad()?;
//!     let loss = parallel.forward(|| criterion.forward(&model.forward(&batch.images)?, &batch.labels))?;
//!     parallel.backward(&loss)?; // the gradients are the mean over all ranks
//!     optimizer.step()?;
//! }
//! if group.rank() == 0 {
//!     println!("trained on {} ranks", group.world());
//! }
//! # Ok(())
//! # }
//! ```

mod data_parallel;
mod diagnosis;
#[cfg(not(feature = "distributed"))]
#[path = "without_engine.rs"]
mod engine;
mod group;
mod launch;
mod launchers;
mod team;

pub use data_parallel::DistributedDataParallel;
pub use group::{Group, Reduce};
pub(super) use team::{Next, Team};
#[cfg(feature = "distributed")]
use torch_c10d as engine;
