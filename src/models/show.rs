//! The text of `print(model)`.

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
