//! A network's tree in a notebook: collapsible parts, with the shapes of their tensors and what is
//! frozen. All colours are shades of the page's own, so that it is readable on light and dark pages.

use super::module::{Module, Role, walk};
use crate::notebook::html::escape;
use crate::notebook::numbers::thousands;

const STYLE: &str = "<style>\
.hb-model{font-family:monospace;font-size:12px;line-height:1.6}\
.hb-model details>*:not(summary){margin-left:9px;padding-left:14px;\
border-left:1px solid color-mix(in srgb,currentColor 20%,transparent)}\
.hb-model summary{cursor:pointer}\
.hb-model summary:hover,.hb-model div:hover{background:color-mix(in srgb,currentColor 8%,transparent)}\
.hb-model .p{padding-left:27px!important}\
.hb-model i{font-style:normal;opacity:.6}\
.hb-model b{font-weight:400;font-size:10px;padding:0 5px;margin-left:6px;border-radius:8px;\
border:1px solid color-mix(in srgb,currentColor 45%,transparent);opacity:.75}\
</style>";

/// The whole tree. The network and its parts are open, what is inside them is closed.
pub(super) fn tree(root: &dyn Module) -> String {
    let mut html = format!("{STYLE}<div class=\"hb-model\">");
    write(&mut html, "", root, 0);
    html.push_str("</div>");
    html
}

fn write(html: &mut String, name: &str, module: &dyn Module, depth: usize) {
    let (count, frozen) = counts(module);
    let title = title(name, module, count, frozen);
    let children = module.children();
    if children.is_empty() {
        html.push_str(&format!("<div class=\"p\"{}>{title}</div>", tooltip(module)));
        return;
    }
    let open = if depth == 0 { " open" } else { "" };
    html.push_str(&format!("<details{open}><summary>{title}</summary>"));
    for named in module.tensors() {
        let size = shape(&named.tensor.size());
        html.push_str(&format!("<div class=\"p\">{} <i>{size}</i></div>", named.name));
    }
    for (name, child) in children {
        write(html, name, child, depth + 1);
    }
    html.push_str("</details>");
}

fn title(name: &str, module: &dyn Module, count: usize, frozen: usize) -> String {
    let extra = match module.extra_repr() {
        extra if extra.is_empty() => String::new(),
        extra => format!("({})", escape(&extra)),
    };
    let separator = if name.is_empty() { "" } else { ": " };
    let values = if count > 0 { format!(" <i>{}</i>", thousands(count)) } else { String::new() };
    let badge = match frozen {
        0 => "",
        frozen if frozen == count => "<b>frozen</b>",
        _ => "<b>frozen in part</b>",
    };
    format!("{}{separator}{}<i>{extra}</i>{values}{badge}", escape(name), module.kind())
}

/// The shapes of a layer's tensors, shown while the mouse rests on it.
fn tooltip(module: &dyn Module) -> String {
    let shapes: Vec<String> = module
        .tensors()
        .iter()
        .map(|named| format!("{} {}", named.name, shape(&named.tensor.size())))
        .collect();
    if shapes.is_empty() { String::new() } else { format!(" title=\"{}\"", shapes.join("\n")) }
}

/// How many values a module learns with all that is inside, and how many of them are frozen.
fn counts(module: &dyn Module) -> (usize, usize) {
    let (mut count, mut frozen) = (0, 0);
    walk(module, "", &mut |_, inner| {
        for named in inner.tensors().into_iter().filter(|named| named.role == Role::Parameter) {
            count += named.tensor.numel();
            frozen += if named.tensor.requires_grad() { 0 } else { named.tensor.numel() };
        }
    });
    (count, frozen)
}

fn shape(size: &[i64]) -> String {
    size.iter().map(i64::to_string).collect::<Vec<_>>().join(" × ")
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::Result;
    use crate::models::get_model;

    #[test]
    fn parts_open_and_tell_what_is_frozen() -> Result<()> {
        let mut model = get_model("resnet18", 2, Device::Cpu)?;
        let html = tree(model.module());
        assert!(html.contains("<details open><summary>ResNet<i></i> <i>11,177,538</i></summary>"), "{html}");
        assert!(html.contains("<details><summary>layer1: Sequential"), "{html}");
        assert!(!html.contains("frozen"), "{html}");
        assert!(html.contains("title=\"weight 64 × 3 × 7 × 7\">conv1: Conv2d<i>(3, 64"), "{html}");
        assert_eq!(html.matches("<details").count(), html.matches("</details>").count());
        model.freeze("layer1")?;
        let html = tree(model.module());
        assert!(html.contains("layer1: Sequential<i></i> <i>147,968</i><b>frozen</b>"), "{html}");
        assert!(html.contains("ResNet<i></i> <i>11,177,538</i><b>frozen in part</b>"), "{html}");
        Ok(())
    }
}
