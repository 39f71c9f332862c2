//! The common code of all optimizers: holding groups, stepping over parameters, saving and loading
//! state.
//!
//! They differ in their [`Rule`]: PyTorch's `_single_tensor_…` function of the optimizer with its settings.

use std::fmt;

use tch::{Device, Tensor, no_grad};

use super::group::Group;
use super::{OptimizerState, gradient, python};
use crate::Result;
use crate::models::Parameter;

/// The part that differs between optimizers.
pub(super) trait Rule: Clone {
    /// The state of a parameter between steps.
    type Memory;

    /// PyTorch's class: `Adam`.
    fn name(&self) -> &'static str;

    /// Refuses settings that PyTorch's constructor refuses.
    fn validate(&self) -> Result<()>;

    /// See [`Optimizer::current_momentum`](super::Optimizer::current_momentum).
    fn current_momentum(&self) -> Option<f64> {
        None
    }

    fn set_momentum(&mut self, _momentum: f64) {}

    /// The settings as Python prints them, except the groups' own.
    fn shown(&self) -> Vec<(&'static str, String)>;

    /// The settings under their names in an [`OptimizerState`], but for the groups' own.
    fn settings(&self) -> Vec<(&'static str, f64)>;

    /// Sets each setting to what `saved` makes of its name and present value.
    fn take_settings(&mut self, saved: &dyn Fn(&str, f64) -> f64);

    /// The memory before the first step.
    fn remember(&self, parameter: &Tensor) -> Result<Self::Memory>;

    /// One step of one parameter, without recording gradients.
    fn update(
        &self,
        memory: &mut Self::Memory,
        parameter: &Tensor,
        gradient: Tensor,
        lr: f64,
        weight_decay: f64,
    ) -> Result<()>;

    /// One step of several parameters on a GPU, which have one learning rate and one weight decay: by default of one
    /// after the other.
    fn update_on_gpu(&self, updates: &mut [Update<'_, Self::Memory>]) -> Result<()> {
        updates.iter_mut().try_for_each(|update| update.alone(self))
    }

    /// Adds what is remembered of the parameter of that name to a state.
    fn save(&self, memory: &Self::Memory, name: &str, state: &mut OptimizerState) -> Result<()>;

    /// What a state remembers of a parameter.
    fn restore(&self, parameter: &Parameter, state: &OptimizerState) -> Result<Option<Self::Memory>>;
}

/// A parameter's step.
pub(super) struct Update<'a, M> {
    pub memory: &'a mut M,
    pub parameter: &'a Tensor,
    pub gradient: Tensor,
    pub lr: f64,
    pub weight_decay: f64,
}

impl<M> Update<'_, M> {
    /// Takes it without the others.
    pub fn alone<R: Rule<Memory = M>>(&mut self, rule: &R) -> Result<()> {
        rule.update(self.memory, self.parameter, self.gradient.shallow_clone(), self.lr, self.weight_decay)
    }

    /// Whether both can be taken together.
    fn is_like(&self, other: &Self) -> bool {
        (self.lr, self.weight_decay, self.parameter.device())
            == (other.lr, other.weight_decay, other.parameter.device())
    }
}

/// An optimizer with its rule.
pub(super) struct Ruled<R: Rule> {
    pub group: Group,
    pub rule: R,
    /// The state of each parameter, from its first step on.
    pub memory: Vec<Option<R::Memory>>,
}

impl<R: Rule> Ruled<R> {
    pub fn new(group: Group, rule: R) -> Self {
        let memory = group.parameters.iter().map(|_| None).collect();
        Ruled { group, rule, memory }
    }

    pub fn validate(&self) -> Result<()> {
        self.group.validate(self.rule.name())?;
        self.rule.validate()
    }

