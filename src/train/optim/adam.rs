//! Adam: steps of about the learning rate in each weight, whatever the size of its gradient.

use super::adam_rule::AdamRule;
use super::group::{Group, ParamGroups};
use super::rule::{Ruled, optimizer_by_rule};

/// [`torch.optim.Adam`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html), the tutorial's optimizer.
///
/// Shows as PyTorch prints it.
pub struct Adam(Ruled<AdamRule>);

impl Adam {
    /// For `parameters`, mostly a model's `trainable_parameters()` or several [`ParamGroup`](super::ParamGroup)s,
    /// with PyTorch's defaults; the methods set others.
    /// Never fails: an empty list or a bad setting is reported by the first step.
    pub fn new(parameters: impl Into<ParamGroups>, lr: f64) -> Self {
        Adam::of(parameters.into(), lr)
    }

    fn of(parameters: ParamGroups, lr: f64) -> Self {
        let rule = AdamRule { name: "Adam", betas: (0.9, 0.999), eps: 1e-8, decoupled: false };
        Adam(Ruled::new(Group::new(parameters, lr, 0.0), rule))
    }
}

optimizer_by_rule!(Adam, weight_decay: "Fraction of each weight added to its gradient (L2 penalty). Default 0.", {
    /// Decay of the running averages of the gradient and of its square, each in 0..1. Default (0.9, 0.999).
    betas: (f64, f64),
    /// Added to the denominator against division by zero. Default 1e-8.
    eps: f64,
});

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::models::Parameters;
    use crate::train::Optimizer;

    /// The formula of the paper in f64, with `weight_decay` in the gradient as in PyTorch.
    fn reference(gradients: &[f64], (beta1, beta2): (f64, f64), eps: f64, weight_decay: f64) -> f64 {
        let (start, lr) = (0.5, 0.1);
        let (mut weight, mut m, mut v) = (start, 0.0, 0.0);
        for (step, gradient) in (1..).zip(gradients) {
            let gradient = gradient + weight_decay * weight;
            m = beta1 * m + (1.0 - beta1) * gradient;
            v = beta2 * v + (1.0 - beta2) * gradient * gradient;
            let m_hat = m / (1.0 - beta1.powi(step));
            let v_hat: f64 = v / (1.0 - beta2.powi(step));
            weight -= lr * m_hat / (v_hat.sqrt() + eps);
        }
        weight
    }

    /// A parameter of one value whose gradient is `gradient` in each step.
    fn steps(optimizer: &mut Adam, weight: &Tensor, gradients: &[f64]) {
        for gradient in gradients {
            optimizer.zero_grad().unwrap();
            (weight * *gradient).sum(Kind::Double).backward();
            optimizer.step().unwrap();
        }
    }

    fn parameter(value: f64) -> Tensor {
        Tensor::full([1], value, (Kind::Double, Device::Cpu)).set_requires_grad(true)
    }

    #[test]
    fn steps_follow_the_papers_formula() {
        let gradients = [1.0, -0.5, 2.0, 0.25];
        for weight_decay in [0.0, 0.1] {
            let weight = parameter(0.5);
            let adam = Adam::new(vec![weight.shallow_clone()], 0.1);
            let mut adam = adam.betas((0.8, 0.99)).eps(1e-6).weight_decay(weight_decay);
            steps(&mut adam, &weight, &gradients);
            let expected = reference(&gradients, (0.8, 0.99), 1e-6, weight_decay);
            assert!((weight.double_value(&[0]) - expected).abs() < 1e-12, "{weight_decay}");
        }
    }

    #[test]
    fn a_restored_state_goes_on_as_if_never_interrupted() {
        let (through, halved) = (parameter(0.5), parameter(0.5));
        steps(&mut Adam::new(vec![through.shallow_clone()], 0.1), &through, &[1.0, -0.5, 2.0, 0.25]);

        let mut first = Adam::new(vec![halved.shallow_clone()], 0.1);
        steps(&mut first, &halved, &[1.0, -0.5]);
        let mut second = Adam::new(vec![halved.shallow_clone()], 7.0);
        second.load_state_dict(&first.state_dict().unwrap()).unwrap();
        assert_eq!(second.lr(), 0.1);
        steps(&mut second, &halved, &[2.0, 0.25]);
        assert_eq!(through.double_value(&[0]), halved.double_value(&[0]));
    }

    #[test]
    fn what_pytorch_refuses_is_refused_in_words() {
        let adam = |lr| Adam::new(vec![parameter(1.0)], lr);
        let refusal = |mut adam: Adam| adam.step().unwrap_err().to_string();
        let none = Adam::new(Parameters::default(), 0.1).step().unwrap_err().to_string();
        assert!(none.contains("no parameters") && none.contains("unfreeze_all"), "{none}");
        assert!(refusal(adam(-1.0)).contains("lr = -1"));
        assert!(refusal(adam(f64::NAN)).contains("lr = NaN"));
        assert!(refusal(adam(0.1).betas((0.9, 1.0))).contains("betas.1 = 1"));
        assert!(refusal(adam(0.1).eps(-1e-8)).contains("eps"));
        let weight = parameter(1.0);
        let twice = Adam::new(vec![weight.shallow_clone(), weight], 0.1).validate().unwrap_err().to_string();
        assert!(twice.contains("twice"), "{twice}");
    }

    #[test]
    fn a_state_of_other_parameters_is_refused_and_nothing_changed() {
        let state = Adam::new(vec![parameter(1.0), parameter(2.0)], 0.5).state_dict().unwrap();
        let mut other = Adam::new(vec![parameter(1.0)], 0.1);
        let refusal = other.load_state_dict(&state).unwrap_err().to_string();
        assert!(refusal.contains("holds 0, but the state is of 2 tensors (0 … 1)"), "{refusal}");
        assert_eq!(other.lr(), 0.1);
    }

    #[test]
    fn a_frozen_parameter_keeps_its_value() {
        let (moving, frozen) = (parameter(1.0), parameter(1.0));
        let mut adam = Adam::new(vec![moving.shallow_clone(), frozen.shallow_clone()], 0.1);
        (&moving + &frozen).sum(Kind::Double).backward();
        let frozen = frozen.set_requires_grad(false);
        adam.step().unwrap();
        assert!(moving.double_value(&[0]) < 1.0);
        assert_eq!(frozen.double_value(&[0]), 1.0);
    }

    /// The lines of PyTorch's `print(optimizer)` for what there is here.
    #[test]
    fn prints_as_pytorch_does() {
        let text = Adam::new(vec![parameter(1.0)], 1e-2).to_string();
        assert!(text.starts_with("Adam (\nParameter Group 0\n    amsgrad: False\n    betas: (0.9, 0.999)\n"));
        assert!(text.ends_with("    eps: 1e-08\n    lr: 0.01\n    maximize: False\n    weight_decay: 0\n)"));
    }
}
