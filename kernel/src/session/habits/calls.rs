//! Functions that Python has without an import.

use super::Mistake;
use super::python::{arguments, println};

/// The Rust for each function and number of arguments: `{0}`, `{1}`.
const FUNCTIONS: [(&str, usize, &str); 44] = [
    ("range", 1, "`0..{0}`"),
    ("range", 2, "`{0}..{1}`"),
    ("range", 3, "`({0}..{1}).step_by({2})`"),
    ("len", 1, "`{0}.len()`, of lists and texts"),
    ("help", 1, "`?{0}` shows what is known about a name"),
    ("help", 0, "`:help` lists the commands of this kernel"),
    ("dir", 1, "`?{0}` shows what is known about a name; the tab key after `{0}.` lists its methods"),
    ("vars", 0, "`:vars` lists the variables"),
    ("locals", 0, "`:vars` lists the variables"),
    ("globals", 0, "`:vars` lists the variables"),
    ("str", 1, "`{0}.to_string()`"),
    ("repr", 1, "`format!(\"{:?}\", {0})`"),
    ("int", 1, "`{0} as i64` of a number, `{0}.parse::<i64>()?` of a text"),
    ("float", 1, "`{0} as f64` of a number, `{0}.parse::<f64>()?` of a text"),
    ("bool", 1, "`{0} != 0` of a number, `!{0}.is_empty()` of a list"),
    ("list", 1, "`({0}).into_iter().collect::<Vec<_>>()`"),
    ("tuple", 1, "`({0}).into_iter().collect::<Vec<_>>()`"),
    ("list", 0, "`Vec::<f64>::new()`"),
    ("dict", 0, "`std::collections::HashMap::<String, f64>::new()`"),
    ("set", 0, "`std::collections::HashSet::<String>::new()`"),
    ("set", 1, "`({0}).into_iter().collect::<std::collections::HashSet<_>>()`"),
    ("sum", 1, "`{0}.iter().sum::<i32>()`, with the type of its elements"),
    (
        "max",
        1,
        "`{0}.iter().max()`, and of floating-point numbers `{0}.iter().copied().fold(f64::MIN, f64::max)`",
    ),
    (
        "min",
        1,
        "`{0}.iter().min()`, and of floating-point numbers `{0}.iter().copied().fold(f64::MAX, f64::min)`",
    ),
    ("max", 2, "`std::cmp::max({0}, {1})`, and of floating-point numbers `f64::max({0}, {1})`"),
    ("min", 2, "`std::cmp::min({0}, {1})`, and of floating-point numbers `f64::min({0}, {1})`"),
    ("abs", 1, "`{0}.abs()`"),
    ("round", 1, "`{0}.round()`"),
    ("round", 2, "`format!(\"{:.{1}}\", {0})`"),
    ("pow", 2, "`{0}.pow({1})` of a whole number, `{0}.powi({1})` of another"),
    ("sorted", 1, "`{ let mut sorted = {0}.clone(); sorted.sort(); sorted }`"),
    ("reversed", 1, "`{0}.iter().rev()`"),
    ("enumerate", 1, "`{0}.iter().enumerate()`"),
    ("zip", 2, "`{0}.iter().zip(&{1})`"),
    ("any", 1, "`{0}.iter().any(|x| *x)`"),
    ("all", 1, "`{0}.iter().all(|x| *x)`"),
    ("open", 1, "`std::fs::read_to_string({0})?`"),
    ("open", 2, "`std::fs::read_to_string({0})?`"),
    ("input", 0, "`{ let mut line = String::new(); std::io::stdin().read_line(&mut line)?; line }`"),
    ("input", 1, "`{ let mut line = String::new(); std::io::stdin().read_line(&mut line)?; line }`"),
    ("exit", 0, "`:restart` starts a new program for the cells"),
    ("quit", 0, "`:restart` starts a new program for the cells"),
    ("chr", 1, "`char::from_u32({0})`"),
    ("ord", 1, "`{0}.chars().next().map(u32::from)`"),
];
/// What rustc says of a function that is not there: by its name, as a macro, or as a type.
const UNKNOWN: [&str; 3] = ["E0425", "E0423", "E0618"];

/// The help for a call of a function that exists only in Python.
pub fn help(mistake: &Mistake) -> Option<String> {
    if !mistake.is(&UNKNOWN) {
        return None;
    }
    let name = mistake
        .message
        .split('`')
        .skip(1)
        .step_by(2)
        .find(|name| *name == "print" || FUNCTIONS.iter().any(|(known, ..)| known == name))?;
    let arguments = arguments(mistake.line, name)?;
    if name == "print" {
        let value = match arguments.as_slice() {
            [one] => format!("; the last line of a cell is shown by itself: `{one}`"),
            _ => String::new(),
        };
        return Some(format!("`{}`{value}", println(&arguments)));
    }
    let known = FUNCTIONS.iter().find(|(known, count, _)| *known == name && *count == arguments.len());
    let (_, _, text) = known.or_else(|| FUNCTIONS.iter().find(|(known, ..)| *known == name))?;
    let mut text = (*text).to_owned();
    for (number, argument) in arguments.iter().enumerate() {
        let place = format!("{{{number}}}");
        if let Some(literal) = literal(argument) {
            // Here it is clear which of the two cases applies, and a method on a literal needs the
            // literal's type.
            text = text.split(" of a number,").next().unwrap_or_default().to_owned();
            text = text.replace(&format!("{place}.."), &format!("{argument}.."));
            text = text.replace(&format!("{place}."), &format!("{literal}."));
        }
        text = text.replace(&place, argument);
    }
    Some(text)
}

/// A number as it is written, with its type.
fn literal(argument: &str) -> Option<String> {
    match argument.parse::<i64>() {
        Ok(_) => Some(format!("{argument}_i32")),
        Err(_) => argument.parse::<f64>().ok().map(|_| format!("{argument}_f64")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::mistake;
    use super::*;

    #[test]
    fn the_arguments_stand_where_they_belong() {
        let says = |name: &str, line| {
            help(&mistake("E0425", &format!("cannot find function `{name}` in this scope"), line)).unwrap()
        };
        assert_eq!(says("range", "range(10)"), "`0..10`");
        assert_eq!(says("range", "for i in range(1, n) {}"), "`1..n`");
        assert_eq!(says("range", "range(1, 9, 2)"), "`(1..9).step_by(2)`");
        assert_eq!(says("len", "len(data.classes)"), "`data.classes.len()`, of lists and texts");
        assert_eq!(says("help", "help(Vec)"), "`?Vec` shows what is known about a name");
        assert_eq!(says("round", "round(x, 2)"), "`format!(\"{:.2}\", x)`");
        let print = mistake("E0423", "expected function, found macro `print`", "print(x)");
        assert!(help(&print).unwrap().starts_with("`println!(\"{:?}\", x)`"));
        let text = mistake("E0423", "expected function, found builtin type `str`", "str(5)");
        assert_eq!(help(&text).unwrap(), "`5_i32.to_string()`");
        assert_eq!(says("int", "int(3.7)"), "`3.7 as i64`");
        assert_eq!(says("abs", "abs(3.7)"), "`3.7_f64.abs()`");
        assert_eq!(help(&mistake("E0425", "cannot find function `mine` in this scope", "mine(1)")), None);
        assert_eq!(help(&mistake("E0308", "expected `str`", "str(5)")), None);
    }
}
