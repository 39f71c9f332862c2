//! The text of `print(model)`, and numbers for people.

use super::module::Module;

/// What Python prints for a module: its class, its settings, and its children indented by two.
pub(crate) fn python_repr(module: &dyn Module) -> String {
    let mut text = String::new();
    write_module(&mut text, module, 0);
    text
}

fn write_module(text: &mut String, module: &dyn Module, depth: usize) {
    let (extra, children) = (module.extra_repr(), module.children());
    text.push_str(module.kind());
    text.push('(');
    if children.is_empty() {
        text.push_str(&extra);
    } else {
        let indent = "  ".repeat(depth + 1);
        if !extra.is_empty() {
            text.push_str(&format!("\n{indent}{extra}"));
        }
        for (name, child) in children {
            text.push_str(&format!("\n{indent}({name}): "));
            write_module(text, child, depth + 1);
        }
        text.push('\n');
        text.push_str(&"  ".repeat(depth));
    }
    text.push(')');
}

/// Digits in groups of three: `11,228,838`.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_digits_by_three() {
        let shown = [0, 999, 1_000, 52_326, 11_228_838].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "52,326", "11,228,838"]);
    }
}
