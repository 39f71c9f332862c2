//! Replaces parts of a network.

use std::any::Any;

use super::Model;
use super::layers::{Conv2d, Linear};
use super::loading::{move_to, put_channels_last};
use super::module::{Module, is_under};
use crate::{Error, Result};

impl Model {
    /// Replaces the layer or block at `path` by `module`: Python's `model_ft.fc = nn.Linear(512,
    /// 10)`. It goes to the model's device. Existing optimizers do not know its tensors: create new
    /// ones.
    ///
    /// If it replaces the head, or a block that contains the head, it becomes the head, and its
    /// last linear or convolutional layer determines the number of classes.
    ///
    /// ```
    /// use herbarium::models::layers::{Dropout, Linear, Sequential};
    /// use herbarium::prelude::*;
    ///
    /// let mut model_ft = initialize_model("resnet18", 102, Pretrained::No, tch::Device::Cpu)?;
    /// model_ft.replace("fc", Sequential::new().with(Dropout::new(0.3)?).with(Linear::new(512, 12)?))?;
    /// assert_eq!(model_ft.num_classes(), 12);
    /// # Ok::<(), herbarium::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] when there is no such module; [`Error::Torch`] when the device has no room.
    pub fn replace(&mut self, path: &str, module: impl Module) -> Result<()> {
        put_channels_last(&module)?;
        move_to(&module, self.device)?;
        let classes = outputs(&module);
        self.set_part(path, Box::new(module))?;
        let mut is_head = false;
        for head in &mut self.head {
            if is_under(head, path) {
                *head = path.to_owned();
                is_head = true;
            }
        }
        self.head.dedup();
        if let (true, Some(classes)) = (is_head, classes) {
            self.num_classes = classes;
        }
        Ok(())
    }

    /// The layer or block at `path`, to look into.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] when there is no such module.
    pub fn part(&self, path: &str) -> Result<&dyn Module> {
        let mut at = self.module();
        for name in path.split('.') {
            let found = at.children().into_iter().find(|(own, _)| *own == name);
            at = found.ok_or_else(|| self.no_module(path))?.1;
        }
        Ok(at)
    }

    /// The layer at `path` as its concrete type `L`: Python's `model_ft.fc.in_features`.
    ///
    /// ```
    /// use herbarium::models::layers::Linear;
    /// use herbarium::prelude::*;
    /// use herbarium::models::resnet18;
    ///
    /// let model_ft = resnet18(1000, Device::Cpu)?;
    /// assert_eq!(model_ft.layer::<Linear>("fc")?.in_features(), 512);
    /// # Ok::<(), herbarium::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] when there is no such module; [`Error::Argument`] when it is of another type.
    pub fn layer<L: Module>(&self, path: &str) -> Result<&L> {
        let part = self.part(path)?;
        (part as &dyn Any).downcast_ref().ok_or_else(|| {
            let wanted = std::any::type_name::<L>().rsplit("::").next().unwrap_or_default();
            let model = self.name();
            Error::Argument(format!("{path} of {model} is a {}, not a {wanted}", part.kind()))
        })
    }

    fn set_part(&mut self, path: &str, module: Box<dyn Module>) -> Result<()> {
        self.part(path)?;
        let unknown = self.no_module(path);
        let (parents, name) = path.rsplit_once('.').map_or((None, path), |(at, name)| (Some(at), name));
        let mut at = &mut *self.root;
        for parent in parents.into_iter().flat_map(|path| path.split('.')) {
            match at.parts_mut().and_then(|parts| parts.get_mut(parent)) {
                Some(part) => at = part,
                None => return Err(unknown),
            }
        }
        match at.parts_mut() {
            Some(parts) => parts.set(name, module),
            None => return Err(unknown),
        };
        Ok(())
    }

    /// The error for a path that names no module, though perhaps a tensor.
    pub(super) fn no_module(&self, path: &str) -> Error {
        let unknown = self.check_path(path).err();
        unknown.unwrap_or_else(|| {
            Error::Argument(format!(
                "{path} of {} is not a single layer or block that can be taken",
                self.name()
            ))
        })
    }
}

/// The output size of a module's last layer that has one.
fn outputs(module: &dyn Module) -> Option<usize> {
    let any = module as &dyn Any;
    let linear = any.downcast_ref::<Linear>().map(Linear::out_features);
    let own = linear.or_else(|| any.downcast_ref::<Conv2d>().map(Conv2d::out_channels));
    match own {
        Some(count) => usize::try_from(count).ok(),
        None => module.children().into_iter().rev().find_map(|(_, child)| outputs(child)),
    }
}