    pub fn step(&mut self) -> Result<()> {
        self.validate()?;
        let Ruled { group, rule, memory } = self;
        no_grad(|| {
            let mut updates = Vec::with_capacity(memory.len());
            for ((Parameter { tensor: parameter, .. }, lr, weight_decay), memory) in
                group.settled().zip(memory)
            {
                if let Some(gradient) = gradient(parameter)? {
                    let memory = match memory {
                        Some(memory) => memory,
                        None => memory.insert(rule.remember(parameter)?),
                    };
                    updates.push(Update { memory, parameter, gradient, lr, weight_decay });
                }
            }
            for alike in updates.chunk_by_mut(Update::is_like) {
                match alike[0].parameter.device() {
                    Device::Cuda(_) => rule.update_on_gpu(alike)?,
                    _ => alike.iter_mut().try_for_each(|update| update.alone(rule))?,
                }
            }
            Ok(())
        })
    }

    pub fn state_dict(&self) -> Result<OptimizerState> {
        let mut state = OptimizerState::of(self.rule.name(), &self.group, &self.rule.settings());
        for (Parameter { name, .. }, memory) in self.group.parameters.iter().zip(&self.memory) {
            if let Some(memory) = memory {
                self.rule.save(memory, name, &mut state)?;
            }
        }
        Ok(state)
    }

    pub fn load_state_dict(&mut self, state: &OptimizerState) -> Result<()> {
        state.must_fit(self.rule.name(), &self.group)?;
        let mut rule = self.rule.clone();
        rule.take_settings(&|name, now| state.setting(name).unwrap_or(now));
        let memory = self.group.parameters.iter().map(|parameter| rule.restore(parameter, state));
        self.memory = memory.collect::<Result<_>>()?;
        self.rule = rule;
        self.group.restore(state);
        Ok(())
    }
}

impl<R: Rule> fmt::Display for Ruled<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        python::write_groups(f, self.rule.name(), &self.rule.shown(), &self.group)
    }
}

/// Makes an [`Optimizer`](super::Optimizer) of a type that holds a [`Ruled`] and nothing else, with a method for each of
/// its rule's settings and one for the groups' weight decay, whose meaning is given.
macro_rules! optimizer_by_rule {
    ($optimizer:ident, weight_decay: $decay:literal, { $($(#[$doc:meta])+ $setting:ident: $type:ty,)+ }) => {
        impl $optimizer {
            $($(#[$doc])+
            pub fn $setting(mut self, $setting: $type) -> Self {
                self.0.rule.$setting = $setting;
                self
            })+

            #[doc = concat!($decay, " Groups with their own weight decay keep it.")]
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.0.group.set_weight_decay(weight_decay);
                self
            }
        }

        impl $crate::train::Optimizer for $optimizer {
            fn name(&self) -> &'static str {
                $crate::train::optim::rule::Rule::name(&self.0.rule)
            }

            fn id(&self) -> $crate::train::OptimizerId {
                self.0.group.id
            }

            fn parameters(&self) -> &$crate::models::Parameters {
                &self.0.group.parameters
            }

            fn lrs(&self) -> Vec<f64> {
                self.0.group.lrs()
            }

            fn set_lrs(&mut self, lrs: &[f64]) {
                self.0.group.set_lrs(lrs);
            }

            fn initial_lrs(&self) -> Vec<f64> {
                self.0.group.initial_lrs()
            }

            fn current_momentum(&self) -> Option<f64> {
                $crate::train::optim::rule::Rule::current_momentum(&self.0.rule)
            }

            fn set_momentum(&mut self, momentum: f64) {
                $crate::train::optim::rule::Rule::set_momentum(&mut self.0.rule, momentum);
            }

            fn validate(&self) -> $crate::Result<()> {
                self.0.validate()
            }

            fn step(&mut self) -> $crate::Result<()> {
                self.0.step()
            }

            fn state_dict(&self) -> $crate::Result<$crate::train::OptimizerState> {
                self.0.state_dict()
            }

            fn load_state_dict(&mut self, state: &$crate::train::OptimizerState) -> $crate::Result<()> {
                self.0.load_state_dict(state)
            }
        }

        impl std::fmt::Display for $optimizer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::fmt::Debug for $optimizer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        $crate::notebook::rich_by_debug!($optimizer);
    };
}
pub(super) use optimizer_by_rule;
