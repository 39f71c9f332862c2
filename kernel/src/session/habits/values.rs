//! Python's and PyTorch's names for values, types and modules.

use super::Mistake;
use super::python::arguments;

const NAMES: [(&str, &str); 22] = [
    ("True", "`true`"),
    ("False", "`false`"),
    ("null", "`None`, of an `Option`"),
    ("nil", "`None`, of an `Option`"),
    ("NULL", "`None`, of an `Option`"),
    ("pass", "an empty block is `{ }`"),
    ("int", "the type is `i64`"),
    ("float", "the type is `f64`"),
    ("list", "the type is `Vec<f64>`, with the type of its elements"),
    ("dict", "the type is `std::collections::HashMap<String, f64>`, with those of its keys and values"),
    ("string", "the type is `String`"),
    ("double", "the type is `f64`"),
    ("long", "the type is `i64`"),
    ("plt", "a picture or a plot is shown by the last line of a cell, or by `display(&value)`"),
    ("time", "`let start = std::time::Instant::now();`, and later `start.elapsed()`"),
    ("os", "files are `std::fs`, the environment `std::env`, as in `std::env::current_dir()?`"),
    ("sys", "the environment is `std::env`, as in `std::env::args()`"),
    (
        "random",
        "`Tensor::rand([1], (Kind::Float, Device::Cpu))` has random numbers, and `:dep fastrand = \"2\"` is a crate for them",
    ),
    ("json", "`:dep serde_json = \"1\"` is the crate for it"),
    ("pd", "`:dep polars = \"*\"` is a crate for tables"),
    ("nn", "a layer is made by `initialize_model`, or by `tch::nn`"),
    ("F", "a tensor's functions are its methods: `Tensor::relu(&Tensor::from(-1.0))`"),
];
/// Modules whose functions are those of a tensor.
const TENSORS: [&str; 3] = ["torch", "np", "numpy"];
/// Functions of tensors whose arguments are a shape.
const BY_SHAPE: [&str; 6] = ["zeros", "ones", "rand", "randn", "empty", "full"];

/// The help for a name that exists only in Python.
pub fn help(mistake: &Mistake) -> Option<String> {
    let is_asked = mistake.is(&["E0277"]) && mistake.message.contains("`?` operator");
    if (is_asked || mistake.is(&["E0425", "E0423"]))
        && let Some(text) = question(mistake.line)
    {
        return Some(text);
    }
    if !mistake.is(&["E0425", "E0423", "E0433", "E0412"]) {
        return None;
    }
    let name = mistake.message.split('`').skip(1).step_by(2).next()?;
    if TENSORS.contains(&name) {
        return of_tensors(name, mistake.line);
    }
    if name == "math" {
        return of_numbers(mistake.line);
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
}

/// `name?` and `name??`, IPython's documentation look-up.
fn question(line: &str) -> Option<String> {
    let name = line.trim().strip_suffix('?')?.trim_end_matches('?');
    let is_name =
        !name.is_empty() && name.chars().all(|c| c == '_' || c == '.' || c == ':' || c.is_alphanumeric());
    is_name.then(|| format!("`?{name}` shows what is known about a name"))
}

/// `torch.zeros(2, 3)`
fn of_tensors(module: &str, line: &str) -> Option<String> {
    let rest = after(line, module)?;
    let function = rest.trim_start_matches(['.', ':']);
    let function = function.split(|c: char| c != '_' && !c.is_alphanumeric()).next()?;
    let arguments = arguments(rest.trim_start_matches(['.', ':']), function).unwrap_or_default();
    let all = arguments.join(", ");
    let text = match function {
        "tensor" | "array" | "asarray" | "from_numpy" => format!("`Tensor::from_slice(&{all})`"),
        "full" => "`Tensor::full([2, 3], 1.0, (Kind::Float, Device::Cpu))`".to_owned(),
        name if BY_SHAPE.contains(&name) => {
            let shape = all.trim_matches(['(', ')', '[', ']']);
            format!("`Tensor::{name}([{shape}], (Kind::Float, Device::Cpu))`")
        }
        "arange" => format!("`Tensor::arange({all}, (Kind::Float, Device::Cpu))`"),
        "manual_seed" => format!("`tch::manual_seed({all})`"),
        "no_grad" | "inference_mode" => "`tch::no_grad(|| { })`".to_owned(),
        "cuda" => "`tch::Cuda::is_available()`".to_owned(),
        "device" => "`Device::cuda_if_available()`".to_owned(),
        "float32" => "`Kind::Float`".to_owned(),
        "float64" => "`Kind::Double`".to_owned(),
        "int64" | "long" => "`Kind::Int64`".to_owned(),
        "cat" | "stack" => {
            format!("`Tensor::{function}(&[Tensor::from(1), Tensor::from(2)], 0)`, with the dimension")
        }
        "pi" => "`std::f64::consts::PI`".to_owned(),
        _ => format!("`?Tensor::{function}`: PyTorch's functions are those of `Tensor`"),
    };
    Some(text)
}

/// What stands behind a word of a line.
fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let is_part = |c: char| c == '_' || c.is_alphanumeric();
    let at = line.match_indices(word).map(|(at, _)| at).find(|at| !line[..*at].ends_with(is_part))?;
    Some(&line[at + word.len()..])
}

/// `math.sqrt(2)`
fn of_numbers(line: &str) -> Option<String> {
    let rest = after(line, "math.")?;
    let function = rest.split(|c: char| c != '_' && !c.is_alphanumeric()).next()?;
    let arguments = arguments(rest, function).unwrap_or_default();
    let floating = arguments.iter().map(|argument| match argument.parse::<i64>() {
        Ok(number) => format!("{number}.0"),
        Err(_) => argument.clone(),
    });
    let floating = floating.collect::<Vec<_>>().join(", ");
    let text = match function {
        "pi" => "`std::f64::consts::PI`".to_owned(),
        "e" => "`std::f64::consts::E`".to_owned(),
        "inf" => "`f64::INFINITY`".to_owned(),
        "nan" => "`f64::NAN`".to_owned(),
        "log" => format!("`f64::ln({floating})`"),
        "pow" => format!("`f64::powf({floating})`"),
        "fabs" => format!("`f64::abs({floating})`"),
        other => format!("`f64::{other}({floating})`"),
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::mistake;
    use super::*;

    #[test]
    fn names_of_values_and_modules() {
        let says = |name: &str, line| {
            let message = format!("cannot find value `{name}` in this scope");
            help(&mistake("E0425", &message, line)).unwrap_or_default()
        };
        assert_eq!(says("True", "let x = True;"), "`true`");
        assert_eq!(says("math", "math.sqrt(2)"), "`f64::sqrt(2.0)`");
        assert_eq!(says("math", "math.pi * x"), "`std::f64::consts::PI`");
        assert_eq!(says("torch", "torch.randn(2, 3)"), "`Tensor::randn([2, 3], (Kind::Float, Device::Cpu))`");
        assert_eq!(
            says("np", "let input = np.zeros((2, 3));"),
            "`Tensor::zeros([2, 3], (Kind::Float, Device::Cpu))`"
        );
        assert_eq!(says("torch", "torch.tensor([1.0, 2.0])"), "`Tensor::from_slice(&[1.0, 2.0])`");
        assert_eq!(says("Vec", "Vec?"), "`?Vec` shows what is known about a name");
        assert_eq!(says("mine", "mine + 1"), "");
        let question =
            mistake("E0277", "the `?` operator can only be applied to values that implement `Try`", "x??");
        assert_eq!(help(&question).unwrap(), "`?x` shows what is known about a name");
    }
}
